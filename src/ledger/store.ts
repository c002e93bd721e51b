import { arrayOf, arrayOfJson, arrayOfText } from '../db/arrays.ts'
import type { Statement, Unit } from '../db/writer.ts'
import type { HeldOperation } from '../metering/operation.ts'
import type { Account, Entry, Grant, GrantKind, Hold, Journal } from './account.ts'

export interface Key {
  readonly organizationId: string
  readonly id: string
}

export type HoldState = 'open' | 'settled' | 'released' | 'unresolved'

export interface StoredHold extends Hold {
  readonly organizationId: string
  readonly accountId: string
  readonly state: HoldState
  readonly settledMicros: bigint | null
}

export interface NewHold extends Hold {
  readonly organizationId: string
  readonly accountId: string
  readonly operation: HeldOperation
}

export interface EndedHold {
  readonly organizationId: string
  readonly operationId: string
  readonly chargeMicros: bigint
}

export interface NewGrant extends Grant {
  readonly idempotencyKey: string
  readonly reason: string | null
  readonly createdBy: string
}

export const keyText = (organizationId: string, id: string): string => `${organizationId}/${id}`

const keysOf = (keys: readonly Key[]) => [arrayOf(keys, (k) => k.organizationId), arrayOf(keys, (k) => k.id)]

/** In the order of their ids, so that transactions with common accounts wait for each other and never deadlock. */
const lockAccounts: Statement = {
  name: 'ledger_lock_accounts',
  text: `
    SELECT organization_id, id, held_micros, debt_micros, transaction_count, allocated_until
    FROM credit_accounts
    WHERE (organization_id, id) IN (SELECT * FROM unnest($1::uuid[], $2::uuid[]))
    ORDER BY organization_id, id
    FOR NO KEY UPDATE`,
}

export const grantColumns = `
  g.organization_id, g.account_id, g.id, g.kind, g.amount_micros, g.remaining_micros, g.burn_priority,
  g.effective_at, g.expires_at, g.expired_at, g.created_at`

const liveGrants: Statement = {
  name: 'ledger_live_grants',
  text: `
    SELECT ${grantColumns}
    FROM unnest($1::uuid[], $2::uuid[]) AS wanted (organization_id, account_id)
    JOIN grants g ON g.organization_id = wanted.organization_id AND g.account_id = wanted.account_id AND g.live`,
}

/** Grants that holds came from, also when nothing remains of them. */
const grantsOfHolds: Statement = {
  name: 'ledger_grants_of_holds',
  text: `
    SELECT ${grantColumns}
    FROM unnest($1::uuid[], $2::uuid[]) AS wanted (organization_id, id)
    JOIN holds h ON h.organization_id = wanted.organization_id AND h.id = wanted.id
    CROSS JOIN unnest(h.grant_ids) AS part (id)
    JOIN grants g ON g.organization_id = h.organization_id AND g.account_id = h.account_id AND g.id = part.id
    WHERE NOT g.live`,
}

const holdsById: Statement = {
  name: 'ledger_holds',
  text: `
    SELECT h.organization_id, h.id, h.account_id, h.state, h.amount_micros, h.settled_micros,
      h.grant_ids::text[] AS grant_ids, h.grant_micros
    FROM unnest($1::uuid[], $2::uuid[]) AS wanted (organization_id, id)
    JOIN holds h ON h.organization_id = wanted.organization_id AND h.id = wanted.id`,
}

interface AccountRow {
  organization_id: string
  id: string
  held_micros: bigint
  debt_micros: bigint
  transaction_count: bigint
  allocated_until: Date
}

export interface GrantRow {
  organization_id: string
  account_id: string
  id: string
  kind: GrantKind
  amount_micros: bigint
  remaining_micros: bigint
  burn_priority: number
  effective_at: Date
  expires_at: Date | null
  expired_at: Date | null
  created_at: Date
}

interface HoldRow {
  organization_id: string
  id: string
  account_id: string
  state: HoldState
  amount_micros: bigint
  settled_micros: bigint | null
  grant_ids: string[]
  grant_micros: bigint[]
}

export interface Locked {
  readonly accounts: ReadonlyMap<string, Account>
  readonly holds: ReadonlyMap<string, StoredHold>
}

/**
 * Locks accounts and reads them with their grants and the named holds. The reads are statements after the lock: a
 * lock and a read in one statement would see the balance of before the wait (measured).
 */
