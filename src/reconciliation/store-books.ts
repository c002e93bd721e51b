import type { ReconciliationCheck } from '../contract/reconciliation.ts'

/**
 * What must hold of our own books, recomputed from the tables by other means than those that wrote them. One row for each
 * difference; none: all is well. Rows name whose it is, what is wrong and by how much.
 */
export interface BookCheck {
  readonly check: ReconciliationCheck
  readonly claim: string
  /** Counts what is looked at. */
  readonly examined: string
  /** Each gives organization_id, account_id, kind, id, message, unit, expected, found. */
  readonly texts: readonly string[]
}

const corrections = `
  SELECT organization_id, account_id, grant_id, operation_id, kind, amount_micros, regranted_micros, idempotency_key
  FROM ledger_corrections`

export const bookChecks: readonly BookCheck[] = [
  {
    check: 'entries',
    claim:
      'Every transaction sums to zero, they are numbered without gaps, and each tells the balance after it',
    examined: 'SELECT count(*) AS examined FROM ledger_entries WHERE line = 0',
    texts: [
      `SELECT organization_id, account_id, 'transaction' AS kind, account_id || '#' || number AS id,
         'A transaction does not sum to zero' AS message, 'micros' AS unit, 0 AS expected, sum(amount_micros) AS found
       FROM ledger_entries GROUP BY organization_id, account_id, number HAVING sum(amount_micros) <> 0`,
      `SELECT a.organization_id, a.id AS account_id, 'account' AS kind, a.id::text AS id,
         'Transactions are missing, or there are more than the account counts' AS message, 'count' AS unit,
         a.transaction_count AS expected, CASE WHEN e.last = e.counted THEN e.counted ELSE e.counted - 1 END AS found
       FROM credit_accounts a
       CROSS JOIN LATERAL (SELECT coalesce(max(number), 0) AS last, count(DISTINCT number) AS counted FROM ledger_entries e
         WHERE e.organization_id = a.organization_id AND e.account_id = a.id) AS e
       WHERE (e.last, e.counted) <> (a.transaction_count, a.transaction_count)`,
      `SELECT organization_id, account_id, 'transaction' AS kind, account_id || '#' || number AS id,
         'A line tells a balance that the lines up to it do not add up to' AS message, 'micros' AS unit, added AS expected, said AS found
       FROM (
         SELECT organization_id, account_id, number, max(available_micros + held_micros - debt_micros) AS said,
           max(available_micros) AS available, max(held_micros) AS held,
           sum(coalesce(sum(amount_micros) FILTER (WHERE bucket IN ('available', 'held', 'debt')), 0)) OVER lines AS added,
           sum(coalesce(sum(amount_micros) FILTER (WHERE bucket = 'available'), 0)) OVER lines AS available_added,
           sum(coalesce(sum(amount_micros) FILTER (WHERE bucket = 'held'), 0)) OVER lines AS held_added
         FROM ledger_entries GROUP BY organization_id, account_id, number
         WINDOW lines AS (PARTITION BY organization_id, account_id ORDER BY number)) AS running
       WHERE (said, available, held) <> (added, available_added, held_added)`,
    ],
  },
  {
    check: 'balances',
    claim: 'What accounts hold and owe, and what their grants have left, is what their entries add up to',
    examined: 'SELECT count(*) AS examined FROM credit_accounts',
    texts: [
      `WITH sums AS (
         SELECT organization_id, account_id, coalesce(sum(amount_micros) FILTER (WHERE bucket = 'held'), 0) AS held,
           -coalesce(sum(amount_micros) FILTER (WHERE bucket = 'debt'), 0) AS debt,
           coalesce(sum(amount_micros) FILTER (WHERE bucket = 'available'), 0) AS available
         FROM ledger_entries GROUP BY organization_id, account_id),
       remaining AS (
         SELECT organization_id, account_id, sum(remaining_micros) AS available FROM grants GROUP BY organization_id, account_id)
       SELECT a.organization_id, a.id AS account_id, 'account' AS kind, a.id::text AS id, what.message, 'micros' AS unit, what.expected,
         what.found
       FROM credit_accounts a
       LEFT JOIN sums s ON s.organization_id = a.organization_id AND s.account_id = a.id
       LEFT JOIN remaining r ON r.organization_id = a.organization_id AND r.account_id = a.id
       CROSS JOIN LATERAL (VALUES
         ('The account holds other than its entries say', coalesce(s.held, 0), a.held_micros::numeric),
         ('The account owes other than its entries say', coalesce(s.debt, 0), a.debt_micros::numeric),
         ('Its grants have left other than its entries say', coalesce(s.available, 0), coalesce(r.available, 0))
       ) AS what (message, expected, found)
       WHERE what.expected <> what.found`,
    ],
  },
  {
    check: 'grants',
    claim: 'Every grant gave what it says, less what was reversed, and has left what its entries left of it',
    examined: 'SELECT count(*) AS examined FROM grants',
    texts: [
      `SELECT g.organization_id, g.account_id, 'grant' AS kind, g.id::text AS id, what.message, 'micros' AS unit, what.expected, what.found
       FROM grants g
       LEFT JOIN (
         SELECT organization_id, grant_id, -coalesce(sum(amount_micros) FILTER (WHERE bucket = 'issued'), 0) AS issued,
           coalesce(sum(amount_micros) FILTER (WHERE bucket = 'available'), 0) AS available
         FROM ledger_entries WHERE grant_id IS NOT NULL GROUP BY organization_id, grant_id
       ) AS e ON e.organization_id = g.organization_id AND e.grant_id = g.id
       LEFT JOIN (
         SELECT organization_id, grant_id, sum(amount_micros) AS reversed FROM (${corrections}) AS c
         WHERE kind = 'reversal' GROUP BY organization_id, grant_id
       ) AS c ON c.organization_id = g.organization_id AND c.grant_id = g.id
       CROSS JOIN LATERAL (VALUES
         ('A grant gave other than its entries say', g.amount_micros - coalesce(c.reversed, 0), coalesce(e.issued, 0)),
         ('A grant has left other than its entries say', coalesce(e.available, 0), g.remaining_micros::numeric)
       ) AS what (message, expected, found)
       WHERE what.expected <> what.found`,
    ],
  },
  {
    check: 'holds',
    claim: 'What is held belongs to operations under way, and every hold ended as its entries say',
    examined: 'SELECT count(*) AS examined FROM holds',
    texts: [
      `SELECT a.organization_id, a.id AS account_id, 'account' AS kind, a.id::text AS id,
         'The account holds other than its operations under way' AS message, 'micros' AS unit, coalesce(h.held, 0) AS expected,
         a.held_micros AS found
       FROM credit_accounts a
       LEFT JOIN (
         SELECT organization_id, account_id, sum(amount_micros) AS held FROM holds WHERE state IN ('open', 'unresolved')
         GROUP BY organization_id, account_id
       ) AS h ON h.organization_id = a.organization_id AND h.account_id = a.id
       WHERE a.held_micros <> coalesce(h.held, 0)`,
      `SELECT h.organization_id, h.account_id, 'hold' AS kind, h.id::text AS id, what.message, 'micros' AS unit, what.expected, what.found
       FROM holds h
       LEFT JOIN (
         SELECT organization_id, operation_id, coalesce(sum(amount_micros) FILTER (WHERE kind = 'hold' AND bucket = 'available'), 0) AS held,
           coalesce(sum(amount_micros) FILTER (WHERE kind IN ('settle', 'release') AND bucket = 'held'), 0) AS given_back,
           coalesce(sum(amount_micros) FILTER (WHERE kind = 'settle' AND bucket = 'spent'), 0) AS spent
         FROM ledger_entries WHERE operation_id IS NOT NULL GROUP BY organization_id, operation_id
       ) AS e ON e.organization_id = h.organization_id AND e.operation_id = h.id
       CROSS JOIN LATERAL (VALUES
         ('A hold took other than its entries say', -coalesce(e.held, 0), h.amount_micros::numeric),
         ('A hold has ended other than its entries say', -coalesce(e.given_back, 0),
           CASE WHEN h.state IN ('settled', 'released') THEN h.amount_micros ELSE 0 END::numeric),
         ('A hold was settled for other than its entries say', coalesce(e.spent, 0), coalesce(h.settled_micros, 0)::numeric)
       ) AS what (message, expected, found)
       WHERE what.expected <> what.found`,
      `SELECT e.organization_id, e.account_id, 'hold' AS kind, e.operation_id::text AS id, 'Entries of an operation that held nothing' AS message,
         'micros' AS unit, 0 AS expected, sum(e.amount_micros) FILTER (WHERE e.bucket IN ('held', 'spent')) AS found
       FROM ledger_entries e
       WHERE e.operation_id IS NOT NULL
         AND NOT EXISTS (SELECT FROM holds h WHERE h.organization_id = e.organization_id AND h.id = e.operation_id)
       GROUP BY e.organization_id, e.account_id, e.operation_id`,
    ],
  },
  {
    check: 'operations',
    claim:
      'Every operation is charged what its hold was settled for, and no operation on an own key anything',
    examined: 'SELECT count(*) AS examined FROM operations',
    texts: [
      `SELECT coalesce(o.organization_id, h.organization_id) AS organization_id, h.account_id, 'operation' AS kind,
         coalesce(o.id, h.id)::text AS id,
         CASE WHEN o.id IS NULL THEN 'A settled hold has no operation on record'
           ELSE 'An operation is charged other than its hold was settled for' END AS message,
         'micros' AS unit, coalesce(h.settled_micros, 0) AS expected, o.credit_micros AS found
       FROM (SELECT * FROM operations WHERE credit_micros <> 0) AS o
       FULL JOIN (SELECT * FROM holds WHERE state = 'settled') AS h ON h.organization_id = o.organization_id AND h.id = o.id
       WHERE coalesce(o.credit_micros, 0) <> coalesce(h.settled_micros, 0)`,
      `SELECT organization_id, NULL::uuid AS account_id, 'operation' AS kind, id::text AS id, 'An operation on an own key is charged' AS message,
         'micros' AS unit, 0 AS expected, credit_micros AS found
       FROM operations WHERE key_owner IN ('user', 'organization') AND credit_micros <> 0`,
      `SELECT a.organization_id, a.id AS account_id, 'account' AS kind, a.id::text AS id,
         'The account has spent other than its operations were charged, with later charges and refunds' AS message, 'micros' AS unit,
         coalesce(h.settled, 0) + coalesce(c.charged, 0) AS expected, coalesce(e.spent, 0) AS found
       FROM credit_accounts a
       LEFT JOIN (SELECT organization_id, account_id, sum(amount_micros) AS spent FROM ledger_entries WHERE bucket = 'spent'
         GROUP BY organization_id, account_id) AS e ON e.organization_id = a.organization_id AND e.account_id = a.id
       LEFT JOIN (SELECT organization_id, account_id, sum(settled_micros) AS settled FROM holds GROUP BY organization_id, account_id) AS h
         ON h.organization_id = a.organization_id AND h.account_id = a.id
       LEFT JOIN (SELECT organization_id, account_id, sum(CASE kind WHEN 'refund' THEN -amount_micros ELSE amount_micros END) AS charged
         FROM (${corrections}) AS c WHERE kind IN ('refund', 'charge')
         GROUP BY organization_id, account_id) AS c ON c.organization_id = a.organization_id AND c.account_id = a.id
       WHERE coalesce(e.spent, 0) <> coalesce(h.settled, 0) + coalesce(c.charged, 0)`,
    ],
  },
  {
    check: 'invoices',
    claim:
      'Invoices add up to their lines, are numbered without gaps, and credit notes never exceed what they correct',
    examined: `SELECT count(*) AS examined FROM invoices WHERE status <> 'draft'`,
    texts: [
      `SELECT i.organization_id, i.account_id, 'invoice' AS kind, i.id::text AS id, what.message, 'minor' AS unit, what.expected, what.found
       FROM invoices i
       LEFT JOIN (
         SELECT organization_id, invoice_id, sum(amount_minor) AS total, coalesce(sum(amount_minor) FILTER (WHERE kind = 'tax'), 0) AS tax
         FROM invoice_lines GROUP BY organization_id, invoice_id
       ) AS l ON l.organization_id = i.organization_id AND l.invoice_id = i.id
       CROSS JOIN LATERAL (VALUES
         ('An invoice’s total is not the sum of its lines', coalesce(l.total, 0), i.total_minor::numeric),
         ('An invoice’s tax is not the sum of its tax lines', coalesce(l.tax, 0), i.tax_minor::numeric)
       ) AS what (message, expected, found)
       WHERE i.status <> 'draft' AND what.expected <> what.found`,
      `SELECT NULL::uuid AS organization_id, NULL::uuid AS account_id, 'invoice_number' AS kind, n.issuer || ':' || n.kind AS id,
         'Numbers are missing, or were given twice' AS message, 'count' AS unit, n.next - 1 AS expected,
         CASE WHEN i.last = i.counted THEN i.counted ELSE i.counted - 1 END AS found
       FROM invoice_numbers n
       CROSS JOIN LATERAL (SELECT coalesce(max(number), 0) AS last, count(DISTINCT number) AS counted, count(number) AS rows
         FROM invoices i WHERE i.issuer = n.issuer AND i.kind = n.kind) AS i
       WHERE (i.last, i.counted, i.rows) <> (n.next - 1, n.next - 1, n.next - 1)`,
      `SELECT i.organization_id, i.account_id, 'invoice' AS kind, i.id::text AS id, 'Its credit notes do not fit its status' AS message,
         'minor' AS unit, CASE WHEN i.status = 'refunded' THEN i.total_minor ELSE least(coalesce(n.credited, 0), i.total_minor) END AS expected,
         coalesce(n.credited, 0) AS found
       FROM invoices i
       LEFT JOIN (SELECT organization_id, corrects_id, -sum(total_minor) AS credited FROM invoices WHERE kind = 'credit_note'
         GROUP BY organization_id, corrects_id) AS n ON n.organization_id = i.organization_id AND n.corrects_id = i.id
       WHERE i.kind = 'invoice'
         AND ((i.status = 'refunded' AND coalesce(n.credited, 0) <> i.total_minor) OR coalesce(n.credited, 0) > i.total_minor)`,
    ],
  },
  {
    check: 'payments',
    claim:
      'Every payment has its invoice of the same amount, every paid invoice its payment, and both agree on what went back',
    examined: `SELECT count(*) AS examined FROM payments WHERE status = 'paid'`,
    texts: [
      `SELECT p.organization_id, p.account_id, 'payment' AS kind, p.id::text AS id,
         CASE WHEN i.id IS NULL THEN 'A payment has no invoice'
           WHEN i.currency <> p.currency THEN 'A payment and its invoice are in different currencies'
           WHEN i.status NOT IN ('paid', 'refunded') THEN 'A payment was made and its invoice is not paid'
           ELSE 'A payment and its invoice differ' END AS message,
         'minor' AS unit, i.total_minor AS expected, p.amount_minor AS found
       FROM payments p
       LEFT JOIN invoices i ON i.organization_id = p.organization_id AND i.id = p.invoice_id AND i.account_id = p.account_id
       WHERE p.status = 'paid' AND (i.id IS NULL OR i.currency <> p.currency OR i.total_minor <> p.amount_minor
         OR i.status NOT IN ('paid', 'refunded'))`,
      `SELECT i.organization_id, i.account_id, 'invoice' AS kind, i.id::text AS id, 'An invoice is paid, and no payment of it is' AS message,
         'minor' AS unit, i.total_minor AS expected, p.amount_minor AS found
       FROM invoices i
       LEFT JOIN payments p ON p.organization_id = i.organization_id AND p.invoice_id = i.id AND p.status = 'paid'
       WHERE i.kind = 'invoice' AND i.status IN ('paid', 'refunded') AND i.total_minor > 0 AND p.id IS NULL`,
      `SELECT p.organization_id, p.account_id, 'payment' AS kind, p.id::text AS id, 'Its credit notes differ from what was given back' AS message,
         'minor' AS unit, coalesce(n.credited, 0) AS expected, p.refunded_minor AS found
       FROM payments p
       LEFT JOIN (SELECT organization_id, payment_id, -sum(total_minor) AS credited FROM invoices WHERE kind = 'credit_note'
         GROUP BY organization_id, payment_id) AS n ON n.organization_id = p.organization_id AND n.payment_id = p.id
       WHERE p.refunded_minor <> coalesce(n.credited, 0)`,
    ],
  },
  {
    check: 'credits_granted',
    claim:
      'Every payment gave the credits that it bought, once; credits were bought by nothing else; every period gave its allocation',
    examined: `SELECT count(*) AS examined FROM grants WHERE kind IN ('purchase', 'allocation')`,
    texts: [
      `SELECT p.organization_id, p.account_id, 'payment' AS kind, p.id::text AS id, 'A payment gave other credits than it bought' AS message,
         'micros' AS unit, p.credit_micros AS expected, g.amount_micros AS found
       FROM payments p
       LEFT JOIN grants g ON g.organization_id = p.organization_id AND g.id = p.grant_id AND g.account_id = p.account_id
       WHERE p.status = 'paid' AND p.credit_micros > 0 AND g.amount_micros IS DISTINCT FROM p.credit_micros
         AND NOT EXISTS (SELECT FROM payment_refunds r WHERE r.organization_id = p.organization_id AND r.payment_id = p.id
           AND r.reference = 'stale')`,
      `SELECT p.organization_id, p.account_id, 'payment' AS kind, p.id::text AS id, 'A payment that was not made gave credits' AS message,
         'micros' AS unit, 0 AS expected, g.amount_micros AS found
       FROM payments p JOIN grants g ON g.organization_id = p.organization_id
         AND (g.id = p.grant_id OR (g.account_id = p.account_id AND g.idempotency_key = 'payment:' || p.id))
       WHERE p.status <> 'paid'`,
      `SELECT g.organization_id, g.account_id, 'grant' AS kind, g.id::text AS id, 'Credits were bought and no payment says so' AS message,
         'micros' AS unit, 0 AS expected, g.amount_micros AS found
       FROM grants g
       WHERE g.kind = 'purchase'
         AND NOT EXISTS (SELECT FROM payments p WHERE p.organization_id = g.organization_id AND p.account_id = g.account_id
           AND g.idempotency_key = 'payment:' || p.id AND p.grant_id = g.id)
         AND NOT EXISTS (SELECT FROM payment_refunds r WHERE r.organization_id = g.organization_id
           AND split_part(g.idempotency_key, ':', 1) = 'dispute_won' AND split_part(g.idempotency_key, ':', 2) = r.id::text)`,
      `SELECT s.organization_id, s.account_id, 'period' AS kind, s.account_id || '@' || to_char(s.starts_at AT TIME ZONE 'UTC', 'YYYY-MM-DD') AS id,
         'A period did not give its allocation' AS message, 'micros' AS unit, s.allocation_micros AS expected, g.amount_micros AS found
       FROM subscription_periods s
       LEFT JOIN grants g ON g.organization_id = s.organization_id AND g.account_id = s.account_id AND g.kind = 'allocation'
         AND g.idempotency_key LIKE 'allocation:%' AND g.effective_at = s.starts_at
       WHERE s.allocation_micros > 0 AND g.amount_micros IS DISTINCT FROM s.allocation_micros
         AND NOT (g.id IS NULL AND EXISTS (SELECT FROM payments p WHERE p.organization_id = s.organization_id AND p.account_id = s.account_id
           AND p.purpose = 'renewal' AND p.status <> 'paid'
           AND p.idempotency_key = 'renewal:' || to_char(s.starts_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')))`,
    ],
  },
  {
    check: 'refunds',
    claim: 'Credits were taken back and given back as refunds, disputes and adjustments say',
    examined: 'SELECT count(*) AS examined FROM ledger_corrections',
    texts: [
      `SELECT r.organization_id, p.account_id, 'refund' AS kind, r.id::text AS id, 'A refund took other credits than were reversed' AS message,
         'micros' AS unit, coalesce(c.reversed, 0) AS expected, coalesce(r.credit_micros, 0) AS found
       FROM payment_refunds r
       JOIN payments p ON p.organization_id = r.organization_id AND p.id = r.payment_id
       LEFT JOIN (SELECT organization_id, split_part(idempotency_key, ':', 2) AS refund_id, sum(amount_micros) AS reversed
         FROM (${corrections}) AS c WHERE kind = 'reversal' AND split_part(idempotency_key, ':', 1) = 'payment_refund'
         GROUP BY 1, 2) AS c ON c.organization_id = r.organization_id AND c.refund_id = r.id::text
       WHERE coalesce(r.credit_micros, 0) <> coalesce(c.reversed, 0)`,
      `SELECT a.organization_id, a.account_id, 'adjustment' AS kind, a.id::text AS id, 'An adjustment is not in the ledger as it was agreed' AS message,
         'micros' AS unit, CASE WHEN a.status = 'done' THEN a.amount_micros ELSE 0 END AS expected,
         coalesce(c.amount_micros, g.amount_micros, 0) AS found
       FROM adjustments a
       LEFT JOIN (${corrections}) AS c ON c.organization_id = a.organization_id AND c.idempotency_key = 'adjustment:' || a.id
       LEFT JOIN grants g ON g.organization_id = a.organization_id AND g.account_id = a.account_id
         AND g.idempotency_key = 'adjustment:' || a.id
       WHERE coalesce(c.amount_micros, g.amount_micros, 0) <> CASE WHEN a.status = 'done' THEN a.amount_micros ELSE 0 END`,
      `SELECT c.organization_id, c.account_id, 'account' AS kind, c.account_id::text AS id, 'The account’s corrections differ from its entries' AS message,
         'micros' AS unit, e.corrected AS expected, c.corrected AS found
       FROM (SELECT organization_id, account_id, sum(CASE kind WHEN 'refund' THEN -amount_micros ELSE amount_micros END) AS corrected
         FROM (${corrections}) AS c GROUP BY organization_id, account_id) AS c
       LEFT JOIN (SELECT organization_id, account_id, sum(amount_micros) AS corrected FROM ledger_entries
         WHERE (kind = 'reversal' AND bucket = 'issued') OR (kind IN ('refund', 'charge') AND bucket = 'spent')
         GROUP BY organization_id, account_id) AS e ON e.organization_id = c.organization_id AND e.account_id = c.account_id
       WHERE e.corrected IS DISTINCT FROM c.corrected`,
      `SELECT c.organization_id, c.account_id, CASE c.kind WHEN 'refund' THEN 'operation' ELSE 'grant' END AS kind,
         coalesce(c.operation_id, c.grant_id)::text AS id, 'More was corrected than there was' AS message, 'micros' AS unit,
         max(coalesce(h.settled_micros, g.amount_micros, 0) + coalesce(more.charged, 0)) AS expected, sum(c.amount_micros) AS found
       FROM (${corrections}) AS c
       LEFT JOIN (SELECT organization_id, operation_id, sum(amount_micros) AS charged FROM ledger_corrections WHERE kind = 'charge'
         GROUP BY organization_id, operation_id) AS more ON more.organization_id = c.organization_id AND more.operation_id = c.operation_id
       LEFT JOIN holds h ON h.organization_id = c.organization_id AND h.id = c.operation_id
       LEFT JOIN grants g ON g.organization_id = c.organization_id AND g.id = c.grant_id
       WHERE c.kind <> 'charge'
       GROUP BY c.organization_id, c.account_id, c.kind, c.operation_id, c.grant_id
       HAVING sum(c.amount_micros) > max(coalesce(h.settled_micros, g.amount_micros, 0) + coalesce(more.charged, 0))`,
    ],
  },
  {
    check: 'totals',
    claim:
      'In total: credits issued are available, held, spent or expired, less what is owed; money invoiced as paid is money paid',
    examined: 'SELECT count(*) AS examined FROM ledger_entries',
    texts: [
      `SELECT NULL::uuid AS organization_id, NULL::uuid AS account_id, 'total' AS kind, 'credits' AS id,
         'Credits issued are not where credits are' AS message, 'micros' AS unit, issued AS expected, placed AS found
       FROM (
         SELECT (SELECT coalesce(sum(g.amount_micros), 0) FROM grants g)
             - (SELECT coalesce(sum(CASE kind WHEN 'reversal' THEN amount_micros ELSE regranted_micros END), 0) FROM ledger_corrections) AS issued,
           (SELECT coalesce(sum(remaining_micros), 0) FROM grants) + (SELECT coalesce(sum(held_micros - debt_micros), 0) FROM credit_accounts)
             + (SELECT coalesce(sum(settled_micros), 0) FROM holds)
             + (SELECT coalesce(sum(CASE kind WHEN 'refund' THEN -amount_micros ELSE amount_micros END), 0) FROM ledger_corrections
               WHERE kind IN ('refund', 'charge'))
             + (SELECT coalesce(sum(amount_micros), 0) FROM ledger_entries WHERE bucket = 'expired') AS placed) AS totals
       WHERE issued <> placed`,
      `SELECT NULL::uuid AS organization_id, NULL::uuid AS account_id, 'total' AS kind, 'money:' || coalesce(i.currency, p.currency) AS id,
         'Money invoiced as paid is not the money that was paid' AS message, 'minor' AS unit, coalesce(i.total, 0) AS expected,
         coalesce(p.total, 0) AS found
       FROM (SELECT currency, sum(total_minor) AS total FROM invoices WHERE kind = 'invoice' AND status IN ('paid', 'refunded')
         GROUP BY currency) AS i
       FULL JOIN (SELECT currency, sum(amount_minor) AS total FROM payments WHERE status = 'paid' GROUP BY currency) AS p
         ON p.currency = i.currency
       WHERE coalesce(i.total, 0) <> coalesce(p.total, 0)`,
    ],
  },
]

