import OpenAI, { toFile } from 'openai'
import { zodTextFormat } from 'openai/helpers/zod'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { openStage, type Stage, type StagePerson } from '../stage.ts'

/* The official client, unmodified but for base URL and key: everything but chat completions and embeddings. */

let stage: Stage
let person: StagePerson
let client: OpenAI
beforeAll(async () => {
  stage = await openStage()
  person = await stage.person()
  await stage.ownKey(person, 'openai')
  client = clientOf(person)
})
afterAll(() => stage[Symbol.asyncDispose]())

const clientOf = ({ token }: StagePerson) =>
  new OpenAI({ baseURL: `${stage.url}/v1`, apiKey: token, maxRetries: 0 })
const recordOf = (response: Response, whose = person) =>
  stage.operation(whose, response.headers.get('x-aideon-operation') ?? '')
const model = 'gpt-4.1-mini'
const pixel =
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=='
const picture = () => toFile(Buffer.from(pixel, 'base64'), 'in.png', { type: 'image/png' })
const recording = () => toFile(Buffer.alloc(51_200, 1), 'speech.mp3', { type: 'audio/mpeg' })
const tools = [
  {
    type: 'function' as const,
    name: 'weather',
    strict: false,
    parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
  },
]

describe('responses', () => {
  test('text with reasoning, recorded in its token classes', async () => {
    const { data, response } = await client.responses
      .create({ model: 'gpt-5-mini', input: 'tell me something' })
      .withResponse()
    expect(data.output.map((item) => item.type)).toEqual(['reasoning', 'message'])
    const operation = await recordOf(response)
    expect(Number(operation.input_tokens)).toBe(data.usage?.input_tokens)
    expect(Number(operation.output_tokens) + 128).toBe(data.usage?.output_tokens)
    expect(operation.reasoning_tokens).toBe(128n)
  })

  test('streaming gives the same response as not streaming', async () => {
    const request = { model, input: 'tell me something' }
    const whole = await client.responses.create(request)
    const streamed = await client.responses.stream(request).finalResponse()
    expect(streamed.output_text).toBe(whole.output_text)
    expect(streamed.usage).toEqual(whole.usage)
  })

  test('function calls, streamed, and their outputs sent back', async () => {
    const question = { role: 'user' as const, content: '[[simulate: tools 2]] the weather?' }
    const asked = await client.responses.stream({ model, tools, input: [question] }).finalResponse()
    const calls = asked.output.filter((item) => item.type === 'function_call')
    expect(calls).toHaveLength(2)
    for (const call of calls) expect(JSON.parse(call.arguments)).toHaveProperty('city')
    const outputs = calls.map(({ call_id }) => ({
      type: 'function_call_output' as const,
      call_id,
      output: 'sunny',
    }))
    const { role, content } = question
    const answered = await client.responses.create({
      model,
      tools,
      input: [
        { role, content: content.replace('tools 2', 'no tools') },
        ...asked.output,
        ...outputs,
      ] as never,
    })
    expect(answered.status).toBe('completed')
  })

  test('images in, and output by a schema', async () => {
    const reply = await client.responses.parse({
      model,
      input: [
        {
          role: 'user',
          content: [
            { type: 'input_text', text: 'who is this?' },
            { type: 'input_image', image_url: `data:image/png;base64,${pixel}`, detail: 'auto' },
          ],
        },
      ],
      text: { format: zodTextFormat(z.object({ name: z.string(), age: z.number().int() }), 'person') },
    })
    expect(reply.output_parsed).toMatchObject({ name: expect.any(String), age: expect.any(Number) })
  })

  test('a prompt seen before is recorded as read from the cache', async () => {
    const input = 'a long prompt that stays the same '.repeat(400)
    const call = async () =>
      recordOf((await client.responses.create({ model, input }).withResponse()).response)
    expect((await call()).cache_read_tokens).toBe(0n)
    expect(Number((await call()).cache_read_tokens)).toBeGreaterThan(1000)
  })

  test('errors have the client’s own types, also within a stream', async () => {
    await expect(client.responses.create({ model, input: 'x', temperature: 9 })).rejects.toBeInstanceOf(
      OpenAI.BadRequestError,
    )
    const broken = async (directive: string) => {
      const stream = await client.responses.create({
        model,
        input: `[[simulate: ${directive}]]`,
        stream: true,
      })
      for await (const event of stream)
        if (event.type === 'error' || event.type === 'response.failed') throw new Error(event.type)
    }
    await expect(broken('cut after 4 chunks')).rejects.toThrow()
    await expect(broken('stream error after 2 chunks')).rejects.toThrow()
  })
})

describe('images', () => {
  test('generated on a system key: counted and charged by the service’s own token count', async () => {
    const nora = await stage.person()
    await stage.systemKey('openai', 1)
    const { data, response } = await clientOf(nora)
      .images.generate({ model: 'gpt-image-1', prompt: 'a red cube', quality: 'low', size: '1024x1024' })
      .withResponse()
    expect(data.data?.[0]?.b64_json).toBeTruthy()
    const operation = await recordOf(response, nora)
    expect(operation.key_owner).toBe('system')
    expect(operation.credit_micros).toBeGreaterThan(0n)
  })

  test('streamed with partial images', async () => {
    const stream = await client.images.generate({
      model: 'gpt-image-1',
      prompt: 'a cube',
      stream: true,
      partial_images: 1,
    })
    const types = (await Array.fromAsync(stream)).map((event) => event.type)
    expect(types).toEqual(['image_generation.partial_image', 'image_generation.completed'])
  })

  test('edited from files', async () => {
    const reply = await client.images.edit({
      model: 'gpt-image-1',
      image: [await picture(), await picture()],
      prompt: 'make it blue',
    })
    expect(reply.usage?.input_tokens_details.image_tokens).toBe(646)
    await expect(
      client.images.edit({ model: 'gpt-image-1', image: await picture(), prompt: 'x', size: '1x1' }),
    ).rejects.toBeInstanceOf(OpenAI.BadRequestError)
  })
})

describe('audio', () => {
  test('speech, byte by byte', async () => {
    const reply = await client.audio.speech.create({
      model: 'tts-1',
      voice: 'alloy',
      input: 'good day',
      response_format: 'wav',
    })
    expect(reply.headers.get('content-type')).toBe('audio/wav')
    expect((await reply.arrayBuffer()).byteLength).toBe(400)
    const operation = await recordOf(reply)
    expect(operation.units).toMatchObject({ characters: 8 })
  })

  test('transcriptions whole, as text and streamed; translations', async () => {
    const json = await client.audio.transcriptions.create({
      file: await recording(),
      model: 'gpt-4o-transcribe',
    })
    const stream = await client.audio.transcriptions.create({
      file: await recording(),
      model: 'gpt-4o-transcribe',
      stream: true,
    })
    let streamed = ''
    for await (const event of stream) if (event.type === 'transcript.text.delta') streamed += event.delta
    expect(streamed).toBe(json.text)
    const text = await client.audio.transcriptions.create({
      file: await recording(),
      model: 'whisper-1',
      response_format: 'srt',
    })
    expect(text).toMatch(/^1\n00:00/)
    const english = await client.audio.translations.create({ file: await recording(), model: 'whisper-1' })
    expect(english.text).not.toBe('')
  })
})

test('moderations, of several texts', async () => {
  const { results } = await client.moderations.create({
    model: 'omni-moderation-latest',
    input: ['all is well', 'some violence'],
  })
  expect(results.map((result) => result.flagged)).toEqual([false, true])
})
