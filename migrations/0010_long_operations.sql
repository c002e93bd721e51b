-- Operations that a service goes on with after it has answered: images of Midjourney. One row lives from the service's
-- acceptance on; its id is the operation's, and its hold's where there is one. The record in `operations` is written at
-- the end, in the commit that settles the hold.
CREATE TABLE long_operations (
  organization_id     uuid NOT NULL,
  id                  uuid NOT NULL,
  user_id             uuid NOT NULL,
  access_token_id     uuid NOT NULL,
  service_id          text NOT NULL,
  -- What follows on this one, and every question about it, goes to this key and no other.
  service_key_id      uuid NOT NULL,
  key_owner           text NOT NULL CHECK (key_owner IN ('user', 'organization', 'system')),
  -- The service's own name of it, and the one the caller was told: the same, unless two servers gave the caller the same.
  external_id         text NOT NULL CHECK (length(external_id) BETWEEN 1 AND 200),
  public_id           text NOT NULL CHECK (length(public_id) BETWEEN 1 AND 240),
  -- How the service is asked about it (src/long-operations/trackers.ts), and what was asked for.
  kind                text NOT NULL,
  action              text NOT NULL,
  parent_id           uuid,
  state               text NOT NULL DEFAULT 'submitted'
                        CHECK (state IN ('submitted', 'running', 'succeeded', 'failed', 'unresolved', 'cancelled')),
  progress            smallint NOT NULL DEFAULT 0 CHECK (progress BETWEEN 0 AND 100),
  failure             text,
  -- What the service last said of it, which is what callers read: this holds the prompt where the service repeats it, and
  -- nothing else here does. Taken away some time after the end.
  said                jsonb,
  webhook_url         text,
  -- What the record needs and is known from the beginning.
  draft               jsonb NOT NULL,
  units               jsonb NOT NULL,
  -- The price that was agreed on when it began; charged when it succeeds, never anything else.
  cost_nano_usd       bigint CHECK (cost_nano_usd >= 0),
  charge_micros       bigint NOT NULL DEFAULT 0 CHECK (charge_micros >= 0),
  held_micros         bigint NOT NULL DEFAULT 0 CHECK (held_micros >= 0),
  submitted_at        timestamptz NOT NULL,
  -- From then on it is unresolved: asked about for a last time, then given back.
  deadline_at         timestamptz NOT NULL,
  last_asked_at       timestamptz,
  -- Questions in a row that the service did not answer.
  failed_asks         integer NOT NULL DEFAULT 0,
  next_ask_at         timestamptz NOT NULL,
  -- Whoever asks; another process may take over when this has passed.
  claimed_by          uuid,
  claimed_until       timestamptz,
  -- Set in the commit that settles the hold and writes the record.
  ended_at            timestamptz,
  PRIMARY KEY (organization_id, id),
  CHECK (state NOT IN ('succeeded', 'failed', 'cancelled') OR ended_at IS NOT NULL),
  CHECK (state NOT IN ('submitted', 'running') OR ended_at IS NULL)
) WITH (fillfactor = 80);
CREATE INDEX long_operations_due ON long_operations (next_ask_at) WHERE ended_at IS NULL;
CREATE INDEX long_operations_public ON long_operations (organization_id, user_id, public_id);
CREATE INDEX long_operations_user ON long_operations (organization_id, user_id, id);
CREATE INDEX long_operations_external ON long_operations (service_key_id, external_id);
CREATE INDEX long_operations_unresolved ON long_operations (ended_at) WHERE state = 'unresolved';
-- Two that run at once are never the same task.
CREATE UNIQUE INDEX long_operations_once ON long_operations (organization_id, service_key_id, external_id) WHERE ended_at IS NULL;
CREATE INDEX long_operations_said ON long_operations (ended_at) WHERE said IS NOT NULL AND ended_at IS NOT NULL;

-- A hold of a process is given back when its process dies; one of a long operation outlives every process, and ends
-- with its operation.
ALTER TABLE holds ADD COLUMN kept_by text NOT NULL DEFAULT 'process' CHECK (kept_by IN ('process', 'long_operation'));

-- What callbacks of one user are signed with. The secret is shown once, to whoever makes a new one.
CREATE TABLE webhook_secrets (
  organization_id  uuid NOT NULL,
  user_id          uuid NOT NULL,
  id               uuid NOT NULL,
  master_key_id    text NOT NULL,
  wrapped_key      bytea NOT NULL,
  sealed_secret    bytea NOT NULL,
  last_four        text NOT NULL,
  created_at       timestamptz NOT NULL,
  PRIMARY KEY (organization_id, user_id)
);

CREATE TABLE webhook_deliveries (
  organization_id  uuid NOT NULL,
  id               uuid NOT NULL,
  user_id          uuid NOT NULL,
  operation_id     uuid NOT NULL,
  url              text NOT NULL,
  event            text NOT NULL,
  -- Taken away some time after the end.
  payload          text,
  -- superseded: a newer one of the same operation tells more.
  state            text NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'delivered', 'failed', 'superseded')),
  attempts         integer NOT NULL DEFAULT 0,
  next_attempt_at  timestamptz NOT NULL,
  claimed_until    timestamptz,
  last_status      integer,
  last_fault       text,
  created_at       timestamptz NOT NULL,
  ended_at         timestamptz,
  PRIMARY KEY (organization_id, id)
) WITH (fillfactor = 80);
CREATE INDEX webhook_deliveries_due ON webhook_deliveries (next_attempt_at) WHERE state = 'pending';
CREATE INDEX webhook_deliveries_operation ON webhook_deliveries (organization_id, operation_id);
CREATE INDEX webhook_deliveries_user ON webhook_deliveries (organization_id, user_id, id);
CREATE INDEX webhook_deliveries_payload ON webhook_deliveries (ended_at) WHERE payload IS NOT NULL AND ended_at IS NOT NULL;
