import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { cloneDatabase, type TestDatabase } from '../../tests/database.ts'
import {
  insertOrganization,
  type KeyRoom,
  operator,
  startKeyRoom,
  startService,
} from '../../tests/service-keys.ts'
import { must } from '../kit/fault.ts'
import type { Outbound } from '../net/outbound.ts'
import { coolingFor } from './health.ts'
import type { ServiceKey } from './keys.ts'

let clone: TestDatabase
let service: Awaited<ReturnType<typeof startService>>
let a: KeyRoom
let b: KeyRoom
let here: { organizationId: string; userId: string }
let now: Date
const clock = () => now
const minuteMs = 60_000

beforeAll(async () => {
  clone = await cloneDatabase()
  service = await startService()
  a = await startKeyRoom({ url: clone.url, serviceUrl: service.url, clock })
  b = await startKeyRoom({ url: clone.url, serviceUrl: service.url, clock })
})
afterAll(async () => {
  await a.close()
  await b.close()
  await service.close()
  await clone.drop()
})
beforeEach(async () => {
  // Each test an hour or more after the one before, so that what a process said last is forgotten.
  now = new Date((now?.getTime() ?? Date.now()) + 48 * 60 * minuteMs)
  here = await insertOrganization(clone.database)
  await clone.database.pool.query('UPDATE service_keys SET recheck_after = NULL')
  service.asked.length = 0
})

let made = 0
const addKey = async (status = 200) => {
  const secret = `sk-proj-${'b'.repeat(40)}${++made}`
  service.statusOf.set(secret, 200)
  must(await a.keys.add(operator, { ...here, owner: 'user', serviceId: 'openai', secret }))
  service.statusOf.set(secret, status)
  service.asked.length = 0
  return { secret, key: await read() }
}
const read = async (): Promise<ServiceKey> => {
  const [key] = await a.keys.listForGateway(here.organizationId, here.userId)
  if (!key) throw new Error('no key')
  return key
}
const pass = (ms: number) => {
  now = new Date(now.getTime() + ms)
}
const epochNow = async () =>
  (await clone.database.kysely.selectFrom('configuration_epoch').select('epoch').executeTakeFirstOrThrow())
    .epoch
const settled = () => Promise.all([a.keys.reportsSettled(), b.keys.reportsSettled()])
const lastAudit = () =>
  clone.database.kysely
    .selectFrom('audit_entries')
    .select(['action', 'actor_kind', 'after'])
    .where('organization_id', '=', here.organizationId)
    .orderBy('id', 'desc')
    .executeTakeFirst()

