-- The last line of defence, whoever writes: what was ordered, paid and given back is never changed or taken away.

CREATE FUNCTION keep_payment() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  changing text[] := ARRAY['status', 'invoice_id', 'grant_id', 'checkout_url', 'external_id', 'refunded_minor', 'disputed_at',
    'failure_reason', 'decided_at', 'decided_by', 'charge_after', 'charge_attempts'];
BEGIN
  IF TG_OP = 'DELETE' THEN
    RAISE EXCEPTION 'a payment cannot be deleted' USING ERRCODE = 'restrict_violation';
  END IF;
  -- The credits of a renewal are noted when it has been paid.
  IF OLD.purpose = 'renewal' AND OLD.credit_micros = 0 AND NEW.status = 'paid' THEN
    changing := changing || ARRAY['credit_micros'];
  END IF;
  IF to_jsonb(NEW) - changing <> to_jsonb(OLD) - changing THEN
    RAISE EXCEPTION 'what a payment is for cannot be changed' USING ERRCODE = 'restrict_violation';
  END IF;
  IF OLD.status = 'paid' AND (NEW.status <> 'paid' OR NEW.decided_at <> OLD.decided_at OR NEW.refunded_minor < OLD.refunded_minor
    OR (OLD.grant_id IS NOT NULL AND NEW.grant_id IS DISTINCT FROM OLD.grant_id)
    OR (OLD.external_id IS NOT NULL AND NEW.external_id IS DISTINCT FROM OLD.external_id)) THEN
    RAISE EXCEPTION 'a payment that was made cannot be changed' USING ERRCODE = 'restrict_violation';
  END IF;
  IF OLD.status <> 'paid' AND NEW.status <> 'paid' AND NEW.refunded_minor > 0 THEN
    RAISE EXCEPTION 'nothing can be refunded of a payment that was not made' USING ERRCODE = 'restrict_violation';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER payments_kept BEFORE UPDATE OR DELETE ON payments FOR EACH ROW EXECUTE FUNCTION keep_payment();

CREATE FUNCTION keep_payment_refund() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  changing CONSTANT text[] := ARRAY['status', 'kind', 'external_reference', 'credit_micros', 'owed_micros', 'credit_note_id', 'reason', 'done_at'];
BEGIN
  IF TG_OP = 'DELETE' THEN
    RAISE EXCEPTION 'a refund cannot be deleted' USING ERRCODE = 'restrict_violation';
  END IF;
  -- A dispute that was lost before its payment was known becomes a refund.
  IF to_jsonb(NEW) - changing <> to_jsonb(OLD) - changing OR (NEW.kind <> OLD.kind AND OLD.status <> 'waiting')
    OR (OLD.status = 'done' AND (NEW.status, NEW.credit_micros, NEW.owed_micros) IS DISTINCT FROM ('done', OLD.credit_micros, OLD.owed_micros)
      AND OLD.credit_micros IS NOT NULL) THEN
    RAISE EXCEPTION 'a refund cannot be changed' USING ERRCODE = 'restrict_violation';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER payment_refunds_kept BEFORE UPDATE OR DELETE ON payment_refunds
  FOR EACH ROW EXECUTE FUNCTION keep_payment_refund();
CREATE TRIGGER applied_payment_events_append_only BEFORE UPDATE OR DELETE ON applied_payment_events
  FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- Triggers on rows do not see these.
CREATE TRIGGER ledger_entries_not_emptied BEFORE TRUNCATE ON ledger_entries FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER ledger_corrections_not_emptied BEFORE TRUNCATE ON ledger_corrections FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER tier_versions_not_emptied BEFORE TRUNCATE ON tier_versions FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER subscription_periods_not_emptied BEFORE TRUNCATE ON subscription_periods FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER invoices_not_emptied BEFORE TRUNCATE ON invoices FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER invoice_lines_not_emptied BEFORE TRUNCATE ON invoice_lines FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER payments_not_emptied BEFORE TRUNCATE ON payments FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER payment_refunds_not_emptied BEFORE TRUNCATE ON payment_refunds FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER applied_payment_events_not_emptied BEFORE TRUNCATE ON applied_payment_events
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
