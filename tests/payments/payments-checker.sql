-- What must hold of payments, invoices, subscriptions and discounts at any moment, from the tables alone. One row per
-- problem; none: all is well. Shares nothing with src/: also to be run by hand with psql.
WITH
-- What every paid payment has to have given, by the key of its grant.
due AS (
  SELECT p.*,
    CASE WHEN p.purpose IN ('purchase', 'auto_top_up') THEN 'payment:' || p.id ELSE 'change:' || p.id END AS grant_key,
    EXISTS (SELECT FROM payment_refunds r WHERE r.organization_id = p.organization_id AND r.payment_id = p.id
      AND r.reference = 'stale') AS is_stale
  FROM payments p
),
given AS (
  SELECT d.*, (SELECT count(*) FROM grants g WHERE g.organization_id = d.organization_id AND g.account_id = d.account_id
    AND g.idempotency_key = d.grant_key AND g.amount_micros = d.credit_micros) AS grants,
    CASE WHEN d.status = 'paid' AND NOT d.is_stale AND d.credit_micros > 0 THEN 1 ELSE 0 END AS wanted
  FROM due d WHERE d.purpose <> 'renewal'
),
lines AS (
  SELECT organization_id, invoice_id, sum(amount_minor) AS total, coalesce(sum(amount_minor) FILTER (WHERE kind = 'tax'), 0) AS tax
  FROM invoice_lines GROUP BY 1, 2
),
notes AS (
  SELECT organization_id, corrects_id, -sum(total_minor) AS total, min(currency) AS currency
  FROM invoices WHERE kind = 'credit_note' GROUP BY 1, 2
),
periods AS (
  SELECT p.*, CASE WHEN v.price_minor = 0 AND EXISTS (SELECT FROM organizations o WHERE o.id = p.organization_id AND o.self_service)
      THEN 0 ELSE v.allocation_micros END AS tier_micros, v.price_minor AS tier_minor,
    lag(p.starts_at) OVER of_account AS starts_before, lag(p.ends_at) OVER of_account AS ends_before
  FROM subscription_periods p JOIN tier_versions v ON v.tier_id = p.tier_id AND v.version = p.tier_version
  WINDOW of_account AS (PARTITION BY p.organization_id, p.account_id ORDER BY p.starts_at)
),
renewals AS (
  SELECT l.organization_id, l.invoice_id, i.account_id, l.from_at, i.total_minor, i.status, i.payment_id, l.amount_minor AS price_minor,
    coalesce((SELECT -sum(d.amount_minor) FROM invoice_lines d WHERE d.organization_id = l.organization_id
      AND d.invoice_id = l.invoice_id AND d.kind = 'discount'), 0) AS discount_minor,
    coalesce((SELECT p.purpose = 'renewal' AND NOT EXISTS (SELECT FROM payment_refunds r
      WHERE r.organization_id = p.organization_id AND r.payment_id = p.id AND r.reference = 'stale' AND i.status <> 'void')
      FROM payments p WHERE p.organization_id = i.organization_id AND p.id = i.payment_id), true) AS is_renewal
  FROM invoice_lines l JOIN invoices i ON i.organization_id = l.organization_id AND i.id = l.invoice_id
  WHERE l.kind = 'subscription' AND i.kind = 'invoice'
),
-- The own-key rule once more, from when keys were there: not at addresses of their own that no administrator has listed, and
-- not while the same secret was somebody else's, who had it before.
counting AS (
  SELECT k.*, tstzrange(k.from_at, coalesce(k.until_at, 'infinity')) AS span FROM own_key_presences k
  WHERE k.base_url IS NULL OR EXISTS (SELECT FROM installation i, jsonb_array_elements_text(i.value -> 'discount' -> 'addresses') AS host
    WHERE i.name = 'billing' AND position('//' || host || '/' IN k.base_url || '/') > 0)
),
own_keys AS (
  SELECT k.organization_id, k.owner, k.user_id, tstzmultirange(k.span) - coalesce((SELECT range_agg(o.span) FROM counting o
    WHERE o.secret_id = k.secret_id AND o.owner = 'user' AND k.owner = 'user'
      AND (o.organization_id, o.user_id) <> (k.organization_id, k.user_id)
      AND (o.from_at, o.service_key_id) < (k.from_at, k.service_key_id)), '{}') AS times
  FROM counting k
),
proofs AS (
  SELECT p.organization_id, p.account_id, p.starts_at, p.discount,
    extract(epoch FROM p.starts_at - p.starts_before) AS length,
    coalesce((SELECT sum(extract(epoch FROM upper(span) - lower(span))) FROM unnest((
      SELECT range_agg(k.times) FROM own_keys k
      WHERE k.organization_id = p.organization_id AND (k.user_id = s.user_id
        OR (k.owner = 'organization' AND (p.discount ->> 'organizationKeysCount')::boolean))
    ) * tstzmultirange(tstzrange(p.starts_before, p.starts_at))) AS span), 0) AS present,
    EXISTS (SELECT FROM own_keys k, unnest(k.times) AS span WHERE k.organization_id = p.organization_id
      AND lower(span) < p.starts_at AND upper(span) > p.starts_at AND (k.user_id = s.user_id
        OR (k.owner = 'organization' AND (p.discount ->> 'organizationKeysCount')::boolean))) AS is_there
  FROM periods p JOIN subscriptions s ON s.organization_id = p.organization_id AND s.account_id = p.account_id
  WHERE p.discount_minor > 0
)
SELECT format('%s %s is %s and has %s grants of its credits', purpose, id, status, grants) AS problem
  FROM given WHERE grants <> wanted
