import { Kysely, PostgresDialect } from 'kysely'
import { type CustomTypesConfig, Pool, types as defaultTypes } from 'pg'
import type { Schema } from './schema.ts'
import { holdToTenants } from './tenant-pool.ts'

/** The pool and the typed query builder over it. Raw SQL goes through `pool`, everything else through `kysely`. */
export interface Database {
  readonly kysely: Kysely<Schema>
  readonly pool: Pool
  readonly url: string
  close(): Promise<void>
}

export interface DatabaseOptions {
  /** `postgres://user:password@host/database`, or `postgres://user@/database?host=/directory` for a Unix socket. */
  readonly url: string
  readonly maximumConnections?: number
  readonly applicationName?: string
}

/** One dimension and no NULLs, which is all the schema has. */
const parseBigintArray = (text: string): bigint[] => {
  const inside = text.slice(1, -1)
  return inside === '' ? [] : inside.split(',').map((item) => BigInt(item))
}

/**
 * By type number: int8 (20) and int8[] (1016) arrive as bigint. As a double they would be wrong above 2^53, and pg's own
 * choice, a string, would be concatenated where it should be added.
 */
const ownParsers = new Map<number, (text: string) => unknown>([
  [20, BigInt],
  [1016, parseBigintArray],
])

type TypeNumber = Parameters<typeof defaultTypes.getTypeParser>[0]

const types: CustomTypesConfig = {
  getTypeParser: ((oid: TypeNumber, format?: 'text') =>
    ownParsers.get(oid) ?? defaultTypes.getTypeParser(oid, format)) as CustomTypesConfig['getTypeParser'],
}

export const openDatabase = (options: DatabaseOptions): Database => {
  const pool = new Pool({
    connectionString: options.url,
    max: options.maximumConnections ?? 10,
    application_name: options.applicationName ?? 'aideon-keys',
    // A caller who waits for a connection longer than this gets database_unavailable instead.
    connectionTimeoutMillis: 5_000,
    keepAlive: true,
    types,
  })
  // A connection that breaks (PostgreSQL restarted) is dropped by the pool, and whoever uses it gets the error from their
  // query; without listeners it would end the process. The pool takes its own away while a connection is in use.
  pool.on('error', () => {})
  pool.on('connect', (client) => client.on('error', () => {}))
  holdToTenants(pool)
  const kysely = new Kysely<Schema>({ dialect: new PostgresDialect({ pool }) })
  // Not kysely.destroy(), which leaves the pool open where no kysely query was ever made.
  return { kysely, pool, url: options.url, close: () => pool.end() }
}

const connectionErrors = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ENOENT',
  'EPIPE',
  'ETIMEDOUT',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  '53300', // too_many_connections
  '57P01', // admin_shutdown
  '57P02', // crash_shutdown
  '57P03', // cannot_connect_now
])

const messagesWithoutCode =
  /^Connection terminated|timeout exceeded when trying to connect|^Client has encountered a connection error/

/** Whether the database could not be reached, as opposed to having refused a statement: fault `database_unavailable`. */
export const isDatabaseUnavailable = (error: unknown): boolean => {
  if (!(error instanceof Error)) return false
  const code = 'code' in error && typeof error.code === 'string' ? error.code : ''
  if (connectionErrors.has(code) || code.startsWith('08')) return true
  return messagesWithoutCode.test(error.message)
}
