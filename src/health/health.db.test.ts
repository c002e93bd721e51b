import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { cloneDatabase, type TestDatabase } from '../../tests/database.ts'
import { insertOrganization, operator } from '../../tests/service-keys.ts'
import { healthMatrix } from '../contract/health.ts'
import { type Epoch, makeEpoch } from '../db/epoch.ts'
import type { SessionContext } from '../http/handler.ts'
import { systemClock } from '../kit/clock.ts'
import { must } from '../kit/fault.ts'
import { newId, platformOrganizationId } from '../kit/id.ts'
import { silentLog } from '../kit/log.ts'
import { healthApi } from './api.ts'
import { type Health, makeHealth } from './health.ts'

/** Three processes on one database, with one clock that the test sets. */
let clone: TestDatabase
let now: Date
let epochs: Epoch[]
let rooms: Health[]
const pass = (seconds: number) => {
  now = new Date(now.getTime() + seconds * 1000)
}
beforeEach(async () => {
  clone = await cloneDatabase({ maximumConnections: 8 })
  now = new Date()
  epochs = Array.from({ length: 3 }, () =>
    makeEpoch({ database: clone.database, clock: systemClock, log: silentLog }),
  )
  rooms = epochs.map((epoch) =>
    makeHealth({ database: clone.database, epoch, clock: () => now, log: silentLog, random: () => 0.5 }),
  )
  await Promise.all(epochs.map((epoch) => epoch.start()))
  await Promise.all(rooms.map((room) => room.start()))
})
afterEach(async () => {
  await Promise.all(rooms.map((room) => room.close()))
  await Promise.all(epochs.map((epoch) => epoch.stop()))
  await clone.drop()
})

const [first, second] = [newId(), newId()]
/** Everything written, and heard by all: an epoch change returns when every process has heard of it. */
const settled = async () => {
  await Promise.all(rooms.map((room) => room.settled()))
  await epochs[0]?.change(platformOrganizationId, async () => {})
  await Promise.all(rooms.map((room) => room.settled()))
}
const room = (index: number) => rooms[index] as Health
const states = (serviceId: string | null = 'openai', key: string = first) =>
  rooms.map((one) => one.breaker(serviceId, key)?.state ?? 'closed')
const failFive = async (serviceId: string | null = 'openai') => {
  for (const key of [first, second, first, second, first]) room(0).report(serviceId, key, 'failure')
  await settled()
}
const transitions = async () => {
  const { rows } = await clone.database.pool.query<{ n: bigint }>(
    'SELECT epoch AS n FROM configuration_epoch',
  )
  return rows[0]?.n ?? 0n
}