UNION ALL
SELECT format('grant %s says %s, and no such payment is paid', g.id, g.idempotency_key)
  FROM grants g WHERE g.idempotency_key LIKE 'payment:%'
  AND NOT EXISTS (SELECT FROM payments p WHERE g.idempotency_key = 'payment:' || p.id AND p.status = 'paid')
UNION ALL
SELECT format('payment %s is paid and has %s invoices of its amount', p.id, count(i.id))
  FROM payments p LEFT JOIN invoices i ON i.organization_id = p.organization_id AND i.payment_id = p.id AND i.account_id = p.account_id
    AND i.kind = 'invoice' AND i.total_minor = p.amount_minor AND i.currency = p.currency AND i.status IN ('paid', 'refunded')
  WHERE p.status = 'paid'
  GROUP BY p.organization_id, p.id HAVING count(i.id) <> 1
UNION ALL
SELECT format('payment %s is %s and its invoice %s', p.id, p.status, i.status)
  FROM payments p JOIN invoices i ON i.organization_id = p.organization_id AND i.id = p.invoice_id
  WHERE (p.status = 'requested' AND i.status <> 'open') OR (p.status IN ('failed', 'denied', 'abandoned') AND i.status <> 'void')
    OR (p.status = 'paid' AND i.status NOT IN ('paid', 'refunded'))
UNION ALL
SELECT format('one payment at the provider, %s, is %s of ours', external_id, count(*))
  FROM payments WHERE external_id IS NOT NULL GROUP BY provider, external_id HAVING count(*) > 1
UNION ALL
SELECT format('payment %s: %s refunded, its refunds and lost disputes say %s', p.id, p.refunded_minor, coalesce(sum(r.amount_minor), 0))
  FROM payments p LEFT JOIN payment_refunds r ON r.organization_id = p.organization_id AND r.payment_id = p.id
    AND r.status = 'done'
  GROUP BY p.organization_id, p.id, p.amount_minor, p.refunded_minor
  HAVING least(coalesce(sum(r.amount_minor), 0), p.amount_minor) <> p.refunded_minor
