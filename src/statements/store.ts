import type { PoolClient } from 'pg'
import { numberText } from '../billing/invoice.ts'
import type { EntryKind, GrantKind } from '../ledger/account.ts'
import {
  type AccountKey,
  type Balance,
  beforeTheFirst,
  kindsOf,
  type LineInvoice,
  type LineOperation,
  type Pending,
  type Range,
  type Wanted,
} from './statement.ts'

/** Reads over the tables of other rooms; nothing here writes. */

export const accountOf = async (
  client: PoolClient,
  owner: { organizationId: string; userId: string },
): Promise<string | null> => {
  const { rows } = await client.query<{ id: string }>(
    'SELECT id FROM credit_accounts WHERE organization_id = $1 AND user_id = $2',
    [owner.organizationId, owner.userId],
  )
  return rows[0]?.id ?? null
}

/** `through`: the newest transaction that the first page saw, or null on the first page. */
export const rangeOf = async (
  client: PoolClient,
  account: AccountKey,
  wanted: Wanted,
  through: bigint | null,
): Promise<Range> => {
  const { rows } = await client.query<{ first: bigint; last: bigint }>(
    `SELECT CASE WHEN $3::timestamptz IS NULL THEN 1 ELSE first_transaction_since($1, $2, $3) END AS first,
       CASE WHEN $5::bigint IS NOT NULL THEN least($5, transaction_count) WHEN $4::timestamptz IS NULL THEN transaction_count
         ELSE first_transaction_since($1, $2, $4) - 1 END AS last
     FROM credit_accounts WHERE organization_id = $1 AND id = $2`,
    [account.organizationId, account.accountId, wanted.since, wanted.until, through],
  )
  const from = rows[0]?.first ?? 1n
  const last = rows[0]?.last ?? 0n
  return { from, through: last < from - 1n ? from - 1n : last }
}

interface BalanceRow {
  number: bigint
  at: Date
  available_micros: bigint
  held_micros: bigint
  debt_micros: bigint
}

const balanceFrom = (row: BalanceRow): Balance => ({
  number: row.number,
  at: row.at,
  availableMicros: row.available_micros,
  heldMicros: row.held_micros,
  debtMicros: row.debt_micros,
})

/** After each of these transactions; number 0 is before the first. */
export const balancesAfter = async (
  client: PoolClient,
  account: AccountKey,
  numbers: readonly bigint[],
): Promise<Balance[]> => {
  const { rows } = await client.query<BalanceRow>(
    `SELECT number, at, available_micros, held_micros, debt_micros FROM ledger_entries
     WHERE organization_id = $1 AND account_id = $2 AND number = ANY($3::bigint[]) AND line = 0`,
    [account.organizationId, account.accountId, numbers],
  )
  return numbers.map((number) => {
    if (number === 0n) return beforeTheFirst
    const row = rows.find((candidate) => candidate.number === number)
    if (!row) throw new Error(`transaction ${number} of account ${account.accountId} is not there`)
    return balanceFrom(row)
  })
}

const literals = (kinds: readonly string[]): string => kinds.map((kind) => `'${kind}'`).join(', ')

/**
 * Conditions on `ledger_entries e`, its line 0. The kinds are words of ours, written out so that the planner knows the
 * index of rare lines fits.
 */
const matching = ({ categories, withHolds }: Pick<Wanted, 'categories' | 'withHolds'>): string => {
  const conditions = withHolds ? [] : [`e.kind <> 'hold'`]
  if (categories !== null) {
    const { entries, grants } = kindsOf(categories)
    const kinds = grants.length > 0 ? [...entries, 'grant'] : entries
    conditions.push(`e.kind IN (${literals(kinds)})`)
    if (grants.length > 0)
      conditions.push(`(e.kind <> 'grant' OR EXISTS (SELECT FROM grants g
        WHERE g.organization_id = e.organization_id AND g.id = e.grant_id AND g.kind IN (${literals(grants)})))`)
  }
  return conditions.map((condition) => ` AND ${condition}`).join('')
}

