import { toFile } from 'openai'
import { describe, expect, test } from 'vitest'
import { long, openai, person, pixel, post, secrets, simulator } from './stand.ts'

/* Responses, images, audio, moderations, files and batches of OpenAI, by its own client. */

const bearer = { authorization: `Bearer ${secrets.openai}` }
const model = 'gpt-4.1-mini'
const tools = [
  {
    type: 'function' as const,
    name: 'get_weather',
    strict: false,
    parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
  },
]
const drawing = Buffer.from(pixel, 'base64')

describe('responses', () => {
  test('whole and streamed are the same response, event by event', async () => {
    const whole = await openai.responses.create({ model: 'gpt-5-mini', input: 'Tell me' })
    expect(whole.output.map((item) => item.type)).toEqual(['reasoning', 'message'])
    expect(whole.output_text).toContain('[simulated gpt-5-mini]')
    expect(whole.usage).toMatchObject({ output_tokens_details: { reasoning_tokens: 128 } })
    const stream = openai.responses.stream({ model: 'gpt-5-mini', input: 'Tell me' })
    const types: string[] = []
    const numbers: number[] = []
    stream.on('event', (event) => {
      types.push(event.type)
      if ('sequence_number' in event) numbers.push(event.sequence_number)
    })
    const last = await stream.finalResponse()
    expect(last.output_text).toBe(whole.output_text)
    expect(last.usage).toEqual(whole.usage)
    expect(types.slice(0, 3)).toEqual([
      'response.created',
      'response.in_progress',
      'response.output_item.added',
    ])
    expect(types.at(-1)).toBe('response.completed')
    expect(numbers).toEqual(numbers.map((_, i) => i))
  })

  test('function calls, streamed, and their outputs', async () => {
    const question = { role: 'user' as const, content: 'What is the weather?' }
    const asked = await openai.responses.stream({ model, tools, input: [question] }).finalResponse()
    const call = asked.output.find((item) => item.type === 'function_call')
    expect(JSON.parse(call?.arguments ?? '')).toHaveProperty('city')
    const output = { type: 'function_call_output' as const, call_id: call?.call_id ?? '', output: 'sunny' }
    const answered = await openai.responses.create({ model, tools, input: [question, call!, output] })
    expect(answered.output_text).not.toBe('')
    await expect(openai.responses.create({ model, tools, input: [question, call!] })).rejects.toThrow(
      /No tool output found/,
    )
    await expect(openai.responses.create({ model, tools, input: [question, output] })).rejects.toThrow(
      /No tool call found/,
    )
  })

  test('a schema, a limit, a refusal and a cached prefix', async () => {
    const format = { type: 'json_schema' as const, name: 'person', strict: true, schema: person }
    const json = await openai.responses.create({ model, input: 'Invent', text: { format } })
    expect(JSON.parse(json.output_text)).toHaveProperty('home.city')
    const cut = await openai.responses.create({ model, input: 'Count', max_output_tokens: 16 })
    expect(cut).toMatchObject({ status: 'incomplete', incomplete_details: { reason: 'max_output_tokens' } })
    const refused = await openai.responses.create({ model, input: '[[simulate: refusal]]' })
    expect(refused.output[0]).toMatchObject({ content: [{ type: 'refusal' }] })
    const cached = async () =>
      (await openai.responses.create({ model, input: `${long} r` })).usage?.input_tokens_details.cached_tokens
    expect(await cached()).toBe(0)
    expect(await cached()).toBeGreaterThan(1000)
  })

  test.each([
    [{ model, input: 'x', messages: [] }, /Unknown parameter: 'messages'/],
    [{ model, input: 'x', max_output_tokens: 3 }, /integer_below_min_value/],
    [{ model, input: [{ role: 'user', content: [{ type: 'text', text: 'x' }] }] }, /'input_text'/],
    [{ model, input: 'x', tools: [{ type: 'function', function: { name: 'f' } }] }, /tools\[0\]\.name/],
    [{ model, input: 'x', previous_response_id: 'resp_1' }, /previous_response_not_found/],
    [{ model: 'gpt-none', input: 'x' }, /model_not_found/],
  ])('refuses %j', async (body, message) => {
    const reply = await post('/openai/v1/responses', body, bearer)
    expect(reply.status).toBeGreaterThanOrEqual(400)
    expect(reply.text).toMatch(message)
  })
})

