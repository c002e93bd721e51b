import { randomUUID } from 'node:crypto'
import { tmpdir } from 'node:os'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Explanation } from '../src/contract/explain.ts'
import { silentLog } from '../src/kit/log.ts'
import { must } from '../src/kit/fault.ts'
import { type Gateway, startGateway } from '../src/main.ts'
import type { Entitlements } from '../src/billing/tier.ts'
import { operator, testMasterKey } from './scene.ts'
import { openStage, type Stage, stageConfig, type StagePerson } from './stage.ts'
import { setOwnPrice } from './set-price.ts'

/* What a tier includes, from an administrator's words to the callers of two gateways on one database. */

let stage: Stage
let second: Gateway
beforeAll(async () => {
  stage = await openStage()
  second = await startGateway(
    stageConfig({
      AIDEON_PORT: '0',
      AIDEON_DATA_DIR: tmpdir(),
      DATABASE_URL: stage.clone.url,
      AIDEON_MASTER_KEY: testMasterKey,
      AIDEON_LOG_LEVEL: 'silent',
      AIDEON_DASHBOARDS: 'false',
    }),
    silentLog,
  )
  await stage.systemKey('openai', 1)
  await stage.systemKey('anthropic', 1)
})
afterAll(async () => {
  await second.stop()
  await stage[Symbol.asyncDispose]()
})

const all: Entitlements = { services: null, groups: null, rateLimits: null }
const saveTier = async (tierId: string, name: string, entitlements: Partial<Entitlements>) =>
  must(
    await stage.gateway.rooms.billing.saveTier(operator, {
      tierId,
      name,
      priceMinor: 0n,
      currency: 'USD',
      allocationMicros: 0n,
      rolloverCapMicros: 0n,
      entitlements: { ...all, ...entitlements },
      reason: 'test',
    }),
  )
const changeTo = async ({ organizationId, userId }: StagePerson, tierId: string) =>
  must(
    await stage.gateway.rooms.billing.change(
      operator,
      { organizationId, userId },
      { kind: 'change_tier', tierId },
      { idempotencyKey: randomUUID(), returnUrl: 'http://localhost/' },
    ),
  )

