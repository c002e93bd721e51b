import { arrayOf } from '../db/arrays.ts'
import type { Statement, Unit } from '../db/writer.ts'
import type { Account } from './account.ts'
import type { Part } from './burn.ts'
import type { Corrected } from './corrections.ts'
import { type GrantRow, grantColumns, grantFrom, type Key } from './store.ts'

const grantsById: Statement = {
  name: 'ledger_grants',
  text: `
    SELECT ${grantColumns} FROM unnest($3::uuid[]) AS wanted (id)
    JOIN grants g ON g.organization_id = $1 AND g.account_id = $2 AND g.id = wanted.id`,
}

/** Adds grants to a locked account that were not loaded with it: nothing remains of them. */
export const loadGrants = async (unit: Unit, account: Account, ids: readonly string[]): Promise<void> => {
  const missing = ids.filter((id) => !account.grants.has(id))
  if (missing.length === 0) return
  const rows = await unit.ask<GrantRow>(grantsById, [
    account.organizationId,
    account.id,
    arrayOf(missing, (id) => id),
  ])
  for (const row of rows) account.grants.set(row.id, grantFrom(row))
}

const sumsOfGrant: Statement = {
  name: 'ledger_sums_of_grant',
  text: `
    SELECT coalesce(-sum(amount_micros) FILTER (WHERE bucket = 'issued'), 0)::bigint AS issued,
      coalesce(sum(amount_micros) FILTER (WHERE bucket = 'expired'), 0)::bigint AS expired
    FROM ledger_entries WHERE organization_id = $1 AND grant_id = $2 AND bucket IN ('issued', 'expired')`,
}

/** What was given and not reversed, and what of it expired. */
export const grantSums = async (
  unit: Unit,
  grant: Key,
): Promise<{ issuedMicros: bigint; expiredMicros: bigint }> => {
  const rows = await unit.ask<{ issued: bigint; expired: bigint }>(sumsOfGrant, [
    grant.organizationId,
    grant.id,
  ])
  return { issuedMicros: rows[0]?.issued ?? 0n, expiredMicros: rows[0]?.expired ?? 0n }
}

const takenAboveHold: Statement = {
  name: 'ledger_taken_above_hold',
  text: `
    SELECT e.grant_id AS id, -e.amount_micros AS micros
    FROM ledger_entries first
    JOIN ledger_entries e ON e.organization_id = first.organization_id AND e.account_id = first.account_id
      AND e.number = first.number
    WHERE first.organization_id = $1 AND first.operation_id = $2 AND first.line = 0 AND first.kind = 'settle'
      AND e.bucket = 'available' AND e.amount_micros < 0
    ORDER BY e.line`,
}

/** What the settlement of an operation took above its hold, in burn order. */
export const partsAboveHold = async (unit: Unit, operation: Key): Promise<Part[]> =>
  (
    await unit.ask<{ id: string; micros: bigint }>(takenAboveHold, [operation.organizationId, operation.id])
  ).map((row) => ({ grantId: row.id, micros: row.micros }))

const correctionColumns = `
  SELECT id, kind, grant_id, operation_id, amount_micros, debt_micros, grant_ids::text[] AS grant_ids, grant_micros,
    regranted_micros
  FROM ledger_corrections`

const correctionByKey: Statement = {
  name: 'ledger_correction_by_key',
  text: `${correctionColumns} WHERE organization_id = $1 AND account_id = $2 AND idempotency_key = $3`,
}

const correctionsOfOperation: Statement = {
  name: 'ledger_corrections_of_operation',
  text: `${correctionColumns} WHERE organization_id = $1 AND operation_id = $2 AND account_id = $3 ORDER BY id`,
}

export type CorrectionKind = 'reversal' | 'refund' | 'charge'

interface CorrectionRow {
  id: string
  kind: CorrectionKind
  grant_id: string | null
  operation_id: string | null
  amount_micros: bigint
  debt_micros: bigint
  grant_ids: string[]
  grant_micros: bigint[]
  regranted_micros: bigint
}

export interface StoredCorrection extends Corrected {
  readonly kind: CorrectionKind
  readonly id: string
  readonly grantId: string | null
  readonly operationId: string | null
}

const correctionFrom = (row: CorrectionRow): StoredCorrection => ({
  kind: row.kind,
  id: row.id,
  grantId: row.grant_id,
  operationId: row.operation_id,
  amountMicros: row.amount_micros,
  debtMicros: row.debt_micros,
  returned: row.grant_ids.map((grantId, index) => ({ grantId, micros: row.grant_micros[index] ?? 0n })),
  regrantedMicros: row.regranted_micros,
})

/** Ask under the lock of the account. */
export const correctionOf = async (
  unit: Unit,
  account: Account,
  idempotencyKey: string,
): Promise<StoredCorrection | undefined> => {
  const values = [account.organizationId, account.id, idempotencyKey]
  return (await unit.ask<CorrectionRow>(correctionByKey, values)).map(correctionFrom)[0]
}

/** What an operation was given back and charged more, in that order. */
export const correctionsOf = async (
  unit: Unit,
  account: Account,
  operation: Key,
): Promise<StoredCorrection[]> =>
  (
    await unit.ask<CorrectionRow>(correctionsOfOperation, [
      operation.organizationId,
      operation.id,
      account.id,
    ])
  ).map(correctionFrom)

export interface NewCorrection extends StoredCorrection {
  readonly idempotencyKey: string
  readonly reason: string
  readonly createdBy: string
}

const insertCorrectionStatement: Statement = {
  name: 'ledger_insert_correction',
  text: `
    INSERT INTO ledger_corrections (organization_id, id, account_id, kind, grant_id, operation_id, amount_micros,
      debt_micros, grant_ids, grant_micros, regranted_micros, idempotency_key, reason, created_by, created_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9::uuid[], $10::bigint[], $11, $12, $13, $14, $15)`,
}

export const insertCorrection = (unit: Unit, account: Account, correction: NewCorrection, at: Date): void => {
  void unit.send(insertCorrectionStatement, [
    account.organizationId,
    correction.id,
    account.id,
    correction.kind,
    correction.grantId,
    correction.operationId,
    correction.amountMicros,
    correction.debtMicros,
    arrayOf(correction.returned, (part) => part.grantId),
    arrayOf(correction.returned, (part) => part.micros),
    correction.regrantedMicros,
    correction.idempotencyKey,
    correction.reason,
    correction.createdBy,
    at,
  ])
}