describe('images', () => {
  test('generated with usage by tokens, streamed with partial images, edited from files', async () => {
    const reply = await openai.images.generate({
      model: 'gpt-image-1',
      prompt: 'a red cube',
      n: 2,
      quality: 'low',
      size: '1024x1024',
    })
    expect(reply.data?.map((image) => typeof image.b64_json)).toEqual(['string', 'string'])
    expect(reply.usage).toMatchObject({ output_tokens: 544 })
    const stream = await openai.images.generate({
      model: 'gpt-image-1',
      prompt: 'a cube',
      stream: true,
      partial_images: 2,
    })
    const events = await Array.fromAsync(stream)
    expect(events.map((event) => event.type)).toEqual([
      'image_generation.partial_image',
      'image_generation.partial_image',
      'image_generation.completed',
    ])
    const image = await toFile(drawing, 'in.png', { type: 'image/png' })
    const edited = await openai.images.edit({ model: 'gpt-image-1', image: [image, image], prompt: 'blue' })
    expect(edited.usage?.input_tokens_details.image_tokens).toBe(646)
  })

  test('the older models give addresses, and no usage', async () => {
    const reply = await openai.images.generate({ model: 'dall-e-3', prompt: 'x' })
    expect(reply.data?.[0]?.url).toMatch(/^https:/)
    expect(reply.usage).toBeUndefined()
    await expect(
      openai.images.generate({ model: 'gpt-image-1', prompt: 'x', response_format: 'url' }),
    ).rejects.toThrow(/Unknown parameter: 'response_format'/)
    await expect(
      openai.images.generate({ model: 'gpt-image-1', prompt: 'x', size: '512x512' }),
    ).rejects.toThrow(/Invalid value/)
  })
})

describe('audio', () => {
  const file = () => toFile(Buffer.alloc(51_200, 1), 'speech.mp3', { type: 'audio/mpeg' })

  test('speech comes as bytes of the format asked for, or as events', async () => {
    const reply = await openai.audio.speech.create({
      model: 'tts-1',
      voice: 'alloy',
      input: 'good day',
      response_format: 'wav',
    })
    expect(reply.headers.get('content-type')).toBe('audio/wav')
    expect((await reply.arrayBuffer()).byteLength).toBe(400)
    const events = await openai.audio.speech.create({
      model: 'gpt-4o-mini-tts',
      voice: 'alloy',
      input: 'good day',
      stream_format: 'sse',
    })
    expect(await events.text()).toContain('speech.audio.done')
    await expect(openai.audio.speech.create({ model: 'tts-1', voice: 'nobody', input: 'x' })).rejects.toThrow(
      /Supported values/,
    )
  })

  test('transcriptions report seconds or tokens, stream, and come in every format', async () => {
    const older = await openai.audio.transcriptions.create({ file: await file(), model: 'whisper-1' })
    expect(older).toMatchObject({ usage: { type: 'duration', seconds: 5 } })
    const newer = await openai.audio.transcriptions.create({ file: await file(), model: 'gpt-4o-transcribe' })
    expect(newer).toMatchObject({ usage: { type: 'tokens', input_token_details: { audio_tokens: 50 } } })
    const stream = await openai.audio.transcriptions.create({
      file: await file(),
      model: 'gpt-4o-transcribe',
      stream: true,
    })
    const events = await Array.fromAsync(stream)
    expect(events.at(-1)).toMatchObject({ type: 'transcript.text.done', text: newer.text })
    const vtt = await openai.audio.transcriptions.create({
      file: await file(),
      model: 'whisper-1',
      response_format: 'vtt',
    })
    expect(vtt).toMatch(/^WEBVTT/)
    const english = await openai.audio.translations.create({ file: await file(), model: 'whisper-1' })
    expect(english.text).not.toBe('')
    const text = toFile(Buffer.from('x'), 'notes.txt')
    await expect(
      openai.audio.transcriptions.create({ file: await text, model: 'whisper-1' }),
    ).rejects.toThrow(/Invalid file format/)
  })
})

test('moderations answer text by text', async () => {
  const { results } = await openai.moderations.create({ input: ['all is well', 'some violence'] })
  expect(results.map((result) => result.flagged)).toEqual([false, true])
  expect(results[1]?.categories.violence).toBe(true)
  const one = await openai.moderations.create({
    model: 'omni-moderation-latest',
    input: [
      { type: 'text', text: 'a' },
      { type: 'image_url', image_url: { url: `data:image/png;base64,${pixel}` } },
    ],
  })
  expect(one.results).toHaveLength(1)
})

test('files and batches belong to the key that made them', async () => {
  const line = JSON.stringify({ custom_id: '1', method: 'POST', url: '/v1/chat/completions', body: {} })
  const file = await openai.files.create({
    file: await toFile(Buffer.from(`${line}\n`), 'in.jsonl'),
    purpose: 'batch',
  })
  expect(await (await openai.files.content(file.id)).text()).toContain('custom_id')
  const batch = await openai.batches.create({
    input_file_id: file.id,
    endpoint: '/v1/chat/completions',
    completion_window: '24h',
  })
  expect(batch).toMatchObject({ status: 'validating', request_counts: { total: 1 } })
  await openai.batches.retrieve(batch.id)
  expect((await openai.batches.retrieve(batch.id)).status).toBe('completed')
  simulator.setKey('sk-proj-demo-not-a-real-key-other', { kind: 'ok' }, 'openai')
  const other = await fetch(`${simulator.url}/openai/v1/files/${file.id}`, {
    headers: { authorization: 'Bearer sk-proj-demo-not-a-real-key-other' },
  })
  expect(other.status).toBe(404)
  expect(await openai.files.delete(file.id)).toMatchObject({ deleted: true })
})
