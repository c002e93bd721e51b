import { readFileSync } from 'node:fs'
import { afterAll, expect, test } from 'vitest'
import { cloneDatabase } from '../../tests/database.ts'
import { saidTables, unsaid } from './inventory.ts'

const clone = await cloneDatabase()
afterAll(() => clone.drop())

const words = (text: string) => text.split(' ').filter((word) => word !== '')

test('every table and column of the database is said by aideon.yaml, or there is a reason why not', async () => {
  const { rows } = await clone.database.pool.query<{ name: string; columns: string[] }>(
    `SELECT c.relname AS name, array_agg(a.attname::text ORDER BY a.attname) AS columns
     FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
     WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
       AND c.relname <> 'schema_migrations'
     GROUP BY 1`,
  )
  const left = unsaid.flatMap(({ tables }) => words(tables))
  expect([...Object.keys(saidTables), ...left].toSorted()).toEqual(rows.map(({ name }) => name).toSorted())
  for (const { name, columns } of rows) {
    const said = saidTables[name]
    if (said)
      expect([name, ...words(said.says), ...words(said.rest)].toSorted()).toEqual(
        [name, ...columns].toSorted(),
      )
  }
})

test('readers are told what a file does not say, and why', () => {
  const text = readFileSync(new URL('../../docs/apply.md', import.meta.url), 'utf8')
  for (const { what, why } of unsaid) expect(text).toContain(`| ${what} | ${why} |`)
})
