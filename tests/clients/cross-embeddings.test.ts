import { GoogleGenAI } from '@google/genai'
import OpenAI from 'openai'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { ServiceName } from '../../simulator/keys.ts'
import { openStage, type Stage } from '../stage.ts'

/* Embeddings asked for by one vendor's client and made by another's service. */

let stage: Stage
beforeAll(async () => {
  stage = await openStage()
})
afterAll(() => stage[Symbol.asyncDispose]())

const personWith = async (service: ServiceName) => {
  const person = await stage.person({ fallback: 'none' })
  await stage.ownKey(person, service)
  return person
}

test.each([
  ['gemini', 'gemini-embedding-001', 3072],
  ['bedrock', 'amazon.titan-embed-text-v2:0', 1024],
  ['cohere', 'embed-v4.0', 1536],
  ['mistral', 'mistral-embed', 1024],
  ['voyage', 'voyage-3.5', 1024],
] as const)('OpenAI’s client embeds by %s', async (service, model, dimensions) => {
  const { token } = await personWith(service)
  const client = new OpenAI({ baseURL: `${stage.url}/v1`, apiKey: token, maxRetries: 0 })
  const reply = await client.embeddings.create({ model, input: ['a', 'b'] })
  expect(reply.data.map((item) => item.embedding.length)).toEqual([dimensions, dimensions])
  const floats = await client.embeddings.create({ model, input: 'a', encoding_format: 'float' })
  expect(floats.data[0]?.embedding[0]).toBeCloseTo(reply.data[0]?.embedding[0] ?? Number.NaN, 5)
})

test.each([
  ['openai', 'text-embedding-3-small', 1536],
  ['cohere', 'embed-v4.0', 1536],
] as const)('Google’s client embeds by %s', async (service, model, dimensions) => {
  const { token } = await personWith(service)
  const client = new GoogleGenAI({ apiKey: token, httpOptions: { baseUrl: stage.url } })
  const { embeddings } = await client.models.embedContent({ model, contents: ['a', 'b'] })
  expect(embeddings?.map((item) => item.values?.length)).toEqual([dimensions, dimensions])
})
