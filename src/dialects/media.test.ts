import { LLMock } from '@copilotkit/aimock'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { noUsage } from '../metering/usage.ts'
import type { Endpoint } from '../services/endpoint.ts'
import { codecOf } from './codecs.ts'
import type { ParsedRequest } from './dialect.ts'

const json = (endpoint: Endpoint, body: unknown) =>
  codecOf(endpoint).parse({
    endpoint,
    body: Buffer.from(JSON.stringify(body)),
    contentType: 'application/json',
    pathModel: null,
  })
const parsed = (outcome: ReturnType<typeof json>): ParsedRequest => {
  if (!outcome.ok) throw new Error(outcome.fault.message)
  return outcome.value
}
const boundary = 'x-BOUNDARY_1'
const contentType = `multipart/form-data; boundary=${boundary}`
type Field = readonly [name: string, value: string | Buffer, filename?: string]
const formBytes = (fields: readonly Field[]): Buffer =>
  Buffer.concat([
    ...fields.flatMap(([name, value, filename]) => [
      Buffer.from(
        `--${boundary}\r\ncontent-disposition: form-data; name="${name}"${filename === undefined ? '' : `; filename="${filename}"`}\r\n` +
          `${filename === undefined ? '' : 'content-type: audio/mpeg\r\n'}\r\n`,
      ),
      Buffer.from(value),
      Buffer.from('\r\n'),
    ]),
    Buffer.from(`--${boundary}--\r\n`),
  ])
const form = (endpoint: Endpoint, fields: readonly Field[]) =>
  codecOf(endpoint).parse({ endpoint, body: formBytes(fields), contentType, pathModel: null })
const changes = (model: string) => ({
  model,
  maximumOutputTokens: null,
  outputLimitField: 'max_tokens',
  noStreamOptions: false,
})
const usage = (request: ParsedRequest, reply: unknown, type = 'application/json') =>
  codecOf(request.endpoint).usageOf(
    {
      body: Buffer.isBuffer(reply)
        ? reply
        : Buffer.from(typeof reply === 'string' ? reply : JSON.stringify(reply)),
      contentType: type,
    },
    request,
  )
const stream = (request: ParsedRequest, events: readonly string[]) => {
  const tap = codecOf(request.endpoint).makeTap(request)
  const kinds = events.flatMap((event) => {
    const bytes = Buffer.from(`${event}\n\n`)
    return tap.classify(bytes, [bytes.length])
  })
  return { kinds, usage: tap.reported(), whole: tap.endsWithConnection?.() }
}
const data = (value: unknown) => `data: ${JSON.stringify(value)}`

/** A second of 16 kHz, 16 bit, one channel. */
const wav = (seconds: number): Buffer => {
  const header = Buffer.alloc(44)
  header.write('RIFF', 0, 'latin1')
  header.write('WAVEfmt ', 8, 'latin1')
  header.writeUInt32LE(16, 16)
  header.writeUInt16LE(1, 20)
  header.writeUInt16LE(1, 22)
  header.writeUInt32LE(16_000, 24)
  header.writeUInt32LE(32_000, 28)
  header.writeUInt16LE(16, 34)
  header.write('data', 36, 'latin1')
  return Buffer.concat([header, Buffer.alloc(seconds * 32_000)])
}

