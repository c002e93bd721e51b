import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { cloneDatabase, type TestDatabase } from '../../tests/database.ts'
import {
  insertOrganization,
  insertUser,
  type KeyRoom,
  operator,
  startKeyRoom,
  startService,
} from '../../tests/service-keys.ts'
import { makeEpochCache } from '../db/epoch-cache.ts'
import type { Outcome } from '../kit/fault.ts'
import { newId, platformOrganizationId } from '../kit/id.ts'
import type { NewServiceKey, ServiceKey } from './keys.ts'

let clone: TestDatabase
let service: Awaited<ReturnType<typeof startService>>
let room: KeyRoom
let here: { organizationId: string; userId: string }

beforeAll(async () => {
  clone = await cloneDatabase()
  service = await startService()
  room = await startKeyRoom({ url: clone.url, serviceUrl: service.url })
})
afterAll(async () => {
  await room.close()
  await service.close()
  await clone.drop()
})
beforeEach(async () => {
  here = await insertOrganization(clone.database)
})
afterEach(() => {
  service.asked.length = 0
  service.statusOf.clear()
})

let made = 0
/** A secret that the service answers with this status. */
const secretWith = (status: number, prefix = 'sk-proj-'): string => {
  const secret = `${prefix}${'a'.repeat(40)}${String(++made).padStart(6, '0')}`
  service.statusOf.set(secret, status)
  return secret
}
const own = (secret: string, more: Partial<NewServiceKey> = {}): NewServiceKey => ({
  ...here,
  owner: 'user',
  serviceId: 'openai',
  secret,
  ...more,
})
const system = (secret: string, more: Partial<NewServiceKey> = {}): NewServiceKey =>
  own(secret, { organizationId: platformOrganizationId, userId: null, owner: 'system', ...more })
const add = async (input: NewServiceKey) => valueOf(await room.keys.add(operator, input)).serviceKey
const valueOf = <T>(outcome: Outcome<T>): T => {
  if (!outcome.ok) throw new Error(`${outcome.fault.code}: ${outcome.fault.message}`)
  return outcome.value
}
const gatewayKeys = () => room.keys.listForGateway(here.organizationId, here.userId)
const open = (key: ServiceKey) => room.vault.open({ ...key, serviceKeyId: key.id }, key.sealed)
const auditOf = async (id: string) =>
  (
    await clone.database.kysely
      .selectFrom('audit_entries')
      .select(['action', 'before', 'after', 'reason'])
      .where('subject_id', '=', id)
      .orderBy('id')
      .execute()
  ).map((entry) => entry.action)

