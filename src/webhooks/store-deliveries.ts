import { sql } from 'kysely'
import type { EventType } from '../contract/event-types.ts'
import type { AfterAttempt, Attempt } from './after-attempt.ts'
import type { Run } from './store.ts'

export interface StoredEvent {
  readonly organizationId: string
  readonly id: string
  readonly type: string
  readonly payload: string
  readonly createdAt: Date
}

export interface Delivery {
  readonly organizationId: string
  readonly endpointId: string
  readonly eventId: string
  readonly type: string
  readonly state: 'pending' | 'delivered' | 'failed'
  readonly attempts: number
  readonly nextAttemptAt: Date
  readonly lastStatus: number | null
  readonly lastFault: string | null
  readonly createdAt: Date
  readonly endedAt: Date | null
}

export interface DueDelivery extends Delivery {
  readonly payload: string
  readonly url: string
}

const columns = sql`
  d.organization_id AS "organizationId", d.endpoint_id AS "endpointId", d.event_id AS "eventId", v.type, d.state, d.attempts,
  d.next_attempt_at AS "nextAttemptAt", d.last_status AS "lastStatus", d.last_fault AS "lastFault",
  v.created_at AS "createdAt", d.ended_at AS "endedAt"`

/**
 * `attempts` counts the one that follows, so a process that dies in the middle has made it. The oldest event first; at most
 * `perEndpoint` of one endpoint at a time, so that one that is slow takes no other's turn.
 */
export const claimDue = async (
  run: Run,
  leaseMs: number,
  at: Date,
  limit: number,
  perEndpoint: number,
): Promise<DueDelivery[]> => {
  const { rows } = await sql<DueDelivery>`
    WITH waiting AS (
      SELECT d.organization_id, d.endpoint_id, d.event_id,
        row_number() OVER (PARTITION BY d.organization_id, d.endpoint_id ORDER BY d.event_id) AS place
      FROM event_deliveries d
      WHERE d.state = 'pending' AND d.next_attempt_at <= ${at} AND (d.claimed_until IS NULL OR d.claimed_until < now())
    ), due AS (
      SELECT d.organization_id, d.endpoint_id, d.event_id FROM event_deliveries d
      JOIN waiting w ON w.organization_id = d.organization_id AND w.endpoint_id = d.endpoint_id AND w.event_id = d.event_id
      WHERE w.place <= ${perEndpoint} AND d.state = 'pending' AND (d.claimed_until IS NULL OR d.claimed_until < now())
      ORDER BY d.event_id LIMIT ${limit} FOR UPDATE OF d SKIP LOCKED
    )
    UPDATE event_deliveries d
    SET claimed_until = now() + ${leaseMs}::bigint * interval '1 millisecond', attempts = d.attempts + 1
    FROM due, events v, webhook_endpoints e
    WHERE d.organization_id = due.organization_id AND d.endpoint_id = due.endpoint_id AND d.event_id = due.event_id
      AND v.organization_id = d.organization_id AND v.id = d.event_id
      AND e.organization_id = d.organization_id AND e.id = d.endpoint_id
    RETURNING ${columns}, v.payload, e.url`.execute(run)
  return rows
}

/** What became of the attempt that was claimed; nothing where another one has been begun since. */
export const writeDelivery = async (
  run: Run,
  delivery: Delivery,
  attempt: Attempt,
  after: AfterAttempt,
): Promise<void> => {
  await run
    .updateTable('event_deliveries')
    .set({
      state: after.state,
      next_attempt_at: after.nextAttemptAt,
      ended_at: after.endedAt,
      last_status: attempt.status,
      last_fault: attempt.fault,
      claimed_until: null,
    })
    .where('organization_id', '=', delivery.organizationId)
    .where('endpoint_id', '=', delivery.endpointId)
    .where('event_id', '=', delivery.eventId)
    .where('state', '=', 'pending')
    .where('attempts', '=', delivery.attempts)
    .execute()
}

/** Of an endpoint that is switched off: they can be replayed when it is back. */
export const endPending = async (
  run: Run,
  endpoint: { organizationId: string; id: string },
  at: Date,
  fault: string,
): Promise<void> => {
  await run
    .updateTable('event_deliveries')
    .set({ state: 'failed', ended_at: at, last_fault: fault, claimed_until: null })
    .where('organization_id', '=', endpoint.organizationId)
    .where('endpoint_id', '=', endpoint.id)
    .where('state', '=', 'pending')
    .execute()
}

