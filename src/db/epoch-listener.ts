import { Client } from 'pg'
import type { Log } from '../kit/log.ts'
import { acknowledgedChannel, epochChannel, holdsAt, type Instant, parseNotice } from './epoch-lease.ts'

/** One process's ear for changes: a connection of its own that listens, renews the lease and acknowledges. */
export interface Listener {
  start(): Promise<void>
  stop(): Promise<void>
  isFresh(): boolean
  current(): bigint
}

export interface ListenerOptions {
  readonly processId: string
  readonly url: string
  readonly identity: { readonly pid: number; readonly host: string; readonly version: string }
  readonly leaseMs: number
  readonly now: () => Instant
  readonly log: Log
  readonly drop: (organizationId: string | null) => Promise<void>
  readonly acknowledged: () => void
}

const rejoinAfterMs = { first: 50, most: 2000 } as const

export const makeListener = (o: ListenerOptions): Listener => {
  let client: Client | null = null
  let stopped = true
  /** When the statement that last renewed the lease was sent: never later than the database counts from. */
  let leaseFrom: Instant | null = null
  /** Moves before caches are dropped, so that a read from before cannot be stored behind the drop. */
  let current = 0n
  let dropped = 0n
  let acknowledging = false
  let dropSince: Instant | null = null
  /** Drops happen one after the other, in the order in which they were heard. */
  let drops: Promise<void> = Promise.resolve()
  let timer: NodeJS.Timeout | undefined
  let beating = false
  let joining = false

  const leaseHolds = () => leaseFrom !== null && holdsAt(leaseFrom, o.now(), o.leaseMs)

  const drop = async (epoch: bigint, organizationId: string | null): Promise<void> => {
    current = epoch
    dropSince = o.now()
    await o.drop(organizationId)
    dropSince = null
    dropped = epoch
    void acknowledge()
  }

  const enqueue = (step: () => Promise<void>): Promise<void> => {
    const done = drops.then(step)
    drops = done.catch((error: unknown) => lose(client, error))
    return done
  }

  const hear = (epoch: bigint, organizationId: string | null) =>
    void enqueue(async () => {
      if (epoch <= dropped) return
      await drop(epoch, epoch === dropped + 1n ? organizationId : null)
    }).catch(() => {})

  /**
   * `epoch` was read in a statement sent when `known` was the newest we knew. Newer: we missed one. Older: the
   * database was set back, and nothing we hold belongs to it.
   */
  const catchUp = (epoch: bigint, known: bigint) =>
    enqueue(async () => {
      if (epoch > dropped || epoch < known) await drop(epoch, null)
    })

  /** One write at a time; what is dropped meanwhile goes with the next. */
  const acknowledge = async (): Promise<void> => {
    const to = client
    if (acknowledging || !to) return
    acknowledging = true
    const epoch = dropped
    try {
      await to.query(statements.acknowledge, [o.processId, String(epoch), acknowledgedChannel])
    } catch (error) {
      lose(to, error)
    }
    acknowledging = false
    if (dropped !== epoch || (client && client !== to)) await acknowledge()
  }

  /**
   * Into `processes`, then the epoch in a statement of its own: a change that did not see our lease had committed
   * before that second read, and one that commits after it waits for us.
   */
  const register = async (to: Client): Promise<void> => {
    const sentAt = o.now()
    const known = dropped
    const { pid, host, version } = o.identity
    await to.query(statements.register, [o.processId, pid, host, version, o.leaseMs])
    await catchUp(await readEpoch(to), known)
    await acknowledge()
    if (to === client) leaseFrom = sentAt
  }

  const renew = async (to: Client): Promise<void> => {
    const sentAt = o.now()
    const known = dropped
    const { rows } = await to.query<{ epoch: string }>(statements.renew, [o.processId, o.leaseMs])
    if (!rows[0]) return register(to)
    // Lapsed meanwhile: changes may have returned without waiting for us, so look again now that they wait.
    await catchUp(leaseHolds() ? BigInt(rows[0].epoch) : await readEpoch(to), known)
    if (to === client) leaseFrom = sentAt
  }

  const beat = async (): Promise<void> => {
    const to = client
    if (!to || beating) return
    // Caches that do not get dropped in time must not keep everybody else waiting: let the lease go.
    if (dropSince && !holdsAt(dropSince, o.now(), o.leaseMs / 2)) {
      o.log.error({ processId: o.processId }, 'caches were not dropped in time; the lease is not renewed')
      return
    }
    beating = true
    try {
      await renew(to)
    } catch (error) {
      lose(to, error)
    } finally {
      beating = false
    }
  }

  const open = (): Client => {
    const opened = new Client({
      connectionString: o.url,
      application_name: 'aideon-keys epoch',
      keepAlive: true,
      connectionTimeoutMillis: o.leaseMs,
      query_timeout: o.leaseMs,
    })
    opened.on('error', (error) => lose(opened, error))
    opened.on('end', () => lose(opened, new Error('the connection ended')))
    opened.on('notification', ({ channel, payload }) => {
      if (opened !== client) return
      if (channel === acknowledgedChannel) return o.acknowledged()
      const notice = parseNotice(payload ?? '')
      if (notice) hear(notice.epoch, notice.organizationId)
    })
    return opened
  }

  /** Listens before it reads the epoch: whatever commits after the read is heard. */
  const join = async (): Promise<void> => {
    joining = true
    const opened = open()
    try {
      await opened.connect()
      client = opened
      await opened.query(`LISTEN ${epochChannel}; LISTEN ${acknowledgedChannel}`)
      await register(opened)
      if (client !== opened) throw new Error('the connection was lost while joining')
    } catch (error) {
      opened.end().catch(() => {})
      abandon()
      throw error
    } finally {
      joining = false
    }
  }

  const lose = (lost: Client | null, error: unknown): void => {
    if (!lost || lost !== client) return
    abandon()
    if (stopped || joining) return
    o.log.warn(
      { err: error, processId: o.processId },
      'lost the change feed; no cache is trusted until it is back',
    )
    rejoin(rejoinAfterMs.first)
  }

  const abandon = (): void => {
    const abandoned = client
    client = null
    leaseFrom = null
    dropSince = null
    abandoned?.end().catch(() => {})
  }

  const rejoin = (afterMs: number): void => {
    const attempt = async () => {
      if (stopped || client) return
      try {
        await join()
        o.log.info({ processId: o.processId }, 'the change feed is back')
      } catch (error) {
        o.log.warn({ err: error, processId: o.processId }, 'the change feed cannot be joined yet')
        rejoin(Math.min(afterMs * 2, rejoinAfterMs.most))
      }
    }
    setTimeout(() => void attempt(), afterMs).unref()
  }

  return {
    start: async () => {
      stopped = false
      await join()
      timer = setInterval(() => void beat(), o.leaseMs / 5)
    },
    stop: async () => {
      stopped = true
      clearInterval(timer)
      const leaving = client
      leaseFrom = null
      client = null
      await leaving?.query(statements.leave, [o.processId]).catch(() => {})
      await leaving?.end().catch(() => {})
    },
    isFresh: leaseHolds,
    current: () => current,
  }
}

