import type { Database } from '../db/database.ts'
import type { Bucket, EntryKind, GrantKind } from './account.ts'

export const accountOf = async (
  database: Database,
  organizationId: string,
  userId: string,
): Promise<string | null> => {
  const { rows } = await database.pool.query<{ id: string }>(
    'SELECT id FROM credit_accounts WHERE organization_id = $1 AND user_id = $2',
    [organizationId, userId],
  )
  return rows[0]?.id ?? null
}

export const accountOfHold = async (
  database: Database,
  organizationId: string,
  operationId: string,
): Promise<string | null> => {
  const { rows } = await database.pool.query<{ account_id: string }>(
    'SELECT account_id FROM holds WHERE organization_id = $1 AND id = $2',
    [organizationId, operationId],
  )
  return rows[0]?.account_id ?? null
}

export interface GrantBalance {
  readonly id: string
  readonly kind: GrantKind
  readonly amountMicros: bigint
  readonly remainingMicros: bigint
  readonly burnPriority: number
  readonly effectiveAt: Date
  readonly expiresAt: Date | null
  readonly reason: string | null
  readonly createdAt: Date
}

export interface Balance {
  /** What a hold could take now: grants in effect and not expired. */
  readonly availableMicros: bigint
  readonly heldMicros: bigint
  readonly debtMicros: bigint
  /** The number of the last transaction: whoever saw the same number has missed nothing. */
  readonly lastNumber: bigint
  /** With credits remaining, in burn order; also those that are not in effect yet. */
  readonly grants: readonly GrantBalance[]
}

interface BalanceRow {
  held_micros: bigint
  debt_micros: bigint
  transaction_count: bigint
  id: string | null
  kind: GrantKind
  amount_micros: bigint
  remaining_micros: bigint
  burn_priority: number
  effective_at: Date
  expires_at: Date | null
  reason: string | null
  created_at: Date
}

/** One statement, so account and grants are of one moment. */
export const balance = async (
  database: Database,
  organizationId: string,
  accountId: string,
  at: Date,
): Promise<Balance | null> => {
  const { rows } = await database.pool.query<BalanceRow>(
    `SELECT a.held_micros, a.debt_micros, a.transaction_count, g.id, g.kind, g.amount_micros, g.remaining_micros, g.burn_priority,
       g.effective_at, g.expires_at, g.reason, g.created_at
     FROM credit_accounts a
     LEFT JOIN grants g ON g.organization_id = a.organization_id AND g.account_id = a.id AND g.live
       AND (g.expires_at IS NULL OR g.expires_at > $3)
     WHERE a.organization_id = $1 AND a.id = $2
     ORDER BY g.burn_priority, g.expires_at NULLS LAST, g.created_at, g.id`,
    [organizationId, accountId, at],
  )
  const account = rows[0]
  if (!account) return null
  const grants = rows.flatMap((row) => (row.id === null ? [] : [grantFrom(row, row.id)]))
  const usable = grants.filter((grant) => grant.effectiveAt <= at)
  return {
    availableMicros: usable.reduce((sum, grant) => sum + grant.remainingMicros, 0n),
    heldMicros: account.held_micros,
    debtMicros: account.debt_micros,
    lastNumber: account.transaction_count,
    grants,
  }
}

const grantFrom = (row: BalanceRow, id: string): GrantBalance => ({
  id,
  kind: row.kind,
  amountMicros: row.amount_micros,
  remainingMicros: row.remaining_micros,
  burnPriority: row.burn_priority,
  effectiveAt: row.effective_at,
  expiresAt: row.expires_at,
  reason: row.reason,
  createdAt: row.created_at,
})

export interface StatementPage {
  /** The cursor of the page before. */
  readonly before?: bigint
  /** At most 200. */
  readonly limit?: number
}

/** One transaction of an account, newest first. */
export interface StatementLine {
  readonly number: bigint
  readonly kind: EntryKind
  readonly at: Date
  readonly operationId: string | null
  readonly grantIds: readonly string[]
  /** How each bucket changed; `spent` is what an operation cost. */
  readonly changes: Readonly<Partial<Record<Bucket, bigint>>>
  /** Available credits after it. */
  readonly availableMicros: bigint
}

export interface Statement {
  readonly lines: readonly StatementLine[]
  /** Give it as `before` for the next page; null at the account's first transaction. */
  readonly cursor: bigint | null
}

