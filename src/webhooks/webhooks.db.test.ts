import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Webhook } from 'standardwebhooks'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { cloneDatabase, type TestDatabase } from '../../tests/database.ts'
import { openTestVault } from '../../tests/vault.ts'
import type { EventType } from '../contract/event-types.ts'
import { must } from '../kit/fault.ts'
import { newId } from '../kit/id.ts'
import { silentLog } from '../kit/log.ts'
import { makeOutbound } from '../net/outbound.ts'
import { recordAudit } from '../audit/audit.ts'
import { emit } from './events.ts'
import { makeWebhooks, type Webhooks } from './webhooks.ts'

const operator = { kind: 'operator', id: null } as const
const dayMs = 24 * 3600 * 1000

interface Received {
  readonly path: string
  readonly headers: Record<string, string>
  readonly body: string
}

let clone: TestDatabase
let vault: Awaited<ReturnType<typeof openTestVault>>
let server: Server
let base: string
let received: Received[] = []
/** By path: what the receiver answers; 200 unless given. */
const statuses = new Map<string, number>()
let now = new Date()
const notices: unknown[] = []

beforeAll(async () => {
  clone = await cloneDatabase()
  vault = await openTestVault(clone.database)
  server = createServer((request, response) => {
    let body = ''
    request.on('data', (part: Buffer) => (body += part.toString()))
    request.on('end', () => {
      const path = request.url ?? ''
      received.push({ path, headers: request.headers as Record<string, string>, body })
      response.writeHead(statuses.get(path) ?? 200).end()
    })
  })
  await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready))
  const { port } = server.address() as AddressInfo
  base = `http://127.0.0.1:${port}`
})
afterAll(async () => {
  await new Promise((done) => server.close(done))
  await vault.close()
  await clone.drop()
})

const open = (deliveryMs: readonly number[] = [0, 0]) => {
  const callbacks = makeOutbound()
  callbacks.allow([new URL(base).host])
  const webhooks = makeWebhooks({
    database: clone.database,
    vault: vault.vault,
    callbacks,
    alerts: { notify: async (notice) => notices.push(notice) },
    clock: () => now,
    log: silentLog,
    tickMs: 10,
    deliveryMs,
  })
  webhooks.start()
  return {
    webhooks,
    [Symbol.asyncDispose]: async () => {
      await webhooks.close()
      await callbacks.close()
      statuses.clear()
    },
  }
}

const organization = async () => {
  const id = newId()
  await clone.database.pool.query(
    "INSERT INTO organizations (id, name, kind) VALUES ($1, 'Company', 'company')",
    [id],
  )
  return id
}
const tell = (organizationId: string, type: EventType = 'key.added', data: Record<string, unknown> = {}) =>
  clone.database.kysely
    .transaction()
    .execute((transaction) => emit(transaction, { organizationId, type, data, at: now }))
const endpointAt = async (webhooks: Webhooks, organizationId: string, types: EventType[] | null = null) => {
  const path = `/${newId()}`
  const wanted = { url: base + path, description: '', types }
  const { endpoint, secret } = must(await webhooks.create(operator, organizationId, wanted))
  return { id: endpoint.id, path, secret }
}
const at = (path: string) => received.filter((one) => one.path === path)
const standing = async (webhooks: Webhooks, organizationId: string, endpointId: string) =>
  (await webhooks.deliveries({ organizationId, endpointId }, null, 50)).map(({ state }) => state)

test('an event arrives once at each endpoint that wants its type, signed as Standard Webhooks checks it, and at no other organisation’s', async () => {
  await using room = open()
  const { webhooks } = room
  const [company, other] = [await organization(), await organization()]
  const some = await endpointAt(webhooks, company, ['policy.changed'])
  const all = await endpointAt(webhooks, company)
  const foreign = await endpointAt(webhooks, other)
  const id = await tell(company, 'key.added', { name: 'Ünï' })
  await tell(company, 'policy.changed', { version: 2 })
  await expect.poll(() => received.length).toBe(3)
  expect([at(all.path).length, at(some.path).length, at(foreign.path).length]).toEqual([2, 1, 0])
  const first = at(all.path).find(({ headers }) => headers['webhook-id'] === id)
  const verified = new Webhook(all.secret).verify(first?.body ?? '', first?.headers ?? {})
  expect(verified).toEqual({ id, type: 'key.added', timestamp: now.toISOString(), data: { name: 'Ünï' } })
  expect(() => new Webhook(some.secret).verify(first?.body ?? '', first?.headers ?? {})).toThrow()
  expect(() => new Webhook(all.secret).verify(`${first?.body} `, first?.headers ?? {})).toThrow()
  await expect.poll(() => standing(webhooks, company, all.id)).toEqual(['delivered', 'delivered'])
})