describe('adding', () => {
  test('a key that the service accepts is active and opens to what was entered', async () => {
    const secret = secretWith(200)
    const added = valueOf(await room.keys.add(operator, own(`  "${secret}"\n`)))
    expect(added.check).toMatchObject({
      verdict: 'valid',
      detail: 'The service accepted the key.',
      warning: null,
      scopeWarnings: [],
    })
    expect(added.serviceKey).toMatchObject({
      status: 'active',
      lastFour: secret.slice(-4),
      version: 1,
      label: `OpenAI …${secret.slice(-4)}`,
    })
    const [key] = await gatewayKeys()
    expect(key && (await open(key))).toEqual({ ok: true, value: secret })
    expect(await auditOf(added.serviceKey.id)).toEqual(['service_key.add'])
  })

  test('the validation call goes to the chosen service alone, with nothing but its credential', async () => {
    const secret = secretWith(200, 'sk-ant-api03-')
    await add(own(secret, { serviceId: 'anthropic' }))
    expect(service.asked).toHaveLength(1)
    expect(service.asked[0]?.url).toBe('/anthropic/v1/models?limit=1')
    expect(Object.keys(service.asked[0]?.headers ?? {}).sort((a, b) => a.localeCompare(b))).toEqual([
      'accept-encoding',
      'anthropic-version',
      'connection',
      'host',
      'user-agent',
      'x-api-key',
    ])
  })

  test('a key that the service refuses is not stored, and the refusal does not hold it', async () => {
    const secret = secretWith(401)
    const refused = await room.keys.add(operator, own(secret))
    expect(refused).toMatchObject({ ok: false, fault: { code: 'key_rejected', field: 'secret' } })
    expect(JSON.stringify(refused)).not.toContain(secret.slice(0, 16))
    expect(await gatewayKeys()).toEqual([])
  })

  test('a refused key that is insisted on is stored as invalid and used once a recheck finds it valid', async () => {
    const secret = secretWith(401)
    const key = await add(own(secret, { acceptUnproven: true }))
    expect(key).toMatchObject({ status: 'invalid', verdict: 'invalid' })
    service.statusOf.set(secret, 200)
    expect(valueOf(await room.keys.recheck(operator, key)).serviceKey).toMatchObject({
      status: 'active',
      verdict: 'valid',
    })
  })

  test.each([
    [403, 'valid_but_unusable', 'active'],
    [402, 'valid_but_unusable', 'exhausted'],
    [429, 'unknown', 'active'],
    [503, 'unknown', 'active'],
  ])(
    'a service that answers %i gives the verdict %s, and the key is stored as %s',
    async (status, verdict, as) => {
      const key = await add(own(secretWith(status)))
      expect(key).toMatchObject({ verdict, status: as })
      expect(key.verdictDetail).not.toContain('Incorrect API key')
    },
  )

  test('a service that cannot be reached proves nothing: the key is stored as unknown', async () => {
    const gone = await startKeyRoom({ url: clone.url, serviceUrl: 'http://127.0.0.1:1' })
    const added = valueOf(await gone.keys.add(operator, own(secretWith(200))))
    expect(added.serviceKey).toMatchObject({ status: 'active', verdict: 'unknown' })
    expect(added.check.detail).toContain('could not be proven')
    await gone.close()
  })

  test('a key that looks like another service’s is warned about, never refused', async () => {
    const secret = secretWith(200, 'sk-ant-api03-')
    const added = valueOf(await room.keys.add(operator, own(secret)))
    expect(added.check.warning).toBe('This looks like a key of Anthropic, not of OpenAI.')
    expect(added.serviceKey.status).toBe('active')
  })

  test('the same secret is stored once per owner, however many add it at the same time', async () => {
    const secret = secretWith(200)
    const outcomes = await Promise.all(Array.from({ length: 5 }, () => room.keys.add(operator, own(secret))))
    expect(outcomes.filter((outcome) => outcome.ok)).toHaveLength(1)
    for (const outcome of outcomes) if (!outcome.ok) expect(outcome.fault.code).toBe('key_duplicate')
    expect(await room.keys.add(operator, own(secret))).toMatchObject({ fault: { code: 'key_duplicate' } })
    const colleague = newId()
    await insertUser(clone.database, here.organizationId, colleague)
    await add(own(secret, { userId: colleague }))
    await add(own(secret, { owner: 'organization', userId: null }))
  })

  test('one secret is told to be the same in all organisations, for the discount, and another one is not', async () => {
    const [secret, other] = [secretWith(200), secretWith(200)]
    await add(own(secret))
    const elsewhere = await insertOrganization(clone.database)
    for (const one of [secret, other]) await add(own(one, elsewhere))
    const { rows } = await clone.database.pool.query(
      `SELECT organization_id AS of, count(*) OVER (PARTITION BY secret_id) AS times FROM own_key_presences
       WHERE organization_id IN ($1, $2) AND until_at IS NULL AND secret_id IS NOT NULL`,
      [here.organizationId, elsewhere.organizationId],
    )
    const timesIn = (organizationId: string) =>
      rows.flatMap((row) => (row.of === organizationId ? [Number(row.times)] : []))
    expect(timesIn(here.organizationId)).toEqual([2])
    expect(timesIn(elsewhere.organizationId).toSorted((a, b) => a - b)).toEqual([1, 2])
  })

  test('a service without a fixed address needs one, and it is where the secret goes', async () => {
    const secret = secretWith(200, 'mj-')
    const midjourney = own(secret, { serviceId: 'midjourney' })
    expect(await room.keys.add(operator, midjourney)).toMatchObject({
      fault: { code: 'invalid_request', field: 'baseUrl' },
    })
    const key = await add({ ...midjourney, baseUrl: `${service.url}/my-proxy/` })
    expect(key.baseUrl).toBe(`${service.url}/my-proxy`)
    expect(service.asked.map((asked) => asked.url)).toEqual(['/my-proxy/mj/task/list'])
    await add({ ...midjourney, baseUrl: `${service.url}/other-proxy` })
  })

  test.each([
    ['http://10.0.0.7/', 'midjourney', 'unsafe_address'],
    ['http://169.254.169.254/latest', 'midjourney', 'unsafe_address'],
    ['https://user:pass@example.com/', 'midjourney', 'invalid_request'],
    ['https://example.com/?key=1', 'midjourney', 'invalid_request'],
    ['ftp://example.com/', 'midjourney', 'invalid_request'],
    ['https://example.com/', 'openai', 'invalid_request'],
  ])('the address %s for %s is refused and nothing is sent', async (baseUrl, serviceId, code) => {
    const refused = await room.keys.add(operator, own(secretWith(200), { serviceId, baseUrl }))
    expect(refused).toMatchObject({ ok: false, fault: { code, field: 'baseUrl' } })
    expect(service.asked).toEqual([])
  })

  test('a secret is not taken as a label or address, where others would see it', async () => {
    const secret = secretWith(200)
    expect(await room.keys.add(operator, own(secret, { label: `my ${secret}` }))).toMatchObject({
      fault: { code: 'invalid_request', field: 'label' },
    })
    const plain = secretWith(200, 'plain')
    const address = { serviceId: 'midjourney', baseUrl: `${service.url}/${plain}` }
    expect(await room.keys.add(operator, own(plain, address))).toMatchObject({ fault: { field: 'baseUrl' } })
    expect(service.asked).toEqual([])
  })

  test('checking stores nothing', async () => {
    expect(await room.keys.check({ serviceId: 'openai', secret: secretWith(401) })).toMatchObject({
      ok: true,
      value: { verdict: 'invalid' },
    })
    expect(await gatewayKeys()).toEqual([])
  })
})

