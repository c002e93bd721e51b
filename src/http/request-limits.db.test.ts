import { afterAll, beforeAll, expect, test } from 'vitest'
import { cloneDatabase, type TestDatabase } from '../../tests/database.ts'
import { makeRequestLimits } from './request-limits.ts'

let clone: TestDatabase
let now = new Date('2026-11-23T10:00:00Z')
const clock = () => now
const quotas = { session: 3, user: 5, address: 2 }
const limits = () => makeRequestLimits({ database: clone.database, clock, quotas })

beforeAll(async () => void (clone = await cloneDatabase()))
afterAll(() => clone.drop())

const countMany = async (times: number, take: () => Promise<{ retryAfterSeconds: number | null }>) => {
  const taken = await Promise.all(Array.from({ length: times }, take))
  return taken.filter(({ retryAfterSeconds }) => retryAfterSeconds === null).length
}

test('processes count one quota together, parallel requests too, and it starts anew with its window', async () => {
  const [first, second] = [limits(), limits()]
  const take = (one: typeof first) => () => one.count({ session: 'a', user: 'ada' })
  const taken = await Promise.all([countMany(4, take(first)), countMany(4, take(second))])
  expect(taken[0] + taken[1]).toBe(3)
  now = new Date(now.getTime() + 60_000)
  expect((await first.count({ session: 'a', user: 'ada' })).retryAfterSeconds).toBeNull()
})

test('a user is counted over all sessions, a network apart from both', async () => {
  const one = limits()
  const sessions = ['b', 'c', 'd']
  const taken = await Promise.all(
    sessions.map((session) => countMany(2, () => one.count({ session, user: 'bob' }))),
  )
  expect(taken.reduce((sum, count) => sum + count)).toBe(5)
  expect((await one.count({ address: '192.0.2.1' })).retryAfterSeconds).toBeNull()
})

test('what is left, and for how long, is told in the headers; over the quota, when to come back', async () => {
  const one = limits()
  expect((await one.count({ session: 'e', user: 'eve' })).headers).toEqual({
    'ratelimit-policy': '"session";q=3;w=60, "user";q=5;w=60',
    ratelimit: '"session";r=2;t=60, "user";r=4;t=60',
  })
  await countMany(2, () => one.count({ session: 'e', user: 'eve' }))
  now = new Date(now.getTime() + 20_500)
  expect(await one.count({ session: 'e', user: 'eve' })).toMatchObject({ retryAfterSeconds: 40 })
})

test('a flood costs the database nothing once its quota is used up', async () => {
  const one = limits()
  await countMany(3, () => one.count({ address: '198.51.100.7' }))
  const counted = async () => {
    const { rows } = await clone.database.pool.query<{ count: number }>(
      `SELECT count FROM api_requests WHERE bucket = 'address:198.51.100.7'`,
    )
    return rows[0]?.count
  }
  expect(await counted()).toBe(3)
  expect(await countMany(50, () => one.count({ address: '198.51.100.7' }))).toBe(0)
  expect(await counted()).toBe(3)
  now = new Date(now.getTime() + 61_000)
  await one.sweep()
  expect((await clone.database.pool.query('SELECT FROM api_requests')).rowCount).toBe(0)
  expect(await countMany(3, () => one.count({ address: '198.51.100.7' }))).toBe(2)
})