describe('images', () => {
  const gptImage = { model: 'gpt-image-1', prompt: 'a cat', n: 2 }
  const tokens = {
    total_tokens: 8_400,
    input_tokens: 80,
    output_tokens: 8_320,
    input_tokens_details: { text_tokens: 10, image_tokens: 70 },
  }

  test('reported tokens are text and images, each once', () => {
    const request = parsed(json('image_generations', gptImage))
    expect(usage(request, { created: 1, data: [{}, {}], usage: tokens })).toEqual({
      ...noUsage,
      input: 10,
      units: { input_image_tokens: 70, output_image_tokens: 8_320 },
    })
  })

  test('text among the output is counted as text', () => {
    const details = { ...tokens, output_tokens_details: { image_tokens: 8_000, text_tokens: 320 } }
    const used = usage(parsed(json('image_generations', gptImage)), { data: [{}], usage: details })
    expect(used).toMatchObject({ output: 320, units: { output_image_tokens: 8_000 } })
  })

  test('where nothing is reported, the request tells size and quality and the reply how many', () => {
    const asked = { model: 'dall-e-3', prompt: 'x', size: '1792x1024', quality: 'hd' }
    const request = parsed(json('image_generations', asked))
    expect(usage(request, { data: [{ url: 'u' }] })).toEqual({
      ...noUsage,
      units: { 'image:1792x1024:hd': 1 },
    })
    const plain = parsed(json('image_generations', { model: 'dall-e-2', prompt: 'x', n: 3 }))
    expect(usage(plain, { data: [{}, {}, {}] })?.units).toEqual({ 'image:1024x1024:standard': 3 })
    expect(plain.mostUnits).toMatchObject({ 'image:1024x1024:standard': 3 })
  })

  test('zero reported is zero', () => {
    const zero = { input_tokens: 0, output_tokens: 0, total_tokens: 0 }
    const request = parsed(json('image_generations', gptImage))
    expect(usage(request, { data: [{}], usage: zero })).toEqual({ ...noUsage, units: {} })
    expect(usage(request, { error: { message: 'no' } })).toBeNull()
  })

  test('a stream ends with the last image asked for, and its usages add up', () => {
    const request = parsed(json('image_generations', { ...gptImage, stream: true, partial_images: 1 }))
    expect(request.streamed).toBe(true)
    const completed = data({ type: 'image_generation.completed', b64_json: 'A'.repeat(9_000), usage: tokens })
    const events = [
      data({ b64_json: 'A'.repeat(9_000), type: 'image_generation.partial_image' }),
      completed,
      completed,
    ]
    const { kinds, usage: used } = stream(request, events)
    expect(kinds).toEqual(['other', 'other', 'end'])
    expect(used).toMatchObject({ input: 20, units: { output_image_tokens: 16_640, input_image_tokens: 140 } })
    expect(stream(request, [completed])).toMatchObject({ whole: true })
    expect(
      stream(request, [data({ type: 'error', error: { message: 'moderation_blocked' } })]).kinds,
    ).toEqual(['error'])
  })

  test('a hold covers what the dearest images have been seen to take', () => {
    const request = parsed(json('image_generations', { ...gptImage, size: '1024x1024', quality: 'high' }))
    expect(request.mostUnits?.output_image_tokens).toBeGreaterThanOrEqual(2 * 7_024)
    const edit = parsed(
      form('image_edits', [
        ['model', 'gpt-image-1'],
        ['prompt', 'x'],
        ['image[]', 'a', 'a.png'],
        ['image[]', 'b', 'b.png'],
      ]),
    )
    expect(edit.mostUnits?.input_image_tokens).toBe(16_000)
    expect(edit.unpriced).toBeNull()
  })

  test('what is not known to be covered by the price keeps a call off system keys', () => {
    expect(parsed(json('image_generations', { ...gptImage, svg: {} })).unpriced).toBe('svg')
    const reference = { model: 'gpt-image-1', prompt: 'x', images: [{ file_id: 'file-1' }] }
    expect(parsed(json('image_edits', reference)).unpriced).toBe('images')
    const address = { model: 'gpt-image-1', prompt: 'x', images: [{ image_url: 'https://a.example/b.png' }] }
    expect(parsed(json('image_edits', address)).unpriced).toBeNull()
    const odd = parsed(json('image_generations', { model: 'dall-e-3', prompt: 'x', size: 'a"b:c'.repeat(9) }))
    expect(Object.keys(odd.mostUnits ?? {})).toContain('image:other:standard')
  })
})

