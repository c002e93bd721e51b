import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { cloneDatabase, type TestDatabase } from '../../tests/database.ts'
import { silentLog as log } from '../kit/log.ts'
import { openDatabase } from './database.ts'
import { migrate } from './migrate.ts'

let clone: TestDatabase
let directory: string
const write = (name: string, sql: string): void => writeFileSync(join(directory, name), sql)

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'aideon-migrations-'))
  clone = await cloneDatabase({ template: 'template0' })
})
afterEach(async () => {
  await clone.drop()
  rmSync(directory, { recursive: true })
})

describe('migrate', () => {
  test('runs each shipped migration once, in order', async () => {
    const shipped = readdirSync(join(import.meta.dirname, '../../migrations')).toSorted()
    expect(await migrate(clone.database, { log })).toEqual({ applied: shipped })
    expect(await migrate(clone.database, { log })).toEqual({ applied: [] })
  })

  test('two processes at once apply each migration once between them', async () => {
    write('0001_first.sql', 'CREATE TABLE one (a integer); SELECT pg_sleep(0.05)')
    write('0002_second.sql', 'CREATE TABLE two (a integer)')
    const other = openDatabase({ url: clone.url })
    const results = await Promise.all([
      migrate(clone.database, { log, directory }),
      migrate(other, { log, directory }),
    ])
    await other.close()
    expect(results.flatMap((result) => result.applied).toSorted()).toEqual([
      '0001_first.sql',
      '0002_second.sql',
    ])
  })

  test('refuses a migration that was changed after it ran', async () => {
    write('0001_first.sql', 'CREATE TABLE one (a integer)')
    await migrate(clone.database, { log, directory })
    write('0001_first.sql', 'CREATE TABLE one (a bigint)')
    await expect(migrate(clone.database, { log, directory })).rejects.toThrow(
      'Migration 0001_first.sql was changed after it ran',
    )
  })

  test('refuses a database that a newer version has migrated', async () => {
    write('0001_first.sql', 'SELECT 1')
    write('0002_newer.sql', 'SELECT 1')
    await migrate(clone.database, { log, directory })
    rmSync(join(directory, '0002_newer.sql'))
    await expect(migrate(clone.database, { log, directory })).rejects.toThrow(
      'The database has migration 0002_newer.sql, which this version does not know',
    )
  })

  test('refuses a migration slipped in before one that has run', async () => {
    write('0002_second.sql', 'SELECT 1')
    await migrate(clone.database, { log, directory })
    write('0001_late.sql', 'SELECT 1')
    await expect(migrate(clone.database, { log, directory })).rejects.toThrow('0001_late.sql comes before')
  })

  test('a failing migration is undone whole, the ones before it stay, and the next try goes on from there', async () => {
    write('0001_first.sql', 'CREATE TABLE one (a integer)')
    write('0002_second.sql', 'CREATE TABLE two (a integer); SELECT 1 / 0')
    await expect(migrate(clone.database, { log, directory })).rejects.toThrow(
      'Migration 0002_second.sql failed and was undone: division by zero',
    )
    const { rows } = await clone.database.pool.query(
      `SELECT to_regclass('one') AS one, to_regclass('two') AS two`,
    )
    expect(rows).toEqual([{ one: 'one', two: null }])
    write('0002_second.sql', 'CREATE TABLE two (a integer)')
    expect(await migrate(clone.database, { log, directory })).toEqual({ applied: ['0002_second.sql'] })
  })
})
