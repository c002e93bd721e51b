import { CompiledQuery, type Kysely, sql } from 'kysely'
import type { Schema } from '../db/schema.ts'
import type { Statement, Unit } from '../db/writer.ts'
import type { LongOperation, LongOperationState, Owner } from './long-operation.ts'
import type { Change } from './progress.ts'

const columns = `
  l.organization_id AS "organizationId", l.id, l.user_id AS "userId",
  l.access_token_id AS "accessTokenId", l.service_id AS "serviceId", l.service_key_id AS "serviceKeyId",
  l.key_owner AS "keyOwner", l.external_id AS "externalId", l.public_id AS "publicId", l.kind, l.action,
  l.parent_id AS "parentId", l.state, l.progress, l.failure, l.said, l.webhook_url AS "webhookUrl",
  l.draft, l.units, l.cost_nano_usd AS "costNanoUsd", l.charge_micros AS "chargeMicros",
  l.held_micros AS "heldMicros", l.submitted_at AS "submittedAt", l.deadline_at AS "deadlineAt",
  l.last_asked_at AS "lastAskedAt", l.failed_asks AS "failedAsks", l.next_ask_at AS "nextAskAt",
  l.ended_at AS "endedAt"`

const insertStatement: Statement = {
  name: 'long_operations_insert',
  text: `
    INSERT INTO long_operations (organization_id, id, user_id, access_token_id, service_id, service_key_id, key_owner,
      external_id, public_id, kind, action, parent_id, webhook_url, draft, units, cost_nano_usd, charge_micros,
      held_micros, submitted_at, deadline_at, next_ask_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21)
    ON CONFLICT (organization_id, id) DO NOTHING`,
}

export const insert = (unit: Unit, row: LongOperation): Promise<number> =>
  unit.send(insertStatement, [
    row.organizationId,
    row.id,
    row.userId,
    row.accessTokenId,
    row.serviceId,
    row.serviceKeyId,
    row.keyOwner,
    row.externalId,
    row.publicId,
    row.kind,
    row.action,
    row.parentId,
    row.webhookUrl,
    JSON.stringify(row.draft),
    JSON.stringify(row.units),
    row.costNanoUsd,
    row.chargeMicros,
    row.heldMicros,
    row.submittedAt,
    row.deadlineAt,
    row.nextAskAt,
  ])

const claimDueStatement: Statement = {
  name: 'long_operations_claim_due',
  text: `
    UPDATE long_operations l SET claimed_by = $1, claimed_until = now() + $2::bigint * interval '1 millisecond'
    FROM (
      SELECT organization_id, id FROM long_operations
      WHERE ended_at IS NULL AND next_ask_at <= $3 AND (claimed_until IS NULL OR claimed_until < now())
      ORDER BY next_ask_at LIMIT $4 FOR UPDATE SKIP LOCKED
    ) AS due
    WHERE l.organization_id = due.organization_id AND l.id = due.id
    RETURNING ${columns}`,
}

const claimOneStatement: Statement = {
  name: 'long_operations_claim_one',
  text: `
    UPDATE long_operations l SET claimed_by = $1, claimed_until = now() + $2::bigint * interval '1 millisecond'
    WHERE l.organization_id = $3 AND l.id = $4 AND ended_at IS NULL AND (claimed_until IS NULL OR claimed_until < now())
    RETURNING ${columns}`,
}

/** Of several processes, each gets others. The claim ends by itself should its process die. */
export const claimDue = (unit: Unit, claim: string, leaseMs: number, at: Date, limit: number) =>
  unit.ask<LongOperation>(claimDueStatement, [claim, leaseMs, at, limit])

export const claimOne = async (
  unit: Unit,
  claim: string,
  leaseMs: number,
  which: { organizationId: string; id: string },
): Promise<LongOperation | null> =>
  (await unit.ask<LongOperation>(claimOneStatement, [claim, leaseMs, which.organizationId, which.id]))[0] ??
  null

const keepClaimStatement: Statement = {
  name: 'long_operations_keep_claim',
  text: `
    UPDATE long_operations SET claimed_until = now() + $2::bigint * interval '1 millisecond'
    WHERE organization_id = $3 AND id = $4 AND claimed_by = $1 AND ended_at IS NULL`,
}

/** For a question that takes longer than most. */
export const keepClaim = (
  unit: Unit,
  claim: string,
  leaseMs: number,
  which: { organizationId: string; id: string },
): Promise<number> => unit.send(keepClaimStatement, [claim, leaseMs, which.organizationId, which.id])