UNION ALL
SELECT format('payment %s: %s micro-credits were taken back, its refunds and disputes say %s', p.id, taken.micros, said.micros)
  FROM payments p
  CROSS JOIN LATERAL (SELECT coalesce(sum(c.amount_micros), 0) AS micros FROM ledger_corrections c
    WHERE c.organization_id = p.organization_id AND c.idempotency_key LIKE 'payment_refund:%' AND c.kind = 'reversal' AND c.grant_id IN (
      SELECT p.grant_id UNION ALL
      SELECT g.id FROM grants g JOIN payment_refunds r ON r.organization_id = g.organization_id AND g.idempotency_key = 'dispute_won:' || r.id
      WHERE r.organization_id = p.organization_id AND r.payment_id = p.id)) AS taken
  CROSS JOIN LATERAL (SELECT coalesce(sum(r.credit_micros), 0) AS micros FROM payment_refunds r
    WHERE r.organization_id = p.organization_id AND r.payment_id = p.id) AS said
  WHERE taken.micros <> said.micros
UNION ALL
-- Money that went back leaves no credits behind, unless an administrator took some of them before.
SELECT format('payment %s: all of it went back, and %s of its %s micro-credits are not taken', p.id, p.credit_micros - taken.micros, p.credit_micros)
  FROM payments p CROSS JOIN LATERAL (
    SELECT coalesce(sum(c.amount_micros), 0) - coalesce((SELECT sum(g.amount_micros) FROM grants g JOIN payment_refunds r
        ON r.organization_id = g.organization_id AND g.idempotency_key = 'dispute_won:' || r.id
        WHERE r.organization_id = p.organization_id AND r.payment_id = p.id), 0) AS micros
    FROM ledger_corrections c WHERE c.organization_id = p.organization_id AND c.kind = 'reversal' AND c.grant_id IN (
      SELECT p.grant_id UNION ALL
      SELECT g.id FROM grants g JOIN payment_refunds r ON r.organization_id = g.organization_id AND g.idempotency_key = 'dispute_won:' || r.id
      WHERE r.organization_id = p.organization_id AND r.payment_id = p.id)) AS taken
  WHERE p.grant_id IS NOT NULL AND p.refunded_minor = p.amount_minor AND taken.micros < p.credit_micros
UNION ALL
SELECT format('credit notes of payment %s are %s, refunded are %s', p.id, coalesce(sum(-i.total_minor), 0), p.refunded_minor)
  FROM payments p LEFT JOIN invoices i ON i.organization_id = p.organization_id AND i.payment_id = p.id AND i.kind = 'credit_note'
  GROUP BY p.organization_id, p.id, p.refunded_minor HAVING coalesce(sum(-i.total_minor), 0) <> p.refunded_minor
UNION ALL
SELECT format('payment %s is disputed: %s, open disputes: %s', p.id, p.disputed_at IS NOT NULL, count(r.id))
  FROM payments p LEFT JOIN payment_refunds r ON r.organization_id = p.organization_id AND r.payment_id = p.id
    AND r.kind = 'dispute' AND r.status = 'requested'
  GROUP BY p.organization_id, p.id, p.disputed_at HAVING (p.disputed_at IS NOT NULL) <> (count(r.id) > 0)
UNION ALL
SELECT format('refund %s waits for payment %s, which is paid', r.id, p.id)
  FROM payment_refunds r JOIN payments p ON p.organization_id = r.organization_id AND p.id = r.payment_id
  WHERE r.status = 'waiting' AND p.status = 'paid'
UNION ALL
SELECT format('notice %s names payment %s, which is not there', n.id, n.payment_id)
  FROM provider_events n WHERE n.payment_id IS NOT NULL AND NOT EXISTS (SELECT FROM payments p WHERE p.id = n.payment_id)
UNION ALL
SELECT format('payment %s is of account %s, whose organization or user is another', p.id, p.account_id)
  FROM payments p LEFT JOIN credit_accounts a ON a.organization_id = p.organization_id AND a.id = p.account_id AND a.user_id = p.user_id
  WHERE a.id IS NULL
