import { describe, expect, test } from 'vitest'
import {
  answering,
  bytesOf,
  requestOf,
  serviceOf,
  translate,
  usageRead,
} from '../../tests/translation/upstream.ts'
import type { Endpoint } from '../services/endpoint.ts'
import { canTranslate } from './translation.ts'

const ask = async (
  endpoint: Endpoint,
  service: string,
  body: object,
  reply: () => Response,
  more: object = {},
) => {
  const { fetch, sent } = answering(reply)
  const request = requestOf(endpoint, endpoint.includes('embed_') ? body : { model: 'm', ...body }, {
    service: serviceOf(service),
    settings: { region: 'us-east-1', project: 'p', location: 'us-central1' },
    fetch,
    ...more,
  })
  const result = await translate(request)
  const bytes = result.kind === 'reply' ? await bytesOf(result) : null
  // oxlint-disable-next-line typescript/no-explicit-any
  const read = (): any => JSON.parse(bytes?.toString() ?? 'null')
  return { result, read, bytes, sent, request }
}

describe('embeddings', () => {
  const geminiReply = () =>
    Response.json({
      embeddings: [{ values: [0.5, 0.25] }, { values: [1, 2] }],
      usageMetadata: { promptTokenCount: 7 },
    })

  test('of OpenAI’s callers come from Gemini, as numbers or as base64', async () => {
    const body = { input: ['a', 'b'], dimensions: 2, encoding_format: 'float', user: 'u' }
    const { read, sent, result } = await ask('embeddings', 'gemini', body, geminiReply, {
      model: 'gemini-embedding-001',
    })
    expect(read()).toMatchObject({
      object: 'list',
      model: 'group/smart',
      data: [
        { object: 'embedding', index: 0, embedding: [0.5, 0.25] },
        { index: 1, embedding: [1, 2] },
      ],
    })
    expect(JSON.stringify(sent[0]?.body)).toContain('"outputDimensionality":2')
    expect(result).toMatchObject({ notCarried: ['user'] })
    const packed = await ask('embeddings', 'gemini', { ...body, encoding_format: 'base64' }, geminiReply)
    const bytes = Buffer.from(packed.read().data[0].embedding, 'base64')
    expect([bytes.readFloatLE(0), bytes.readFloatLE(4)]).toEqual([0.5, 0.25])
  })

  test('of Gemini’s callers come from OpenAI’s dialect, with their tokens', async () => {
    const reply = () =>
      Response.json({
        data: [{ embedding: [1, 2] }],
        model: 'm',
        usage: { prompt_tokens: 5, total_tokens: 5 },
      })
    const body = { content: { parts: [{ text: 'x' }] }, taskType: 'RETRIEVAL_QUERY' }
    const one = await ask('embed_content', 'custom', body, reply)
    expect(one.read().embedding).toEqual({ values: [1, 2] })
    expect(one.result).toMatchObject({ notCarried: ['taskType'] })
    expect(usageRead('embed_content', one.request, one.bytes as Buffer)).toMatchObject({ input: 5 })
    const batch = await ask('batch_embed_contents', 'custom', { requests: [body] }, reply)
    expect(batch.read().embeddings).toEqual([{ values: [1, 2] }])
  })

  test('of token numbers are refused, and more texts than fit in one call take several', async () => {
    expect((await ask('embeddings', 'gemini', { input: [1, 2] }, geminiReply)).result).toMatchObject({
      kind: 'refused',
      fault: { code: 'not_translatable', field: 'input' },
    })
    const reply = () => Response.json({ data: [], embeddings: [], object: 'list', model: 'm' })
    const { sent } = await ask('embeddings', 'mistral', { input: Array.from({ length: 70 }, String) }, reply)
    expect(sent.length).toBe(3)
  })
})

describe('images', () => {
  const png = 'iVBORw0KGgoAAAANSUhEUg=='
  const reply = () =>
    Response.json({
      candidates: [
        { content: { parts: [{ inlineData: { mimeType: 'image/png', data: png } }] }, finishReason: 'STOP' },
      ],
    })

  test('are drawn by Google for callers of OpenAI’s endpoint, in the nearest shape', async () => {
    const body = { prompt: 'a cat', size: '1792x1024', quality: 'high' }
    const { read, sent, result, request, bytes } = await ask('image_generations', 'gemini', body, reply, {
      model: 'gemini-2.5-flash-image',
    })
    expect(read().data).toEqual([{ b64_json: png }])
    expect(JSON.stringify(sent[0]?.body)).toContain('16:9')
    expect(result).toMatchObject({ notCarried: expect.arrayContaining(['quality', 'size']) })
    expect(usageRead('image_generations', request, bytes as Buffer)?.units).toEqual({
      'image:1792x1024:high': 1,
    })
    const url = await ask('image_generations', 'gemini', { prompt: 'a cat', response_format: 'url' }, reply, {
      model: 'gemini-2.5-flash-image',
    })
    expect(url.read().data[0].url).toBe(`data:image/png;base64,${png}`)
  })

  test('that the package of the service cannot ask for are refused, and nothing is sent', async () => {
    const { result, sent } = await ask('image_generations', 'gemini', { prompt: 'x' }, reply, {
      model: 'imagen-4',
    })
    expect(result).toMatchObject({ kind: 'refused', fault: { code: 'not_translatable' } })
    expect(sent).toHaveLength(0)
  })

  test('that must be transparent or streamed are refused', async () => {
    for (const more of [{ background: 'transparent' }, { stream: true }])
      expect(
        (await ask('image_generations', 'gemini', { prompt: 'x', ...more }, reply)).result,
      ).toMatchObject({
        kind: 'refused',
        fault: { code: 'not_translatable', field: Object.keys(more)[0] },
      })
  })
})

