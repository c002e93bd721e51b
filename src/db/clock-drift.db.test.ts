import { afterAll, beforeAll, expect, test } from 'vitest'
import { cloneDatabase, type TestDatabase } from '../../tests/database.ts'
import { silentLog } from '../kit/log.ts'
import { agreesWithDatabase } from './clock-drift.ts'

let clone: TestDatabase
beforeAll(async () => {
  clone = await cloneDatabase()
})
afterAll(() => clone.drop())

test.each([
  ['as it is', 0, true],
  ['half a minute ahead', 30_000, true],
  ['half a minute behind', -30_000, true],
  ['two minutes ahead', 120_000, false],
  ['a day behind', -86_400_000, false],
  ['a year ahead', 365 * 86_400_000, false],
])('a process whose clock is %s may do what time asks for: %s ms off, %s', async (_, offMs, may) => {
  const clock = () => new Date(Date.now() + offMs)
  expect(await agreesWithDatabase({ database: clone.database, clock, log: silentLog })).toBe(may)
})
