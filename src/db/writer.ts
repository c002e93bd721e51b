import type { Duplex } from 'node:stream'
import { CompiledQuery, type QueryResult, type Transaction } from 'kysely'
import pg from 'pg'
import { clearDeadline, setDeadline } from '../kit/deadlines.ts'
import { copyQuery, type CopyStatement } from './copy.ts'
import { type Database, isDatabaseUnavailable } from './database.ts'
import type { Schema } from './schema.ts'

/** Prepared once per connection under its name. */
export interface Statement {
  readonly name: string
  readonly text: string
}

/** The statements of one transaction. */
export interface Unit {
  /** Sends a statement and gives its rows. */
  ask<Row>(statement: Statement, values: readonly unknown[]): Promise<Row[]>
  /** Sends a statement that nobody has to wait for: its failure fails the transaction. Gives the rows it changed. */
  send(statement: Statement, values: readonly unknown[]): Promise<number>
}

/** What a pipelined connection can do besides: copy rows in, like `send`. */
export interface CopyingUnit extends Unit {
  copy(statement: CopyStatement, lines: string): Promise<number>
}

export interface Writer {
  /** `work` may be run again by the caller after a failure: a lost connection leaves open whether it committed. */
  transact<T>(work: (unit: CopyingUnit) => Promise<T>): Promise<T>
  /** One statement that commits by itself. Gives the number of rows it changed. */
  run(statement: Statement, values: readonly unknown[]): Promise<number>
  /** The same of rows that are copied in. */
  copy(statement: CopyStatement, lines: string): Promise<number>
  close(): Promise<void>
}

/**
 * Every look-up of a writer is by a whole key, so nested loops over indexes are right whatever the statistics say,
 * also for a plan made while a table was empty. The limits end what would block a process's only writer.
 */
const sessionSettings = `
  SET plan_cache_mode = force_generic_plan; SET enable_seqscan = off; SET enable_bitmapscan = off;
  SET enable_hashjoin = off; SET enable_mergejoin = off; SET enable_material = off; SET jit = off; SET lock_timeout = '5s'; SET statement_timeout = '15s';
  SET idle_in_transaction_session_timeout = '10s'`
/** For a server that no longer answers at all; above every limit that the server itself keeps. */
const usualAnswerTimeoutMs = 20_000

/**
 * Connections apart from the common pool, so that screens and jobs never make the data plane wait, and pipelined:
 * statements go out without waiting for the answers to the ones before. A transaction costs two round trips.
 */
export const openWriter = (
  database: Database,
  options: { readonly name: string; readonly connections?: number; readonly answerTimeoutMs?: number },
): Writer => {
  const answerTo = askWithin(options.answerTimeoutMs ?? usualAnswerTimeoutMs)
  const pool = new pg.Pool({
    ...database.pool.options,
    max: options.connections ?? 1,
    min: 0,
    idleTimeoutMillis: 0,
    // A plan lives as long as its connection.
    maxLifetimeSeconds: 900,
    application_name: `aideon-keys ${options.name}`,
    pipeline: true,
  })
  pool.on('error', () => {})
  pool.on('connect', (client) => {
    // The pool listens only to idle connections; one that breaks between two statements would end the process.
    client.on('error', () => {})
    client.query(sessionSettings).catch(() => {})
  })
  return {
    transact: (work) => withClient(pool, (client) => transactOn(client, answerTo, work)),
    run: (statement, values) =>
      withClient(pool, async (client) => (await answerTo(client, plain(statement, values))).rowCount ?? 0),
    copy: (statement, lines) =>
      withClient(pool, async (client) => (await answerTo(client, copying(statement, lines))).rowCount ?? 0),
    close: () => pool.end(),
  }
}

/** After an error the connection is closed: that also undoes whatever it had begun. */
const withClient = async <T>(pool: pg.Pool, work: (client: pg.PoolClient) => Promise<T>): Promise<T> => {
  const client = await pool.connect()
  try {
    const result = await work(client)
    client.release()
    return result
  } catch (error) {
    client.release(true)
    throw error
  }
}

/** Failures of statements are reported where the transaction ends; not awaited before, they would end the process. */
const quietly = <T>(answer: Promise<T>): Promise<T> => {
  answer.catch(() => {})
  return answer
}

type Callback = (error: Error | undefined, result: pg.QueryResult) => void
type MakeQuery = (callback: Callback) => pg.Query

const plain =
  ({ name, text }: Statement, values: readonly unknown[]): MakeQuery =>
  (callback) =>
    new pg.Query({ name, text, values: values as unknown[] }, callback)