interface EntryRow {
  number: bigint
  kind: EntryKind
  bucket: Bucket
  amount_micros: bigint
  grant_id: string | null
  operation_id: string | null
  available_micros: bigint
  at: Date
}

const largestPage = 200

/** Transactions are numbered without gaps, so a page is a range of numbers and costs the page, not the history. */
export const statement = async (
  database: Database,
  organizationId: string,
  accountId: string,
  page: StatementPage = {},
): Promise<Statement> => {
  const limit = Math.min(Math.max(page.limit ?? 50, 1), largestPage)
  const { rows } = await database.pool.query<EntryRow>(
    `SELECT e.number, e.kind, e.bucket, e.amount_micros, e.grant_id, e.operation_id, e.available_micros, e.at
     FROM ledger_entries e,
       LATERAL (SELECT coalesce($3::bigint, 1 + (SELECT transaction_count FROM credit_accounts
         WHERE organization_id = $1 AND id = $2)) AS before) AS page
     WHERE e.organization_id = $1 AND e.account_id = $2 AND e.number < page.before AND e.number >= page.before - $4
     ORDER BY e.number DESC, e.line`,
    [organizationId, accountId, page.before ?? null, limit],
  )
  const lines = [...Map.groupBy(rows, (row) => row.number).values()].map(statementLine)
  const last = lines.at(-1)?.number ?? 1n
  return { lines, cursor: last > 1n ? last : null }
}

const statementLine = (entries: readonly EntryRow[]): StatementLine => {
  const [entry] = entries as [EntryRow]
  const changes: Partial<Record<Bucket, bigint>> = {}
  for (const { bucket, amount_micros } of entries) changes[bucket] = (changes[bucket] ?? 0n) + amount_micros
  return {
    number: entry.number,
    kind: entry.kind,
    at: entry.at,
    operationId: entry.operation_id,
    grantIds: [...new Set(entries.flatMap((row) => row.grant_id ?? []))],
    changes,
    availableMicros: entry.available_micros,
  }
}

export interface AccountPage {
  /** Null or absent: all organisations. */
  readonly organizationId?: string | null
  readonly after?: string
  /** At most 200. */
  readonly limit?: number
}

export interface AccountLine {
  readonly organizationId: string
  readonly accountId: string
  readonly userId: string
  readonly email: string
  readonly name: string
  readonly tierId: string
  readonly availableMicros: bigint
  readonly heldMicros: bigint
  readonly debtMicros: bigint
}

export interface AccountList {
  readonly accounts: readonly AccountLine[]
  /** Give it as `after` for the next page; null on the last. */
  readonly cursor: string | null
}

interface AccountRow {
  organization_id: string
  id: string
  user_id: string
  email: string
  name: string
  tier_id: string
  available_micros: string | null
  held_micros: bigint
  debt_micros: bigint
}

/** In the order of accounts' ids, which is the order they were opened in. */
export const accounts = async (
  database: Database,
  at: Date,
  page: AccountPage = {},
): Promise<AccountList> => {
  const limit = Math.min(Math.max(page.limit ?? 50, 1), largestPage)
  const { rows } = await database.pool.query<AccountRow>(
    `SELECT a.organization_id, a.id, a.user_id, u.email, u.name, a.tier_id, a.held_micros, a.debt_micros,
       (SELECT sum(g.remaining_micros) FROM grants g
        WHERE g.organization_id = a.organization_id AND g.account_id = a.id AND g.live AND g.effective_at <= $1
          AND (g.expires_at IS NULL OR g.expires_at > $1)) AS available_micros
     FROM credit_accounts a JOIN users u ON u.id = a.user_id
     WHERE ($2::uuid IS NULL OR a.organization_id = $2) AND ($3::uuid IS NULL OR a.id > $3)
     ORDER BY a.id LIMIT $4`,
    [at, page.organizationId ?? null, page.after ?? null, limit + 1],
  )
  const shown = rows.slice(0, limit)
  return {
    accounts: shown.map((row) => ({
      organizationId: row.organization_id,
      accountId: row.id,
      userId: row.user_id,
      email: row.email,
      name: row.name,
      tierId: row.tier_id,
      availableMicros: BigInt(row.available_micros ?? 0),
      heldMicros: row.held_micros,
      debtMicros: row.debt_micros,
    })),
    cursor: rows.length > limit ? (shown.at(-1)?.id ?? null) : null,
  }
}