-- Invoices
UNION ALL
SELECT format('invoice %s is %s, its lines %s; tax %s, its lines %s', i.id, i.total_minor, l.total, i.tax_minor, l.tax)
  FROM invoices i LEFT JOIN lines l ON l.organization_id = i.organization_id AND l.invoice_id = i.id
  WHERE (i.total_minor, i.tax_minor) IS DISTINCT FROM (l.total, l.tax)
UNION ALL
SELECT format('%s documents of %s have the numbers %s to %s, the next is %s', i.kind, i.issuer, min(i.number), max(i.number), n.next)
  FROM invoices i LEFT JOIN invoice_numbers n ON n.issuer = i.issuer AND n.kind = i.kind
  GROUP BY i.issuer, i.kind, n.next
  HAVING min(i.number) <> 1 OR max(i.number) <> count(DISTINCT i.number) OR count(i.number) <> count(*) OR n.next IS DISTINCT FROM max(i.number) + 1
UNION ALL
SELECT format('counter of %s %s is %s, and no document is there', n.issuer, n.kind, n.next)
  FROM invoice_numbers n WHERE n.next > 1 AND NOT EXISTS (SELECT FROM invoices i WHERE i.issuer = n.issuer AND i.kind = n.kind)
UNION ALL
SELECT format('document %s of %s: a %s of %s', i.id, i.issuer, i.kind, i.total_minor)
  FROM invoices i WHERE (i.kind = 'invoice' AND i.total_minor < 0) OR (i.kind = 'credit_note' AND i.total_minor >= 0)
UNION ALL
SELECT format('invoice %s of %s is %s with credit notes of %s', i.id, i.total_minor, i.status, n.total)
  FROM invoices i LEFT JOIN notes n ON n.organization_id = i.organization_id AND n.corrects_id = i.id
  WHERE i.kind = 'invoice' AND (n.total > i.total_minor OR (i.status = 'refunded') <> coalesce(n.total = i.total_minor AND i.total_minor > 0, false)
    OR (n.total > 0 AND i.status NOT IN ('paid', 'refunded')) OR n.currency <> i.currency)
UNION ALL
SELECT format('credit note %s corrects %s, which is no invoice of that account', c.id, c.corrects_id)
  FROM invoices c LEFT JOIN invoices i ON i.organization_id = c.organization_id AND i.id = c.corrects_id AND i.kind = 'invoice'
    AND i.account_id = c.account_id
  WHERE c.kind = 'credit_note' AND i.id IS NULL
-- Subscriptions
UNION ALL
SELECT format('account %s: the period from %s begins before the one before it ended, %s', account_id, starts_at, ends_before)
  FROM periods WHERE starts_at < ends_before
UNION ALL
SELECT format('account %s: the period from %s lasts until %s', account_id, starts_at, ends_at)
  FROM periods WHERE ends_at - starts_at NOT BETWEEN interval '26 days' AND interval '33 days'
UNION ALL
SELECT format('account %s: the period from %s gives %s and costs %s less %s, its tier says %s and %s', account_id, starts_at,
    allocation_micros, price_minor, discount_minor, tier_micros, tier_minor)
  FROM periods WHERE allocation_micros <> tier_micros OR price_minor NOT IN (0, tier_minor) OR discount_minor NOT BETWEEN 0 AND price_minor
UNION ALL
SELECT format('account %s: the period from %s costs %s less %s and has %s invoices that say so', p.account_id, p.starts_at, p.price_minor,
    p.discount_minor, count(r.invoice_id))
  FROM periods p LEFT JOIN renewals r ON r.organization_id = p.organization_id AND r.account_id = p.account_id AND r.from_at = p.starts_at
    AND r.is_renewal AND (r.price_minor, r.discount_minor, r.total_minor) = (p.price_minor, p.discount_minor, p.price_minor - p.discount_minor)
  GROUP BY p.organization_id, p.account_id, p.starts_at, p.price_minor, p.discount_minor
  HAVING count(r.invoice_id) <> CASE WHEN p.price_minor > 0 THEN 1 ELSE 0 END
