import Anthropic from '@anthropic-ai/sdk'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openStage, type Stage, type StagePerson } from './stage.ts'

/* The official client, unmodified but for base URL and key. */

let stage: Stage
let person: StagePerson
let client: Anthropic
beforeAll(async () => {
  stage = await openStage()
  person = await stage.person()
  await stage.ownKey(person, 'anthropic')
  client = clientOf(person)
})
afterAll(() => stage[Symbol.asyncDispose]())

const clientOf = ({ token }: StagePerson) =>
  new Anthropic({ baseURL: stage.url, apiKey: token, maxRetries: 0 })
const model = 'claude-sonnet-5'
const ask = (content: string) => ({ model, max_tokens: 300, messages: [{ role: 'user' as const, content }] })

test('text, and the receipt beside it', async () => {
  const { data, response } = await client.messages.create(ask('[[simulate: say good day]]')).withResponse()
  expect(data.content).toMatchObject([{ type: 'text', text: 'good day' }])
  expect(response.headers.get('x-aideon-service')).toBe('anthropic')
  expect(response.headers.get('x-aideon-credits')).toBe('0')
})

test('streaming gives a whole message with usage', async () => {
  const message = await client.messages.stream(ask('tell me something')).finalMessage()
  expect(message.stop_reason).toBe('end_turn')
  expect(message.usage.output_tokens).toBeGreaterThan(0)
  expect(message.content[0]).toMatchObject({ type: 'text' })
})

test('tools, streamed, and their results sent back', async () => {
  const tools = [
    {
      name: 'weather',
      input_schema: { type: 'object' as const, properties: { city: { type: 'string' } }, required: ['city'] },
    },
  ]
  const message = await client.messages
    .stream({ ...ask('[[simulate: tools 2]] the weather?'), tools })
    .finalMessage()
  const calls = message.content.filter((block) => block.type === 'tool_use')
  expect(calls).toHaveLength(2)
  for (const call of calls) expect(call.input).toHaveProperty('city')
  const answer = await client.messages.create({
    ...ask(''),
    tools,
    messages: [
      { role: 'user', content: '[[simulate: no tools]] the weather?' },
      { role: 'assistant', content: message.content as never },
      {
        role: 'user',
        content: calls.map((call) => ({
          type: 'tool_result' as const,
          tool_use_id: call.id,
          content: 'sunny',
        })),
      },
    ],
  })
  expect(answer.stop_reason).toBe('end_turn')
})

test('images in', async () => {
  const data =
    'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=='
  const reply = await client.messages.create({
    ...ask(''),
    messages: [
      {
        role: 'user',
        content: [
          { type: 'image', source: { type: 'base64', media_type: 'image/png', data } },
          { type: 'text', text: 'what?' },
        ],
      },
    ],
  })
  expect(reply.content[0]).toMatchObject({ type: 'text' })
})

test('prompts read from and written to the cache are recorded in classes of their own', async () => {
  const system = [
    { type: 'text' as const, text: 'long '.repeat(3000), cache_control: { type: 'ephemeral' as const } },
  ]
  const record = async () => {
    const { response, data } = await client.messages.create({ ...ask('x'), system }).withResponse()
    const operation = await stage.operation(person, response.headers.get('x-aideon-operation') ?? '')
    expect(Number(operation.input_tokens)).toBe(data.usage.input_tokens)
    expect(Number(operation.output_tokens)).toBe(data.usage.output_tokens)
    return operation
  }
  const [first, second] = [await record(), await record()]
  expect(Number(first.cache_write_tokens)).toBeGreaterThan(1000)
  expect(first.cache_read_tokens).toBe(0n)
  expect(second.cache_read_tokens).toBe(first.cache_write_tokens)
  expect(second.cache_write_tokens).toBe(0n)
})

describe('errors have the client’s own types', () => {
  test('ours', async () => {
    await expect(
      clientOf({ ...person, token: 'aik_nonsense' }).messages.create(ask('x')),
    ).rejects.toBeInstanceOf(Anthropic.AuthenticationError)
    const poor = await stage.person({ creditMicros: 0n })
    await stage.systemKey('anthropic', 1)
    await expect(clientOf(poor).messages.create(ask('x'))).rejects.toMatchObject({
      status: 402,
      error: { error: { type: 'billing_error', code: 'insufficient_credits' } },
    })
  })

  test('the service’s', async () => {
    await expect(client.messages.create({ ...ask('x'), temperature: 9 } as never)).rejects.toBeInstanceOf(
      Anthropic.BadRequestError,
    )
    const alone = await stage.person({ fallback: 'none' })
    await stage.ownKey(alone, 'anthropic', { kind: 'failing', status: 529 })
    await expect(clientOf(alone).messages.create(ask('x'))).rejects.toMatchObject({
      status: 529,
      error: { error: { type: 'overloaded_error' } },
    })
  })

  test('a stream that is cut off throws instead of ending', async () => {
    await expect(
      client.messages.stream(ask('[[simulate: cut after 4 chunks]]')).finalMessage(),
    ).rejects.toThrow()
  })
})

test('on a system key the same message costs credits, cached input at its own price', async () => {
  const nora = await stage.person()
  const { response, data } = await clientOf(nora).messages.create(ask('hello')).withResponse()
  const operation = await stage.operation(nora, response.headers.get('x-aideon-operation') ?? '')
  // claude-sonnet-5: 2 and 10 USD per million tokens.
  const nanoUsd = BigInt(data.usage.input_tokens) * 2_000n + BigInt(data.usage.output_tokens) * 10_000n
  expect(operation).toMatchObject({
    key_owner: 'system',
    cost_nano_usd: nanoUsd,
    credit_micros: (nanoUsd + 9n) / 10n,
  })
})