describe('speech', () => {
  test('characters are those of the input, an emoji is one', () => {
    const request = parsed(json('speech', { model: 'tts-1', input: 'héllo 😀', voice: 'alloy' }))
    expect(usage(request, Buffer.from([0xff, 0xfb]), 'audio/mpeg')).toEqual({
      ...noUsage,
      units: { characters: 7 },
    })
  })

  test('tokens that plain audio does not report are an estimate, marked as one', () => {
    const body = { model: 'gpt-4o-mini-tts', input: 'x'.repeat(960), voice: 'alloy' }
    const request = parsed(json('speech', body))
    const minute = { characters: 960, output_audio_tokens: 1_250 }
    expect(usage(request, Buffer.alloc(9), 'audio/mpeg')).toEqual({
      ...noUsage,
      input: 240,
      units: minute,
      estimated: true,
    })
    // Plain samples show their length: half a minute.
    const pcm = parsed(json('speech', { ...body, response_format: 'pcm' }))
    expect(usage(pcm, Buffer.alloc(48_000 * 30), 'audio/pcm')?.units).toEqual({
      ...minute,
      output_audio_tokens: 625,
    })
    expect(request.mostUnits?.output_audio_tokens).toBeGreaterThan(4 * 1_250)
  })

  test('as events they are reported', () => {
    const request = parsed(
      json('speech', { model: 'gpt-4o-mini-tts', input: 'x', voice: 'a', stream_format: 'sse' }),
    )
    const { kinds, usage: used } = stream(request, [
      data({ type: 'speech.audio.delta', audio: 'AAAA' }),
      data({ type: 'speech.audio.done', usage: { input_tokens: 14, output_tokens: 101, total_tokens: 115 } }),
    ])
    expect(kinds).toEqual(['other', 'end'])
    expect(used).toEqual({ ...noUsage, input: 14, units: { output_audio_tokens: 101 } })
  })

  test('a voice of the account is nobody else’s', () => {
    const request = json('speech', { model: 'gpt-4o-mini-tts', input: 'x', voice: { id: 'voice_1' } })
    expect(parsed(request).unpriced).toBe('voice')
    expect(json('speech', { model: 'tts-1', voice: 'alloy' })).toMatchObject({ fault: { field: 'input' } })
  })
})