/** What the books come to, for whoever compares them with other books. */
export const totalsText = `
  SELECT 'Credits given' AS what, 'micros' AS unit, coalesce(sum(amount_micros), 0)::text AS amount FROM grants
  UNION ALL SELECT 'Credits taken back', 'micros', coalesce(sum(amount_micros), 0)::text FROM ledger_corrections WHERE kind = 'reversal'
  UNION ALL SELECT 'Credits available', 'micros', coalesce(sum(remaining_micros), 0)::text FROM grants
  UNION ALL SELECT 'Credits held', 'micros', coalesce(sum(held_micros), 0)::text FROM credit_accounts
  UNION ALL SELECT 'Credits owed', 'micros', coalesce(sum(debt_micros), 0)::text FROM credit_accounts
  UNION ALL SELECT 'Credits spent', 'micros', coalesce(sum(amount_micros), 0)::text FROM ledger_entries WHERE bucket = 'spent'
  UNION ALL SELECT 'Credits expired', 'micros', coalesce(sum(amount_micros), 0)::text FROM ledger_entries WHERE bucket = 'expired'
  UNION ALL SELECT 'Paid in ' || currency, 'minor', sum(amount_minor)::text FROM payments WHERE status = 'paid' GROUP BY currency
  UNION ALL SELECT 'Given back in ' || currency, 'minor', sum(refunded_minor)::text FROM payments WHERE refunded_minor > 0 GROUP BY currency
  UNION ALL SELECT 'Invoiced in ' || currency, 'minor', sum(total_minor)::text FROM invoices
    WHERE kind = 'invoice' AND status IN ('open', 'paid', 'refunded') GROUP BY currency
  UNION ALL SELECT 'Credited in ' || currency, 'minor', (-sum(total_minor))::text FROM invoices WHERE kind = 'credit_note' GROUP BY currency
  UNION ALL SELECT 'Accounts', 'count', count(*)::text FROM credit_accounts
  UNION ALL SELECT 'Operations', 'count', count(*)::text FROM operations`
