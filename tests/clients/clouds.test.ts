import OpenAI from 'openai'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { demoSecret } from '../../simulator/keys.ts'
import { vertex } from '../../src/services/vertex.ts'
import { openStage, type Stage } from '../stage.ts'

/* Service keys of more than one field: what proves them at the service is made for each call. */

let stage: Stage
beforeAll(async () => {
  stage = await openStage()
})
afterAll(() => stage[Symbol.asyncDispose]())

const messages = [{ role: 'user' as const, content: 'tell me something' }]
const clientOf = (token: string) => new OpenAI({ baseURL: `${stage.url}/v1`, apiKey: token, maxRetries: 0 })

test('an AWS access key signs each call to Bedrock, whole and streamed, and its secret never leaves', async () => {
  const person = await stage.person({ fallback: 'none' })
  const secret = await stage.ownKey(
    person,
    'bedrock',
    { kind: 'ok' },
    { region: 'us-east-1', accessKeyId: 'of the secret' },
  )
  stage.simulator.clearJournal()
  const client = clientOf(person.token)
  const model = 'amazon.nova-lite-v1:0'
  const whole = await client.chat.completions.create({ model, messages })
  const stream = await client.chat.completions.create({ model, messages, stream: true })
  const chunks = await Array.fromAsync(stream)
  expect(chunks.map((chunk) => chunk.choices[0]?.delta.content ?? '').join('')).toBe(
    whole.choices[0]?.message.content,
  )
  const journal = stage.simulator.journal()
  expect(journal.map(({ status, credential }) => [status, credential?.slice(0, 4)])).toEqual([
    [200, 'AKIA'],
    [200, 'AKIA'],
  ])
  expect(JSON.stringify(journal)).not.toContain(secret)
})

test('Azure OpenAI is called by the name of the deployment', async () => {
  const person = await stage.person({ fallback: 'none' })
  await stage.ownKey(
    person,
    'azure_openai',
    { kind: 'ok' },
    { resource: 'demo', deployments: 'gpt-4.1-mini=my-gpt-4.1-mini' },
  )
  stage.simulator.clearJournal()
  const reply = await clientOf(person.token).chat.completions.create({
    model: 'azure_openai/gpt-4.1-mini',
    messages,
  })
  expect(reply.choices[0]?.message.content).toContain('[simulated gpt-4.1-mini]')
  expect(stage.simulator.journal().at(-1)?.body).toContain('"my-gpt-4.1-mini"')
})

test('the assertion that is exchanged for Vertex AI’s access tokens stands up to an independent check', async () => {
  const secret = demoSecret('vertex', 'assertion')
  stage.simulator.setKey(secret, { kind: 'ok' }, 'vertex')
  const exchange = async (at: Date) => {
    const asked = vertex.tokenExchange?.request(secret, at)
    const reply = await fetch(`${stage.simulator.url}/vertex/token`, {
      method: 'POST',
      headers: asked?.headers ?? {},
      body: asked?.body ?? '',
    })
    return vertex.tokenExchange?.read(reply.status, await reply.text()) ?? null
  }
  const token = await exchange(new Date())
  expect(token?.expiresInSeconds).toBe(3599)
  expect(await exchange(new Date(Date.now() - 86_400_000))).toBeNull()
  // The token it was given opens the service it is for.
  const place = 'v1/projects/demo-project/locations/us-central1/publishers/google/models/gemini-2.5-flash'
  const counted = await fetch(`${stage.simulator.url}/vertex/${place}:countTokens`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${token?.accessToken ?? ''}` },
    body: JSON.stringify({ contents: [{ role: 'user', parts: [{ text: 'hello' }] }] }),
  })
  expect(counted.status).toBe(200)
})