describe('replacing and revoking', () => {
  test('a replacement is a new version in the same place, and the old one is retired', async () => {
    const [first, second] = [secretWith(200), secretWith(200)]
    const key = await add(own(first))
    const replaced = valueOf(await room.keys.replace(operator, key, { secret: second })).serviceKey
    expect(replaced).toMatchObject({ id: key.id, version: 2, lastFour: second.slice(-4) })
    const [current] = await gatewayKeys()
    expect(current && (await open(current))).toEqual({ ok: true, value: second })
    const versions = await versionsOf(key.id)
    expect(versions.map((row) => row.retired_at !== null)).toEqual([true, false])
    expect(await auditOf(key.id)).toEqual(['service_key.add', 'service_key.replace'])
  })

  test('a replacement that the service refuses, or that is stored already, changes nothing', async () => {
    const first = secretWith(200)
    const key = await add(own(first))
    expect(await room.keys.replace(operator, key, { secret: secretWith(401) })).toMatchObject({
      fault: { code: 'key_rejected' },
    })
    expect(await room.keys.replace(operator, key, { secret: first })).toMatchObject({
      fault: { code: 'key_duplicate' },
    })
    const [current] = await gatewayKeys()
    expect(current).toMatchObject({ version: 1 })
  })

  test('a revoked key’s sealed secrets are gone, every version of them', async () => {
    const key = await add(own(secretWith(200)))
    valueOf(await room.keys.replace(operator, key, { secret: secretWith(200) }))
    valueOf(await room.keys.revoke(operator, key))
    const versions = await versionsOf(key.id)
    expect(versions).toHaveLength(2)
    for (const row of versions) {
      expect(row.sealed_secret).toHaveLength(0)
      expect(row.wrapped_key).toHaveLength(0)
      expect(row.destroyed_at).not.toBeNull()
    }
    expect(await gatewayKeys()).toEqual([])
    expect(await room.keys.list({ organizationId: here.organizationId, owners: ['user'] })).toEqual([])
  })

  test('when a revocation returns, no other process has the key in its cache', async () => {
    const key = await add(own(secretWith(200)))
    const other = await startKeyRoom({ url: clone.url, serviceUrl: service.url })
    const cache = makeEpochCache({
      epoch: other.epoch,
      load: async () => ({
        value: await other.keys.listForGateway(here.organizationId, here.userId),
        organizationIds: [here.organizationId],
      }),
    })
    expect(await cache.get('')).toHaveLength(1)
    expect(cache.peek('')).toHaveLength(1)
    valueOf(await room.keys.revoke(operator, key))
    expect(cache.peek('')).toBeUndefined()
    expect(await cache.get('')).toEqual([])
    await other.close()
  })

  test('a revoked key takes no more commands, and its secret may be added again', async () => {
    const secret = secretWith(200)
    const key = await add(own(secret))
    valueOf(await room.keys.revoke(operator, key))
    for (const outcome of [
      await room.keys.revoke(operator, key),
      await room.keys.rename(operator, key, 'new'),
      await room.keys.recheck(operator, key),
      await room.keys.replace(operator, key, { secret: secretWith(200) }),
    ])
      expect(outcome).toMatchObject({ ok: false, fault: { code: 'not_found' } })
    await add(own(secret))
  })

  test('another user’s key, or another organization’s, is not found', async () => {
    const key = await add(own(secretWith(200)))
    const { userId: stranger, organizationId } = await insertOrganization(clone.database)
    for (const which of [
      { ...key, userId: stranger },
      { ...key, organizationId, userId: undefined },
      { ...key, id: newId(), userId: undefined },
    ]) {
      const outcomes = [
        await room.keys.revoke(operator, which),
        await room.keys.rename(operator, which, 'mine now'),
        await room.keys.recheck(operator, which),
        await room.keys.replace(operator, which, { secret: secretWith(200) }),
      ]
      for (const outcome of outcomes)
        expect(outcome).toMatchObject({ ok: false, fault: { code: 'not_found' } })
      expect(await room.keys.find(which)).toBeNull()
    }
    expect(await gatewayKeys()).toMatchObject([{ id: key.id, version: 1 }])
    expect(await room.keys.listForGateway(here.organizationId, stranger)).toEqual([])
  })
})