test('an event is there with its change, and not without it', async () => {
  await using room = open()
  const company = await organization()
  await endpointAt(room.webhooks, company)
  const giveUp = clone.database.kysely.transaction().execute(async (transaction) => {
    await emit(transaction, { organizationId: company, type: 'key.added', data: {} })
    throw new Error('given up')
  })
  await expect(giveUp).rejects.toThrow('given up')
  const events = await room.webhooks.events({ organizationId: company }, null, 9)
  expect(events.map(({ type }) => type)).toEqual(['webhook_endpoint.created'])
})

test('what looks like a secret is never told', async () => {
  const company = await organization()
  await expect(tell(company, 'key.added', { name: `sk-proj-${'a1'.repeat(30)}` })).rejects.toThrow(/secret/)
})

test('a receiver that fails is asked again under the same id, then never; a replay sends the same bytes', async () => {
  await using room = open()
  const { webhooks } = room
  const company = await organization()
  const { id, path } = await endpointAt(webhooks, company)
  statuses.set(path, 503)
  const eventId = await tell(company)
  await expect.poll(() => standing(webhooks, company, id)).toEqual(['failed'])
  expect(at(path)).toHaveLength(3)
  await expect
    .poll(async () => must(await webhooks.endpoint(company, id)))
    .toMatchObject({ state: 'enabled', failedAttempts: 3 })
  statuses.delete(path)
  must(await webhooks.redeliver(company, id, eventId))
  await expect.poll(() => standing(webhooks, company, id)).toEqual(['delivered'])
  expect(new Set(at(path).map(({ headers }) => headers['webhook-id']))).toEqual(new Set([eventId]))
  expect(new Set(at(path).map(({ body }) => body)).size).toBe(1)
  await expect
    .poll(async () => must(await webhooks.endpoint(company, id)))
    .toMatchObject({ failedAttempts: 0, failingSince: null })
})

test('a new endpoint gets what happened before it when that is replayed, and nothing twice', async () => {
  await using room = open()
  const { webhooks } = room
  const company = await organization()
  for (let i = 0; i < 3; i++) await tell(company, i === 1 ? 'policy.changed' : 'key.added')
  const { id, path } = await endpointAt(webhooks, company, ['key.added'])
  const since = { since: new Date(0), until: null }
  const replay = async (only: 'failed' | 'not_delivered' | 'all') =>
    must(await webhooks.replay(operator, company, id, { ...since, only }))
  const backwards = { since: new Date(2), until: new Date(1), only: 'all' } as const
  expect(await webhooks.replay(operator, company, id, backwards)).toMatchObject({
    fault: { code: 'invalid_request', field: 'until' },
  })
  expect(await replay('failed')).toBe(0)
  expect(await replay('not_delivered')).toBe(2)
  await expect.poll(() => standing(webhooks, company, id)).toEqual(['delivered', 'delivered'])
  expect(await replay('not_delivered')).toBe(0)
  expect(at(path)).toHaveLength(2)
  expect(await replay('all')).toBe(2)
  await expect.poll(() => at(path).length).toBe(4)
})

test('after three days without one success an endpoint is switched off once, administrators are told, and it can be put back', async () => {
  await using room = open([])
  const { webhooks } = room
  const company = await organization()
  const { id, path } = await endpointAt(webhooks, company)
  statuses.set(path, 500)
  for (let i = 0; i < 9; i++) await tell(company)
  await expect.poll(async () => must(await webhooks.endpoint(company, id)).failedAttempts).toBe(9)
  now = new Date(now.getTime() + 3 * dayMs)
  await tell(company)
  await expect.poll(async () => must(await webhooks.endpoint(company, id)).state).toBe('failing')
  await expect.poll(() => notices.length).toBe(1)
  expect(notices[0]).toMatchObject({
    kind: 'webhook_disabled',
    audience: { kind: 'organization_administrators', organizationId: company },
  })
  await tell(company)
  expect(await standing(webhooks, company, id)).toHaveLength(10)
  expect(await webhooks.redeliver(company, id, newId())).toMatchObject({ fault: { code: 'conflict' } })
  statuses.delete(path)
  must(await webhooks.change(operator, company, id, { enabled: true }))
  const eventId = await tell(company)
  const ofEvent = { organizationId: company, endpointId: id, eventId }
  await expect.poll(async () => (await webhooks.deliveries(ofEvent, null, 1))[0]?.state).toBe('delivered')
})

