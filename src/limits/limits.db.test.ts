import { setTimeout as wait } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { cloneDatabase, type TestDatabase } from '../../tests/database.ts'
import { insertOrganization, operator } from '../../tests/service-keys.ts'
import { openDatabase } from '../db/database.ts'
import { type Epoch, makeEpoch } from '../db/epoch.ts'
import { systemClock } from '../kit/clock.ts'
import { must } from '../kit/fault.ts'
import { newId, platformOrganizationId } from '../kit/id.ts'
import { silentLog } from '../kit/log.ts'
import { type Caller, type Entered, type Limits, makeLimits, type RateLimits } from './limits.ts'

let clone: TestDatabase
let epoch: Epoch
let a: Limits
let b: Limits
const otherEpoch = () => makeEpoch({ database: clone.database, clock: systemClock, log: silentLog })
let epochB: Epoch
beforeAll(async () => {
  clone = await cloneDatabase({ maximumConnections: 6 })
  const parts = { database: clone.database, clock: systemClock, log: silentLog }
  ;[epoch, epochB] = [otherEpoch(), otherEpoch()]
  await Promise.all([epoch.start(), epochB.start()])
  ;[a, b] = [makeLimits({ ...parts, epoch }), makeLimits({ ...parts, epoch: epochB })]
})
afterAll(async () => {
  await Promise.all([a.close(), b.close()])
  await Promise.all([epoch.stop(), epochB.stop()])
  await clone.drop()
})

const limitsOf = (some: Partial<RateLimits>): RateLimits => ({
  requestsPerMinute: null,
  tokensPerMinute: null,
  concurrent: null,
  ...some,
})
const callerWith = (user: Partial<RateLimits> | null, token: Partial<RateLimits> | null = null): Caller => ({
  organizationId: newId(),
  accessTokenId: newId(),
  userId: newId(),
  tokenLimits: token && limitsOf(token),
  userLimits: user && limitsOf(user),
  payer: null,
})
const passOf = (entered: Entered) => must(entered)
const refusalOf = (entered: Entered) => {
  if (entered.ok) throw new Error('It was let in.')
  return entered
}
/** A refusal for want of a place is remembered for 50 ms. */
const forgotten = () => wait(60)
const headersOf = (flat: readonly string[]) =>
  Object.fromEntries(flat.flatMap((name, i) => (i % 2 === 0 ? [[name, flat[i + 1]]] : [])))