describe('transcriptions', () => {
  const whisper = (file: Buffer | string = wav(3), more: readonly Field[] = []) =>
    form('transcriptions', [['file', file, 'a.wav'], ['model', 'whisper-1'], ...more])

  test('tokens or a duration are taken as reported', () => {
    const request = parsed(whisper())
    expect(usage(request, { text: 'a', usage: { type: 'duration', seconds: 8.47 } })).toEqual({
      ...noUsage,
      units: { audio_seconds: 9 },
    })
    const tokens = {
      type: 'tokens',
      input_tokens: 34,
      output_tokens: 8,
      input_token_details: { text_tokens: 4, audio_tokens: 30 },
    }
    expect(usage(request, { text: 'a', usage: tokens })).toEqual({
      ...noUsage,
      input: 4,
      output: 8,
      units: { input_audio_tokens: 30 },
    })
    expect(usage(request, { text: '', usage: { type: 'duration', seconds: 0 } })?.units).toEqual({
      audio_seconds: 0,
    })
    expect(usage(request, { text: 'a', duration: '2.1' })).toEqual({
      ...noUsage,
      units: { audio_seconds: 3 },
    })
  })

  test('where nothing is reported, the recording tells how long it is, as an estimate', () => {
    const request = parsed(whisper(wav(3), [['response_format', 'text']]))
    expect(usage(request, 'hello all', 'text/plain; charset=utf-8')).toEqual({
      ...noUsage,
      output: 3,
      units: { audio_seconds: 3, input_audio_tokens: 30 },
      estimated: true,
    })
    const mp3 = Buffer.concat([Buffer.from([0xff, 0xfb, 0x90, 0x00]), Buffer.alloc(32_000)])
    expect(usage(parsed(whisper(mp3)), { text: 'a' })?.units?.audio_seconds).toBe(3)
    const cues = '1\n00:00:01,000 --> 00:00:02,500\na\n\n2\n00:01:00,000 --> 00:01:09,500\nb\n'
    expect(usage(parsed(whisper(mp3)), cues, 'text/plain')?.units?.audio_seconds).toBe(70)
    expect(
      usage(parsed(whisper(mp3)), 'WEBVTT\n\n01:00.000 --> 01:09.500\nb', 'text/vtt')?.units?.audio_seconds,
    ).toBe(70)
  })

  test('a hold covers the longest that a file of its size can be', () => {
    expect(parsed(whisper(wav(3))).mostUnits).toEqual({ audio_seconds: 3, input_audio_tokens: 30 })
    expect(parsed(whisper(Buffer.alloc(75_000))).mostUnits?.audio_seconds).toBe(100)
    // A header that says less than any voice needs is not believed.
    const lying = wav(3)
    lying.writeUInt32LE(1, 24)
    expect(parsed(whisper(lying)).mostUnits?.audio_seconds).toBe(Math.ceil(lying.length / 750))
  })

  test('a stream ends with its whole text, whose usage is read wherever it stands', () => {
    const request = parsed(whisper(wav(1), [['stream', 'true']]))
    expect(request.streamed).toBe(true)
    const usageLast = {
      type: 'tokens',
      input_tokens: 14,
      output_tokens: 4,
      input_token_details: { audio_tokens: 14 },
    }
    const { kinds, usage: used } = stream(request, [
      data({ type: 'transcript.text.delta', delta: 'say "type":"transcript.text.done"' }),
      data({ usage: usageLast, type: 'transcript.text.done', text: 'x' }),
    ])
    expect(kinds).toEqual(['content', 'end'])
    expect(used).toEqual({ ...noUsage, output: 4, units: { input_audio_tokens: 14 } })
    expect(stream(request, ['data: [DONE]']).kinds).toEqual(['end'])
  })

  test('the model is replaced in the form and every other byte stays', () => {
    const fields: Field[] = [
      ['file', wav(1), 'a"b.wav'.replace('"', "'")],
      ['model', 'openai/whisper-1'],
      ['language', 'de'],
    ]
    const request = parsed(form('translations', fields))
    const { bodyFor } = codecOf('translations')
    expect(bodyFor(request, changes('openai/whisper-1'))).toBe(request.body)
    const renamed: Field[] = [fields[0] as Field, ['model', 'whisper-1'], fields[2] as Field]
    expect(bodyFor(request, changes('whisper-1')).equals(formBytes(renamed))).toBe(true)
    expect(request.contentType).toBe(contentType)
  })

  test('a recording that is missing, empty or twice is told', () => {
    const wrong: Field[][] = [
      [['model', 'm']],
      [
        ['model', 'm'],
        ['file', '', 'a.mp3'],
      ],
      [
        ['model', 'm'],
        ['file', 'a', 'a'],
        ['file', 'b', 'b'],
      ],
    ]
    for (const fields of wrong)
      expect(form('transcriptions', fields)).toMatchObject({ ok: false, fault: { field: 'file' } })
    expect(
      form('transcriptions', [
        ['model', 'm'],
        ['file', 'x', 'n'.repeat(300)],
      ]),
    ).toMatchObject({
      fault: { code: 'invalid_request', field: 'file' },
    })
    expect(parsed(whisper(wav(1), [['known_speaker_names[]', 'Ada']])).unpriced).toBe('known_speaker_names')
  })
})

