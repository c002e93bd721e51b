-- What must hold of the ledger at any moment, recomputed from the tables alone. One row per problem; none: all is well.
-- Shares nothing with src/: also to be run by hand with psql.
WITH
entry_sums AS (
  SELECT organization_id, account_id, bucket, sum(amount_micros) AS micros
  FROM ledger_entries GROUP BY 1, 2, 3
),
account_sums AS (
  SELECT a.organization_id, a.id, a.held_micros, a.debt_micros, a.transaction_count,
    coalesce((SELECT micros FROM entry_sums s WHERE (s.organization_id, s.account_id, s.bucket) = (a.organization_id, a.id, 'available')), 0) AS available,
    coalesce((SELECT micros FROM entry_sums s WHERE (s.organization_id, s.account_id, s.bucket) = (a.organization_id, a.id, 'held')), 0) AS held,
    coalesce((SELECT micros FROM entry_sums s WHERE (s.organization_id, s.account_id, s.bucket) = (a.organization_id, a.id, 'debt')), 0) AS debt,
    coalesce((SELECT micros FROM entry_sums s WHERE (s.organization_id, s.account_id, s.bucket) = (a.organization_id, a.id, 'spent')), 0) AS spent,
    coalesce((SELECT micros FROM entry_sums s WHERE (s.organization_id, s.account_id, s.bucket) = (a.organization_id, a.id, 'issued')), 0) AS issued,
    coalesce((SELECT sum(remaining_micros) FROM grants g WHERE (g.organization_id, g.account_id) = (a.organization_id, a.id)), 0) AS in_grants,
    coalesce((SELECT sum(amount_micros) FROM grants g WHERE (g.organization_id, g.account_id) = (a.organization_id, a.id)), 0) AS granted,
    coalesce((SELECT sum(amount_micros) FROM holds h WHERE (h.organization_id, h.account_id) = (a.organization_id, a.id) AND h.state IN ('open', 'unresolved')), 0) AS in_holds,
    coalesce((SELECT sum(settled_micros) FROM holds h WHERE (h.organization_id, h.account_id) = (a.organization_id, a.id)), 0) AS settled,
    coalesce((SELECT sum(amount_micros) FROM ledger_corrections c WHERE (c.organization_id, c.account_id, c.kind) = (a.organization_id, a.id, 'reversal')), 0) AS reversed,
    coalesce((SELECT sum(amount_micros) FROM ledger_corrections c WHERE (c.organization_id, c.account_id, c.kind) = (a.organization_id, a.id, 'refund')), 0) AS refunded,
    coalesce((SELECT sum(amount_micros) FROM ledger_corrections c WHERE (c.organization_id, c.account_id, c.kind) = (a.organization_id, a.id, 'charge')), 0) AS charged,
    coalesce((SELECT sum(regranted_micros) FROM ledger_corrections c WHERE (c.organization_id, c.account_id) = (a.organization_id, a.id)), 0) AS regranted
  FROM credit_accounts a
)
SELECT format('account %s transaction %s sums to %s', account_id, number, sum(amount_micros)) AS problem
  FROM ledger_entries GROUP BY organization_id, account_id, number HAVING sum(amount_micros) <> 0
UNION ALL
SELECT format('account %s: entries have %s available, its grants %s', id, available, in_grants)
  FROM account_sums WHERE available <> in_grants
UNION ALL
SELECT format('account %s: available credits are negative: %s', id, available) FROM account_sums WHERE available < 0
UNION ALL
SELECT format('account %s: entries have %s held, the account %s, its unfinished holds %s', id, held, held_micros, in_holds)
  FROM account_sums WHERE held <> held_micros OR held <> in_holds
UNION ALL
SELECT format('account %s: entries owe %s, the account %s', id, -debt, debt_micros)
  FROM account_sums WHERE -debt <> debt_micros
UNION ALL
SELECT format('account %s: entries spent %s, its holds settled %s, of which %s refunded, and %s was charged later', id, spent, settled, refunded, charged)
  FROM account_sums WHERE spent <> settled - refunded + charged
UNION ALL
SELECT format('account %s: entries issued %s, its grants %s, of which %s reversed and %s given anew', id, -issued, granted, reversed, regranted)
  FROM account_sums WHERE -issued <> granted - reversed - regranted
UNION ALL
SELECT format('account %s: credits given are %s available, %s held, %s spent, %s expired, less %s owed; they were %s', a.id, available, held, spent, e.expired, -debt, -issued)
  FROM account_sums a CROSS JOIN LATERAL (
    SELECT coalesce(sum(amount_micros), 0) AS expired FROM ledger_entries l
    WHERE (l.organization_id, l.account_id, l.bucket) = (a.organization_id, a.id, 'expired')) AS e
  WHERE available + held + spent + e.expired + debt <> -issued
UNION ALL
SELECT format('grant %s: its entries expired %s', grant_id, sum(amount_micros)) FROM ledger_entries
  WHERE bucket = 'expired' GROUP BY organization_id, grant_id HAVING sum(amount_micros) < 0
UNION ALL
SELECT format('grant %s of %s: reversed by %s', g.id, g.amount_micros, sum(c.amount_micros))
  FROM grants g JOIN ledger_corrections c ON c.organization_id = g.organization_id AND c.grant_id = g.id
  GROUP BY g.organization_id, g.id, g.amount_micros HAVING sum(c.amount_micros) > g.amount_micros
UNION ALL
SELECT format('hold %s settled %s and is refunded %s', h.id, coalesce(h.settled_micros, 0), sum(c.amount_micros) FILTER (WHERE c.kind = 'refund'))
  FROM ledger_corrections c LEFT JOIN holds h ON h.organization_id = c.organization_id AND h.id = c.operation_id
  WHERE c.kind IN ('refund', 'charge') GROUP BY c.organization_id, c.operation_id, h.id, h.settled_micros
  HAVING sum(CASE c.kind WHEN 'refund' THEN c.amount_micros ELSE -c.amount_micros END) > coalesce(h.settled_micros, 0)