describe('entering', () => {
  test('without a limit is synchronous, and says nothing about limits', () => {
    const entered = a.enter(callerWith(null), 1_000_000)
    expect(entered).not.toBeInstanceOf(Promise)
    expect(passOf(entered as Entered).headers).toEqual([])
    expect(a.enterKey({ serviceKeyId: newId(), limits: null }, 5)).not.toBeInstanceOf(Promise)
  })

  test('is refused on every process once the requests of a minute are used, with the time to wait', async () => {
    const caller = callerWith({ requestsPerMinute: 3 })
    for (const limits of [a, b, a]) passOf(await limits.enter(caller, 0)).end(null)
    for (const limits of [a, b]) {
      const { fault, headers } = refusalOf(await limits.enter(caller, 0, 'openai'))
      expect(fault).toMatchObject({ code: 'rate_limited', message: expect.stringContaining('3 requests') })
      expect(fault.retryAfterSeconds).toBeGreaterThan(50)
      expect(fault.retryAfterSeconds).toBeLessThanOrEqual(63)
      expect(headersOf(headers)).toMatchObject({
        'ratelimit-limit': '3',
        'ratelimit-remaining': '0',
        'ratelimit-reset': String(fault.retryAfterSeconds),
        'x-ratelimit-remaining-requests': '0',
      })
    }
  })

  test('a machine takes from the limits of the member on whose credits it works', async () => {
    const member = callerWith({ requestsPerMinute: 2 })
    const { organizationId, userId, userLimits } = member
    const payer = userLimits && { userId, limits: userLimits }
    const machine = { ...callerWith(null), organizationId, payer }
    passOf(await a.enter(machine, 0)).end(null)
    passOf(await b.enter(member, 0)).end(null)
    expect(refusalOf(await a.enter(machine, 0)).fault.code).toBe('rate_limited')
    expect(refusalOf(await b.enter({ ...machine, userId: newId() }, 0)).fault.code).toBe('rate_limited')
  })

  test('is synchronous under a limit too where calls come often', async () => {
    const caller = callerWith({ requestsPerMinute: 10_000, tokensPerMinute: 10_000_000, concurrent: 1000 })
    let synchronous = 0
    for (let i = 0; i < 200; i++) {
      const entered = a.enter(caller, 100)
      if (!(entered instanceof Promise)) synchronous++
      passOf(await entered).end(100)
    }
    expect(synchronous).toBeGreaterThan(150)
  })

  test('takes nothing of a limit when another one refuses', async () => {
    const caller = callerWith({ requestsPerMinute: 100 }, { concurrent: 1 })
    const pass = passOf(await a.enter(caller, 0))
    for (let i = 0; i < 5; i++) refusalOf(await b.enter(caller, 0))
    pass.end(null)
    await forgotten()
    const next = passOf(await b.enter(caller, 0))
    expect(headersOf(next.headers)).toMatchObject({ 'ratelimit-remaining': '98' })
    next.end(null)
  })

  test('counts what was used in place of what was estimated, on all processes', async () => {
    const caller = callerWith({ tokensPerMinute: 1000 })
    const pass = passOf(await a.enter(caller, 1000))
    expect(refusalOf(await b.enter(caller, 1)).fault.message).toContain('1000 tokens')
    pass.end(200)
    pass.end(0)
    await a.settled()
    passOf(await a.enter(caller, 800)).end(900)
    await a.settled()
    expect(refusalOf(await b.enter(caller, 1)).fault.retryAfterSeconds).toBeGreaterThan(50)
  })

  test('with more tokens than a minute allows is refused without a time, and says so', async () => {
    const caller = callerWith({ tokensPerMinute: 100 })
    const { fault } = refusalOf(await a.enter(caller, 101))
    expect(fault).toMatchObject({ code: 'rate_limited', message: expect.stringContaining('101 tokens') })
    expect(fault.retryAfterSeconds).toBeUndefined()
    passOf(await a.enter(caller, 100)).end(null)
  })

  test('finds the place free that the same caller has just left on another process', async () => {
    const caller = callerWith({ concurrent: 1 })
    for (let i = 0; i < 6; i++) {
      const pass = passOf(await (i % 2 ? a : b).enter(caller, 0))
      refusalOf(await (i % 2 ? b : a).enter(caller, 0))
      pass.end(null)
      await forgotten()
    }
  })

  test('writes headers for the clients that callers use', async () => {
    const caller = callerWith({ requestsPerMinute: 60 }, { requestsPerMinute: 10, tokensPerMinute: 5000 })
    const openai = headersOf(passOf(await a.enter(caller, 100, 'openai')).headers)
    expect(openai).toEqual({
      'ratelimit-policy':
        '"access-token-requests";q=10;w=60, "user-requests";q=60;w=60, "access-token-tokens";q=5000;w=60',
      ratelimit:
        '"access-token-requests";r=9;t=63, "user-requests";r=59;t=63, "access-token-tokens";r=4900;t=63',
      'ratelimit-limit': '10',
      'ratelimit-remaining': '9',
      'ratelimit-reset': '63',
      'x-ratelimit-limit-requests': '10',
      'x-ratelimit-remaining-requests': '9',
      'x-ratelimit-reset-requests': '1m3s',
      'x-ratelimit-limit-tokens': '5000',
      'x-ratelimit-remaining-tokens': '4900',
      'x-ratelimit-reset-tokens': '1m3s',
    })
    const anthropic = headersOf(passOf(await a.enter(caller, 100, 'anthropic')).headers)
    expect(anthropic).toMatchObject({
      'anthropic-ratelimit-requests-limit': '10',
      'anthropic-ratelimit-requests-remaining': '8',
      'anthropic-ratelimit-tokens-remaining': '4800',
      'anthropic-ratelimit-tokens-reset': expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/),
    })
  })

  test('a service key at its limit is known to be full without asking, until it may have room', async () => {
    const key = { serviceKeyId: newId(), limits: limitsOf({ requestsPerMinute: 1 }) }
    const now = new Date()
    expect(a.isFull(key.serviceKeyId, now)).toBeNull()
    passOf(await a.enterKey(key, 0)).end(null)
    refusalOf(await a.enterKey(key, 0))
    const until = a.isFull(key.serviceKeyId, now)?.getTime() ?? 0
    expect(until - now.getTime()).toBeGreaterThan(50_000)
  })

  test('leaves no window with places of nobody, and gives back what was taken ahead', async () => {
    const caller = callerWith({ requestsPerMinute: 1000, concurrent: 100 })
    const c = makeLimits({ database: clone.database, epoch, clock: systemClock, log: silentLog })
    for (let i = 0; i < 50; i++) passOf(await c.enter(caller, 0)).end(null)
    await c.close()
    const { rows } = await clone.database.pool.query<{ charges: number[][]; holders: unknown[] }>(
      'SELECT charges, holders FROM rate_windows WHERE organization_id = $1',
      [caller.organizationId],
    )
    expect(rows[0]?.holders).toEqual([])
    expect(rows[0]?.charges.reduce((sum, charge) => sum + (charge[1] ?? 0), 0)).toBe(50)
  })
})

