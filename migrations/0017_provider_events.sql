-- What a payment provider tells us: each notice once, by its own id (applied_payment_events has the effects). Only ids
-- are kept: what they are about is fetched when a notice is processed, so order does not matter and no personal data lies here.
CREATE TABLE provider_events (
  provider         text NOT NULL CHECK (provider IN ('stripe')),
  id               text NOT NULL CHECK (length(id) BETWEEN 1 AND 255),
  type             text NOT NULL CHECK (length(type) BETWEEN 1 AND 255),
  object_id        text NOT NULL CHECK (length(object_id) BETWEEN 1 AND 255),
  occurred_at      timestamptz NOT NULL,
  received_at      timestamptz NOT NULL,
  -- webhook: told us; list: found by us, because no webhook had come.
  source           text NOT NULL CHECK (source IN ('webhook', 'list')),
  deliveries       integer NOT NULL DEFAULT 1,
  -- ignored: not about a payment of ours. failed: given up; an administrator may send it round again.
  state            text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'processed', 'ignored', 'failed')),
  attempts         integer NOT NULL DEFAULT 0,
  -- While it is being processed this is the end of the processor's lease.
  next_attempt_at  timestamptz NOT NULL,
  processed_at     timestamptz,
  payment_id       uuid,
  -- What it came to, in words; how many effects it had.
  outcome          text,
  error            text,
  PRIMARY KEY (provider, id),
  CHECK ((state IN ('processed', 'ignored')) = (processed_at IS NOT NULL))
);
CREATE INDEX provider_events_due ON provider_events (next_attempt_at) WHERE state = 'waiting';
CREATE INDEX provider_events_recent ON provider_events (received_at, id);
CREATE INDEX provider_events_payment ON provider_events (payment_id) WHERE payment_id IS NOT NULL;

-- The provider’s own customer of a credit account. In test mode and in live mode it has different ones.
CREATE TABLE payment_customers (
  provider         text NOT NULL CHECK (provider IN ('stripe')),
  mode             text NOT NULL CHECK (mode IN ('test', 'live')),
  organization_id  uuid NOT NULL,
  account_id       uuid NOT NULL,
  external_id      text NOT NULL CHECK (length(external_id) BETWEEN 1 AND 255),
  created_at       timestamptz NOT NULL,
  PRIMARY KEY (organization_id, account_id, provider, mode),
  FOREIGN KEY (organization_id, account_id) REFERENCES credit_accounts (organization_id, id)
);

-- Up to when the provider's own list of events has been read.
CREATE TABLE provider_event_lists (
  provider      text PRIMARY KEY CHECK (provider IN ('stripe')),
  listed_until  timestamptz NOT NULL
);