const writeStatement: Statement = {
  name: 'long_operations_write',
  text: `
    UPDATE long_operations SET state = $4, progress = $5, failure = $6, said = $7, last_asked_at = $8,
      failed_asks = $9, next_ask_at = $10, ended_at = $11, claimed_by = NULL, claimed_until = NULL
    WHERE organization_id = $1 AND id = $2 AND claimed_by = $3 AND ended_at IS NULL`,
}

/** False: the claim is another's by now, or it has ended. */
export const write = async (
  unit: Unit,
  claim: string,
  which: { organizationId: string; id: string },
  change: Change,
): Promise<boolean> =>
  (await unit.send(writeStatement, [
    which.organizationId,
    which.id,
    claim,
    change.state,
    change.progress,
    change.failure,
    change.said === null ? null : storable(change.said),
    change.lastAskedAt,
    change.failedAsks,
    change.nextAskAt,
    change.endedAt,
  ])) === 1

const ofTaskStatement: Statement = {
  name: 'long_operations_of_task',
  text: `
    SELECT ${columns} FROM long_operations l WHERE service_key_id = $1 AND external_id = $2
    ORDER BY submitted_at DESC LIMIT 1`,
}

/** Whoever's it is. */
export const ofTask = async (unit: Unit, serviceKeyId: string, externalId: string) =>
  (await unit.ask<LongOperation>(ofTaskStatement, [serviceKeyId, externalId]))[0] ?? null

const namedStatement: Statement = {
  name: 'long_operations_named',
  text: `
    SELECT service_key_id FROM long_operations
    WHERE organization_id = $1 AND user_id = $2 AND public_id = $3 AND service_key_id <> $4 LIMIT 1`,
}

/** Whether the caller knows another server's task by this name already. */
export const isNamed = async (unit: Unit, owner: Owner, publicId: string, serviceKeyId: string) =>
  (await unit.ask(namedStatement, [owner.organizationId, owner.userId, publicId, serviceKeyId])).length > 0

/** As jsonb takes it: it has no place for NUL and for half of a surrogate pair, which prompts that come back may have. */
const storable = (said: unknown): string =>
  JSON.stringify(said, (_, value: unknown) =>
    typeof value === 'string' ? value.toWellFormed().replaceAll('\0', '') : value,
  )

const byPublicIds = `
  SELECT DISTINCT ON (public_id) ${columns} FROM long_operations l
  WHERE organization_id = $1 AND user_id = $2 AND kind = $3 AND public_id = ANY ($4)
  ORDER BY public_id, id DESC`

/** The owner's, by the names that they were told; of several of one name the newest. */
export const named = async (
  run: Kysely<Schema>,
  owner: Owner,
  kind: string,
  publicIds: readonly string[],
): Promise<LongOperation[]> => {
  const { rows } = await run.executeQuery<LongOperation>(
    // PostgreSQL's text has no NUL, so nothing is named so.
    rawQuery(byPublicIds, [
      owner.organizationId,
      owner.userId,
      kind,
      publicIds.filter((id) => !id.includes('\0')),
    ]),
  )
  return rows
}

const byId = `SELECT ${columns} FROM long_operations l WHERE organization_id = $1 AND id = $2`

export const find = async (
  run: Kysely<Schema>,
  organizationId: string,
  id: string,
): Promise<LongOperation | null> => {
  const { rows } = await run.executeQuery<LongOperation>(rawQuery(byId, [organizationId, id]))
  return rows[0] ?? null
}

export interface LongOperationFilter {
  readonly organizationId?: string
  readonly userId?: string
  readonly state?: LongOperationState
  readonly open?: boolean
}

const list = `
  SELECT ${columns} FROM long_operations l
  WHERE ($1::uuid IS NULL OR organization_id = $1) AND ($2::uuid IS NULL OR user_id = $2)
    AND ($3::text IS NULL OR state = $3) AND ($4::boolean IS NULL OR (ended_at IS NULL) = $4)
    AND ($5::uuid IS NULL OR id < $5)
  ORDER BY id DESC LIMIT $6`

/** Newest first. */
export const page = async (
  run: Kysely<Schema>,
  filter: LongOperationFilter,
  before: string | null,
  limit: number,
): Promise<LongOperation[]> => {
  const { organizationId = null, userId = null, state = null, open = null } = filter
  const values = [organizationId, userId, state, open, before, limit]
  return (await run.executeQuery<LongOperation>(rawQuery(list, values))).rows
}

/** What was said of operations that ended before. */
export const forget = async (run: Kysely<Schema>, before: Date): Promise<void> => {
  await sql`UPDATE long_operations SET said = NULL
    WHERE said IS NOT NULL AND ended_at IS NOT NULL AND ended_at < ${before}`.execute(run)
}

const rawQuery = (text: string, values: readonly unknown[]) => CompiledQuery.raw(text, [...values])
