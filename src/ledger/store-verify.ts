import type { Database } from '../db/database.ts'
import { inSnapshot } from '../db/transaction.ts'

export interface Check {
  /** What is proved when no row comes back. */
  readonly claim: string
  /** Rows that break the claim, each with a `problem` to read. */
  readonly text: string
}

/** `process_id` without a lease in force. */
const isDead = `NOT EXISTS (SELECT FROM processes p WHERE p.id = h.process_id AND p.lease_until > now())`

export const checks: readonly Check[] = [
  {
    claim: 'every transaction sums to zero',
    text: `
      SELECT format('transaction %s of account %s sums to %s', number, account_id, sum(amount_micros)) AS problem
      FROM ledger_entries GROUP BY organization_id, account_id, number HAVING sum(amount_micros) <> 0`,
  },
  {
    claim: 'transactions are numbered without gaps',
    text: `
      SELECT format('account %s has %s transactions, the last is %s and the account counts %s', a.id, e.counted,
        e.last, a.transaction_count) AS problem
      FROM credit_accounts a
      LEFT JOIN (
        SELECT organization_id, account_id, max(number) AS last, count(*) FILTER (WHERE line = 0) AS counted
        FROM ledger_entries GROUP BY organization_id, account_id
      ) AS e ON e.organization_id = a.organization_id AND e.account_id = a.id
      WHERE (coalesce(e.last, 0), coalesce(e.counted, 0)) <> (a.transaction_count, a.transaction_count)`,
  },
  {
    claim: 'balances are what the entries add up to',
    text: `
      SELECT format('account %s holds %s and owes %s; its entries say %s and %s', a.id, a.held_micros, a.debt_micros,
        coalesce(e.held, 0), -coalesce(e.debt, 0)) AS problem
      FROM credit_accounts a
      LEFT JOIN (
        SELECT organization_id, account_id, sum(amount_micros) FILTER (WHERE bucket = 'held') AS held,
          sum(amount_micros) FILTER (WHERE bucket = 'debt') AS debt
        FROM ledger_entries GROUP BY organization_id, account_id
      ) AS e ON e.organization_id = a.organization_id AND e.account_id = a.id
      WHERE (a.held_micros, -a.debt_micros) <> (coalesce(e.held, 0), coalesce(e.debt, 0))`,
  },
  {
    claim: 'grants have left what the entries took from them',
    text: `
      SELECT format('grant %s was given %s and has %s left; its entries say %s and %s', g.id, g.amount_micros,
        g.remaining_micros, -coalesce(e.issued, 0), coalesce(e.available, 0)) AS problem
      FROM grants g
      LEFT JOIN (
        SELECT organization_id, grant_id, sum(amount_micros) FILTER (WHERE bucket = 'issued') AS issued,
          sum(amount_micros) FILTER (WHERE bucket = 'available') AS available
        FROM ledger_entries WHERE grant_id IS NOT NULL GROUP BY organization_id, grant_id
      ) AS e ON e.organization_id = g.organization_id AND e.grant_id = g.id
      LEFT JOIN (
        SELECT organization_id, grant_id, sum(amount_micros) AS reversed FROM ledger_corrections
        WHERE kind = 'reversal' GROUP BY organization_id, grant_id
      ) AS c ON c.organization_id = g.organization_id AND c.grant_id = g.id
      WHERE (coalesce(c.reversed, 0) - g.amount_micros, g.remaining_micros)
        IS DISTINCT FROM (coalesce(e.issued, 0), coalesce(e.available, 0))`,
  },
  {
    claim: 'grants are reversed as the corrections say, and never by more than they were',
    text: `
      SELECT format('account %s has %s reversed, %s refunded and %s charged later; its entries say %s, %s and %s',
        c.account_id, c.reversed, c.refunded, c.charged, coalesce(e.reversed, 0), coalesce(e.refunded, 0),
        coalesce(e.charged, 0)) AS problem
      FROM (
        SELECT organization_id, account_id, coalesce(sum(amount_micros) FILTER (WHERE kind = 'reversal'), 0) AS reversed,
          coalesce(sum(amount_micros) FILTER (WHERE kind = 'refund'), 0) AS refunded,
          coalesce(sum(amount_micros) FILTER (WHERE kind = 'charge'), 0) AS charged
        FROM ledger_corrections GROUP BY organization_id, account_id
      ) AS c
      FULL JOIN (
        SELECT organization_id, account_id,
          coalesce(sum(amount_micros) FILTER (WHERE kind = 'reversal' AND bucket = 'issued'), 0) AS reversed,
          coalesce(-sum(amount_micros) FILTER (WHERE kind = 'refund' AND bucket = 'spent'), 0) AS refunded,
          coalesce(sum(amount_micros) FILTER (WHERE kind = 'charge' AND bucket = 'spent'), 0) AS charged
        FROM ledger_entries WHERE kind IN ('reversal', 'refund', 'charge') GROUP BY organization_id, account_id
      ) AS e ON e.organization_id = c.organization_id AND e.account_id = c.account_id
      WHERE (c.reversed, c.refunded, c.charged) IS DISTINCT FROM (e.reversed, e.refunded, e.charged)
      UNION ALL
      SELECT format('grant %s of %s is reversed by %s', g.id, g.amount_micros, sum(c.amount_micros)) AS problem
      FROM ledger_corrections c JOIN grants g ON g.organization_id = c.organization_id AND g.id = c.grant_id
      GROUP BY g.organization_id, g.id HAVING sum(c.amount_micros) > g.amount_micros`,
  },
  {
    claim: 'no operation is refunded more than it was charged',
    text: `
      SELECT format('operation %s was charged %s and is refunded %s', c.operation_id,
        coalesce(h.settled_micros, 0) + c.charged, c.refunded) AS problem
      FROM (
        SELECT organization_id, operation_id,
          coalesce(sum(amount_micros) FILTER (WHERE kind = 'refund'), 0) AS refunded,
          coalesce(sum(amount_micros) FILTER (WHERE kind = 'charge'), 0) AS charged
        FROM ledger_corrections WHERE operation_id IS NOT NULL GROUP BY organization_id, operation_id
      ) AS c
      LEFT JOIN holds h ON h.organization_id = c.organization_id AND h.id = c.operation_id
      WHERE c.refunded > coalesce(h.settled_micros, 0) + c.charged`,
  },
  {
    claim: 'the running balance of every statement is what the lines before it add up to',
    text: `
      SELECT format('transaction %s of account %s says %s available, %s held and %s owed, the lines up to it %s, %s and %s',
        number, account_id, available, held, debt, added, held_added, -debt_added) AS problem
      FROM (
        SELECT organization_id, account_id, number, min(available_micros) AS available, max(available_micros) AS highest,
          max(held_micros) AS held, max(debt_micros) AS debt,
          sum(coalesce(sum(amount_micros) FILTER (WHERE bucket = 'available'), 0)) OVER lines AS added,
          sum(coalesce(sum(amount_micros) FILTER (WHERE bucket = 'held'), 0)) OVER lines AS held_added,
          sum(coalesce(sum(amount_micros) FILTER (WHERE bucket = 'debt'), 0)) OVER lines AS debt_added
        FROM ledger_entries GROUP BY organization_id, account_id, number
        WINDOW lines AS (PARTITION BY organization_id, account_id ORDER BY number)
      ) AS running
      WHERE (available, highest, held, debt) <> (added, added, held_added, -debt_added)`,
  },
  {
    claim: 'held credits belong to unfinished holds',
    text: `
      SELECT format('account %s holds %s; its unfinished holds add up to %s', a.id, a.held_micros,
        coalesce(h.held, 0)) AS problem
      FROM credit_accounts a
      LEFT JOIN (
        SELECT organization_id, account_id, sum(amount_micros) AS held FROM holds
        WHERE state IN ('open', 'unresolved') GROUP BY organization_id, account_id
      ) AS h ON h.organization_id = a.organization_id AND h.account_id = a.id
      WHERE a.held_micros <> coalesce(h.held, 0)`,
  },
  {
    claim: 'every hold ended as its entries say',
    text: `
      SELECT format('hold %s is %s, settled for %s; its entries: %s', h.id, h.state, coalesce(h.settled_micros, 0),
        coalesce(e.kinds, 'none')) AS problem
      FROM holds h
      LEFT JOIN (
        SELECT organization_id, operation_id, string_agg(kind, ', ' ORDER BY number, line) FILTER (WHERE line = 0) AS kinds,
          coalesce(sum(amount_micros) FILTER (WHERE bucket = 'spent'), 0) AS spent
        FROM ledger_entries WHERE operation_id IS NOT NULL AND kind IN ('hold', 'settle', 'release')
        GROUP BY organization_id, operation_id
      ) AS e ON e.organization_id = h.organization_id AND e.operation_id = h.id
      WHERE e.kinds IS DISTINCT FROM
          CASE h.state WHEN 'settled' THEN 'hold, settle' WHEN 'released' THEN 'hold, release' ELSE 'hold' END
        OR e.spent <> coalesce(h.settled_micros, 0)`,
  },
  {
    claim: 'operations are charged what their holds settled',
    text: `
      SELECT format('operation %s is charged %s, its hold settled %s', coalesce(o.id, h.id),
        coalesce(o.credit_micros::text, '(no record)'), coalesce(h.settled_micros, 0)) AS problem
      FROM operations o
      FULL JOIN (SELECT * FROM holds WHERE state = 'settled') AS h ON h.organization_id = o.organization_id AND h.id = o.id
      WHERE coalesce(o.credit_micros, 0) <> coalesce(h.settled_micros, 0) OR o.id IS NULL`,
  },
  {
    claim: 'no hold is left of a dead process',
    text: `
      SELECT format('hold %s of process %s is %s since %s', h.id, h.process_id, h.state, h.created_at) AS problem
      FROM holds h WHERE h.state IN ('open', 'unresolved') AND h.kept_by = 'process' AND ${isDead}`,
  },
  {
    claim: 'what long operations hold, they are still to record',
    text: `
      SELECT format('hold %s is %s since %s and kept for no long operation under way', h.id, h.state, h.created_at) AS problem
      FROM holds h WHERE h.state IN ('open', 'unresolved') AND h.kept_by = 'long_operation'
        AND NOT EXISTS (SELECT FROM long_operations l
          WHERE l.organization_id = h.organization_id AND l.id = h.id AND l.ended_at IS NULL)`,
  },
]

export interface Totals {
  readonly accounts: bigint
  readonly grants: bigint
  readonly holds: bigint
  readonly entries: bigint
  readonly operations: bigint
}

/** Every check and the counts, from one snapshot: the ledger may be in use meanwhile. */
export const runChecks = (
  database: Database,
  atMost: number,
): Promise<{ totals: Totals; problems: Map<Check, string[]> }> =>
  inSnapshot(database, async (client) => {
    const { rows } = await client.query<Totals>(`
      SELECT (SELECT count(*) FROM credit_accounts) AS accounts, (SELECT count(*) FROM grants) AS grants,
        (SELECT count(*) FROM holds) AS holds, (SELECT count(*) FROM ledger_entries) AS entries,
        (SELECT count(*) FROM operations) AS operations`)
    const problems = new Map<Check, string[]>()
    for (const check of checks) {
      const found = await client.query<{ problem: string }>(`${check.text} LIMIT ${atMost}`)
      problems.set(
        check,
        found.rows.map((row) => row.problem),
      )
    }
    return { totals: rows[0] as Totals, problems }
  })