describe('sealed secrets that were tampered with in the database are refused', () => {
  test('exchanged between two keys of one user', async () => {
    const [a, b] = [await add(own(secretWith(200))), await add(own(secretWith(200)))]
    service.asked.length = 0
    await swap(a.id, b.id)
    for (const key of await gatewayKeys())
      expect(await open(key)).toMatchObject({ fault: { code: 'secret_unreadable' } })
    expect(await room.keys.recheck(operator, a)).toMatchObject({ fault: { code: 'secret_unreadable' } })
    expect(service.asked).toEqual([])
  })

  test('a key handed to another user, owner or service, or set back to an older version', async () => {
    const key = await add(own(secretWith(200)))
    const colleague = newId()
    await insertUser(clone.database, here.organizationId, colleague)
    for (const [change, undo] of [
      [`user_id = '${colleague}'`, `user_id = '${here.userId}'`],
      [`owner = 'organization', user_id = NULL`, `owner = 'user', user_id = '${here.userId}'`],
      [`service_id = 'openrouter'`, `service_id = 'openai'`],
    ]) {
      const where = `WHERE id = '${key.id}'`
      await clone.database.pool.query(`UPDATE service_keys SET ${change} ${where}`)
      const [moved] = await room.keys.listForGateway(
        here.organizationId,
        change?.includes(colleague) ? colleague : here.userId,
      )
      expect(moved && (await open(moved))).toMatchObject({ fault: { code: 'secret_unreadable' } })
      await clone.database.pool.query(`UPDATE service_keys SET ${undo} ${where}`)
    }
    valueOf(await room.keys.replace(operator, key, { secret: secretWith(200) }))
    await clone.database.pool.query(
      `UPDATE service_key_versions AS v SET wrapped_key = o.wrapped_key, sealed_secret = o.sealed_secret
       FROM service_key_versions AS o
       WHERE v.service_key_id = $1 AND o.service_key_id = $1 AND v.version = 2 AND o.version = 1`,
      [key.id],
    )
    const [current] = await gatewayKeys()
    expect(current && (await open(current))).toMatchObject({ fault: { code: 'secret_unreadable' } })
  })
})

