-- What must hold of payments at any moment, from the tables alone. One row per problem; none: all is well.
-- Shares nothing with src/: also to be run by hand with psql.
WITH bought AS (
  SELECT p.*, (SELECT count(*) FROM grants g WHERE g.organization_id = p.organization_id AND g.account_id = p.account_id
    AND g.idempotency_key = 'payment:' || p.id AND g.amount_micros = p.credit_micros) AS grants
  FROM payments p WHERE p.purpose IN ('purchase', 'auto_top_up')
)
SELECT format('payment %s is paid and has %s grants', id, grants) AS problem
  FROM bought WHERE status = 'paid' AND grants <> 1
UNION ALL
SELECT format('payment %s is %s and has a grant', id, status)
  FROM bought WHERE status <> 'paid' AND grants <> 0
UNION ALL
SELECT format('grant %s says %s, and no such payment is paid', g.id, g.idempotency_key)
  FROM grants g WHERE g.idempotency_key LIKE 'payment:%'
  AND NOT EXISTS (SELECT FROM payments p WHERE g.idempotency_key = 'payment:' || p.id AND p.status = 'paid')
UNION ALL
SELECT format('payment %s is paid and has %s invoices of its amount', p.id, count(i.id))
  FROM payments p LEFT JOIN invoices i ON i.organization_id = p.organization_id AND i.payment_id = p.id
    AND i.kind = 'invoice' AND i.total_minor = p.amount_minor AND i.status IN ('paid', 'refunded')
  WHERE p.status = 'paid' AND p.purpose IN ('purchase', 'auto_top_up')
  GROUP BY p.organization_id, p.id HAVING count(i.id) <> 1
UNION ALL
SELECT format('one payment at the provider, %s, is %s of ours', external_id, count(*))
  FROM payments WHERE external_id IS NOT NULL GROUP BY provider, external_id HAVING count(*) > 1
UNION ALL
SELECT format('payment %s: %s refunded, its refunds and lost disputes say %s', p.id, p.refunded_minor, sum(r.amount_minor))
  FROM payments p JOIN payment_refunds r ON r.organization_id = p.organization_id AND r.payment_id = p.id
    AND r.status = 'done'
  GROUP BY p.organization_id, p.id, p.refunded_minor HAVING sum(r.amount_minor) <> p.refunded_minor
UNION ALL
SELECT format('payment %s: %s refunded without a refund', p.id, p.refunded_minor)
  FROM payments p WHERE p.refunded_minor > 0 AND NOT EXISTS (SELECT FROM payment_refunds r
    WHERE r.organization_id = p.organization_id AND r.payment_id = p.id AND r.status = 'done')
UNION ALL
SELECT format('payment %s: %s micro-credits were taken back, its refunds and disputes say %s', p.id, taken.micros, said.micros)
  FROM payments p
  CROSS JOIN LATERAL (SELECT coalesce(sum(c.amount_micros), 0) AS micros FROM ledger_corrections c
    WHERE c.organization_id = p.organization_id AND c.grant_id = p.grant_id AND c.kind = 'reversal') AS taken
  CROSS JOIN LATERAL (SELECT coalesce(sum(r.credit_micros), 0) AS micros FROM payment_refunds r
    WHERE r.organization_id = p.organization_id AND r.payment_id = p.id) AS said
  WHERE taken.micros <> said.micros
UNION ALL
SELECT format('credit notes of payment %s are %s, refunded are %s', p.id, sum(-i.total_minor), p.refunded_minor)
  FROM payments p JOIN invoices i ON i.organization_id = p.organization_id AND i.payment_id = p.id AND i.kind = 'credit_note'
  GROUP BY p.organization_id, p.id, p.refunded_minor HAVING abs(sum(i.total_minor)) <> p.refunded_minor
UNION ALL
SELECT format('notice %s names payment %s, which is not there', n.id, n.payment_id)
  FROM provider_events n WHERE n.payment_id IS NOT NULL AND NOT EXISTS (SELECT FROM payments p WHERE p.id = n.payment_id)
