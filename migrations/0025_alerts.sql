-- Alerts, one row for each person told: docs/budgets.md.
CREATE TABLE alerts (
  organization_id  uuid NOT NULL REFERENCES organizations (id),
  id               uuid NOT NULL,
  user_id          uuid NOT NULL REFERENCES users (id),
  kind             text NOT NULL,
  severity         text NOT NULL CHECK (severity IN ('info', 'warning', 'critical')),
  -- What it is about; nobody is told the same twice.
  key              text NOT NULL CHECK (length(key) BETWEEN 1 AND 200),
  title            text NOT NULL,
  text             text NOT NULL,
  path             text,
  created_at       timestamptz NOT NULL,
  read_at          timestamptz,
  PRIMARY KEY (organization_id, id),
  UNIQUE (organization_id, user_id, key)
);
CREATE INDEX alerts_user ON alerts (organization_id, user_id, id);
CREATE INDEX alerts_unread ON alerts (organization_id, user_id) WHERE read_at IS NULL;

-- Where a person's alerts go besides the dashboard; without a row, by e-mail from warnings on.
CREATE TABLE alert_channels (
  organization_id           uuid NOT NULL,
  user_id                   uuid NOT NULL REFERENCES users (id),
  email_enabled             boolean NOT NULL,
  email_minimum_severity    text NOT NULL CHECK (email_minimum_severity IN ('info', 'warning', 'critical')),
  webhook_enabled           boolean NOT NULL,
  webhook_minimum_severity  text NOT NULL CHECK (webhook_minimum_severity IN ('info', 'warning', 'critical')),
  webhook_url               text,
  PRIMARY KEY (organization_id, user_id),
  CHECK (NOT webhook_enabled OR webhook_url IS NOT NULL)
);

CREATE TABLE alert_deliveries (
  organization_id  uuid NOT NULL,
  id               uuid NOT NULL,
  user_id          uuid NOT NULL,
  alert_id         uuid NOT NULL,
  channel          text NOT NULL CHECK (channel IN ('email', 'webhook')),
  -- The address as it was when the alert was raised.
  target           text NOT NULL,
  state            text NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'delivered', 'failed')),
  attempts         integer NOT NULL DEFAULT 0,
  next_attempt_at  timestamptz NOT NULL,
  claimed_until    timestamptz,
  last_status      integer,
  last_fault       text,
  created_at       timestamptz NOT NULL,
  ended_at         timestamptz,
  PRIMARY KEY (organization_id, id),
  UNIQUE (organization_id, alert_id, channel),
  FOREIGN KEY (organization_id, alert_id) REFERENCES alerts (organization_id, id),
  CHECK ((state = 'pending') = (ended_at IS NULL))
) WITH (fillfactor = 80);
CREATE INDEX alert_deliveries_due ON alert_deliveries (next_attempt_at) WHERE state = 'pending';
CREATE INDEX alert_deliveries_user ON alert_deliveries (organization_id, user_id, id);