describe('reports from the gateway', () => {
  test('a storm of 429s over two processes is a handful of writes, and the key cools as long as it was told', async () => {
    const { key } = await addKey()
    const before = await epochNow()
    for (let i = 0; i < 500; i++) {
      a.keys.report(key, { kind: 'limited' }, 30)
      b.keys.report(key, { kind: 'limited' }, 30)
      if (i % 100 === 0) await settled()
    }
    await settled()
    expect(Number((await epochNow()) - before)).toBeLessThanOrEqual(2)
    expect((await read()).coolingUntil).toEqual(new Date(now.getTime() + 30_000))
  })

  test('what is reported just when the writing of others has ended is written, too', async () => {
    const { key } = await addKey()
    const announce = a.epoch.announce.bind(a.epoch)
    for (let turns = 0; turns < 12; turns++) {
      const seconds = 100 * (turns + 1)
      const ended = Promise.withResolvers<void>()
      vi.spyOn(a.epoch, 'announce').mockImplementationOnce(async (id, work) => {
        const done = await announce(id, work)
        void (async () => {
          for (let turn = 0; turn <= turns; turn++) await Promise.resolve()
          a.keys.report(key, { kind: 'limited' }, seconds + 50)
          ended.resolve()
        })()
        return done
      })
      a.keys.report(key, { kind: 'limited' }, seconds)
      await ended.promise
      await settled()
      expect([turns, (await read()).coolingUntil]).toEqual([
        turns,
        new Date(now.getTime() + (seconds + 50) * 1000),
      ])
    }
  })

  test('a longer wait extends the cooling, a shorter one does not cut it', async () => {
    const { key } = await addKey()
    for (const seconds of [30, 5, 60, 30]) {
      a.keys.report(key, { kind: 'limited' }, seconds)
      await settled()
    }
    expect((await read()).coolingUntil).toEqual(new Date(now.getTime() + 60_000))
  })

  test.each([
    [undefined, 10],
    [0, 1],
    [10_000_000, 3600],
  ])('a wait of %s is taken as %i seconds', async (stated, seconds) => {
    const { key } = await addKey()
    a.keys.report(key, { kind: 'limited' }, stated)
    await settled()
    expect((await read()).coolingUntil).toEqual(new Date(now.getTime() + seconds * 1000))
  })

  test('a 429 with a model cools the key for that model; a second model that is refused cools the whole key', async () => {
    const { key } = await addKey()
    a.keys.report(key, { kind: 'limited' }, 30, 'gpt-5')
    await settled()
    const once = await read()
    expect(once.coolingUntil).toBeNull()
    expect(coolingFor(once, 'gpt-5', now)).toEqual(new Date(now.getTime() + 30_000))
    expect(coolingFor(once, 'gpt-5-mini', now)).toBeNull()
    const before = await epochNow()
    for (let i = 0; i < 50; i++)
      for (const room of [a, b]) room.keys.report(once, { kind: 'limited' }, 30, 'gpt-5')
    await settled()
    expect(await epochNow()).toBe(before)
    b.keys.report(once, { kind: 'limited' }, 20, 'gpt-5-mini')
    await settled()
    expect(coolingFor(await read(), 'o3', now)).toEqual(new Date(now.getTime() + 20_000))
    pass(31_000)
    expect(coolingFor(await read(), 'gpt-5', now)).toBeNull()
    a.keys.report(await read(), { kind: 'limited' }, 30, 'o3')
    await settled()
    expect((await read()).coolingModels).toEqual({ o3: new Date(now.getTime() + 30_000).toISOString() })
  })

  test('replies that say nothing is left of their models’ limits cool these models and never the key', async () => {
    const { key } = await addKey()
    a.keys.report(key, { kind: 'spent' }, 12, 'gpt-5')
    a.keys.report(key, { kind: 'spent' }, 5, 'gpt-5-mini')
    await settled()
    const after = await read()
    expect(after.coolingUntil).toBeNull()
    expect(coolingFor(after, 'gpt-5', now)).toEqual(new Date(now.getTime() + 12_000))
    expect(coolingFor(after, 'gpt-5-mini', now)).toEqual(new Date(now.getTime() + 5_000))
  })

  test('one refusal makes a key suspected; a second one a minute later takes it out of use', async () => {
    const { key } = await addKey()
    for (let i = 0; i < 20; i++) {
      a.keys.report(key, { kind: 'unauthorized' })
      b.keys.report(key, { kind: 'unauthorized' })
      await settled()
      pass(1000)
    }
    expect(await read()).toMatchObject({ status: 'active', suspectedAt: expect.any(Date) })
    pass(minuteMs)
    b.keys.report(key, { kind: 'unauthorized' })
    await settled()
    expect(await read()).toMatchObject({ status: 'invalid' })
    expect(await lastAudit()).toMatchObject({ actor_kind: 'gateway', after: { status: 'invalid' } })
  })

  test('a success between two refusals clears the suspicion', async () => {
    const { key } = await addKey()
    a.keys.report(key, { kind: 'unauthorized' })
    await settled()
    a.keys.report(await read(), { kind: 'ok' })
    await settled()
    expect((await read()).suspectedAt).toBeNull()
    pass(2 * minuteMs)
    a.keys.report(await read(), { kind: 'unauthorized' })
    await settled()
    expect((await read()).status).toBe('active')
  })

  test('a quota error makes a key exhausted', async () => {
    const { key } = await addKey()
    a.keys.report(key, { kind: 'exhausted' })
    await settled()
    expect((await read()).status).toBe('exhausted')
  })

  test('successes of a healthy key, faults of the service or the caller, and late news change nothing', async () => {
    const { key } = await addKey()
    const replacement = `sk-proj-${'c'.repeat(40)}${++made}`
    service.statusOf.set(replacement, 200)
    must(await a.keys.replace(operator, key, { secret: replacement }))
    const before = await epochNow()
    a.keys.report(await read(), { kind: 'ok' })
    a.keys.report(await read(), { kind: 'service' })
    a.keys.report(await read(), { kind: 'caller' })
    a.keys.report(key, { kind: 'exhausted' })
    a.keys.report(key, { kind: 'unauthorized' })
    await settled()
    expect(await epochNow()).toBe(before)
    expect(await read()).toMatchObject({ status: 'active', suspectedAt: null, version: 2 })
    const [view] = await a.keys.list({ ...here, owners: ['user'] })
    expect(view?.lastUsedAt).toEqual(now)
  })

  test('the other processes hear of it without asking', async () => {
    const { key } = await addKey()
    const heard = Promise.withResolvers<string | null>()
    b.epoch.onChange((organizationId) => heard.resolve(organizationId))
    a.keys.report(key, { kind: 'exhausted' })
    expect([here.organizationId, null]).toContain(await heard.promise)
  })
})

