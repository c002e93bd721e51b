import Anthropic from '@anthropic-ai/sdk'
import OpenAI, { toFile } from 'openai'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { must } from '../src/kit/fault.ts'
import { openResources, type ResourcesGateway } from './resources-gateway.ts'
import { operator } from './scene.ts'
import { openStage, type Stage, type StagePerson } from './stage.ts'

let stage: Stage
let gateway: ResourcesGateway

beforeAll(async () => {
  stage = await openStage()
  gateway = await openResources(stage.gateway.rooms)
})
afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await stage[Symbol.asyncDispose]()
})

const openaiOf = (person: StagePerson) =>
  new OpenAI({ apiKey: person.token, baseURL: `${gateway.url}/v1`, maxRetries: 0 })
const anthropicOf = (person: StagePerson) =>
  new Anthropic({ apiKey: person.token, baseURL: gateway.url, maxRetries: 0 })

const lines = ['first', 'second', 'third'].map((id) =>
  JSON.stringify({
    custom_id: id,
    method: 'POST',
    url: '/v1/chat/completions',
    body: { model: 'gpt-4o-mini', messages: [{ role: 'user', content: 'say it' }] },
  }),
)
const upload = async (client: OpenAI) =>
  client.files.create({ file: await toFile(Buffer.from(lines.join('\n')), 'batch.jsonl'), purpose: 'batch' })
const batchOf = (fileId: string) =>
  ({ input_file_id: fileId, endpoint: '/v1/chat/completions', completion_window: '24h' }) as const

const untilEnded = async (person: StagePerson, kind: 'openai_batch' | 'anthropic_batch', id: string) => {
  const find = async () => (await gateway.longOperations.named(person, kind, [id]))[0]
  await expect.poll(async () => (await find())?.endedAt != null, { interval: 30 }).toBe(true)
  const operation = await find()
  if (operation === undefined) throw new Error(`${id} is a long operation`)
  return operation
}

const requests = ['first', 'second'].map((id) => ({
  custom_id: id,
  params: {
    model: 'claude-haiku-4-5',
    max_tokens: 10,
    messages: [{ role: 'user' as const, content: 'say it' }],
  },
}))

describe('OpenAI’s batches on an own key', () => {
  test('are passed on, and what they used is on record at their end', async () => {
    const person = await stage.person({ creditMicros: 0n })
    await stage.ownKey(person, 'openai')
    const client = openaiOf(person)
    const file = await upload(client)
    const { data: batch, response } = await client.batches.create(batchOf(file.id)).withResponse()
    expect(batch).toMatchObject({ object: 'batch', input_file_id: file.id })
    const ended = await untilEnded(person, 'openai_batch', batch.id)
    expect(ended).toMatchObject({ state: 'succeeded', progress: 100 })
    expect(ended.id).toBe(response.headers.get('x-aideon-operation'))
    const done = await client.batches.retrieve(batch.id)
    const results = (await (await client.files.content(done.output_file_id ?? '')).text()).trim().split('\n')
    const usage = results.map(
      (line) =>
        (JSON.parse(line) as { response: { body: { usage: Record<string, number> } } }).response.body.usage,
    )
    const sum = (field: string) => BigInt(usage.reduce((total, one) => total + (one[field] ?? 0), 0))
    expect(await stage.operation(person, ended.id)).toMatchObject({
      endpoint: 'batches',
      status: 'succeeded',
      usage_source: 'reported',
      input_tokens: sum('prompt_tokens'),
      output_tokens: 6n,
      credit_micros: 0n,
    })
  })

  test('and their results stay with the key, and out of sight of everybody else', async () => {
    const person = await stage.person()
    const secret = await stage.ownKey(person, 'openai')
    const client = openaiOf(person)
    const batch = await client.batches.create(batchOf((await upload(client)).id))
    await untilEnded(person, 'openai_batch', batch.id)
    const { output_file_id: output } = await client.batches.retrieve(batch.id)
    await stage.ownKey(person, 'openai')
    await client.files.content(output ?? '')
    expect(stage.simulator.journal().at(-1)).toMatchObject({ credential: secret })
    const other = await stage.person({ organizationId: person.organizationId })
    await expect(openaiOf(other).files.content(output ?? '')).rejects.toMatchObject({ status: 404 })
    await expect(openaiOf(other).batches.retrieve(batch.id)).rejects.toMatchObject({ status: 404 })
  })
})

test('under a hard budget on the cost of own keys no batch begins: what it will cost has no bound', async () => {
  const person = await stage.person({ fallback: 'none' })
  for (const service of ['openai', 'anthropic'] as const) await stage.ownKey(person, service)
  const client = openaiOf(person)
  const file = await upload(client)
  const { organizationId, userId } = person
  must(
    await stage.gateway.rooms.budgets.create(operator, {
      organizationId,
      userId,
      accessTokenId: null,
      serviceId: null,
      name: 'My keys',
      measure: 'own_key_cost',
      limit: 1_000_000_000n,
      enforcement: 'hard',
      period: 'calendar_month',
      timeZone: 'UTC',
      setBy: 'administrator',
    }),
  )
  await expect(client.batches.create(batchOf(file.id))).rejects.toMatchObject({
    status: 422,
    code: 'price_unknown',
  })
  await expect(anthropicOf(person).messages.batches.create({ requests })).rejects.toMatchObject({
    status: 422,
  })
})

describe('Anthropic’s batches on an own key', () => {
  test('are passed on, and what they used is counted from their results', async () => {
    const person = await stage.person({ creditMicros: 0n })
    await stage.ownKey(person, 'anthropic')
    const client = anthropicOf(person)
    const batch = await client.messages.batches.create({ requests })
    expect(batch).toMatchObject({ type: 'message_batch', processing_status: 'in_progress' })
    const ended = await untilEnded(person, 'anthropic_batch', batch.id)
    expect(await stage.operation(person, ended.id)).toMatchObject({
      endpoint: 'batches',
      status: 'succeeded',
      usage_source: 'reported',
      input_tokens: 20n,
      cache_read_tokens: 10n,
      output_tokens: 6n,
    })
  })

  test('have their results read through the gateway, with no token sent to Anthropic', async () => {
    const person = await stage.person()
    await stage.ownKey(person, 'anthropic')
    const client = anthropicOf(person)
    const batch = await client.messages.batches.create({ requests })
    await untilEnded(person, 'anthropic_batch', batch.id)
    const { results_url: url } = await client.messages.batches.retrieve(batch.id)
    expect(url).toBe(`/v1/messages/batches/${batch.id}/results`)
    const seen: string[] = []
    for await (const line of await client.messages.batches.results(batch.id)) seen.push(line.custom_id)
    expect(seen).toEqual(['first', 'second'])
    const other = anthropicOf(await stage.person({ organizationId: person.organizationId }))
    await expect(other.messages.batches.retrieve(batch.id)).rejects.toMatchObject({ status: 404 })
  })
})

describe('batches on the platform’s keys', () => {
  test.each(['openai', 'anthropic'] as const)('are refused, and say why (%s)', async (service) => {
    await stage.systemKey(service, 1)
    const person = await stage.person()
    const before = stage.simulator.journal().length
    const asked =
      service === 'openai'
        ? openaiOf(person).batches.create(batchOf('file-1'))
        : anthropicOf(person).messages.batches.create({ requests })
    await expect(asked).rejects.toMatchObject({ status: 424, message: expect.stringContaining('batch') })
    expect(stage.simulator.journal()).toHaveLength(before)
    expect(await stage.balance(person)).toMatchObject({ heldMicros: 0n, availableMicros: 100_000_000n })
  })
})