export const lock = async (
  unit: Unit,
  accountKeys: readonly Key[],
  holdKeys: readonly Key[],
): Promise<Locked> => {
  const accounts = keysOf(distinct(accountKeys))
  const holds = keysOf(holdKeys)
  const [accountRows, grantRows, holdRows, spentGrantRows] = await Promise.all([
    unit.ask<AccountRow>(lockAccounts, accounts),
    unit.ask<GrantRow>(liveGrants, accounts),
    holdKeys.length > 0 ? unit.ask<HoldRow>(holdsById, holds) : [],
    holdKeys.length > 0 ? unit.ask<GrantRow>(grantsOfHolds, holds) : [],
  ])
  const byKey = new Map(accountRows.map((row) => [keyText(row.organization_id, row.id), accountFrom(row)]))
  for (const row of [...grantRows, ...spentGrantRows])
    byKey.get(keyText(row.organization_id, row.account_id))?.grants.set(row.id, grantFrom(row))
  return {
    accounts: byKey,
    holds: new Map(holdRows.map((row) => [keyText(row.organization_id, row.id), holdFrom(row)])),
  }
}

const distinct = (keys: readonly Key[]): Key[] => [
  ...new Map(keys.map((key) => [keyText(key.organizationId, key.id), key])).values(),
]

const accountFrom = (row: AccountRow): Account => ({
  organizationId: row.organization_id,
  id: row.id,
  heldMicros: row.held_micros,
  debtMicros: row.debt_micros,
  transactionCount: row.transaction_count,
  allocatedUntil: row.allocated_until,
  grants: new Map(),
})

export const grantFrom = (row: GrantRow): Grant => ({
  id: row.id,
  kind: row.kind,
  amountMicros: row.amount_micros,
  remainingMicros: row.remaining_micros,
  burnPriority: row.burn_priority,
  effectiveAt: row.effective_at,
  expiresAt: row.expires_at,
  expiredAt: row.expired_at,
  createdAt: row.created_at,
})

const holdFrom = (row: HoldRow): StoredHold => ({
  organizationId: row.organization_id,
  accountId: row.account_id,
  operationId: row.id,
  state: row.state,
  amountMicros: row.amount_micros,
  settledMicros: row.settled_micros,
  parts: row.grant_ids.map((grantId, index) => ({ grantId, micros: row.grant_micros[index] ?? 0n })),
})

const insertEntries: Statement = {
  name: 'ledger_insert_entries',
  text: `
    INSERT INTO ledger_entries
      (organization_id, account_id, number, line, kind, bucket, amount_micros, grant_id, operation_id, available_micros,
      held_micros, debt_micros, at)
    SELECT *, $13::timestamptz FROM unnest($1::uuid[], $2::uuid[], $3::bigint[], $4::smallint[], $5::text[], $6::text[],
      $7::bigint[], $8::uuid[], $9::uuid[], $10::bigint[], $11::bigint[], $12::bigint[])`,
}

const updateAccounts: Statement = {
  name: 'ledger_update_accounts',
  text: `
    UPDATE credit_accounts a
    SET held_micros = new.held_micros, debt_micros = new.debt_micros, transaction_count = new.transaction_count,
      allocated_until = new.allocated_until
    FROM unnest($1::uuid[], $2::uuid[], $3::bigint[], $4::bigint[], $5::bigint[], $6::timestamptz[])
      AS new (organization_id, id, held_micros, debt_micros, transaction_count, allocated_until)
    WHERE a.organization_id = new.organization_id AND a.id = new.id`,
}

const updateGrants: Statement = {
  name: 'ledger_update_grants',
  text: `
    UPDATE grants g SET remaining_micros = new.remaining_micros, expired_at = new.expired_at
    FROM unnest($1::uuid[], $2::uuid[], $3::bigint[], $4::timestamptz[], $5::uuid[])
      AS new (organization_id, id, remaining_micros, expired_at, account_id)
    WHERE g.organization_id = new.organization_id AND g.account_id = new.account_id AND g.id = new.id`,
}

/** Sends what a journal changed. New grants have to be inserted before. */
export const writeJournal = (unit: Unit, journal: Journal): void => {
  const { entries } = journal
  const accounts = [...journal.accounts]
  const grants = [...journal.grants]
  if (accounts.length > 0)
    void unit.send(updateAccounts, [
      arrayOf(accounts, (a) => a.organizationId),
      arrayOf(accounts, (a) => a.id),
      arrayOf(accounts, (a) => a.heldMicros),
      arrayOf(accounts, (a) => a.debtMicros),
      arrayOf(accounts, (a) => a.transactionCount),
      arrayOf(accounts, (a) => a.allocatedUntil.toISOString()),
    ])
  if (grants.length > 0)
    void unit.send(updateGrants, [
      arrayOf(grants, ([, account]) => account.organizationId),
      arrayOf(grants, ([grant]) => grant.id),
      arrayOf(grants, ([grant]) => grant.remainingMicros),
      arrayOf(grants, ([grant]) => grant.expiredAt?.toISOString() ?? null),
      arrayOf(grants, ([, account]) => account.id),
    ])
  if (entries.length > 0) void unit.send(insertEntries, [...entryColumns(entries), journal.at])
}

