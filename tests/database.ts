import { randomBytes } from 'node:crypto'
import { inject } from 'vitest'
import { type Database, openDatabase } from '../src/db/database.ts'
import { roleOf, withDatabase } from './database-url.ts'

export interface TestDatabase extends AsyncDisposable {
  readonly database: Database
  /** For further connections and for processes that the test starts. */
  readonly url: string
  /** Closes `database` and removes the clone, whoever is still connected to it. */
  drop(): Promise<void>
}

/**
 * A fresh, migrated database of the test's own, in about 40 ms: `await using clone = await cloneDatabase()`, or `drop` in
 * afterAll. `migrated: false` gives an empty one.
 */
export const cloneDatabase = async (
  options: { maximumConnections?: number; migrated?: boolean } = {},
): Promise<TestDatabase> => {
  const name = `test_${randomBytes(8).toString('hex')}`
  const template = options.migrated === false ? 'template0' : inject('templateDatabase')
  const url = withDatabase(inject('roleUrl'), name)
  await asAdministrator(
    `CREATE DATABASE ${name} TEMPLATE ${template} STRATEGY FILE_COPY OWNER "${roleOf(inject('roleUrl'))}"`,
  )
  const database = openDatabase({ url, maximumConnections: options.maximumConnections })
  const drop = async (): Promise<void> => {
    await database.close()
    await asAdministrator(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`)
  }
  return { database, url, drop, [Symbol.asyncDispose]: drop }
}

const asAdministrator = async (statement: string): Promise<void> => {
  const administrator = openDatabase({ url: inject('administratorUrl'), maximumConnections: 1 })
  try {
    await administrator.pool.query(statement)
  } finally {
    await administrator.close()
  }
}
