-- People, organisations, access, policy. Tenant tables lead every key with organization_id so that
-- create_distributed_table(..., 'organization_id') works later (docs/decisions/0010-tenant-keys.md).

CREATE TABLE tiers (
  id                         text PRIMARY KEY CHECK (id ~ '^[a-z][a-z0-9_-]{0,39}$'),
  name                       text NOT NULL,
  monthly_allocation_micros  bigint NOT NULL CHECK (monthly_allocation_micros >= 0),
  monthly_price_cents        bigint NOT NULL CHECK (monthly_price_cents >= 0),
  currency                   text NOT NULL DEFAULT 'USD',
  position                   integer NOT NULL DEFAULT 0,
  created_at                 timestamptz NOT NULL DEFAULT now()
);
INSERT INTO tiers (id, name, monthly_allocation_micros, monthly_price_cents, position) VALUES
  ('free',       'Free',         100000000,      0, 1),
  ('pro',        'Pro',         2000000000,   2000, 2),
  ('business',   'Business',   10000000000,   9900, 3),
  ('enterprise', 'Enterprise', 60000000000,  49900, 4);

CREATE TABLE organizations (
  id                   uuid PRIMARY KEY,
  name                 text NOT NULL CHECK (length(name) BETWEEN 1 AND 120),
  kind                 text NOT NULL CHECK (kind IN ('platform', 'personal', 'company')),
  control_policy       text NOT NULL DEFAULT 'user_control'
                         CHECK (control_policy IN ('it_control', 'hybrid', 'user_control')),
  critical_services    text[] NOT NULL DEFAULT '{}',
  system_keys_allowed  boolean NOT NULL DEFAULT true,
  locked_fallback      text CHECK (locked_fallback IN ('system', 'alternative', 'alternative_then_system', 'none')),
  is_demo              boolean NOT NULL DEFAULT false,
  created_at           timestamptz NOT NULL DEFAULT now()
);
INSERT INTO organizations (id, name, kind) VALUES ('00000000-0000-7000-8000-000000000000', 'Platform', 'platform');

CREATE TABLE users (
  id             uuid PRIMARY KEY,
  email          text NOT NULL,
  name           text NOT NULL,
  password_hash  text,
  is_platform_administrator boolean NOT NULL DEFAULT false,
  suspended_at   timestamptz,
  created_at     timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX users_email ON users (lower(email));

CREATE TABLE memberships (
  organization_id  uuid NOT NULL REFERENCES organizations (id),
  user_id          uuid NOT NULL REFERENCES users (id),
  role             text NOT NULL CHECK (role IN ('owner', 'administrator', 'member')),
  created_at       timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (organization_id, user_id)
);
CREATE INDEX memberships_user ON memberships (user_id);

-- service_id '*' is the default for all services.
CREATE TABLE fallback_preferences (
  organization_id  uuid NOT NULL,
  user_id          uuid NOT NULL,
  service_id       text NOT NULL,
  fallback         text NOT NULL CHECK (fallback IN ('system', 'alternative', 'alternative_then_system', 'none')),
  PRIMARY KEY (organization_id, user_id, service_id),
  FOREIGN KEY (organization_id, user_id) REFERENCES memberships (organization_id, user_id)
);

CREATE TABLE access_tokens (
  organization_id  uuid NOT NULL REFERENCES organizations (id),
  id               uuid NOT NULL,
  kind             text NOT NULL CHECK (kind IN ('user', 'platform')),
  user_id          uuid REFERENCES users (id),
  name             text NOT NULL CHECK (length(name) BETWEEN 1 AND 80),
  token_hash       bytea NOT NULL,
  last_four        text NOT NULL,
  scopes           text[] NOT NULL,
  expires_at       timestamptz,
  revoked_at       timestamptz,
  last_used_at     timestamptz,
  created_by       uuid,
  created_at       timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (organization_id, id),
  UNIQUE (organization_id, token_hash),
  CHECK ((kind = 'user') = (user_id IS NOT NULL))
);
CREATE INDEX access_tokens_hash ON access_tokens (token_hash);

CREATE TABLE sessions (
  id            uuid PRIMARY KEY,
  user_id       uuid NOT NULL REFERENCES users (id),
  token_hash    bytea NOT NULL UNIQUE,
  user_agent    text,
  created_at    timestamptz NOT NULL DEFAULT now(),
  last_seen_at  timestamptz NOT NULL DEFAULT now(),
  expires_at    timestamptz NOT NULL,
  revoked_at    timestamptz
);
CREATE INDEX sessions_user ON sessions (user_id);

-- purpose 'setup' makes the first administrator; 'sign_in' opens a session for user_id.
CREATE TABLE sign_in_links (
  token_hash  bytea PRIMARY KEY,
  purpose     text NOT NULL CHECK (purpose IN ('setup', 'sign_in')),
  user_id     uuid REFERENCES users (id),
  reusable    boolean NOT NULL DEFAULT false,
  created_at  timestamptz NOT NULL DEFAULT now(),
  expires_at  timestamptz NOT NULL,
  used_at     timestamptz
);

-- Counts of guesses (sign-in, links) per window, shared by all processes; losing them in a crash costs nothing.
CREATE UNLOGGED TABLE throttles (
  bucket      text PRIMARY KEY,
  count       integer NOT NULL,
  expires_at  timestamptz NOT NULL
);

-- Services as this installation changes them; the defaults are in src/services/.
CREATE TABLE service_settings (
  service_id  text PRIMARY KEY,
  base_url    text,
  enabled     boolean NOT NULL DEFAULT true,
  updated_at  timestamptz NOT NULL DEFAULT now()
);

-- Private addresses that outbound calls may reach, as host:port or CIDR; empty by default.
CREATE TABLE outbound_allowances (
  address     text PRIMARY KEY,
  created_at  timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE audit_entries (
  organization_id  uuid NOT NULL REFERENCES organizations (id),
  id               uuid NOT NULL,
  at               timestamptz NOT NULL DEFAULT now(),
  actor_kind       text NOT NULL CHECK (actor_kind IN ('user', 'platform_token', 'operator', 'gateway')),
  actor_id         text,
  action           text NOT NULL,
  subject_kind     text NOT NULL,
  subject_id       text NOT NULL,
  before           jsonb,
  after            jsonb,
  reason           text,
  PRIMARY KEY (organization_id, id)
);

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER audit_entries_append_only BEFORE UPDATE OR DELETE ON audit_entries
  FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- One counter that every change to cached state increments in its own transaction. Processes compare it with
-- the one their caches were filled at, and acknowledge it (src/db/epoch.ts).
CREATE TABLE configuration_epoch (
  only_row  boolean PRIMARY KEY DEFAULT true CHECK (only_row),
  epoch     bigint NOT NULL
);
INSERT INTO configuration_epoch (epoch) VALUES (1);

CREATE TABLE processes (
  id                  uuid PRIMARY KEY,
  pid                 integer NOT NULL,
  host                text NOT NULL,
  version             text NOT NULL,
  started_at          timestamptz NOT NULL DEFAULT now(),
  lease_until         timestamptz NOT NULL,
  acknowledged_epoch  bigint NOT NULL
);

-- Facts about this installation, such as the master key's canary.
CREATE TABLE installation (
  name   text PRIMARY KEY,
  value  jsonb NOT NULL
);