const entryColumns = (entries: readonly Entry[]): string[] => [
  arrayOf(entries, (e) => e.account.organizationId),
  arrayOf(entries, (e) => e.account.id),
  arrayOf(entries, (e) => e.number),
  arrayOf(entries, (e) => e.line),
  arrayOf(entries, (e) => e.kind),
  arrayOf(entries, (e) => e.bucket),
  arrayOf(entries, (e) => e.amountMicros),
  arrayOf(entries, (e) => e.grantId),
  arrayOf(entries, (e) => e.operationId),
  arrayOf(entries, (e) => e.availableMicros),
  arrayOf(entries, (e) => e.heldMicros),
  arrayOf(entries, (e) => e.debtMicros),
]

const insertHoldsStatement: Statement = {
  name: 'ledger_insert_holds',
  text: `
    INSERT INTO holds (organization_id, id, account_id, process_id, amount_micros, grant_ids, grant_micros, state,
      operation, created_at)
    SELECT organization_id, id, account_id, $8::uuid, amount_micros, grant_ids::uuid[], grant_micros::bigint[], 'open',
      operation::jsonb, $7::timestamptz
    FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::bigint[], $5::text[], $6::text[], $9::text[])
      AS new (organization_id, id, account_id, amount_micros, grant_ids, grant_micros, operation)`,
}

export const insertHolds = (unit: Unit, holds: readonly NewHold[], processId: string, at: Date): void => {
  if (holds.length === 0) return
  void unit.send(insertHoldsStatement, [
    arrayOf(holds, (h) => h.organizationId),
    arrayOf(holds, (h) => h.operationId),
    arrayOf(holds, (h) => h.accountId),
    arrayOf(holds, (h) => h.amountMicros),
    arrayOf(holds, (h) => `"${arrayOf(h.parts, (part) => part.grantId)}"`),
    arrayOf(holds, (h) => `"${arrayOf(h.parts, (part) => part.micros)}"`),
    at,
    processId,
    arrayOfJson(holds, (h) => h.operation),
  ])
}

const endHoldsStatement: Statement = {
  name: 'ledger_end_holds',
  text: `
    UPDATE holds h
    SET state = CASE WHEN new.charge > 0 THEN 'settled' ELSE 'released' END,
      settled_micros = nullif(new.charge, 0), resolved_at = $4::timestamptz
    FROM unnest($1::uuid[], $2::uuid[], $3::bigint[]) AS new (organization_id, id, charge)
    WHERE h.organization_id = new.organization_id AND h.id = new.id AND h.state NOT IN ('settled', 'released')`,
}

export const endHolds = (unit: Unit, ended: readonly EndedHold[], at: Date): void => {
  if (ended.length === 0) return
  void unit.send(endHoldsStatement, [
    arrayOf(ended, (h) => h.organizationId),
    arrayOf(ended, (h) => h.operationId),
    arrayOf(ended, (h) => h.chargeMicros),
    at,
  ])
}

const grantKeys: Statement = {
  name: 'ledger_grant_keys',
  text: `
    SELECT g.organization_id, g.account_id, g.idempotency_key, g.id
    FROM unnest($1::uuid[], $2::uuid[], $3::text[]) AS wanted (organization_id, account_id, idempotency_key)
    JOIN grants g ON g.organization_id = wanted.organization_id AND g.account_id = wanted.account_id
      AND g.idempotency_key = wanted.idempotency_key`,
}

/** The grants that exist already for these idempotency keys: `organization/account/key` → id. Ask under the lock. */
export const existingGrants = async (
  unit: Unit,
  wanted: readonly { organizationId: string; accountId: string; idempotencyKey: string }[],
): Promise<Map<string, string>> => {
  type Row = { organization_id: string; account_id: string; idempotency_key: string; id: string }
  const rows = await unit.ask<Row>(grantKeys, [
    arrayOf(wanted, (w) => w.organizationId),
    arrayOf(wanted, (w) => w.accountId),
    arrayOfText(wanted, (w) => w.idempotencyKey),
  ])
  return new Map(rows.map((r) => [`${keyText(r.organization_id, r.account_id)}/${r.idempotency_key}`, r.id]))
}

const insertGrantStatement: Statement = {
  name: 'ledger_insert_grant',
  text: `
    INSERT INTO grants (organization_id, account_id, id, kind, amount_micros, remaining_micros, burn_priority,
      effective_at, expires_at, idempotency_key, reason, created_by, created_at)
    VALUES ($1, $2, $3, $4, $5, 0, $6, $7, $8, $9, $10, $11, $12)`,
}

/** Empty: posting the grant fills it. */
export const insertGrant = (unit: Unit, account: Account, grant: NewGrant): void => {
  void unit.send(insertGrantStatement, [
    account.organizationId,
    account.id,
    grant.id,
    grant.kind,
    grant.amountMicros,
    grant.burnPriority,
    grant.effectiveAt,
    grant.expiresAt,
    grant.idempotencyKey,
    grant.reason,
    grant.createdBy,
    grant.createdAt,
  ])
}
