import OpenAI from 'openai'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openStage, type Stage, type StagePerson } from './stage.ts'

/* The official client, unmodified but for base URL and key. */

let stage: Stage
let person: StagePerson
let client: OpenAI
beforeAll(async () => {
  stage = await openStage()
  person = await stage.person()
  await stage.ownKey(person, 'openai')
  client = new OpenAI({ baseURL: `${stage.url}/v1`, apiKey: person.token, maxRetries: 0 })
})
afterAll(() => stage[Symbol.asyncDispose]())

const model = 'gpt-4o-mini'
const user = (content: string) => ({ role: 'user' as const, content })

describe('chat completions', () => {
  test('text', async () => {
    const { data, response } = await client.chat.completions
      .create({ model, messages: [user('[[simulate: say good day]]')] })
      .withResponse()
    expect(data.choices[0]?.message.content).toBe('good day')
    expect(data.usage?.total_tokens).toBeGreaterThan(0)
    expect(response.headers.get('x-aideon-key-owner')).toBe('user')
  })

  test('streaming gives the same text as not streaming', async () => {
    const request = { model, messages: [user('tell me something')], seed: 7 }
    const whole = await client.chat.completions.create(request)
    let streamed = ''
    for await (const chunk of await client.chat.completions.create({ ...request, stream: true }))
      streamed += chunk.choices[0]?.delta.content ?? ''
    expect(streamed).toBe(whole.choices[0]?.message.content)
  })

  test('parallel tool calls, streamed, and their results sent back', async () => {
    const tools = [
      {
        type: 'function' as const,
        function: {
          name: 'weather',
          parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
        },
      },
    ]
    const runner = client.chat.completions.stream({
      model,
      tools,
      messages: [user('[[simulate: tools 2]] the weather?')],
    })
    const { choices } = await runner.finalChatCompletion()
    const calls = choices[0]?.message.tool_calls ?? []
    expect(calls).toHaveLength(2)
    for (const call of calls)
      expect(JSON.parse(call.type === 'function' ? call.function.arguments : '')).toHaveProperty('city')
    const answer = await client.chat.completions.create({
      model,
      tools,
      messages: [
        user('[[simulate: no tools]] the weather?'),
        { role: 'assistant', content: null, tool_calls: calls },
        ...calls.map((call) => ({ role: 'tool' as const, tool_call_id: call.id, content: 'sunny' })),
      ],
    })
    expect(answer.choices[0]?.finish_reason).toBe('stop')
  })

  test('images in', async () => {
    const pixel =
      'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=='
    const reply = await client.chat.completions.create({
      model,
      messages: [
        {
          role: 'user',
          content: [
            { type: 'text', text: 'what is this?' },
            { type: 'image_url', image_url: { url: `data:image/png;base64,${pixel}` } },
          ],
        },
      ],
    })
    expect(reply.choices[0]?.message.content).toBeTruthy()
  })

  test('output by a JSON schema', async () => {
    const schema = {
      type: 'object',
      properties: { name: { type: 'string' }, age: { type: 'integer' } },
      required: ['name', 'age'],
      additionalProperties: false,
    }
    const reply = await client.chat.completions.create({
      model,
      messages: [user('a person')],
      response_format: { type: 'json_schema', json_schema: { name: 'person', strict: true, schema } },
    })
    const value = JSON.parse(reply.choices[0]?.message.content ?? '') as { name: unknown; age: unknown }
    expect(typeof value.name).toBe('string')
    expect(Number.isInteger(value.age)).toBe(true)
  })
})

test('embeddings, as floats and as the base64 the client asks for by itself', async () => {
  const one = await client.embeddings.create({ model: 'text-embedding-3-small', input: 'hello' })
  expect(one.data[0]?.embedding.length).toBe(1536)
  const two = await client.embeddings.create({
    model: 'text-embedding-3-small',
    input: ['a', 'b'],
    encoding_format: 'float',
    dimensions: 64,
  })
  expect(two.data.map((item) => item.embedding.length)).toEqual([64, 64])
})

test('the list of models', async () => {
  const ids = (await client.models.list()).data.map((item) => item.id)
  expect(ids).toContain(model)
})

describe('errors have the client’s own types', () => {
  const errorOf = async (work: Promise<unknown>): Promise<InstanceType<typeof OpenAI.APIError>> => {
    const error: unknown = await work.then(
      () => null,
      (reason: unknown) => reason,
    )
    expect(error).toBeInstanceOf(OpenAI.APIError)
    return error as InstanceType<typeof OpenAI.APIError>
  }
  const call = (more: object, c = client) =>
    c.chat.completions.create({ model, messages: [user('x')], ...more } as never)

  test('ours', async () => {
    const stranger = new OpenAI({ baseURL: `${stage.url}/v1`, apiKey: 'aik_nonsense', maxRetries: 0 })
    expect(await errorOf(call({}, stranger))).toBeInstanceOf(OpenAI.AuthenticationError)
    expect(await errorOf(call({ model: 'gpt-nonsense' }))).toBeInstanceOf(OpenAI.NotFoundError)
    const poor = await stage.person({ creditMicros: 0n })
    await stage.systemKey('openai', 1)
    const error = await errorOf(
      call({}, new OpenAI({ baseURL: `${stage.url}/v1`, apiKey: poor.token, maxRetries: 0 })),
    )
    expect(error).toMatchObject({ status: 402, code: 'insufficient_credits' })
    expect(error.message).toMatch(/own key/)
  })

  test('the service’s', async () => {
    expect(await errorOf(call({ temperature: 9 }))).toBeInstanceOf(OpenAI.BadRequestError)
    const alone = await stage.person({ fallback: 'none' })
    await stage.ownKey(alone, 'openai', { kind: 'rate_limited', retryAfterSeconds: 7 })
    const error = await errorOf(
      call({}, new OpenAI({ baseURL: `${stage.url}/v1`, apiKey: alone.token, maxRetries: 0 })),
    )
    expect(error).toBeInstanceOf(OpenAI.RateLimitError)
    expect(error.headers?.get('retry-after')).toBe('7')
  })

  test('a stream that is cut off throws instead of ending', async () => {
    const stream = await client.chat.completions.create({
      model,
      stream: true,
      messages: [user('[[simulate: cut after 4 chunks]]')],
    })
    await expect(
      (async () => {
        for await (const _ of stream) {
          // only the end matters
        }
      })(),
    ).rejects.toThrow()
  })
})

test('aborting a stream cancels it at the service', async () => {
  stage.simulator.clearJournal()
  const stream = await client.chat.completions.create({
    model,
    stream: true,
    messages: [user('[[simulate: endless]] [[simulate: slow 5ms]]')],
  })
  for await (const _ of stream) break
  stream.controller.abort()
  await expect.poll(() => stage.simulator.journal()[0]?.clientHungUp).toBe(true)
})
