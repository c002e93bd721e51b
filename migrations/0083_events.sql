-- What happened in an organisation, for its own endpoints and for whoever asks: docs/events.md. Written in the transaction of
-- what it tells of, with one delivery for each endpoint that wants it.
CREATE TABLE events (
  organization_id  uuid NOT NULL,
  id               uuid NOT NULL,
  type             text NOT NULL CHECK (type ~ '^[a-z_]+\.[a-z_]+$'),
  -- As it is sent: {"id", "type", "timestamp", "data"}. Never changed, so that a replay is the same bytes.
  payload          text NOT NULL,
  created_at       timestamptz NOT NULL,
  PRIMARY KEY (organization_id, id)
);
CREATE INDEX events_created ON events (created_at);

CREATE TABLE webhook_endpoints (
  organization_id  uuid NOT NULL REFERENCES organizations (id),
  id               uuid NOT NULL,
  url              text NOT NULL,
  description      text NOT NULL DEFAULT '',
  -- Null: all.
  types            text[],
  state            text NOT NULL DEFAULT 'enabled' CHECK (state IN ('enabled', 'disabled', 'failing')),
  -- When the first of the attempts was made that have failed without one that succeeded.
  failing_since    timestamptz,
  failed_attempts  integer NOT NULL DEFAULT 0 CHECK (failed_attempts >= 0),
  created_by       uuid,
  created_at       timestamptz NOT NULL,
  removed_at       timestamptz,
  PRIMARY KEY (organization_id, id),
  CHECK ((failed_attempts = 0) = (failing_since IS NULL))
);

-- The one before signs beside the newest until it is retired.
CREATE TABLE webhook_endpoint_secrets (
  organization_id  uuid NOT NULL,
  endpoint_id      uuid NOT NULL,
  version          integer NOT NULL CHECK (version > 0),
  master_key_id    text NOT NULL,
  wrapped_key      bytea NOT NULL,
  sealed_secret    bytea NOT NULL,
  last_four        text NOT NULL,
  created_at       timestamptz NOT NULL,
  retired_at       timestamptz,
  PRIMARY KEY (organization_id, endpoint_id, version),
  FOREIGN KEY (organization_id, endpoint_id) REFERENCES webhook_endpoints (organization_id, id)
);

CREATE TABLE event_deliveries (
  organization_id  uuid NOT NULL,
  endpoint_id      uuid NOT NULL,
  event_id         uuid NOT NULL,
  state            text NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'delivered', 'failed')),
  attempts         integer NOT NULL DEFAULT 0,
  next_attempt_at  timestamptz NOT NULL,
  claimed_until    timestamptz,
  last_status      integer,
  last_fault       text,
  ended_at         timestamptz,
  PRIMARY KEY (organization_id, endpoint_id, event_id),
  FOREIGN KEY (organization_id, endpoint_id) REFERENCES webhook_endpoints (organization_id, id),
  FOREIGN KEY (organization_id, event_id) REFERENCES events (organization_id, id) ON DELETE CASCADE,
  CHECK ((state = 'pending') = (ended_at IS NULL))
) WITH (fillfactor = 80);
CREATE INDEX event_deliveries_due ON event_deliveries (next_attempt_at) WHERE state = 'pending';
CREATE INDEX event_deliveries_event ON event_deliveries (organization_id, event_id);