/** Of the range and below `before`, newest first. */
export const numbersOf = async (
  client: PoolClient,
  account: AccountKey,
  wanted: Wanted,
  page: { readonly range: Range; readonly before: bigint | null; readonly limit: number },
): Promise<bigint[]> => {
  const { range, before, limit } = page
  const { rows } = await client.query<{ number: bigint }>(
    `SELECT e.number FROM ledger_entries e
     WHERE e.organization_id = $1 AND e.account_id = $2 AND e.line = 0
       AND e.number BETWEEN $3 AND $4${matching(wanted)}
     ORDER BY e.number DESC LIMIT $5`,
    [
      account.organizationId,
      account.accountId,
      range.from,
      before === null || before > range.through ? range.through : before - 1n,
      limit,
    ],
  )
  return rows.map((row) => row.number)
}

export interface EntryRow extends BalanceRow {
  readonly kind: EntryKind
  readonly bucket: 'issued' | 'available' | 'held' | 'spent' | 'expired' | 'debt'
  readonly amount_micros: bigint
  readonly grant_id: string | null
  readonly operation_id: string | null
}

export const entriesOf = async (
  client: PoolClient,
  account: AccountKey,
  numbers: readonly bigint[],
): Promise<EntryRow[]> => {
  const { rows } = await client.query<EntryRow>(
    `SELECT number, at, kind, bucket, amount_micros, grant_id, operation_id, available_micros, held_micros, debt_micros
     FROM ledger_entries WHERE organization_id = $1 AND account_id = $2 AND number = ANY($3::bigint[])
     ORDER BY number DESC, line`,
    [account.organizationId, account.accountId, numbers],
  )
  return rows
}

export interface OperationOfLine extends LineOperation {
  readonly holdNumber: bigint
  readonly heldMicros: bigint
  readonly heldAt: Date
}

/** What was held for each, and its record, where there is one. */
export const holdsOf = async (client: PoolClient, account: AccountKey, ids: readonly string[]) => {
  if (ids.length === 0) return []
  const { rows } = await client.query<{
    id: string
    number: bigint
    heldMicros: bigint
    at: Date
    startedAt: Date | null
    endpoint: string | null
    status: LineOperation['status'] | null
    serviceId: string | null
    model: string | null
  }>(
    `SELECT h.id, e.number, h.amount_micros AS "heldMicros", e.at, o.started_at AS "startedAt", o.endpoint, o.status,
       o.service_id AS "serviceId", o.model
     FROM holds h
     JOIN ledger_entries e ON e.organization_id = h.organization_id AND e.operation_id = h.id AND e.line = 0 AND e.kind = 'hold'
     LEFT JOIN operations o ON o.organization_id = h.organization_id AND o.id = h.id
     WHERE h.organization_id = $1 AND h.account_id = $2 AND h.id = ANY($3::uuid[])`,
    [account.organizationId, account.accountId, ids],
  )
  return rows
}

export interface GrantOfLine {
  readonly id: string
  readonly kind: GrantKind
  readonly reason: string | null
  readonly expires_at: Date | null
  readonly payment_id: string | null
}

/** With the payment that it came from: a purchase, a change of tier, the renewal of its period, a dispute that was won. */
export const grantsOf = async (
  client: PoolClient,
  account: AccountKey,
  ids: readonly string[],
): Promise<GrantOfLine[]> => {
  if (ids.length === 0) return []
  const { rows } = await client.query<GrantOfLine>(
    `SELECT g.id, g.kind, g.reason, g.expires_at, coalesce(
       (SELECT p.id FROM payments p WHERE p.organization_id = $1 AND p.account_id = $2 AND (p.grant_id = g.id
          OR (p.purpose = 'renewal' AND p.terms ->> 'allocationKey' = g.idempotency_key))
        ORDER BY p.id DESC LIMIT 1),
       (SELECT r.payment_id FROM payment_refunds r WHERE r.organization_id = $1
          AND 'dispute_won:' || r.id = g.idempotency_key)) AS payment_id
     FROM grants g WHERE g.organization_id = $1 AND g.account_id = $2 AND g.id = ANY($3::uuid[])`,
    [account.organizationId, account.accountId, ids],
  )
  return rows
}

export interface CorrectionOfLine {
  readonly kind: 'reversal' | 'refund' | 'charge'
  readonly grant_id: string | null
  readonly operation_id: string | null
  readonly at: Date
  readonly amount_micros: bigint
  readonly reason: string
  readonly payment_id: string | null
  readonly credit_note_id: string | null
}

