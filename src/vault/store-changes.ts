import { sql, type Transaction } from 'kysely'
import type { Schema } from '../db/schema.ts'
import type { Executor } from './store.ts'

export type ChangeKind = 'rotate' | 'move' | 'rewrap' | 'upgrade'
export type ChangeState = 'staging' | 'rewrapping' | 'done' | 'abandoned'

export interface Change {
  readonly id: string
  readonly kind: ChangeKind
  readonly state: ChangeState
  readonly toVersion: number
  readonly total: bigint
  readonly done: bigint
  readonly unreadable: bigint
  readonly startedAt: Date
  readonly finishedAt: Date | null
}

const columns = sql`id, kind, state, to_version AS "toVersion", total, done, unreadable,
  started_at AS "startedAt", finished_at AS "finishedAt"`

export const readNewestChange = async (executor: Executor): Promise<Change | null> => {
  const { rows } = await sql<Change>`
    SELECT ${columns} FROM vault_changes ORDER BY started_at DESC, id DESC LIMIT 1`.execute(executor)
  return rows[0] ?? null
}

export const insertChange = async (
  transaction: Transaction<Schema>,
  change: Pick<Change, 'id' | 'kind' | 'state' | 'toVersion' | 'total'>,
  at: Date,
): Promise<void> => {
  const { id, kind, state, toVersion: to_version, total } = change
  await transaction
    .insertInto('vault_changes')
    .values({ id, kind, state, to_version, total, started_at: at })
    .execute()
}

/** For a while that is longer than any batch takes. False: another process is at it. */
export const claimChange = async (executor: Executor, id: string, processId: string): Promise<boolean> => {
  const { rows } = await sql`
    UPDATE vault_changes SET claimed_by = ${processId}, claimed_until = now() + interval '15 seconds'
    WHERE id = ${id} AND finished_at IS NULL AND (claimed_by = ${processId} OR claimed_until IS NULL OR claimed_until < now())
    RETURNING id`.execute(executor)
  return rows.length === 1
}

export const releaseChange = async (executor: Executor, id: string, processId: string): Promise<void> => {
  await sql`UPDATE vault_changes SET claimed_by = NULL, claimed_until = NULL
    WHERE id = ${id} AND claimed_by = ${processId}`.execute(executor)
}

export const beginRewrapping = async (
  transaction: Transaction<Schema>,
  id: string,
  total: bigint,
): Promise<void> => {
  await sql`UPDATE vault_changes SET state = 'rewrapping', total = ${total} WHERE id = ${id}`.execute(
    transaction,
  )
}

/** In the transaction of what was done. */
export const addProgress = async (executor: Executor, id: string, done: number): Promise<void> => {
  await sql`UPDATE vault_changes SET done = done + ${done} WHERE id = ${id}`.execute(executor)
}

export const finishChange = async (
  transaction: Transaction<Schema>,
  id: string,
  state: 'done' | 'abandoned',
  unreadable: bigint,
  at: Date,
): Promise<void> => {
  await sql`UPDATE vault_changes SET state = ${state}, unreadable = ${unreadable}, finished_at = ${at},
    claimed_by = NULL, claimed_until = NULL WHERE id = ${id} AND finished_at IS NULL`.execute(transaction)
}

export interface ProcessState {
  readonly processId: string
  readonly sealed: boolean
  readonly problem: string | null
  readonly versions: readonly number[]
  readonly named: readonly number[]
}

export const writeProcess = async (executor: Executor, state: ProcessState, at: Date): Promise<void> => {
  const { processId: process_id, sealed, problem } = state
  const values = { sealed, problem, versions: [...state.versions], named: [...state.named], updated_at: at }
  await executor
    .insertInto('vault_processes')
    .values({ process_id, ...values })
    .onConflict((conflict) => conflict.column('process_id').doUpdateSet(values))
    .execute()
}

/** Those of processes that are gone go with the first who looks. */
export const forgetProcesses = async (executor: Executor, processId: string | null): Promise<void> => {
  await sql`DELETE FROM vault_processes v WHERE process_id = ${processId}
    OR (updated_at < now() - interval '1 hour'
      AND NOT EXISTS (SELECT FROM processes p WHERE p.id = v.process_id AND p.lease_until > now()))`.execute(
    executor,
  )
}

export interface LiveProcess extends Omit<ProcessState, 'sealed'> {
  readonly host: string
  readonly pid: number
  /** Null: it has not said anything yet. */
  readonly sealed: boolean | null
}

/** Those that hold a lease. */
export const readLiveProcesses = async (executor: Executor): Promise<LiveProcess[]> => {
  const { rows } = await sql<LiveProcess>`
    SELECT p.id AS "processId", p.host, p.pid, v.sealed, v.problem, coalesce(v.versions, '{}') AS versions,
      coalesce(v.named, '{}') AS named
    FROM processes p LEFT JOIN vault_processes v ON v.process_id = p.id
    WHERE p.lease_until > now() ORDER BY p.started_at, p.id`.execute(executor)
  return rows
}