describe('rerank', () => {
  const asked = { model: 'rerank-v3.5', query: 'q', documents: ['a', { text: 'b' }], top_n: 1 }

  test('search units or tokens are taken as reported, zero too', () => {
    const request = parsed(json('rerank', asked))
    const billed = (search_units: number) => ({ results: [], meta: { billed_units: { search_units } } })
    expect(usage(request, billed(2))).toEqual({ ...noUsage, units: { search_units: 2 } })
    expect(usage(request, billed(0))).toEqual({ ...noUsage, units: { search_units: 0 } })
    expect(usage(request, { results: [], usage: { total_tokens: 77 } })).toEqual({ ...noUsage, input: 77 })
    expect(usage(request, { data: [], usage: { total_tokens: 0 } })).toEqual(noUsage)
    expect(usage(request, { results: [] })).toMatchObject({ estimated: true, units: { search_units: 1 } })
    expect(usage(request, { message: 'no' })).toBeNull()
  })

  test('a hold covers long documents, which count as several', () => {
    const many = { ...asked, documents: Array.from({ length: 150 }, () => 'x'.repeat(1_000)) }
    expect(parsed(json('rerank', many)).mostUnits).toEqual({ search_units: 6 })
    expect(parsed(json('rerank', { ...asked, documents: [{ image: 'https://a.example' }] })).unpriced).toBe(
      'documents',
    )
    expect(json('rerank', { model: 'm', query: 'q' })).toMatchObject({ fault: { field: 'documents' } })
  })
})

test('moderation is a request, of the newest model where none is named', () => {
  const request = parsed(json('moderations', { input: 'x' }))
  expect(request.model).toBe('omni-moderation-latest')
  const { bodyFor } = codecOf('moderations')
  expect(bodyFor(request, changes('omni-moderation-latest'))).toBe(request.body)
  expect(usage(request, { results: [{}] })).toEqual({ ...noUsage, units: { request: 1 } })
  expect(usage(request, { error: {} })).toBeNull()
})

describe('against an independent upstream', () => {
  let upstream: LLMock
  let url: string
  beforeAll(async () => {
    upstream = new LLMock({ port: 0 })
    upstream.addFixture({ match: { endpoint: 'image' }, response: { images: [{ b64Json: 'QUJD' }] } })
    upstream.addFixture({ match: { endpoint: 'speech' }, response: { audio: 'QUJD', format: 'mp3' } })
    upstream.addFixture({
      match: { endpoint: 'transcription' },
      response: { transcription: { text: 'hello', language: 'en', duration: 2.5 } },
    })
    upstream.addFixture({
      match: { endpoint: 'translation' },
      response: { transcription: { text: 'hello', language: 'en', duration: 2.5 } },
    })
    url = await upstream.start()
  })
  afterAll(() => upstream.stop())

  const send = async (path: string, request: ParsedRequest) => {
    const body = codecOf(request.endpoint).bodyFor(request, changes(request.model))
    const reply = await fetch(`${url}${path}`, {
      method: 'POST',
      headers: { 'content-type': request.contentType },
      body: new Uint8Array(body),
    })
    expect(reply.status).toBe(200)
    const type = reply.headers.get('content-type') ?? ''
    return usage(request, Buffer.from(await reply.arrayBuffer()), type)
  }

  test('each kind of reply is counted', async () => {
    const image = parsed(json('image_generations', { model: 'dall-e-3', prompt: 'a cat' }))
    expect(await send('/v1/images/generations', image)).toMatchObject({
      units: { 'image:1024x1024:standard': 1 },
    })
    const speech = parsed(json('speech', { model: 'tts-1', input: 'hello', voice: 'alloy' }))
    expect(await send('/v1/audio/speech', speech)).toMatchObject({ units: { characters: 5 } })
    const verbose: Field[] = [
      ['file', wav(2), 'a.wav'],
      ['model', 'whisper-1'],
      ['response_format', 'verbose_json'],
    ]
    expect(await send('/v1/audio/transcriptions', parsed(form('transcriptions', verbose)))).toMatchObject({
      units: { audio_seconds: 3 },
    })
    expect(await send('/v1/audio/translations', parsed(form('translations', verbose)))).toMatchObject({
      units: { audio_seconds: 3 },
    })
    const moderation = parsed(json('moderations', { input: 'hello' }))
    expect(await send('/v1/moderations', moderation)).toMatchObject({ units: { request: 1 } })
    const rerank = parsed(json('rerank', { model: 'rerank-v3.5', query: 'a', documents: ['a', 'b'] }))
    // It reports zero, and zero is a report.
    expect(await send('/v2/rerank', rerank)).toEqual({ ...noUsage, units: { search_units: 0 } })
  })
})