describe('rechecks', () => {
  test('a suspected key is asked about at once, and comes back or goes', async () => {
    const { key, secret } = await addKey()
    a.keys.report(key, { kind: 'unauthorized' })
    await settled()
    expect(await a.keys.recheckDue(now)).toBe(1)
    expect(await read()).toMatchObject({ status: 'active', suspectedAt: null })
    pass(2 * minuteMs)
    service.statusOf.set(secret, 401)
    a.keys.report(await read(), { kind: 'unauthorized' })
    await settled()
    await a.keys.recheckDue(now)
    expect(await read()).toMatchObject({ status: 'invalid', verdict: 'invalid' })
  })

  test('an invalid key is asked about ever more rarely, and recovers by itself', async () => {
    const { key, secret } = await addKey(401)
    must(await a.keys.recheck(operator, key))
    const waits: number[] = []
    for (let i = 0; i < 6; i++) {
      const due = await dueAt()
      waits.push(((due?.getTime() ?? 0) - now.getTime()) / minuteMs)
      now = due ?? now
      expect(await a.keys.recheckDue(new Date(now.getTime() - 1))).toBe(0)
      expect(await a.keys.recheckDue(now)).toBe(1)
    }
    expect(waits).toEqual([3, 6, 12, 24, 48, 96])
    service.statusOf.set(secret, 200)
    now = (await dueAt()) ?? now
    await a.keys.recheckDue(now)
    expect(await read()).toMatchObject({ status: 'active', verdict: 'valid', failedRechecks: 0 })
    expect(await dueAt()).toBeNull()
  })

  test('an exhausted key is tried again, and waits longer each time until a success', async () => {
    const { key } = await addKey(200)
    const waits: number[] = []
    for (let i = 0; i < 3; i++) {
      pass(2 * minuteMs)
      a.keys.report(await read(), { kind: 'exhausted' })
      await settled()
      waits.push((((await dueAt())?.getTime() ?? 0) - now.getTime()) / minuteMs)
      now = (await dueAt()) ?? now
      await a.keys.recheckDue(now)
      expect((await read()).status).toBe('active')
    }
    expect(waits).toEqual([3, 6, 12])
    a.keys.report(await read(), { kind: 'ok' })
    await settled()
    expect(await read()).toMatchObject({ id: key.id, failedRechecks: 0 })
  })

  test.each([429, 500])('an answer of %i proves nothing and changes no state', async (status) => {
    const { key, secret } = await addKey(401)
    must(await a.keys.recheck(operator, key))
    service.statusOf.set(secret, status)
    now = (await dueAt()) ?? now
    await a.keys.recheckDue(now)
    expect(await read()).toMatchObject({ status: 'invalid', verdict: 'invalid' })
    const { check } = must(await a.keys.recheck(operator, key))
    expect(check.verdict).toBe('unknown')
    expect(await read()).toMatchObject({ status: 'invalid', verdict: 'invalid' })
  })

  test('healthy and suspended keys are not asked about, and two processes do not ask twice', async () => {
    const { key } = await addKey(401)
    must(await a.keys.recheck(operator, key))
    pass(24 * 60 * minuteMs)
    await a.epoch.change(here.organizationId, (t) =>
      a.keys.applyControlPolicy(
        t,
        here.organizationId,
        { controlPolicy: 'it_control', criticalServices: [] },
        new Map(),
      ),
    )
    service.asked.length = 0
    expect(await a.keys.recheckDue(now)).toBe(0)
    await a.epoch.change(here.organizationId, (t) =>
      a.keys.applyControlPolicy(
        t,
        here.organizationId,
        { controlPolicy: 'user_control', criticalServices: [] },
        new Map(),
      ),
    )
    const counts = await Promise.all([a.keys.recheckDue(now), b.keys.recheckDue(now)])
    expect(counts.toSorted((x, y) => x - y)).toEqual([0, 1])
    expect(service.asked).toHaveLength(1)
  })

  test('a recheck says nothing about a key that was replaced meanwhile', async () => {
    const { key, secret } = await addKey(401)
    const replacement = `sk-proj-${'d'.repeat(40)}${++made}`
    service.statusOf.set(replacement, 200)
    const asked = Promise.withResolvers<void>()
    const released = Promise.withResolvers<void>()
    const slow: Pick<Outbound, 'request' | 'check'> = {
      check: (url) => a.outbound.check(url),
      request: async (request) => {
        const reply = await a.outbound.request(request)
        if (request.headers['authorization'] === `Bearer ${secret}`) {
          asked.resolve()
          await released.promise
        }
        return reply
      },
    }
    const slowRoom = await startKeyRoom({ url: clone.url, serviceUrl: service.url, clock, outbound: slow })
    const recheck = slowRoom.keys.recheck(operator, key)
    await asked.promise
    must(await a.keys.replace(operator, key, { secret: replacement }))
    released.resolve()
    expect(must(await recheck).serviceKey).toMatchObject({ version: 2, status: 'active', verdict: 'valid' })
    await slowRoom.close()
  })
})

const dueAt = async () => {
  const { rows } = await clone.database.pool.query<{ recheck_after: Date | null }>(
    'SELECT recheck_after FROM service_keys WHERE organization_id = $1',
    [here.organizationId],
  )
  return rows[0]?.recheck_after ?? null
}
