-- Past operations at other prices: what each is given back or charged more, as corrections. docs/metering.md

-- charge: an operation is charged more than it was, later.
ALTER TABLE ledger_entries DROP CONSTRAINT ledger_entries_kind_check;
ALTER TABLE ledger_entries ADD CONSTRAINT ledger_entries_kind_check
  CHECK (kind IN ('grant', 'hold', 'settle', 'release', 'expire', 'debt_payment', 'reversal', 'refund', 'charge'));
DROP INDEX ledger_entries_once;
CREATE UNIQUE INDEX ledger_entries_once ON ledger_entries (organization_id, operation_id,
  (CASE WHEN kind = 'hold' THEN 'begin' WHEN kind IN ('refund', 'charge') THEN number::text ELSE 'end' END))
  WHERE operation_id IS NOT NULL AND line = 0;
ALTER TABLE ledger_corrections DROP CONSTRAINT ledger_corrections_kind_check;
ALTER TABLE ledger_corrections DROP CONSTRAINT ledger_corrections_check;
ALTER TABLE ledger_corrections DROP CONSTRAINT ledger_corrections_check1;
ALTER TABLE ledger_corrections DROP CONSTRAINT ledger_corrections_check2;
ALTER TABLE ledger_corrections ADD CONSTRAINT ledger_corrections_kind_check
  CHECK (kind IN ('reversal', 'refund', 'charge'));
-- charge: what was owed of it, and which grants the rest came from.
ALTER TABLE ledger_corrections ADD CONSTRAINT ledger_corrections_debt_check CHECK (debt_micros BETWEEN 0 AND amount_micros);
ALTER TABLE ledger_corrections ADD CONSTRAINT ledger_corrections_grant_check
  CHECK ((kind = 'reversal') = (grant_id IS NOT NULL));
ALTER TABLE ledger_corrections ADD CONSTRAINT ledger_corrections_operation_check
  CHECK ((kind = 'reversal') = (operation_id IS NULL));

CREATE TABLE reratings (
  id               uuid PRIMARY KEY,
  status           text NOT NULL CHECK (status IN ('waiting', 'running', 'done', 'denied')),
  scope            jsonb NOT NULL,
  to_version       integer NOT NULL REFERENCES price_books (version),
  charges_more     boolean NOT NULL,
  totals           jsonb NOT NULL,
  reason           text NOT NULL CHECK (length(reason) BETWEEN 1 AND 300),
  charge_reason    text CHECK (length(charge_reason) BETWEEN 1 AND 300),
  requested_by     uuid,
  decided_by       uuid,
  idempotency_key  text NOT NULL UNIQUE CHECK (length(idempotency_key) BETWEEN 1 AND 200),
  request          text NOT NULL,
  created_at       timestamptz NOT NULL,
  decided_at       timestamptz,
  finished_at      timestamptz,
  CHECK (NOT charges_more OR charge_reason IS NOT NULL),
  CHECK ((status = 'waiting') = (decided_at IS NULL)),
  CHECK ((status = 'done') = (finished_at IS NOT NULL))
);
CREATE INDEX reratings_unfinished ON reratings (id) WHERE status = 'running';

-- What is to be done of each operation, as it was shown before; and what came of it.
CREATE TABLE rerated_operations (
  organization_id     uuid NOT NULL,
  rerating_id         uuid NOT NULL REFERENCES reratings (id),
  operation_id        uuid NOT NULL,
  account_id          uuid NOT NULL,
  user_id             uuid NOT NULL,
  started_at          timestamptz NOT NULL,
  service_id          text NOT NULL,
  model               text NOT NULL,
  price_book_version  integer,
  old_micros          bigint NOT NULL CHECK (old_micros >= 0),
  new_micros          bigint NOT NULL CHECK (new_micros >= 0),
  state               text NOT NULL CHECK (state IN ('waiting', 'done', 'changed')),
  PRIMARY KEY (organization_id, rerating_id, operation_id),
  CHECK (old_micros <> new_micros)
);
CREATE INDEX rerated_operations_left ON rerated_operations (rerating_id, organization_id, account_id) WHERE state = 'waiting';
CREATE FUNCTION keep_rerated_operation() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'DELETE' OR OLD.state <> 'waiting' OR (to_jsonb(NEW) - 'state') <> (to_jsonb(OLD) - 'state') THEN
    RAISE EXCEPTION 'what a re-rating does cannot be changed' USING ERRCODE = 'restrict_violation';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER rerated_operations_kept BEFORE UPDATE OR DELETE ON rerated_operations
  FOR EACH ROW EXECUTE FUNCTION keep_rerated_operation();
