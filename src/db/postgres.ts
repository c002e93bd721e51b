import { Client } from 'pg'
import type { Log } from '../kit/log.ts'
import { type Embedded, runningEmbedded, startEmbedded } from './embedded.ts'
import { PostgresError } from './embedded-account.ts'

/** The PostgreSQL that a process works on: an external one, or the built-in one that it runs itself. */
export interface Postgres {
  readonly url: string
  /** null where DATABASE_URL names an external server. */
  readonly embedded: Embedded | null
  /** Stops what `startPostgres` started; an external server is left alone. */
  stop(): Promise<void>
}

export interface PostgresOptions {
  readonly databaseUrl: string | null
  readonly dataDirectory: string
  readonly log: Log
}

export const startPostgres = async (options: PostgresOptions): Promise<Postgres> => {
  if (options.databaseUrl !== null) {
    await requireReachable(options.databaseUrl)
    return { url: options.databaseUrl, embedded: null, stop: async () => {} }
  }
  const embedded = await startEmbedded(options)
  return { url: embedded.url, embedded, stop: () => embedded.stop() }
}

/** For commands: joins the server that a running gateway has on this data directory, else starts it for the while. */
export const joinPostgres = async (options: PostgresOptions): Promise<Postgres> => {
  const url = options.databaseUrl === null ? runningEmbedded(options.dataDirectory) : null
  return url === null ? startPostgres(options) : { url, embedded: null, stop: async () => {} }
}

const requireReachable = async (url: string): Promise<void> => {
  const client = clientFor(url)
  try {
    await client.connect()
  } catch (error) {
    throw new PostgresError(
      `The database that DATABASE_URL names (${client.host}:${client.port}) cannot be used: ${reasonOf(error)}.`,
      { cause: error },
    )
  } finally {
    await client.end().catch(() => {})
  }
}

const connectSeconds = 10

const clientFor = (url: string): Client => {
  try {
    return new Client({ connectionString: url, connectionTimeoutMillis: connectSeconds * 1000 })
  } catch {
    // Not as a cause: the error carries the whole address, with the password.
    throw new PostgresError(
      'DATABASE_URL cannot be read as an address such as postgres://user:password@host:5432/database. Is the port right, and is what is special in the password percent-encoded?',
    )
  }
}

const reasonOf = (error: unknown): string => {
  const reason = error instanceof Error && error.message !== '' ? error.message : String(error)
  return reason === 'timeout expired' ? `no PostgreSQL answered within ${connectSeconds} s` : reason
}