describe('a breaker', () => {
  test('that one process opens is open on all, from memory, and at once where it was opened', async () => {
    for (const key of [first, second, first, second, first]) room(0).report('openai', key, 'failure')
    expect(room(0).breaker('openai', newId())?.state).toBe('open')
    await settled()
    expect(states('openai', newId())).toEqual(['open', 'open', 'open'])
    expect(states('anthropic', newId())).toEqual(['closed', 'closed', 'closed'])
    expect(room(1).claimProbe('openai', first)).toBe(false)
  })

  test('costs no write while calls succeed, and none for further failures once it is open', async () => {
    const before = await transitions()
    for (let i = 0; i < 1000; i++) room(0).report('openai', first, 'ok')
    await room(0).settled()
    expect(await transitions()).toBe(before)
    await failFive()
    const opened = await transitions()
    for (let i = 0; i < 100; i++) for (const one of rooms) one.report('openai', second, 'failure')
    await Promise.all(rooms.map((one) => one.settled()))
    expect(await transitions()).toBe(opened)
  })

  test('lets one operation through over all processes when its time has come', async () => {
    await failFive()
    pass(5.1)
    expect(states()).toEqual(['half_open', 'half_open', 'half_open'])
    const claims = await Promise.all([0, 1, 2, 0, 1, 2].map(async (i) => room(i).claimProbe('openai', first)))
    expect(claims.filter(Boolean)).toHaveLength(1)
    const winner = claims.indexOf(true) % 3
    await settled()
    expect(states().filter((_, index) => index !== winner)).toEqual(['open', 'open'])
    room(winner).report('openai', first, 'ok')
    await settled()
    expect(states()).toEqual(['closed', 'closed', 'closed'])
    // A single failure after that is one, not the sixth.
    room(0).report('openai', first, 'failure')
    expect(room(0).breaker('openai', first)).toBeNull()
  })

  test('waits longer after a probe that failed', async () => {
    await failFive()
    pass(5.1)
    expect(await room(1).claimProbe('openai', newId())).toBe(true)
    room(1).report('openai', newId(), 'failure')
    await settled()
    const state = room(2).breaker('openai', newId())
    expect(state).toEqual({ state: 'open', until: new Date(now.getTime() + 10_000) })
  })

  test('is probed by another process when the one that was chosen is dead', async () => {
    await failFive()
    pass(5.1)
    expect(await room(0).claimProbe('openai', newId())).toBe(true)
    expect(await room(1).claimProbe('openai', newId())).toBe(false)
    await room(1).settled()
    // As its lease would end.
    await clone.database.pool.query('UPDATE processes SET lease_until = now() WHERE id = $1', [
      epochs[0]?.processId,
    ])
    await epochs[0]?.stop()
    pass(5.1)
    expect(await room(1).claimProbe('openai', newId())).toBe(true)
    room(1).report('openai', newId(), 'ok')
    await room(1).settled()
    expect(room(1).breaker('openai', newId())).toBeNull()
  })

  test('is free for the next probe after one that found out nothing', async () => {
    await failFive()
    pass(5.1)
    expect(await room(0).claimProbe('openai', newId())).toBe(true)
    room(0).report('openai', newId(), 'unknown')
    await room(0).settled()
    expect(await room(2).claimProbe('openai', newId())).toBe(true)
  })

  test('that opens just when the writing of others has ended is written, too', async () => {
    const { organizationId } = await insertOrganization(clone.database)
    const keys = Array.from({ length: 12 }, () => newId())
    const fail = (key: string) => {
      for (let i = 0; i < 5; i++) room(0).report(null, key, 'failure', organizationId)
    }
    const epoch = epochs[0] as Epoch
    const announce = epoch.announce.bind(epoch)
    for (const [turns, key] of keys.entries()) {
      const ended = Promise.withResolvers<void>()
      vi.spyOn(epoch, 'announce').mockImplementationOnce(async (id, work) => {
        const done = await announce(id, work)
        void (async () => {
          for (let turn = 0; turn <= turns; turn++) await Promise.resolve()
          fail(key)
          ended.resolve()
        })()
        return done
      })
      fail(newId())
      await ended.promise
      await room(0).settled()
      const { rowCount } = await clone.database.pool.query('SELECT FROM breakers WHERE subject = $1', [key])
      expect([turns, rowCount]).toEqual([turns, 1])
    }
  })

  test('of a key with an address of its own says nothing about the service', async () => {
    const here = await insertOrganization(clone.database)
    for (let i = 0; i < 5; i++) room(0).report(null, first, 'failure', here.organizationId)
    await settled()
    expect(states('openai', newId())).toEqual(['closed', 'closed', 'closed'])
    expect(states(null, first)[0]).toBe('open')
    await room(1).settled()
    expect((await room(1).view()).openElsewhere).toMatchObject([
      { organizationId: here.organizationId, serviceKeyId: first, state: 'open' },
    ])
  })

  test('is closed by hand on all processes when that returns, and it is on the trail', async () => {
    await failFive()
    const which = { organizationId: platformOrganizationId, kind: 'service', subject: 'openai' } as const
    must(await room(2).reset(operator, which))
    await Promise.all(rooms.map((one) => one.settled()))
    expect(states('openai', newId())).toEqual(['closed', 'closed', 'closed'])
    expect(await room(2).reset(operator, which)).toMatchObject({ ok: false, fault: { code: 'not_found' } })
    const trail = await clone.database.kysely
      .selectFrom('audit_entries')
      .select(['action', 'subject_id'])
      .where('action', '=', 'breaker.reset')
      .execute()
    expect(trail).toEqual([{ action: 'breaker.reset', subject_id: 'openai' }])
  })

  test('that was open before a process started is open for it', async () => {
    await failFive()
    const [epoch] = epochs
    if (!epoch) throw new Error('there are three')
    const late = makeHealth({ database: clone.database, epoch, clock: () => now, log: silentLog })
    await late.start()
    expect(late.breaker('openai', newId())?.state).toBe('open')
    await late.close()
  })
})

test('administrators see every service with what all processes saw, users the same without others’ keys', async () => {
  const here = await insertOrganization(clone.database)
  for (let i = 0; i < 30; i++) room(i % 3).report('openai', first, i % 10 === 0 ? 'failure' : 'ok')
  await settled()
  const { services } = await room(1).view()
  expect(services.find(({ serviceId }) => serviceId === 'openai')).toMatchObject({
    state: 'closed',
    since: null,
    calls: 30,
    failures: 3,
    ownKeys: { total: 0 },
  })
  await failFive()
  // What the API makes of it is what its contract says, and nothing is lost or added.
  const api = healthApi({ health: room(1), clock: () => now })
  const nothing = { params: undefined, query: undefined, body: undefined }
  const matrix = await api.readHealthMatrix(nothing, {} as SessionContext)
  expect(healthMatrix.parse(matrix).services.map(({ state }) => state)).toContain('open')
  await expect(
    api.resetBreaker({ ...nothing, body: {} }, { actor: operator } as SessionContext),
  ).rejects.toMatchObject({ fault: { code: 'invalid_request' } })
  const own = await room(1).viewFor(here.organizationId, here.userId)
  expect(own.keys).toEqual([])
  expect(own.services.find(({ serviceId }) => serviceId === 'openai')).toMatchObject({
    state: 'open',
    since: now,
    nextProbeAt: new Date(now.getTime() + 5000),
  })
})