describe('limits that are set', () => {
  test('are read for a caller, replaced, taken away, and every change is on the trail', async () => {
    const here = await insertOrganization(clone.database)
    const subject = { organizationId: here.organizationId, kind: 'user', id: here.userId } as const
    const read = () => a.read({ ...here, payerUserId: null, accessTokenId: newId() })
    expect(await read()).toMatchObject({ tokenLimits: null, userLimits: null })
    const limits = limitsOf({ requestsPerMinute: 7, tokensPerMinute: 1_000_000_000 })
    must(await a.set(operator, subject, limits))
    const ofMachine = { ...here, userId: newId(), payerUserId: here.userId, accessTokenId: newId() }
    expect(await a.read(ofMachine)).toMatchObject({ userLimits: null, payerLimits: limits })
    expect(await read()).toMatchObject({ tokenLimits: null, userLimits: limits })
    expect((await a.list(here.organizationId, 'user')).get(here.userId)).toEqual(limits)
    must(await b.set(operator, subject, limitsOf({})))
    expect(await read()).toMatchObject({ tokenLimits: null, userLimits: null })
    const trail = await clone.database.kysely
      .selectFrom('audit_entries')
      .select(['action', 'after'])
      .where('organization_id', '=', here.organizationId)
      .orderBy('id')
      .execute()
    expect(trail.map(({ action }) => action)).toEqual(['rate_limit.changed', 'rate_limit.changed'])
    expect(trail[0]?.after).toEqual(limits)
  })

  test('are for subjects that exist', async () => {
    const here = await insertOrganization(clone.database)
    for (const kind of ['user', 'access_token', 'service_key'] as const) {
      const nobody = { organizationId: here.organizationId, kind, id: newId() }
      expect(await a.set(operator, nobody, limitsOf({ concurrent: 1 }))).toMatchObject({ ok: false })
      expect(await a.find(nobody)).toMatchObject({ ok: false, fault: { code: 'not_found' } })
    }
    expect(await a.list(platformOrganizationId, 'service_key')).toEqual(new Map())
  })
})

test('a caller is refused rather than let in unlimited while the database is away', async () => {
  const database = openDatabase({ url: 'postgres://nobody@127.0.0.1:1/nothing' })
  const limits = makeLimits({ database, epoch, clock: systemClock, log: silentLog })
  const { fault } = refusalOf(await limits.enter(callerWith({ requestsPerMinute: 5 }), 0))
  expect(fault.code).toBe('database_unavailable')
  await limits.close()
  await database.close()
})
