-- A refund of ours has our idempotency key and, once the provider has answered, the provider's name as well.
ALTER TABLE payment_refunds ADD COLUMN external_reference text;
CREATE UNIQUE INDEX payment_refunds_external ON payment_refunds (organization_id, payment_id, external_reference)
  WHERE external_reference IS NOT NULL;
