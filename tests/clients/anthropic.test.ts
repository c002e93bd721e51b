import Anthropic from '@anthropic-ai/sdk'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openStage, type Stage, type StagePerson } from '../stage.ts'

/* The official client, unmodified but for base URL and key: what is not in tests/anthropic-client.test.ts. */

let stage: Stage
let person: StagePerson
let client: Anthropic
beforeAll(async () => {
  stage = await openStage()
  person = await stage.person()
  await stage.ownKey(person, 'anthropic')
  client = new Anthropic({ baseURL: stage.url, apiKey: person.token, maxRetries: 0 })
})
afterAll(() => stage[Symbol.asyncDispose]())

const model = 'claude-haiku-4-5'
const messages = [{ role: 'user' as const, content: 'how many tokens is this?' }]

test('tokens are counted as the message would be charged, and cost nothing', async () => {
  const tools = [{ name: 'weather', input_schema: { type: 'object' as const } }]
  const body = { model, messages, tools, system: 'Be brief.' }
  const { data, response } = await client.messages.countTokens(body).withResponse()
  const message = await client.messages.create({ ...body, max_tokens: 50 })
  expect(data.input_tokens).toBe(message.usage.input_tokens)
  const operation = await stage.operation(person, response.headers.get('x-aideon-operation') ?? '')
  expect(operation.credit_micros).toBe(0n)
})

test('what cannot be counted is refused in the service’s words', async () => {
  await expect(client.messages.countTokens({ model, messages, max_tokens: 5 } as never)).rejects.toThrow(
    /Extra inputs are not permitted/,
  )
  await expect(client.messages.countTokens({ model, messages: [] })).rejects.toBeInstanceOf(
    Anthropic.BadRequestError,
  )
})

test('thinking comes back whole and is sent back with its signature', async () => {
  const body = { model, max_tokens: 4000, thinking: { type: 'enabled' as const, budget_tokens: 2000 } }
  const message = await client.messages.stream({ ...body, messages }).finalMessage()
  expect(message.content.map((block) => block.type)).toEqual(['thinking', 'text'])
  const next = await client.messages.create({
    ...body,
    messages: [
      ...messages,
      { role: 'assistant', content: message.content },
      { role: 'user', content: 'and now?' },
    ],
  })
  expect(next.stop_reason).toBe('end_turn')
})