/** Newest first. */
export const pageOfDeliveries = async (
  run: Run,
  filter: {
    organizationId: string
    endpointId: string
    state?: Delivery['state'] | undefined
    eventId?: string
  },
  before: string | null,
  limit: number,
): Promise<Delivery[]> => {
  const { rows } = await sql<Delivery>`
    SELECT ${columns} FROM event_deliveries d JOIN events v ON v.organization_id = d.organization_id AND v.id = d.event_id
    WHERE d.organization_id = ${filter.organizationId} AND d.endpoint_id = ${filter.endpointId}
      AND (${filter.state ?? null}::text IS NULL OR d.state = ${filter.state ?? null}::text)
      AND (${filter.eventId ?? null}::uuid IS NULL OR d.event_id = ${filter.eventId ?? null}::uuid)
      AND (${before}::uuid IS NULL OR d.event_id < ${before}::uuid)
    ORDER BY d.event_id DESC LIMIT ${limit}`.execute(run)
  return rows
}

export interface Replay {
  readonly since: Date
  readonly until: Date | null
  readonly only: 'failed' | 'not_delivered' | 'all'
}

/** With all their attempts. Those under way are left alone: they arrive anyway. Gives how many. */
export const replay = async (
  run: Run,
  endpoint: { organizationId: string; id: string; types: readonly EventType[] | null },
  which: Replay | { readonly eventId: string },
  at: Date,
  limit: number,
): Promise<number> => {
  const chosen =
    'eventId' in which
      ? sql`v.id = ${which.eventId}`
      : sql`v.created_at >= ${which.since} AND (${which.until}::timestamptz IS NULL OR v.created_at < ${which.until}::timestamptz)
          AND (${endpoint.types}::text[] IS NULL OR v.type = ANY (${endpoint.types}::text[]))
          AND ${
            which.only === 'all'
              ? sql`true`
              : which.only === 'failed'
                ? sql`d.state = 'failed'`
                : sql`(d.state IS NULL OR d.state = 'failed')`
          }`
  const { numAffectedRows } = await sql`
    INSERT INTO event_deliveries (organization_id, endpoint_id, event_id, next_attempt_at)
    SELECT v.organization_id, ${endpoint.id}, v.id, ${at}::timestamptz
    FROM events v LEFT JOIN event_deliveries d
      ON d.organization_id = v.organization_id AND d.event_id = v.id AND d.endpoint_id = ${endpoint.id}
    WHERE v.organization_id = ${endpoint.organizationId} AND ${chosen} AND d.state IS DISTINCT FROM 'pending'
    ORDER BY v.id LIMIT ${limit}
    ON CONFLICT (organization_id, endpoint_id, event_id) DO UPDATE SET
      state = 'pending', attempts = 0, next_attempt_at = excluded.next_attempt_at, ended_at = NULL, claimed_until = NULL
      WHERE event_deliveries.state <> 'pending'`.execute(run)
  return Number(numAffectedRows ?? 0n)
}

const eventColumns = sql`v.organization_id AS "organizationId", v.id, v.type, v.payload, v.created_at AS "createdAt"`

/** Newest first. */
export const pageOfEvents = async (
  run: Run,
  filter: {
    organizationId: string
    id?: string
    type?: string | undefined
    since?: Date | undefined
    until?: Date | undefined
  },
  before: string | null,
  limit: number,
): Promise<StoredEvent[]> => {
  const { rows } = await sql<StoredEvent>`
    SELECT ${eventColumns} FROM events v
    WHERE v.organization_id = ${filter.organizationId}
      AND (${filter.id ?? null}::uuid IS NULL OR v.id = ${filter.id ?? null}::uuid)
      AND (${filter.type ?? null}::text IS NULL OR v.type = ${filter.type ?? null}::text)
      AND (${filter.since ?? null}::timestamptz IS NULL OR v.created_at >= ${filter.since ?? null}::timestamptz)
      AND (${filter.until ?? null}::timestamptz IS NULL OR v.created_at < ${filter.until ?? null}::timestamptz)
      AND (${before}::uuid IS NULL OR v.id < ${before}::uuid)
    ORDER BY v.id DESC LIMIT ${limit}`.execute(run)
  return rows
}

/** With their deliveries. */
export const forgetEvents = async (run: Run, before: Date): Promise<void> => {
  await sql`DELETE FROM events WHERE created_at < ${before}`.execute(run)
}