/** What was corrected at these instants; of a refunded payment with its credit note. */
export const correctionsAt = async (
  client: PoolClient,
  account: AccountKey,
  instants: readonly Date[],
): Promise<CorrectionOfLine[]> => {
  if (instants.length === 0) return []
  const { rows } = await client.query<CorrectionOfLine>(
    `SELECT c.kind, c.grant_id, c.operation_id, c.created_at AS at, c.amount_micros, c.reason, r.payment_id, r.credit_note_id
     FROM ledger_corrections c
     LEFT JOIN payment_refunds r ON r.organization_id = c.organization_id
       AND split_part(c.idempotency_key, ':', 1) = 'payment_refund' AND split_part(c.idempotency_key, ':', 2) = r.id::text
     WHERE c.organization_id = $1 AND c.account_id = $2 AND c.created_at = ANY($3::timestamptz[])`,
    [account.organizationId, account.accountId, instants],
  )
  return rows
}

interface InvoiceRow {
  id: string
  kind: 'invoice' | 'credit_note'
  number: bigint | null
  payment_id: string | null
}

/** By their ids, and by the payments that they are of. */
export const invoicesOf = async (
  client: PoolClient,
  account: AccountKey,
  wanted: { readonly ids: readonly string[]; readonly paymentIds: readonly string[] },
): Promise<(LineInvoice & { readonly paymentId: string | null })[]> => {
  if (wanted.ids.length === 0 && wanted.paymentIds.length === 0) return []
  const { rows } = await client.query<InvoiceRow>(
    `SELECT i.id, i.kind, i.number, i.payment_id FROM invoices i
     WHERE i.organization_id = $1 AND i.account_id = $2 AND i.status <> 'draft'
       AND (i.id = ANY($3::uuid[]) OR (i.payment_id = ANY($4::uuid[]) AND i.kind = 'invoice'))`,
    [account.organizationId, account.accountId, wanted.ids, wanted.paymentIds],
  )
  return rows.map(({ id, kind, number, payment_id }) => ({
    id,
    kind,
    number: number === null ? null : numberText(kind, number),
    paymentId: payment_id,
  }))
}

/** Holds under way are few, whatever the account: their own index finds them. */
export const pendingOf = async (client: PoolClient, account: AccountKey): Promise<Pending[]> => {
  const { rows } = await client.query<Pending>(
    `SELECT h.id AS "operationId", h.created_at AS at, h.amount_micros AS "heldMicros", h.state,
       h.operation ->> 'endpoint' AS endpoint, h.operation ->> 'serviceId' AS "serviceId", h.operation ->> 'model' AS model
     FROM holds h WHERE h.organization_id = $1 AND h.account_id = $2 AND h.state IN ('open', 'unresolved')
     ORDER BY h.created_at DESC, h.id DESC LIMIT 100`,
    [account.organizationId, account.accountId],
  )
  return rows
}

export const heldMicros = async (client: PoolClient, account: AccountKey): Promise<bigint> => {
  const { rows } = await client.query<{ held_micros: bigint }>(
    'SELECT held_micros FROM credit_accounts WHERE organization_id = $1 AND id = $2',
    [account.organizationId, account.accountId],
  )
  return rows[0]?.held_micros ?? 0n
}

export interface SumRow {
  readonly kind: EntryKind
  readonly grant_kind: GrantKind | null
  readonly transactions: bigint
  readonly change: bigint
  readonly spent: bigint
  readonly expired: bigint
}

/** What changed the balance between two numbers, by kind. Of a transaction, line 0 of a grant names the grant. */
export const sumsOf = async (client: PoolClient, account: AccountKey, range: Range): Promise<SumRow[]> => {
  const { rows } = await client.query<SumRow>(
    `SELECT e.kind, g.kind AS grant_kind, count(*) FILTER (WHERE e.line = 0) AS transactions,
       coalesce(sum(e.amount_micros) FILTER (WHERE e.bucket IN ('available', 'held', 'debt')), 0)::bigint AS change,
       coalesce(sum(e.amount_micros) FILTER (WHERE e.bucket = 'spent'), 0)::bigint AS spent,
       coalesce(sum(e.amount_micros) FILTER (WHERE e.bucket = 'expired'), 0)::bigint AS expired
     FROM ledger_entries e
     LEFT JOIN grants g ON e.kind = 'grant' AND g.organization_id = e.organization_id AND g.id = e.grant_id
     WHERE e.organization_id = $1 AND e.account_id = $2 AND e.number BETWEEN $3 AND $4
     GROUP BY e.kind, g.kind`,
    [account.organizationId, account.accountId, range.from, range.through],
  )
  return rows
}
