-- Credits in integer micro-credits. Guarantees and their proofs: docs/ledger.md.
-- Whoever changes anything of an account locks its row first, several accounts in the order of their ids.
-- Free space in the pages lets the frequent updates stay in place (HOT): no index entry is written for them.

CREATE TABLE credit_accounts (
  organization_id    uuid NOT NULL REFERENCES organizations (id),
  id                 uuid NOT NULL,
  user_id            uuid NOT NULL REFERENCES users (id),
  tier_id            text NOT NULL REFERENCES tiers (id),
  -- The subscriber's day: monthly periods are counted from here.
  anchored_at        timestamptz NOT NULL,
  -- End of the last period whose allocation was given; the next is due from then on.
  allocated_until    timestamptz NOT NULL,
  held_micros        bigint NOT NULL DEFAULT 0 CHECK (held_micros >= 0),
  -- What settled above its hold and found no credits; paid first by the next grant.
  debt_micros        bigint NOT NULL DEFAULT 0 CHECK (debt_micros >= 0),
  -- Transactions so far: the number of the last one.
  transaction_count  bigint NOT NULL DEFAULT 0,
  created_at         timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (organization_id, id),
  UNIQUE (organization_id, user_id)
) WITH (fillfactor = 70);
CREATE INDEX credit_accounts_due ON credit_accounts (allocated_until);

CREATE TABLE grants (
  organization_id   uuid NOT NULL,
  id                uuid NOT NULL,
  account_id        uuid NOT NULL,
  kind              text NOT NULL CHECK (kind IN ('allocation', 'purchase', 'adjustment')),
  amount_micros     bigint NOT NULL CHECK (amount_micros > 0),
  remaining_micros  bigint NOT NULL CHECK (remaining_micros BETWEEN 0 AND amount_micros),
  burn_priority     smallint NOT NULL DEFAULT 100,
  effective_at      timestamptz NOT NULL,
  expires_at        timestamptz,
  expired_at        timestamptz,
  -- What caused it, e.g. 'allocation:2026-11-03'; giving the same twice is the same grant.
  idempotency_key   text NOT NULL CHECK (length(idempotency_key) BETWEEN 1 AND 200),
  reason            text,
  created_by        text NOT NULL,
  created_at        timestamptz NOT NULL,
  -- Indexed in place of remaining_micros, which changes with every hold.
  live              boolean NOT NULL GENERATED ALWAYS AS (remaining_micros > 0) STORED,
  PRIMARY KEY (organization_id, id),
  UNIQUE (organization_id, account_id, idempotency_key),
  FOREIGN KEY (organization_id, account_id) REFERENCES credit_accounts (organization_id, id)
) WITH (fillfactor = 70);
CREATE INDEX grants_live ON grants (organization_id, account_id) WHERE live;
CREATE INDEX grants_due ON grants (expires_at) WHERE live AND expires_at IS NOT NULL;

-- One per operation on a system key; its id is the operation's. From open or unresolved to settled or released, once.
CREATE TABLE holds (
  organization_id  uuid NOT NULL,
  id               uuid NOT NULL,
  account_id       uuid NOT NULL,
  process_id       uuid NOT NULL,
  amount_micros    bigint NOT NULL CHECK (amount_micros > 0),
  -- What came from which grant, in burn order.
  grant_ids        uuid[] NOT NULL,
  grant_micros     bigint[] NOT NULL,
  state            text NOT NULL CHECK (state IN ('open', 'settled', 'released', 'unresolved')),
  settled_micros   bigint CHECK (settled_micros >= 0),
  -- Enough to write the operation's record should its process die.
  operation        jsonb NOT NULL,
  created_at       timestamptz NOT NULL,
  unresolved_at    timestamptz,
  resolved_at      timestamptz,
  PRIMARY KEY (organization_id, id),
  FOREIGN KEY (organization_id, account_id) REFERENCES credit_accounts (organization_id, id),
  CHECK ((state = 'settled') = (settled_micros IS NOT NULL)),
  CHECK ((state IN ('settled', 'released')) = (resolved_at IS NOT NULL))
);
CREATE INDEX holds_unfinished ON holds (process_id) WHERE state IN ('open', 'unresolved');

-- Append-only. An account's transactions are numbered 1, 2, 3, … without gaps; the lines of one sum to zero.
CREATE TABLE ledger_entries (
  organization_id  uuid NOT NULL,
  account_id       uuid NOT NULL,
  number           bigint NOT NULL,
  line             smallint NOT NULL,
  kind             text NOT NULL CHECK (kind IN ('grant', 'hold', 'settle', 'release', 'expire', 'debt_payment')),
  -- issued: where credits come from. The rest is where they are.
  bucket           text NOT NULL CHECK (bucket IN ('issued', 'available', 'held', 'spent', 'expired', 'debt')),
  amount_micros    bigint NOT NULL CHECK (amount_micros <> 0),
  grant_id         uuid,
  operation_id     uuid,
  -- The account's available credits after the whole transaction: the running balance of a statement.
  available_micros bigint NOT NULL CHECK (available_micros >= 0),
  at               timestamptz NOT NULL,
  PRIMARY KEY (organization_id, account_id, number, line)
);
-- An operation is held once and ended once, whatever is retried.
CREATE UNIQUE INDEX ledger_entries_once ON ledger_entries
  (organization_id, operation_id, (CASE WHEN kind = 'hold' THEN 'begin' ELSE 'end' END))
  WHERE operation_id IS NOT NULL AND line = 0;
CREATE TRIGGER ledger_entries_append_only BEFORE UPDATE OR DELETE ON ledger_entries
  FOR EACH ROW EXECUTE FUNCTION refuse_change();