test('a new secret signs at once, the one before beside it for a day', async () => {
  await using room = open()
  const { webhooks } = room
  const company = await organization()
  const { id, path, secret: former } = await endpointAt(webhooks, company)
  const { secret, endpoint } = must(await webhooks.renewSecret(operator, company, id))
  expect(endpoint.secretLastFour).toBe(secret.slice(-4))
  const opens = (by: string, one: Received | undefined) => {
    try {
      // Against the instant that the signature was made at.
      const timestamp = Number(one?.headers['webhook-timestamp'])
      const signed = new Webhook(by).sign(
        one?.headers['webhook-id'] ?? '',
        new Date(timestamp * 1000),
        one?.body ?? '',
      )
      return (one?.headers['webhook-signature'] ?? '').split(' ').includes(signed)
    } catch {
      return false
    }
  }
  // The renewal is an event itself.
  await expect.poll(() => at(path).length).toBe(1)
  expect([opens(secret, at(path)[0]), opens(former, at(path)[0])]).toEqual([true, true])
  now = new Date(now.getTime() + dayMs + 1)
  await tell(company)
  await expect.poll(() => at(path).length).toBe(2)
  expect([opens(secret, at(path)[1]), opens(former, at(path)[1])]).toEqual([true, false])
})

test('an address inside is refused when it is set, and a removed endpoint is told nothing more', async () => {
  await using room = open()
  const { webhooks } = room
  const company = await organization()
  const inside = { url: 'http://169.254.169.254/', description: '', types: null }
  expect(await webhooks.create(operator, company, inside)).toMatchObject({
    fault: { code: 'unsafe_address' },
  })
  const { id, path } = await endpointAt(webhooks, company)
  expect(await webhooks.change(operator, company, id, { url: inside.url })).toMatchObject({
    fault: { code: 'unsafe_address' },
  })
  must(await webhooks.remove(operator, company, id))
  await tell(company)
  expect(await webhooks.endpoints(company)).toEqual([])
  expect(await webhooks.test(company, id)).toMatchObject({ fault: { code: 'not_found' } })
  expect(at(path)).toEqual([])
  const { rows } = await clone.database.pool.query(
    'SELECT 1 FROM webhook_endpoint_secrets WHERE endpoint_id = $1',
    [id],
  )
  expect(rows).toEqual([])
})

describe('a test', () => {
  test('is one call, says what became of it, and is no event', async () => {
    await using room = open()
    const { webhooks } = room
    const company = await organization()
    const { id, path } = await endpointAt(webhooks, company)
    expect(must(await webhooks.test(company, id))).toEqual({ isDelivered: true, status: 200, fault: null })
    statuses.set(path, 404)
    expect(must(await webhooks.test(company, id))).toEqual({ isDelivered: false, status: 404, fault: null })
    expect(await webhooks.events({ organizationId: company, type: 'webhook.test' }, null, 9)).toEqual([])
    expect(JSON.parse(at(path)[0]?.body ?? '')).toMatchObject({
      type: 'webhook.test',
      data: { endpointId: id },
    })
  })
})

test('what is audited of keys and tokens is told, once, with who did it and with which token; other entries are not', async () => {
  const company = await organization()
  const by = {
    kind: 'user',
    id: newId(),
    token: { id: newId(), scopes: ['manage'], expiresAt: null },
  } as const
  await clone.database.kysely.transaction().execute(async (transaction) => {
    const entry = { organizationId: company, actor: by, subject: { kind: 'service_key', id: 'k' } }
    await recordAudit(transaction, { ...entry, action: 'service_key.revoke', before: { status: 'active' } })
    await recordAudit(transaction, { ...entry, action: 'session.proved' })
  })
  await using room = open()
  const told = await room.webhooks.events({ organizationId: company }, null, 9)
  expect(told.map(({ payload }) => JSON.parse(payload))).toMatchObject([
    {
      type: 'key.revoked',
      data: {
        subject: { kind: 'service_key', id: 'k' },
        actor: { id: by.id, accessTokenId: by.token.id },
        before: { status: 'active' },
      },
    },
  ])
})
