-- Corrections of the ledger: nothing is ever changed or taken out, what was wrong is reversed by new entries.

ALTER TABLE ledger_entries DROP CONSTRAINT ledger_entries_kind_check;
ALTER TABLE ledger_entries ADD CONSTRAINT ledger_entries_kind_check
  CHECK (kind IN ('grant', 'hold', 'settle', 'release', 'expire', 'debt_payment', 'reversal', 'refund'));

-- An operation is held once and ended once; it may be refunded in parts.
DROP INDEX ledger_entries_once;
CREATE UNIQUE INDEX ledger_entries_once ON ledger_entries
  (organization_id, operation_id, (CASE WHEN kind = 'hold' THEN 'begin' ELSE 'end' END))
  WHERE operation_id IS NOT NULL AND line = 0 AND kind IN ('hold', 'settle', 'release');

-- What was given and what expired of a grant: no operation writes either.
CREATE INDEX ledger_entries_of_grant ON ledger_entries (organization_id, grant_id) WHERE bucket IN ('issued', 'expired');

CREATE TABLE ledger_corrections (
  organization_id  uuid NOT NULL,
  id               uuid NOT NULL,
  account_id       uuid NOT NULL,
  -- reversal: (part of) a grant is taken back. refund: (part of) an operation's charge is given back.
  kind             text NOT NULL CHECK (kind IN ('reversal', 'refund')),
  grant_id         uuid,
  operation_id     uuid,
  amount_micros    bigint NOT NULL CHECK (amount_micros > 0),
  -- reversal: what had been spent and is owed now. refund: what was owed and is no longer.
  debt_micros      bigint NOT NULL CHECK (debt_micros BETWEEN 0 AND amount_micros),
  -- refund: what went back to which grant, and what no grant had paid and was given anew.
  grant_ids        uuid[] NOT NULL,
  grant_micros     bigint[] NOT NULL,
  regranted_micros bigint NOT NULL DEFAULT 0 CHECK (regranted_micros >= 0),
  -- Giving the same twice is the same correction.
  idempotency_key  text NOT NULL CHECK (length(idempotency_key) BETWEEN 1 AND 200),
  reason           text NOT NULL CHECK (length(reason) > 0),
  created_by       text NOT NULL,
  created_at       timestamptz NOT NULL,
  PRIMARY KEY (organization_id, id),
  UNIQUE (organization_id, account_id, idempotency_key),
  FOREIGN KEY (organization_id, account_id) REFERENCES credit_accounts (organization_id, id),
  CHECK ((kind = 'reversal') = (grant_id IS NOT NULL)),
  CHECK ((kind = 'refund') = (operation_id IS NOT NULL))
);
CREATE INDEX ledger_corrections_of_operation ON ledger_corrections (organization_id, operation_id)
  WHERE operation_id IS NOT NULL;
CREATE TRIGGER ledger_corrections_append_only BEFORE UPDATE OR DELETE ON ledger_corrections
  FOR EACH ROW EXECUTE FUNCTION refuse_change();