describe('sound', () => {
  test('is spoken by ElevenLabs for callers of OpenAI’s endpoint', async () => {
    const spoken = () => new Response('ID3 mp3', { headers: { 'content-type': 'audio/mpeg' } })
    const { result, bytes, sent } = await ask('speech', 'elevenlabs', { input: 'hi', voice: 'v1' }, spoken)
    expect(result).toMatchObject({ kind: 'reply', contentType: 'audio/mpeg' })
    expect(bytes?.toString()).toBe('ID3 mp3')
    expect(sent[0]?.url).toContain('v1')
    const events = { input: 'hi', voice: 'v1', stream_format: 'sse' }
    expect((await ask('speech', 'elevenlabs', events, spoken)).result).toMatchObject({ kind: 'refused' })
  })

  test('is written down by Deepgram in every format of the dialect', async () => {
    const heard = () =>
      Response.json({
        metadata: { duration: 2.5 },
        results: {
          channels: [
            {
              alternatives: [
                {
                  transcript: 'hello world',
                  words: [
                    { word: 'hello', start: 0, end: 1 },
                    { word: 'world', start: 1, end: 2.5 },
                  ],
                },
              ],
            },
          ],
        },
      })
    const write = async (format: string) => {
      const form = new FormData()
      form.set('model', 'whisper-1')
      form.set('language', 'de')
      form.set('response_format', format)
      form.set('file', new File([Buffer.from('RIFFsound')], 'a.wav'))
      const encoded = new Response(form)
      const { fetch, sent } = answering(() => heard())
      const binary: typeof globalThis.fetch = (input, init) => fetch(input, { ...init, body: null })
      const request = {
        ...requestOf(
          'transcriptions',
          {},
          { service: serviceOf('deepgram'), model: 'nova-3', fetch: binary },
        ),
        contentType: encoded.headers.get('content-type') ?? '',
        body: Buffer.from(await encoded.arrayBuffer()),
      }
      const result = await translate(request)
      return { text: (await bytesOf(result)).toString(), url: sent[0]?.url ?? '' }
    }
    const verbose = await write('verbose_json')
    expect(JSON.parse(verbose.text)).toMatchObject({
      text: 'hello world',
      duration: 2.5,
      usage: { seconds: 3 },
    })
    expect(verbose.url).toContain('language=de')
    expect((await write('text')).text).toBe('hello world\n')
    expect((await write('srt')).text).toMatch(/^1\n00:00:00,000 --> 00:00:0\d,\d{3}\nhello/)
    expect((await write('vtt')).text).toMatch(/^WEBVTT\n\n00:00:00\.000 --> 00:00:0\d\.\d{3}\nhello/)
  })
})

describe('rankings', () => {
  test('come from another service in the shape of the dialect, with what they cost', async () => {
    const reply = () =>
      Response.json({
        id: 'r',
        results: [
          { index: 1, relevance_score: 0.9 },
          { index: 0, relevance_score: 0.1 },
        ],
        meta: { billed_units: { search_units: 1 } },
      })
    const body = { query: 'q', documents: ['a', { text: 'b' }], top_n: 2, return_documents: true }
    const { read, bytes, request } = await ask('rerank', 'cohere', body, reply)
    expect(read().results).toEqual([
      { index: 1, relevance_score: 0.9, document: { text: 'b' } },
      { index: 0, relevance_score: 0.1, document: { text: 'a' } },
    ])
    expect(usageRead('rerank', request, bytes as Buffer)?.units).toEqual({ search_units: 1 })
  })
})

test('what a service has no model for is not offered', () => {
  expect(canTranslate('embeddings', serviceOf('anthropic'))).toBe(false)
  expect(canTranslate('messages', serviceOf('gemini'))).toBe(true)
  expect(canTranslate('moderations', serviceOf('gemini'))).toBe(false)
  expect(canTranslate('count_tokens', serviceOf('openai'))).toBe(false)
  expect(canTranslate('chat_completions', serviceOf('midjourney'))).toBe(false)
})
