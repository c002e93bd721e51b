import { type Kysely, sql, type Transaction } from 'kysely'
import type { AlertChannel } from '../contract/alerts.ts'
import type { Schema } from '../db/schema.ts'
import type { Delivery, Owner } from './store.ts'

type Run = Kysely<Schema> | Transaction<Schema>

const columns = sql`
  d.organization_id AS "organizationId", d.user_id AS "userId", d.id, d.alert_id AS "alertId", a.kind, a.title, d.channel,
  d.target, d.state, d.attempts, d.next_attempt_at AS "nextAttemptAt", d.last_status AS "lastStatus",
  d.last_fault AS "lastFault", d.created_at AS "createdAt", d.ended_at AS "endedAt"`

/** `attempts` counts the one that follows, so a process that dies in the middle has made it. */
export const claimDue = async (run: Run, leaseMs: number, at: Date, limit: number): Promise<Delivery[]> => {
  const { rows } = await sql<Delivery>`
    UPDATE alert_deliveries d
    SET claimed_until = now() + ${leaseMs}::bigint * interval '1 millisecond', attempts = d.attempts + 1
    FROM (
      SELECT organization_id, id FROM alert_deliveries
      WHERE state = 'pending' AND next_attempt_at <= ${at} AND (claimed_until IS NULL OR claimed_until < now())
      ORDER BY next_attempt_at LIMIT ${limit} FOR UPDATE SKIP LOCKED
    ) AS due, alerts a
    WHERE d.organization_id = due.organization_id AND d.id = due.id
      AND a.organization_id = d.organization_id AND a.id = d.alert_id
    RETURNING ${columns}`.execute(run)
  return rows
}

/** What became of the attempt that was claimed; nothing where another one has been begun since. */
export const writeDelivery = async (run: Run, delivery: Delivery): Promise<void> => {
  await run
    .updateTable('alert_deliveries')
    .set({
      state: delivery.state,
      last_status: delivery.lastStatus,
      last_fault: delivery.lastFault,
      next_attempt_at: delivery.nextAttemptAt,
      ended_at: delivery.endedAt,
      claimed_until: null,
    })
    .where('organization_id', '=', delivery.organizationId)
    .where('id', '=', delivery.id)
    .where('state', '=', 'pending')
    .where('attempts', '=', delivery.attempts)
    .execute()
}

export interface DeliveryFilter {
  readonly owner?: Owner
  readonly id?: string | undefined
  readonly alertId?: string | undefined
  readonly state?: Delivery['state'] | undefined
  readonly channel?: AlertChannel | undefined
}

/** Newest first. */
export const pageOfDeliveries = async (
  run: Run,
  { owner, id, alertId, state, channel }: DeliveryFilter,
  before: string | null,
  limit: number,
): Promise<(Delivery & { userName: string })[]> => {
  const { rows } = await sql<Delivery & { userName: string }>`
    SELECT ${columns}, u.name AS "userName" FROM alert_deliveries d
    JOIN alerts a ON a.organization_id = d.organization_id AND a.id = d.alert_id
    JOIN users u ON u.id = d.user_id
    WHERE (${owner?.organizationId ?? null}::uuid IS NULL
        OR (d.organization_id = ${owner?.organizationId ?? null}::uuid AND d.user_id = ${owner?.userId ?? null}::uuid))
      AND (${id ?? null}::uuid IS NULL OR d.id = ${id ?? null}::uuid)
      AND (${alertId ?? null}::uuid IS NULL OR d.alert_id = ${alertId ?? null}::uuid)
      AND (${state ?? null}::text IS NULL OR d.state = ${state ?? null}::text)
      AND (${channel ?? null}::text IS NULL OR d.channel = ${channel ?? null}::text)
      AND (${before}::uuid IS NULL OR d.id < ${before}::uuid)
    ORDER BY d.id DESC LIMIT ${limit}`.execute(run)
  return rows
}

/** With all its attempts; null: there is none of this owner's that failed. */
export const startAnew = async (run: Run, owner: Owner, id: string, at: Date): Promise<boolean> => {
  const { numUpdatedRows } = await run
    .updateTable('alert_deliveries')
    .set({ state: 'pending', attempts: 0, next_attempt_at: at, ended_at: null, claimed_until: null })
    .where('organization_id', '=', owner.organizationId)
    .where('user_id', '=', owner.userId)
    .where('id', '=', id)
    .where('state', '=', 'failed')
    .executeTakeFirst()
  return numUpdatedRows === 1n
}