const readEpoch = async (from: Client): Promise<bigint> => {
  const { rows } = await from.query<{ epoch: string }>(statements.epoch)
  return BigInt(rows[0]?.epoch ?? 0)
}

const leaseEnd = (milliseconds: string) => `now() + ${milliseconds}::float8 * interval '1 millisecond'`

const statements = {
  epoch: 'SELECT epoch::text FROM configuration_epoch',
  // Processes long dead go: a day is more than anybody looks back.
  register: `
    WITH gone AS (DELETE FROM processes WHERE lease_until < now() - interval '1 day' AND id <> $1)
    INSERT INTO processes (id, pid, host, version, lease_until, acknowledged_epoch)
    SELECT $1, $2, $3, $4, ${leaseEnd('$5')}, 0
    ON CONFLICT (id) DO UPDATE SET lease_until = excluded.lease_until`,
  renew: `
    UPDATE processes SET lease_until = ${leaseEnd('$2')} WHERE id = $1
    RETURNING (SELECT epoch::text FROM configuration_epoch) AS epoch`,
  acknowledge: `
    WITH mine AS (UPDATE processes SET acknowledged_epoch = $2::bigint WHERE id = $1 RETURNING id)
    SELECT pg_notify($3, id::text) FROM mine`,
  leave: 'UPDATE processes SET lease_until = now() WHERE id = $1',
} as const
