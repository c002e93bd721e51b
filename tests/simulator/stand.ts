import Anthropic from '@anthropic-ai/sdk'
import OpenAI from 'openai'
import { afterAll, beforeEach } from 'vitest'
import { demoSecret, type ServiceName, serviceNames } from '../../simulator/keys.ts'
import { startSimulator } from '../../simulator/simulator.ts'

/** A simulator with one key of each service, for one test file, and the clients that two of its tests share. */
export const secrets = Object.fromEntries(
  serviceNames.map((service) => [service, demoSecret(service, 'test')]),
) as Record<ServiceName, string>

export const simulator = await startSimulator({
  keys: serviceNames.map((service) => ({ service, secret: secrets[service] })),
})

afterAll(() => simulator.close())
beforeEach(() => {
  simulator.clearJournal()
  for (const service of serviceNames) simulator.setKey(secrets[service], { kind: 'ok' }, service)
})

export const openai = new OpenAI({
  baseURL: `${simulator.url}/openai/v1`,
  apiKey: secrets.openai,
  maxRetries: 0,
})
export const anthropic = new Anthropic({
  baseURL: `${simulator.url}/anthropic`,
  apiKey: secrets.anthropic,
  maxRetries: 0,
})

export const ask = (content: string, more: Partial<OpenAI.ChatCompletionCreateParamsNonStreaming> = {}) =>
  openai.chat.completions.create({ model: 'gpt-4.1-mini', messages: [{ role: 'user', content }], ...more })
export const askClaude = (content: string, more: Partial<Anthropic.MessageCreateParamsNonStreaming> = {}) =>
  anthropic.messages.create({
    model: 'claude-haiku-4-5',
    max_tokens: 500,
    messages: [{ role: 'user', content }],
    ...more,
  })

/** A raw call, for what the clients would not send. */
export const post = async (path: string, body: unknown, headers: Record<string, string> = {}) => {
  const response = await fetch(simulator.url + path, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  })
  return { status: response.status, headers: response.headers, text: await response.text() }
}

export const person = {
  type: 'object',
  properties: {
    name: { type: 'string' },
    age: { type: 'integer', minimum: 18, maximum: 20 },
    tags: { type: 'array', items: { enum: ['a', 'b'] } },
    home: { $ref: '#/$defs/place' },
  },
  required: ['name', 'age', 'tags', 'home'],
  additionalProperties: false,
  $defs: {
    place: {
      type: 'object',
      properties: { city: { type: ['string', 'null'] } },
      required: ['city'],
      additionalProperties: false,
    },
  },
}
export const pixel =
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=='
export const long = 'The same long prefix of a prompt. '.repeat(250)