UNION ALL
SELECT format('invoice %s is of a period from %s that never began', r.invoice_id, r.from_at)
  FROM renewals r WHERE r.is_renewal AND NOT EXISTS (SELECT FROM periods p WHERE p.organization_id = r.organization_id
    AND p.account_id = r.account_id AND p.starts_at = r.from_at)
UNION ALL
-- A period's credits are there once: at its beginning, or when a card has paid for it.
SELECT format('account %s: the credits of the period from %s were given %s times', p.account_id, p.starts_at, g.times)
  FROM periods p CROSS JOIN LATERAL (SELECT count(*) AS times FROM grants g WHERE g.organization_id = p.organization_id
    AND g.account_id = p.account_id AND g.idempotency_key LIKE 'allocation:%' AND g.effective_at = p.starts_at
    AND g.amount_micros = p.allocation_micros AND g.expires_at = p.ends_at) AS g
  LEFT JOIN renewals r ON r.organization_id = p.organization_id AND r.account_id = p.account_id AND r.from_at = p.starts_at AND r.is_renewal
  LEFT JOIN payments y ON y.organization_id = r.organization_id AND y.id = r.payment_id
  WHERE p.allocation_micros > 0 AND g.times <> CASE WHEN y.provider IS DISTINCT FROM 'stripe' THEN 1
    WHEN y.status = 'paid' AND r.status <> 'void' THEN 1 ELSE 0 END
UNION ALL
SELECT format('account %s: two allocations begin at %s', account_id, effective_at)
  FROM grants WHERE idempotency_key LIKE 'allocation:%' GROUP BY organization_id, account_id, effective_at HAVING count(*) > 1
UNION ALL
-- The cap is that of the tier at the end of the period before, which may have been changed within it.
SELECT format('account %s: %s rolled over at %s, the grants are %s', p.account_id, p.rolled_over_micros, p.starts_at,
    coalesce(sum(g.amount_micros), 0))
  FROM periods p LEFT JOIN grants g ON g.organization_id = p.organization_id AND g.account_id = p.account_id
    AND g.idempotency_key LIKE 'rollover:%' AND g.effective_at = p.starts_at
  GROUP BY p.organization_id, p.account_id, p.starts_at, p.rolled_over_micros
  HAVING coalesce(sum(g.amount_micros), 0) <> p.rolled_over_micros
    OR p.rolled_over_micros > (SELECT max(rollover_cap_micros) FROM tier_versions)
UNION ALL
SELECT format('account %s is in a period from %s, which is not the last that began, %s', s.account_id, s.period_start, p.starts_at)
  FROM subscriptions s CROSS JOIN LATERAL (SELECT max(starts_at) AS starts_at FROM periods p
    WHERE p.organization_id = s.organization_id AND p.account_id = s.account_id) AS p
  WHERE p.starts_at IS NOT NULL AND p.starts_at <> s.period_start
UNION ALL
SELECT format('account %s (subscribed: %s) is allocated until %s, its period ends %s', a.id, a.is_subscribed, a.allocated_until, s.period_end)
  FROM subscriptions s JOIN credit_accounts a ON a.organization_id = s.organization_id AND a.id = s.account_id
  WHERE NOT a.is_subscribed OR a.allocated_until < s.period_end
-- The discount
UNION ALL
SELECT format('account %s: a discount of %s on %s from %s, the rule says %s', account_id, discount_minor, price_minor, starts_at, discount)
  FROM periods WHERE discount_minor > 0 AND (NOT (discount ->> 'isEarned')::boolean
    OR abs(discount_minor * 10000 - price_minor * (discount ->> 'basisPoints')::integer) > 50000)
UNION ALL
SELECT format('account %s: a discount from %s for a key that was there %s of %s seconds (at the end: %s)', account_id, starts_at, present, length, is_there)
  FROM proofs WHERE length IS NOT NULL
    AND (NOT is_there OR present < length * (discount ->> 'neededShareBasisPoints')::integer / 10000 - 0.001)
