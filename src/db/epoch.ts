import { hostname } from 'node:os'
import { type Kysely, sql, type Transaction } from 'kysely'
import type { Clock } from '../kit/clock.ts'
import { newId } from '../kit/id.ts'
import type { Log } from '../kit/log.ts'
import type { Database } from './database.ts'
import { epochChannel, everything } from './epoch-lease.ts'
import { makeListener } from './epoch-listener.ts'
import type { Schema } from './schema.ts'

/**
 * Strict cache invalidation over any number of processes, without a query per operation.
 *
 * Every change to state that gateways cache increments one counter, the configuration epoch, in its own
 * transaction. Each process hears of it (LISTEN/NOTIFY), drops what it cached of that organization, and only then
 * acknowledges. `change` returns when every process that holds a lease has acknowledged: a revoked token or key is
 * used by no operation that starts after that. A process that hears nothing loses its lease by its own clock
 * before the database's, and trusts no cache from then on, so nobody has to wait for it.
 *
 * How to cache (src/db/epoch-cache.ts does all of it):
 * - use a cached value only while `isFresh()`;
 * - sample `current()` before the read and store what was read only if `current()` is still the same after it: the
 *   read may have seen the state before a change whose notification arrived while it ran;
 * - never hand a read that was started at one epoch to an operation that starts at another.
 */
export interface Epoch {
  readonly processId: string
  /** Joins `processes`; caches are trusted from here on. */
  start(): Promise<void>
  /** Gives the lease up, so that nobody waits for this process. */
  stop(): Promise<void>
  /** The lease holds: caches may be trusted. */
  isFresh(): boolean
  /** The epoch up to which this process has dropped its caches. */
  current(): bigint
  /**
   * Called with the organization whose state changed, or null: everything. The acknowledgement waits for the
   * returned promise. One that throws, or takes longer than a lease, costs this process its lease.
   */
  onChange(listener: ChangeListener): void
  /** A transaction whose effect is in force on all processes when the promise resolves. Null: every cache is dropped. */
  change<T>(organizationId: string | null, work: Work<T>): Promise<T>
  /** The same without waiting: for news such as a cooling key, which no promise hangs on. */
  announce<T>(organizationId: string, work: Work<T>): Promise<T>
}

export type Work<T> = (transaction: Transaction<Schema>) => Promise<T>
export type ChangeListener = (organizationId: string | null) => void | Promise<void>

export interface EpochOptions {
  readonly database: Database
  readonly clock: Clock
  readonly log: Log
  /** How long a dead process is waited for at most. Renewed five times as often. */
  readonly leaseSeconds?: number
  readonly version?: string
}

export const makeEpoch = (options: EpochOptions): Epoch => {
  const { database, clock, log, leaseSeconds = 5, version = 'unknown' } = options
  const processId = newId()
  const listeners: ChangeListener[] = []
  const waiting = new Set<() => void>()

  const listener = makeListener({
    processId,
    url: database.url,
    identity: { pid: process.pid, host: hostname(), version },
    leaseMs: leaseSeconds * 1000,
    now: () => ({ monotonicMs: performance.now(), wallMs: clock().getTime() }),
    log,
    drop: async (organizationId) => {
      for (const listen of listeners) await listen(organizationId)
    },
    acknowledged: () => {
      for (const wake of waiting) wake()
    },
  })

  const announce = async <T>(organizationId: string | null, work: Work<T>) =>
    database.kysely.transaction().execute(async (transaction) => {
      const value = await work(transaction)
      return { value, epoch: await advance(transaction, organizationId) }
    })

  /** Resolves at the next acknowledgement that this process hears of, or after 20 ms. */
  const nextAcknowledgement = () =>
    new Promise<void>((resolve) => {
      const done = () => {
        clearTimeout(timer)
        waiting.delete(done)
        resolve()
      }
      const timer = setTimeout(done, 20)
      waiting.add(done)
    })

  /** The change is committed by now, so a database that is away for a moment is asked again, for two leases. */
  const acknowledged = async (epoch: bigint): Promise<void> => {
    const giveUpAt = performance.now() + leaseSeconds * 2000
    for (;;) {
      try {
        if (!(await someoneLags(database.kysely, epoch))) return
      } catch (error) {
        if (performance.now() > giveUpAt) throw error
      }
      await nextAcknowledgement()
    }
  }

  return {
    processId,
    start: () => listener.start(),
    stop: () => listener.stop(),
    isFresh: () => listener.isFresh(),
    current: () => listener.current(),
    onChange: (listen) => void listeners.push(listen),
    change: async (organizationId, work) => {
      const { value, epoch } = await announce(organizationId, work)
      await acknowledged(epoch)
      return value
    },
    announce: async (organizationId, work) => (await announce(organizationId, work)).value,
  }
}

/**
 * Last in its transaction: the counter's row lock is held to the commit, so that epochs become visible in the order
 * of their numbers, which is what lets a listener notice a missing one.
 */
const advance = async (transaction: Transaction<Schema>, organizationId: string | null): Promise<bigint> => {
  const { epoch } = await transaction
    .updateTable('configuration_epoch')
    .set((eb) => ({ epoch: eb('epoch', '+', 1n) }))
    .returning('epoch')
    .executeTakeFirstOrThrow()
  await sql`SELECT pg_notify(${epochChannel}, ${`${epoch}:${organizationId ?? everything}`})`.execute(
    transaction,
  )
  return epoch
}

const someoneLags = async (kysely: Kysely<Schema>, epoch: bigint): Promise<boolean> => {
  const lagging = await kysely
    .selectFrom('processes')
    .select('id')
    .where('lease_until', '>', sql<Date>`now()`)
    .where('acknowledged_epoch', '<', epoch)
    .limit(1)
    .executeTakeFirst()
  return lagging !== undefined
}
