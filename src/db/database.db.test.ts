import { expect, test } from 'vitest'
import { cloneDatabase } from '../../tests/database.ts'

test('int8 and int8[] arrive as bigint, timestamptz as Date', async () => {
  await using clone = await cloneDatabase()
  const { rows } = await clone.database.pool.query(
    `SELECT 9007199254740993::int8 AS one, '{1,-2}'::int8[] AS many, '{}'::int8[] AS none, now() AS at`,
  )
  expect(rows[0]).toEqual({ one: 9007199254740993n, many: [1n, -2n], none: [], at: expect.any(Date) })
})

test('two clones do not see each other’s rows', async () => {
  await using one = await cloneDatabase()
  await using other = await cloneDatabase()
  await one.database.kysely.insertInto('installation').values({ name: 'a', value: '{}' }).execute()
  expect(await other.database.kysely.selectFrom('installation').selectAll().execute()).toEqual([])
})