const bodies = {
  '/v1/messages': { model: 'claude-haiku-4-5', max_tokens: 20, messages: [{ role: 'user', content: 'hi' }] },
  '/v1/chat/completions': {
    model: 'gpt-4o-mini',
    max_completion_tokens: 200,
    messages: [{ role: 'user', content: 'hi' }],
  },
}
const ask = async (
  url: string,
  person: StagePerson,
  path: keyof typeof bodies,
  more: { model?: string; headers?: Record<string, string> } = {},
) => {
  const reply = await fetch(url + path, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${person.token}`,
      'content-type': 'application/json',
      'anthropic-version': '2023-06-01',
      ...more.headers,
    },
    body: JSON.stringify({ ...bodies[path], ...(more.model ? { model: more.model } : {}) }),
  })
  return {
    status: reply.status,
    headers: reply.headers,
    body: (await reply.json()) as Record<string, unknown>,
  }
}
const urls = () => [stage.url, second.url]

test('a service that a tier leaves out is refused on system keys by every process, in the caller’s dialect, with the tiers that have it', async () => {
  await saveTier('small', 'Small', { services: ['openai'] })
  await saveTier('large', 'Large', {})
  const person = await stage.person()
  for (const url of urls()) expect((await ask(url, person, '/v1/messages')).status).toBe(200)
  await changeTo(person, 'small')
  for (const url of urls()) {
    expect(await ask(url, person, '/v1/messages')).toMatchObject({
      status: 403,
      body: {
        type: 'error',
        error: {
          type: 'permission_error',
          code: 'not_in_tier',
          message: expect.stringMatching(
            /^Your tier, Small, does not include Anthropic on credits\. Change to .*Large.*, or add your own Anthropic key\.$/,
          ),
        },
      },
    })
    expect((await ask(url, person, '/v1/chat/completions')).status).toBe(200)
  }
  await changeTo(person, 'large')
  for (const url of urls()) expect((await ask(url, person, '/v1/messages')).status).toBe(200)
})

test('a tier never stops an own key, which costs nothing', async () => {
  const person = await stage.person()
  await changeTo(person, 'small')
  await stage.ownKey(person, 'anthropic')
  for (const url of urls()) {
    const reply = await ask(url, person, '/v1/messages')
    expect(reply.status).toBe(200)
    expect(reply.headers.get('x-aideon-key-owner')).toBe('user')
  }
  expect((await stage.balance(person)).availableMicros).toBe(100_000_000n)
})

test('a model group that a tier leaves out is refused on credits; its models by their own names are not', async () => {
  await saveTier('groupless', 'Groupless', { groups: ['fast'] })
  const person = await stage.person()
  await changeTo(person, 'groupless')
  const path = '/v1/chat/completions'
  expect(await ask(second.url, person, path, { model: 'group/smart' })).toMatchObject({
    status: 403,
    body: { error: { code: 'not_in_tier', message: expect.stringContaining('group/smart on credits') } },
  })
  expect(await ask(second.url, person, path, { model: 'group/fast' })).toMatchObject({ status: 200 })
  expect((await ask(second.url, person, path, { model: 'claude-opus-5' })).status).toBe(200)
})

test('explain says which key the tier leaves out; the list of models leaves out what only it could serve', async () => {
  const person = await stage.person()
  await changeTo(person, 'small')
  const explained = await ask(stage.url, person, '/v1/messages', { headers: { 'x-aideon-explain': '1' } })
  const { passedOver, refusal } = explained.body as unknown as Explanation
  expect(passedOver).toContainEqual(
    expect.objectContaining({
      serviceId: 'anthropic',
      keyOwner: 'system',
      why: 'tier',
      words: 'Your tier, Small, does not include this on system keys.',
    }),
  )
  expect(refusal).toMatchObject({ code: 'not_in_tier', status: 403 })
  const list = await fetch(`${stage.url}/v1/models`, { headers: { authorization: `Bearer ${person.token}` } })
  const ids = ((await list.json()) as { data: { id: string }[] }).data.map(({ id }) => id)
  expect(ids).toContain('gpt-4o-mini')
  expect(ids).not.toContain('claude-haiku-4-5')
})

test('the decision on record names the tier where another key served', async () => {
  const person = await stage.person({ fallback: 'alternative_then_system' })
  await stage.systemKey('openrouter', 1)
  await saveTier('router', 'Router', { services: ['openrouter'] })
  await changeTo(person, 'router')
  const reply = await ask(stage.url, person, '/v1/chat/completions')
  expect(reply.status).toBe(200)
  const row = await stage.operation(person, reply.headers.get('x-aideon-operation') ?? '')
  const decision = row['decision'] as { passedOver: { service: string; why: string }[] }
  expect(decision.passedOver).toContainEqual(expect.objectContaining({ service: 'openai', why: 'tier' }))
})

test('a tier’s rate limits hold until an administrator sets others for a user', async () => {
  await saveTier('slow', 'Slow', {
    rateLimits: { requestsPerMinute: 2, tokensPerMinute: null, concurrent: null },
  })
  const person = await stage.person()
  await changeTo(person, 'slow')
  const path = '/v1/chat/completions'
  const statuses: number[] = []
  for (const url of [...urls(), ...urls()]) statuses.push((await ask(url, person, path)).status)
  expect(statuses.toSorted((a, b) => a - b)).toEqual([200, 200, 429, 429])
  const refused = await ask(stage.url, person, path)
  expect(refused.body).toMatchObject({
    error: { code: 'rate_limited', message: expect.stringContaining('Limits of the tier Slow hold') },
  })
  const { organizationId, userId } = person
  must(
    await stage.gateway.rooms.limits.set(
      operator,
      { organizationId, kind: 'user', id: userId },
      { requestsPerMinute: 1_000, tokensPerMinute: null, concurrent: null },
    ),
  )
  // A process remembers for a moment that a limit was reached.
  for (const url of urls()) await expect.poll(async () => (await ask(url, person, path)).status).toBe(200)
})

test('a subscription keeps what its version of the tier includes until its next period begins', async () => {
  await saveTier('changing', 'Changing', {})
  const person = await stage.person()
  await changeTo(person, 'changing')
  await saveTier('changing', 'Changing', { services: ['openai'] })
  for (const url of urls()) expect((await ask(url, person, '/v1/messages')).status).toBe(200)
  const { organizationId, userId } = person
  const { periodEnd } = must(await stage.gateway.rooms.billing.subscription({ organizationId, userId }))
  await stage.gateway.rooms.billing.renewDue(periodEnd)
  await expect
    .poll(async () => (await ask(second.url, person, '/v1/messages')).body)
    .toMatchObject({ error: { code: 'not_in_tier' } })
})

test('an operation keeps the price that it began with, and the next one has the new price in every process', async () => {
  const person = await stage.person()
  const { prices } = stage.gateway.rooms
  const charged = async (url: string) => {
    const reply = await ask(url, person, '/v1/chat/completions')
    const row = await stage.operation(person, reply.headers.get('x-aideon-operation') ?? '')
    return { version: row['price_book_version'] as number, micros: row['credit_micros'] as bigint }
  }
  const before = [await charged(stage.url), await charged(second.url)]
  const version = await setOwnPrice(prices, {
    serviceId: 'openai',
    model: 'gpt-4o-mini*',
    unit: 'output',
    nanoUsd: 900_000_000_000n,
    per: 1_000_000n,
  })
  for (const url of urls()) {
    const after = await charged(url)
    expect(after.version).toBe(version)
    expect(after.micros).toBeGreaterThan(before[0]?.micros ?? 0n)
  }
  expect(before.every((each) => each.version < version)).toBe(true)
})