UNION ALL
SELECT format('account %s: last transaction is %s, distinct are %s, the account says %s', a.id, e.last, e.distinct_count, a.transaction_count)
  FROM credit_accounts a CROSS JOIN LATERAL (
    SELECT coalesce(max(number), 0) AS last, count(DISTINCT number) AS distinct_count FROM ledger_entries l
    WHERE l.organization_id = a.organization_id AND l.account_id = a.id) AS e
  WHERE e.last <> a.transaction_count OR e.distinct_count <> a.transaction_count
UNION ALL
SELECT format('account %s transaction %s: running held %s and debt %s, recomputed %s and %s', account_id, number, held, debt, held_recomputed, debt_recomputed)
  FROM (
    SELECT organization_id, account_id, number, max(held_micros) AS held, max(debt_micros) AS debt,
      sum(sum(CASE bucket WHEN 'held' THEN amount_micros ELSE 0 END)) OVER (PARTITION BY organization_id, account_id ORDER BY number) AS held_recomputed,
      sum(sum(CASE bucket WHEN 'debt' THEN -amount_micros ELSE 0 END)) OVER (PARTITION BY organization_id, account_id ORDER BY number) AS debt_recomputed
    FROM ledger_entries GROUP BY organization_id, account_id, number) AS running
  WHERE held <> held_recomputed OR debt <> debt_recomputed
UNION ALL
SELECT format('account %s transaction %s: running balance %s, recomputed %s', account_id, number, available_micros, recomputed)
  FROM (
    SELECT organization_id, account_id, number, max(available_micros) AS available_micros,
      sum(sum(amount_micros) FILTER (WHERE bucket = 'available')) OVER (PARTITION BY organization_id, account_id ORDER BY number) AS recomputed
    FROM ledger_entries GROUP BY organization_id, account_id, number) AS running
  WHERE available_micros <> coalesce(recomputed, 0)
UNION ALL
SELECT format('grant %s: entries leave %s, the grant says %s', g.id, coalesce(e.micros, 0), g.remaining_micros)
  FROM grants g LEFT JOIN (
    SELECT organization_id, grant_id, sum(amount_micros) AS micros FROM ledger_entries WHERE bucket = 'available' GROUP BY 1, 2
  ) AS e ON e.organization_id = g.organization_id AND e.grant_id = g.id
  WHERE coalesce(e.micros, 0) <> g.remaining_micros
UNION ALL
SELECT format('hold %s is %s with %s beginnings and %s ends', h.id, h.state, e.beginnings, e.ends)
  FROM holds h CROSS JOIN LATERAL (
    SELECT count(*) FILTER (WHERE kind = 'hold') AS beginnings, count(*) FILTER (WHERE kind IN ('settle', 'release')) AS ends
    FROM ledger_entries l WHERE l.organization_id = h.organization_id AND l.operation_id = h.id AND l.line = 0) AS e
  WHERE e.beginnings <> 1 OR e.ends <> CASE WHEN h.state IN ('settled', 'released') THEN 1 ELSE 0 END
UNION ALL
SELECT format('entries of operation %s belong to no hold', operation_id)
  FROM ledger_entries l WHERE operation_id IS NOT NULL AND line = 0 AND kind = 'hold'
    AND NOT EXISTS (SELECT FROM holds h WHERE h.organization_id = l.organization_id AND h.id = l.operation_id)
UNION ALL
SELECT format('hold %s took %s from its grants and is %s', id, (SELECT sum(part) FROM unnest(grant_micros) AS part), amount_micros)
  FROM holds WHERE (SELECT sum(part) FROM unnest(grant_micros) AS part) <> amount_micros
UNION ALL
SELECT format('operation %s charged %s, its hold settled %s', o.id, o.credit_micros, coalesce(h.settled_micros, 0))
  FROM operations o LEFT JOIN holds h ON h.organization_id = o.organization_id AND h.id = o.id
  WHERE o.credit_micros <> coalesce(h.settled_micros, 0)
UNION ALL
SELECT format('settled hold %s has no operation on record', h.id)
  FROM holds h WHERE h.state = 'settled'
    AND NOT EXISTS (SELECT FROM operations o WHERE o.organization_id = h.organization_id AND o.id = h.id)
UNION ALL
SELECT format('operation %s ran on the caller''s own key and has ledger entries', o.id)
  FROM operations o WHERE o.key_owner IN ('user', 'organization')
    AND EXISTS (SELECT FROM ledger_entries l WHERE l.organization_id = o.organization_id AND l.operation_id = o.id AND l.line = 0 AND l.kind = 'settle')
UNION ALL
SELECT format('hold %s is kept for a long operation that is not there or over', h.id)
  FROM holds h WHERE h.state IN ('open', 'unresolved') AND h.kept_by = 'long_operation'
    AND NOT EXISTS (SELECT FROM long_operations l WHERE l.organization_id = h.organization_id AND l.id = h.id AND l.ended_at IS NULL)
UNION ALL
SELECT format('long operation %s is over with %s of %s credits on record', l.id, coalesce(o.credit_micros::text, 'no'), l.charge_micros)
  FROM long_operations l LEFT JOIN operations o ON o.organization_id = l.organization_id AND o.id = l.id
  WHERE l.ended_at IS NOT NULL AND l.held_micros > 0
    AND o.credit_micros IS DISTINCT FROM CASE WHEN l.state = 'succeeded' THEN l.charge_micros ELSE 0 END