const copying =
  (statement: CopyStatement, lines: string): MakeQuery =>
  (callback) =>
    copyQuery(statement, lines, callback)

/**
 * With a callback and a time limit of our own: for promises and for `query_timeout` pg assigns a function to a property of the
 * query, and V8 makes such functions in the old generation. Each kept its query, and the text of a batch with it, until the
 * next full collection (docs/decisions/0126).
 */
const askWithin =
  (timeoutMs: number) =>
  (client: pg.PoolClient, makeQuery: MakeQuery): Promise<pg.QueryResult> =>
    new Promise((done, fail) => {
      // On a pipelined connection nothing else comes through any more, either.
      const limit = setDeadline(() => streamOf(client).destroy(new Error('Query read timeout')), timeoutMs)
      sendTogether(client)
      client.query(
        makeQuery((error, result) => {
          clearDeadline(limit)
          if (error) fail(error)
          else done(result)
        }),
      )
    })

type AnswerTo = ReturnType<typeof askWithin>

const streamOf = (client: pg.PoolClient): Duplex =>
  (client as unknown as { connection: { stream: Duplex } }).connection.stream

/**
 * Statements that are sent in the same turn go out in one write: a write to the server's socket wakes it, and costs more
 * than the bytes. pg corks its stream for each statement by itself; corks nest.
 */
const sendTogether = (client: pg.PoolClient): void => {
  const stream = streamOf(client)
  if (stream.writableCorked > 0) return
  stream.cork()
  process.nextTick(() => stream.uncork())
}

const begin: Statement = { name: 'begin', text: 'BEGIN ISOLATION LEVEL READ COMMITTED' }
const commit: Statement = { name: 'commit', text: 'COMMIT' }

const transactOn = async <T>(
  client: pg.PoolClient,
  answerTo: AnswerTo,
  work: (unit: CopyingUnit) => Promise<T>,
): Promise<T> => {
  const answers: Promise<unknown>[] = []
  const send = (makeQuery: MakeQuery): Promise<pg.QueryResult> => {
    const answer = quietly(answerTo(client, makeQuery))
    answers.push(answer)
    return answer
  }
  const query = (statement: Statement, values: readonly unknown[]) => send(plain(statement, values))
  void query(begin, [])
  const result = await work({
    ask: async <Row>(statement: Statement, values: readonly unknown[]) =>
      (await query(statement, values)).rows as Row[],
    send: (statement, values) => quietly(query(statement, values).then((result) => result.rowCount ?? 0)),
    copy: (statement, lines) =>
      quietly(send(copying(statement, lines)).then((result) => result.rowCount ?? 0)),
  })
  const committed = query(commit, [])
  await Promise.all(answers)
  // A transaction that failed before answers COMMIT with ROLLBACK and no error.
  if ((await committed).command !== 'COMMIT') throw new Error('The transaction was rolled back.')
  return result
}

/**
 * The same over a transaction that someone else began and will commit; `sent` has to be awaited before that. The name goes
 * along as a comment: the server's log and `pg_stat_activity` say which statement it is, as for prepared ones.
 */
export const unitOf = (transaction: Transaction<Schema>): Unit & { sent(): Promise<void> } => {
  let last: Promise<unknown> = Promise.resolve()
  // One after the other: the common pool's connections are not pipelined.
  const query = <Row>(statement: Statement, values: readonly unknown[]): Promise<QueryResult<Row>> => {
    const answer = last.then(() =>
      transaction.executeQuery<Row>(
        CompiledQuery.raw(`/* ${statement.name} */ ${statement.text}`, [...values]),
      ),
    )
    last = quietly(answer)
    return answer
  }
  return {
    ask: async <Row>(statement: Statement, values: readonly unknown[]) =>
      (await query<Row>(statement, values)).rows,
    send: (statement, values) =>
      quietly(query(statement, values).then((result) => Number(result.numAffectedRows ?? 0n))),
    sent: async () => void (await last),
  }
}

const passing = new Set([
  '40001', // serialization_failure
  '40P01', // deadlock_detected
  '55P03', // lock_not_available
  '57014', // query_canceled: statement_timeout
  '25P03', // idle_in_transaction_session_timeout
  'XX000', // Citus reports lost workers as internal errors
])

/** Whether the same transaction may succeed when it is tried again. */
export const isPassing = (error: unknown): boolean => {
  if (isDatabaseUnavailable(error)) return true
  if (!(error instanceof Error)) return false
  if ('code' in error && typeof error.code === 'string' && passing.has(error.code)) return true
  // pg gives these no code.
  return /^(?:Query read timeout|Client has encountered a connection error|Client was closed)/.test(
    error.message,
  )
}