describe('system keys', () => {
  test('stand in order of priority and position, and can be put in another order at once', async () => {
    const keys = []
    for (const [label, priority] of [
      ['a', 1],
      ['b', 1],
      ['c', 2],
      ['d', 3],
    ] as const)
      keys.push(await add(system(secretWith(200), { label, priority })))
    const [a, b, c, d] = keys as [(typeof keys)[0], (typeof keys)[0], (typeof keys)[0], (typeof keys)[0]]
    expect(await systemKeyOrder()).toEqual(['1a', '1b', '2c', '3d'])
    valueOf(await room.keys.setPriority(operator, a, 2))
    expect(await systemKeyOrder()).toEqual(['1b', '2c', '2a', '3d'])
    const order = [d, c, b, a].map(({ id }, i) => ({ id, priority: i < 2 ? 1 : 3 }) as const)
    const ordered = valueOf(await room.keys.reorder(operator, 'openai', order))
    expect(ordered.map((key) => key.label)).toEqual(['d', 'c', 'b', 'a'])
    expect(await systemKeyOrder()).toEqual(['1d', '1c', '3b', '3a'])
    const stale = await room.keys.reorder(operator, 'openai', order.slice(1))
    expect(stale).toMatchObject({ fault: { code: 'conflict' } })
    expect(await room.keys.reorder(operator, 'anthropic', order)).toMatchObject({
      fault: { code: 'conflict' },
    })
  })

  test('are not a user’s to have a priority, nor among a user’s keys', async () => {
    const key = await add(own(secretWith(200)))
    expect(await room.keys.setPriority(operator, key, 1)).toMatchObject({ fault: { field: 'priority' } })
    await add(system(secretWith(200), { serviceId: 'anthropic' }))
    expect(await gatewayKeys()).toMatchObject([{ id: key.id }])
  })
})

describe('the control policy', () => {
  test('suspends user keys of the services it takes over, and gives them back as they were', async () => {
    await add(own(secretWith(200)))
    await add(own(secretWith(402), { serviceId: 'openrouter' }))
    await add(own(secretWith(200), { owner: 'organization', userId: null }))
    expect((await applyPolicy('hybrid', ['openai'])).suspended).toHaveLength(1)
    expect(await statuses()).toEqual({
      'user openai': 'suspended',
      'user openrouter': 'exhausted',
      'organization openai': 'active',
    })
    await applyPolicy('it_control')
    expect(await statuses()).toMatchObject({ 'user openai': 'suspended', 'user openrouter': 'suspended' })
    expect((await applyPolicy('user_control')).restored).toHaveLength(2)
    expect(await statuses()).toMatchObject({ 'user openai': 'active', 'user openrouter': 'exhausted' })
  })

  test('keeps a suspended key suspended while it is rechecked or replaced', async () => {
    const secret = secretWith(200)
    const key = await add(own(secret))
    await applyPolicy('it_control')
    service.statusOf.set(secret, 401)
    expect(valueOf(await room.keys.recheck(operator, key)).serviceKey.status).toBe('suspended')
    await applyPolicy('user_control')
    expect(await statuses()).toEqual({ 'user openai': 'invalid' })
    await applyPolicy('it_control')
    valueOf(await room.keys.replace(operator, key, { secret: secretWith(200) }))
    expect(await statuses()).toEqual({ 'user openai': 'suspended' })
    await applyPolicy('user_control')
    expect(await statuses()).toEqual({ 'user openai': 'active' })
  })
})

const versionsOf = (id: string) =>
  clone.database.kysely
    .selectFrom('service_key_versions')
    .selectAll()
    .where('service_key_id', '=', id)
    .orderBy('version')
    .execute()

const swap = async (a: string, b: string) => {
  await clone.database.pool.query(
    `UPDATE service_key_versions AS v SET wrapped_key = o.wrapped_key, sealed_secret = o.sealed_secret
     FROM service_key_versions AS o
     WHERE (v.service_key_id = $1 AND o.service_key_id = $2) OR (v.service_key_id = $2 AND o.service_key_id = $1)`,
    [a, b],
  )
}

const systemKeyOrder = async () =>
  (await room.keys.listSystemKeys()).map((key) => `${key.priority}${key.label}`)

const applyPolicy = (
  controlPolicy: 'it_control' | 'hybrid' | 'user_control',
  criticalServices: string[] = [],
) =>
  room.epoch.change(here.organizationId, (transaction) =>
    room.keys.applyControlPolicy(
      transaction,
      here.organizationId,
      { controlPolicy, criticalServices },
      new Map(),
    ),
  )
const statuses = async () =>
  Object.fromEntries((await gatewayKeys()).map((key) => [`${key.owner} ${key.serviceId}`, key.status]))
