import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { PoolClient } from 'pg'
import type { Log } from '../kit/log.ts'
import type { Database } from './database.ts'
import { buildWall } from './tenant-wall.ts'

export interface MigrationFile {
  readonly name: string
  readonly checksum: string
  readonly sql: string
}

export interface AppliedMigration {
  readonly name: string
  readonly checksum: string
}

/** The reason is one sentence for the operator, who sees it in place of a stack. */
export class MigrationError extends Error {
  override readonly name = 'MigrationError'
}

const shippedDirectory = join(import.meta.dirname, '../../migrations')
const oldestVersion = 15
// Any number that nothing else here uses; the same in every process.
const advisoryLock = '4203417001'

/**
 * Brings the database to this version's schema. Safe to call from any number of processes at once: an advisory
 * lock lets one through, the others find nothing left to do. Each file is one transaction.
 */
export const migrate = async (
  database: Pick<Database, 'pool'>,
  options: { log: Log; directory?: string },
): Promise<{ applied: string[] }> => {
  const files = await readMigrations(options.directory ?? shippedDirectory)
  const client = await database.pool.connect()
  try {
    await requireVersion(client)
    await takeLock(client, options.log)
    const applied = await readApplied(client)
    const pending = pendingMigrations(files, applied)
    for (const file of pending) {
      await run(client, file)
      options.log.info({ migration: file.name }, 'migration applied')
    }
    if (options.directory === undefined) await buildWall(client, options.log)
    await client.query('SELECT pg_advisory_unlock($1)', [advisoryLock])
    client.release()
    return { applied: pending.map((file) => file.name) }
  } catch (error) {
    // Closing the connection gives the lock back, whatever state it is in.
    client.release(true)
    throw error
  }
}

/** What is still to run, or a refusal where files and database do not fit together. */
export const pendingMigrations = (
  files: readonly MigrationFile[],
  applied: readonly AppliedMigration[],
): MigrationFile[] => {
  const byName = new Map(files.map((file) => [file.name, file]))
  for (const row of applied) {
    const file = byName.get(row.name)
    if (!file)
      throw new MigrationError(
        `The database has migration ${row.name}, which this version does not know: it was used by a newer version. Start that version, or restore a backup from before.`,
      )
    if (file.checksum !== row.checksum)
      throw new MigrationError(
        `Migration ${row.name} was changed after it ran on this database. Put the file back as it was and write a new migration for the change.`,
      )
  }
  const done = new Set(applied.map((row) => row.name))
  const pending = files.filter((file) => !done.has(file.name))
  const last = applied
    .map((row) => row.name)
    .toSorted()
    .at(-1)
  const late = last === undefined ? undefined : pending.find((file) => file.name < last)
  if (late)
    throw new MigrationError(
      `Migration ${late.name} comes before ${last}, which has run already. Give it the next free number.`,
    )
  return pending
}

const readMigrations = async (directory: string): Promise<MigrationFile[]> => {
  const names = (await readdir(directory)).filter((name) => /^\d{4}_[a-z0-9_]+\.sql$/.test(name)).toSorted()
  return Promise.all(
    names.map(async (name) => {
      const sql = await readFile(join(directory, name), 'utf8')
      // Line ends do not count: a checkout on Windows has other ones.
      const checksum = createHash('sha256').update(sql.replaceAll('\r\n', '\n')).digest('hex')
      return { name, checksum, sql }
    }),
  )
}

const requireVersion = async (client: PoolClient): Promise<void> => {
  const { rows } = await client.query<{ server_version: string }>('SHOW server_version')
  const version = rows[0]?.server_version ?? '0'
  if (Number.parseInt(version, 10) < oldestVersion)
    throw new MigrationError(`PostgreSQL ${oldestVersion} or newer is needed; this server is ${version}.`)
}

const takeLock = async (client: PoolClient, log: Log): Promise<void> => {
  const { rows } = await client.query<{ taken: boolean }>('SELECT pg_try_advisory_lock($1) AS taken', [
    advisoryLock,
  ])
  if (rows[0]?.taken) return
  log.info('waiting for another process that migrates the database')
  await client.query('SELECT pg_advisory_lock($1)', [advisoryLock])
}

const readApplied = async (client: PoolClient): Promise<AppliedMigration[]> => {
  const table = `CREATE TABLE IF NOT EXISTS schema_migrations (
    name        text PRIMARY KEY,
    checksum    text NOT NULL,
    applied_at  timestamptz NOT NULL DEFAULT now()
  )`
  await client.query(table).catch((error: unknown) => {
    throw mayNotMakeTables(error) ?? error
  })
  const { rows } = await client.query<AppliedMigration>(
    'SELECT name, checksum FROM schema_migrations ORDER BY name',
  )
  return rows
}

/** Since PostgreSQL 15 only the owner of a database may: the commonest mistake with a role made for us. */
const mayNotMakeTables = (error: unknown): MigrationError | null =>
  error instanceof Error && 'code' in error && error.code === '42501'
    ? new MigrationError(
        `This role may not make tables in the database (${error.message}). Let it own the database: ALTER DATABASE … OWNER TO ….`,
        { cause: error },
      )
    : null

const run = async (client: PoolClient, file: MigrationFile): Promise<void> => {
  try {
    await client.query('BEGIN')
    await client.query(file.sql)
    await client.query('INSERT INTO schema_migrations (name, checksum) VALUES ($1, $2)', [
      file.name,
      file.checksum,
    ])
    await client.query('COMMIT')
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new MigrationError(`Migration ${file.name} failed and was undone: ${reason}`, { cause: error })
  }
}
