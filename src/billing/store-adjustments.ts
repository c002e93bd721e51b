import { type Selectable, sql, type Updateable } from 'kysely'
import type { Adjustments } from '../db/schema.ts'
import type { Adjustment, AdjustmentKind } from './adjustment.ts'
import type { Executor, T } from './store.ts'

const adjustmentFrom = (row: Selectable<Adjustments>): Adjustment => ({
  organizationId: row.organization_id,
  id: row.id,
  accountId: row.account_id,
  kind: row.kind,
  subjectId: row.subject_id,
  amountMicros: row.amount_micros,
  expiresAt: row.expires_at,
  reason: row.reason,
  status: row.status,
  requestedBy: row.requested_by,
  decidedBy: row.decided_by,
  createdAt: row.created_at,
  decidedAt: row.decided_at,
})

/** The account and what there is of a grant or of an operation's charge. */
export const subjectOf = async (
  t: T,
  organizationId: string,
  kind: Exclude<AdjustmentKind, 'grant'>,
  subjectId: string,
): Promise<{ accountId: string; amountMicros: bigint } | undefined> =>
  kind === 'reverse_grant'
    ? t
        .selectFrom('grants')
        .select(['account_id as accountId', 'amount_micros as amountMicros'])
        .where('organization_id', '=', organizationId)
        .where('id', '=', subjectId)
        .executeTakeFirst()
    : chargeOf(t, organizationId, subjectId)

/** Of an operation's charge, what other corrections than adjustments (a re-rating) have left of it. */
const chargeOf = async (t: T, organizationId: string, operationId: string) => {
  const { rows } = await sql<{ accountId: string; amountMicros: bigint }>`
    SELECT h.account_id AS "accountId", h.settled_micros + coalesce((
      SELECT sum(CASE c.kind WHEN 'charge' THEN c.amount_micros ELSE -c.amount_micros END) FROM ledger_corrections c
      WHERE c.organization_id = h.organization_id AND c.operation_id = h.id
        AND c.idempotency_key NOT LIKE 'adjustment:%'), 0)::bigint AS "amountMicros"
    FROM holds h WHERE h.organization_id = ${organizationId} AND h.id = ${operationId} AND h.state = 'settled'
  `.execute(t)
  return rows[0]
}

export const isAccount = async (t: T, organizationId: string, id: string): Promise<boolean> =>
  (await t
    .selectFrom('credit_accounts')
    .select('id')
    .where('organization_id', '=', organizationId)
    .where('id', '=', id)
    .executeTakeFirst()) !== undefined

/** What of a subject was reversed before, or waits to be. */
export const reversedOf = async (t: T, organizationId: string, subjectId: string): Promise<bigint> => {
  const rows = await t
    .selectFrom('adjustments')
    .select('amount_micros')
    .where('organization_id', '=', organizationId)
    .where('subject_id', '=', subjectId)
    .where('status', '<>', 'denied')
    .execute()
  return rows.reduce((sum, row) => sum + row.amount_micros, 0n)
}

/** What was done with a subject without a second administrator, in the last day where it can go on for ever. */
export const doneAloneOf = async (
  t: T,
  organizationId: string,
  subjectId: string,
  kind: AdjustmentKind,
  since: Date,
): Promise<bigint> => {
  const rows = await t
    .selectFrom('adjustments')
    .select('amount_micros')
    .where('organization_id', '=', organizationId)
    .where('subject_id', '=', subjectId)
    .where('kind', '=', kind)
    .where('status', '=', 'done')
    .whereRef('requested_by', '=', 'decided_by')
    .$if(kind === 'grant', (q) => q.where('created_at', '>', since))
    .execute()
  return rows.reduce((sum, row) => sum + row.amount_micros, 0n)
}

export const adjustmentByKey = async (t: T, organizationId: string, idempotencyKey: string) => {
  const row = await t
    .selectFrom('adjustments')
    .selectAll()
    .where('organization_id', '=', organizationId)
    .where('idempotency_key', '=', idempotencyKey)
    .executeTakeFirst()
  return row && adjustmentFrom(row)
}

export const insertAdjustment = async (
  t: T,
  adjustment: Adjustment,
  idempotencyKey: string,
): Promise<void> => {
  await t
    .insertInto('adjustments')
    .values({
      organization_id: adjustment.organizationId,
      id: adjustment.id,
      account_id: adjustment.accountId,
      kind: adjustment.kind,
      subject_id: adjustment.subjectId,
      amount_micros: adjustment.amountMicros,
      expires_at: adjustment.expiresAt,
      reason: adjustment.reason,
      status: adjustment.status,
      requested_by: adjustment.requestedBy,
      decided_by: adjustment.decidedBy,
      idempotency_key: idempotencyKey,
      created_at: adjustment.createdAt,
      decided_at: adjustment.decidedAt,
    })
    .execute()
}

export const lockAdjustment = async (t: T, id: string): Promise<Adjustment | undefined> => {
  const row = await t
    .selectFrom('adjustments')
    .selectAll()
    .where('id', '=', id)
    .forUpdate()
    .executeTakeFirst()
  return row && adjustmentFrom(row)
}

export const changeAdjustment = async (
  t: T,
  adjustment: Adjustment,
  change: Updateable<Adjustments>,
): Promise<Adjustment> =>
  adjustmentFrom(
    await t
      .updateTable('adjustments')
      .set(change)
      .where('organization_id', '=', adjustment.organizationId)
      .where('id', '=', adjustment.id)
      .returningAll()
      .executeTakeFirstOrThrow(),
  )

export const listAdjustments = async (
  executor: Executor,
  filter: { waiting?: boolean; accountId?: string; before: string | null; limit: number },
): Promise<Adjustment[]> =>
  (
    await executor
      .selectFrom('adjustments')
      .selectAll()
      .$if(filter.waiting === true, (q) => q.where('status', '=', 'waiting'))
      .$if(filter.accountId !== undefined, (q) => q.where('account_id', '=', filter.accountId as string))
      .$if(filter.before !== null, (q) => q.where('id', '<', filter.before as string))
      .orderBy('id', 'desc')
      .limit(filter.limit)
      .execute()
  ).map(adjustmentFrom)
