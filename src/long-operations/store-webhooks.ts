import { CompiledQuery, type Kysely, sql, type Transaction } from 'kysely'
import type { Schema } from '../db/schema.ts'
import type { Statement, Unit } from '../db/writer.ts'
import type { SealedSecret } from '../vault/vault.ts'
import type { Owner } from './long-operation.ts'

export type DeliveryState = 'pending' | 'delivered' | 'failed' | 'superseded'

export interface Delivery extends Owner {
  readonly id: string
  readonly operationId: string
  readonly url: string
  readonly event: string
  readonly payload: string | null
  readonly state: DeliveryState
  readonly attempts: number
  readonly nextAttemptAt: Date
  readonly lastStatus: number | null
  readonly lastFault: string | null
  readonly createdAt: Date
  readonly endedAt: Date | null
}

const columns = `
  d.organization_id AS "organizationId", d.id, d.user_id AS "userId", d.operation_id AS "operationId", d.url, d.event,
  d.payload, d.state, d.attempts, d.next_attempt_at AS "nextAttemptAt", d.last_status AS "lastStatus",
  d.last_fault AS "lastFault", d.created_at AS "createdAt", d.ended_at AS "endedAt"`

const supersedeStatement: Statement = {
  name: 'webhooks_supersede',
  text: `
    UPDATE webhook_deliveries SET state = 'superseded', ended_at = $3
    WHERE organization_id = $1 AND operation_id = $2 AND state = 'pending'`,
}

const insertStatement: Statement = {
  name: 'webhooks_insert',
  text: `
    INSERT INTO webhook_deliveries (organization_id, id, user_id, operation_id, url, event, payload, next_attempt_at, created_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8)`,
}

/** In the transaction of what it tells. What was not delivered of the same operation before is out of date by it. */
export const enqueue = (
  unit: Unit,
  delivery: Pick<
    Delivery,
    'organizationId' | 'id' | 'userId' | 'operationId' | 'url' | 'event' | 'payload' | 'createdAt'
  >,
): void => {
  void unit.send(supersedeStatement, [delivery.organizationId, delivery.operationId, delivery.createdAt])
  void unit.send(insertStatement, [
    delivery.organizationId,
    delivery.id,
    delivery.userId,
    delivery.operationId,
    delivery.url,
    delivery.event,
    delivery.payload,
    delivery.createdAt,
  ])
}

const claimStatement: Statement = {
  name: 'webhooks_claim_due',
  text: `
    UPDATE webhook_deliveries d SET claimed_until = now() + $1::bigint * interval '1 millisecond', attempts = attempts + 1
    FROM (
      SELECT organization_id, id FROM webhook_deliveries
      WHERE state = 'pending' AND next_attempt_at <= $2 AND (claimed_until IS NULL OR claimed_until < now())
      ORDER BY next_attempt_at LIMIT $3 FOR UPDATE SKIP LOCKED
    ) AS due
    WHERE d.organization_id = due.organization_id AND d.id = due.id
    RETURNING ${columns}`,
}

/** `attempts` counts the one that follows, so a process that dies in the middle has made it. */
export const claimDue = (unit: Unit, leaseMs: number, at: Date, limit: number) =>
  unit.ask<Delivery>(claimStatement, [leaseMs, at, limit])

const writeStatement: Statement = {
  name: 'webhooks_write',
  text: `
    UPDATE webhook_deliveries SET state = $3, last_status = $4, last_fault = $5, next_attempt_at = $6, ended_at = $7,
      claimed_until = NULL
    WHERE organization_id = $1 AND id = $2 AND state = 'pending' AND attempts = $8`,
}

export const write = (unit: Unit, delivery: Delivery): void => {
  void unit.send(writeStatement, [
    delivery.organizationId,
    delivery.id,
    delivery.state,
    delivery.lastStatus,
    delivery.lastFault,
    delivery.nextAttemptAt,
    delivery.endedAt,
    delivery.attempts,
  ])
}

const rows = async <Row>(run: Kysely<Schema>, text: string, values: readonly unknown[]): Promise<Row[]> =>
  (await run.executeQuery<Row>(CompiledQuery.raw(text, [...values]))).rows

/** Newest first; without the payload, which screens do not show. */
export const page = (
  run: Kysely<Schema>,
  owner: Owner,
  filter: { readonly operationId?: string },
  before: string | null,
  limit: number,
): Promise<Delivery[]> =>
  rows<Delivery>(
    run,
    `SELECT ${columns} FROM webhook_deliveries d
     WHERE organization_id = $1 AND user_id = $2 AND ($3::uuid IS NULL OR operation_id = $3) AND ($4::uuid IS NULL OR id < $4)
     ORDER BY id DESC LIMIT $5`,
    [owner.organizationId, owner.userId, filter.operationId ?? null, before, limit],
  )

/** Starts anew with all its attempts; null where there is none of this owner's, or nothing left to send. */
export const redeliver = async (
  run: Kysely<Schema>,
  owner: Owner,
  id: string,
  at: Date,
): Promise<Delivery | null> => {
  const found = await rows<Delivery>(
    run,
    `UPDATE webhook_deliveries d SET state = 'pending', attempts = 0, next_attempt_at = $4, ended_at = NULL, claimed_until = NULL
     WHERE organization_id = $1 AND user_id = $2 AND id = $3 AND payload IS NOT NULL RETURNING ${columns}`,
    [owner.organizationId, owner.userId, id, at],
  )
  return found[0] ?? null
}

export interface StoredSecret extends SealedSecret {
  readonly id: string
  readonly lastFour: string
  readonly createdAt: Date
}

export const secretOf = async (run: Kysely<Schema>, owner: Owner): Promise<StoredSecret | null> => {
  const row = await run
    .selectFrom('webhook_secrets')
    .selectAll()
    .where('organization_id', '=', owner.organizationId)
    .where('user_id', '=', owner.userId)
    .executeTakeFirst()
  return row
    ? {
        id: row.id,
        masterKeyId: row.master_key_id,
        wrappedKey: row.wrapped_key,
        sealedSecret: row.sealed_secret,
        lastFour: row.last_four,
        createdAt: row.created_at,
      }
    : null
}

/** `keep`: leaves the one there is. */
export const saveSecret = async (
  run: Kysely<Schema> | Transaction<Schema>,
  owner: Owner,
  secret: StoredSecret,
  keep: boolean,
): Promise<void> => {
  const values = {
    id: secret.id,
    master_key_id: secret.masterKeyId,
    wrapped_key: secret.wrappedKey,
    sealed_secret: secret.sealedSecret,
    last_four: secret.lastFour,
    created_at: secret.createdAt,
  }
  await run
    .insertInto('webhook_secrets')
    .values({ organization_id: owner.organizationId, user_id: owner.userId, ...values })
    .onConflict((conflict) => {
      const target = conflict.columns(['organization_id', 'user_id'])
      return keep ? target.doNothing() : target.doUpdateSet(values)
    })
    .execute()
}

/** Payloads of deliveries that ended before. */
export const forget = async (run: Kysely<Schema>, before: Date): Promise<void> => {
  await sql`UPDATE webhook_deliveries SET payload = NULL
    WHERE payload IS NOT NULL AND ended_at IS NOT NULL AND ended_at < ${before}`.execute(run)
}
