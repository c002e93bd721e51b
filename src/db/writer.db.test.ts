import v8 from 'node:v8'
import { runInNewContext } from 'node:vm'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { cuttableUrl } from '../../tests/cuttable.ts'
import { cloneDatabase, type TestDatabase } from '../../tests/database.ts'
import { openDatabase } from './database.ts'
import { isPassing, openWriter, type Writer } from './writer.ts'

let clone: TestDatabase
let writer: Writer
beforeAll(async () => {
  clone = await cloneDatabase()
  await clone.database.pool.query('CREATE TABLE written (number integer PRIMARY KEY, text text)')
  writer = openWriter(clone.database, { name: 'test' })
})
afterAll(async () => {
  await writer.close()
  await clone.drop()
})

const table = { table: 'written', columns: ['number', 'text'] }
const insert = { name: 'insert', text: 'INSERT INTO written VALUES ($1, $2)' }
const numbers = async () => {
  const { rows } = await clone.database.pool.query('SELECT number FROM written ORDER BY number')
  return rows.map(({ number }) => number)
}
const cleared = () => clone.database.pool.query('TRUNCATE written')

describe('a transaction', () => {
  test('that fails has done nothing, and the next one is served', async () => {
    await cleared()
    const failing = writer.transact(async (unit) => {
      void unit.send(insert, [1, 'once'])
      void unit.copy(table, '2\tcopied\n')
      await unit.send(insert, [1, 'twice'])
    })
    await expect(failing).rejects.toMatchObject({ code: '23505' })
    expect(await numbers()).toEqual([])
    expect(await writer.run(insert, [3, 'alone'])).toBe(1)
    expect(await writer.transact((unit) => unit.copy(table, '4\tx\n5\ty\n'))).toBe(2)
    expect(await numbers()).toEqual([3, 4, 5])
  })

  test('sees its own rows, in the order in which it was told', async () => {
    await cleared()
    const seen = await writer.transact(async (unit) => {
      void unit.copy(table, '1\tx\n')
      void unit.send(insert, [2, 'y'])
      return unit.ask<{ text: string }>({ name: 'all', text: 'SELECT text FROM written ORDER BY number' }, [])
    })
    expect(seen).toEqual([{ text: 'x' }, { text: 'y' }])
  })
})

test('a server that no longer answers is given up in time, and asked anew over another connection', async () => {
  await cleared()
  const way = await cuttableUrl(clone.url)
  const database = openDatabase({ url: way.url, maximumConnections: 1 })
  const impatient = openWriter(database, { name: 'impatient', answerTimeoutMs: 300 })
  try {
    expect(await impatient.run(insert, [1, 'before'])).toBe(1)
    way.silence()
    const error: unknown = await impatient.run(insert, [2, 'unheard']).catch((caught: unknown) => caught)
    expect(String(error)).toBe('Error: Query read timeout')
    expect(isPassing(error)).toBe(true)
    way.restore()
    expect(await impatient.run(insert, [3, 'after'])).toBe(1)
    expect(await numbers()).toEqual([1, 3])
  } finally {
    await impatient.close()
    await database.close()
    await way.close()
  }
})

/** What is alive in the old generation, and what is not but has become old. */
const oldBytes = () =>
  v8.getHeapSpaceStatistics().find(({ space_name }) => space_name === 'old_space')?.space_used_size ?? 0

test('what was written does not become old: no function that a query leads to is made in the old generation', async () => {
  v8.setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as (options: { type: 'minor' }) => void
  const write = async (times: number) => {
    for (let round = 0; round < times; round++) {
      const lines = Array.from({ length: 500 }, (_, row) => `${row}\t${'x'.repeat(100)}${round}\n`).join('')
      await writer.copy(table, lines)
      await cleared()
      await writer.transact(async (unit) => void (await unit.send(insert, [1, `${round}${lines}`])))
      await cleared()
      collect({ type: 'minor' })
    }
  }
  await cleared()
  await write(20)
  const before = oldBytes()
  await write(60)
  // Each round writes 110 KB: 6.6 MB are kept, where one of them is.
  expect(oldBytes() - before).toBeLessThan(2_000_000)
})
