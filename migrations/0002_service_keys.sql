-- System keys belong to the platform organisation.
CREATE TABLE service_keys (
  organization_id   uuid NOT NULL REFERENCES organizations (id),
  id                uuid NOT NULL,
  owner             text NOT NULL CHECK (owner IN ('user', 'organization', 'system')),
  user_id           uuid REFERENCES users (id),
  service_id        text NOT NULL,
  label             text NOT NULL CHECK (length(label) BETWEEN 1 AND 80),
  priority          smallint CHECK (priority BETWEEN 1 AND 3),
  position          integer NOT NULL DEFAULT 0,
  base_url          text,
  -- active: may be used. invalid: refused by the service. exhausted: no quota until re-checked.
  -- suspended: control policy. revoked: for ever.
  status            text NOT NULL DEFAULT 'active'
                      CHECK (status IN ('active', 'invalid', 'exhausted', 'suspended', 'revoked')),
  status_reason     text,
  -- What the status goes back to when control policy no longer suspends the key.
  suspended_status  text CHECK (suspended_status IN ('active', 'invalid', 'exhausted')),
  cooling_until     timestamptz,
  suspected_at      timestamptz,
  -- When a suspected, invalid or exhausted key is asked about next, and how often that failed in a row.
  recheck_after     timestamptz,
  failed_rechecks   integer NOT NULL DEFAULT 0,
  verdict           text NOT NULL DEFAULT 'unknown'
                      CHECK (verdict IN ('valid', 'invalid', 'valid_but_unusable', 'unknown')),
  verdict_detail    text,
  validated_at      timestamptz,
  last_four         text NOT NULL,
  fingerprint       bytea NOT NULL,
  current_version   integer NOT NULL DEFAULT 1,
  last_used_at      timestamptz,
  created_by        uuid,
  created_at        timestamptz NOT NULL DEFAULT now(),
  revoked_at        timestamptz,
  PRIMARY KEY (organization_id, id),
  CHECK ((owner = 'user') = (user_id IS NOT NULL)),
  CHECK ((owner = 'system') = (priority IS NOT NULL)),
  CHECK ((status = 'revoked') = (revoked_at IS NOT NULL)),
  CHECK ((status = 'suspended') = (suspended_status IS NOT NULL))
);
CREATE INDEX service_keys_owner ON service_keys (organization_id, owner, user_id, service_id);
CREATE INDEX service_keys_ailing ON service_keys (recheck_after)
  WHERE revoked_at IS NULL AND (suspected_at IS NOT NULL OR status IN ('invalid', 'exhausted'));
-- The same secret is stored once per owner while it is live.
CREATE UNIQUE INDEX service_keys_fingerprint ON service_keys
  (organization_id, service_id, coalesce(user_id, '00000000-0000-0000-0000-000000000000'), fingerprint) WHERE revoked_at IS NULL;

CREATE TABLE service_key_versions (
  organization_id  uuid NOT NULL,
  service_key_id   uuid NOT NULL,
  version          integer NOT NULL,
  master_key_id    text NOT NULL,
  wrapped_key      bytea NOT NULL,
  sealed_secret    bytea NOT NULL,
  created_at       timestamptz NOT NULL DEFAULT now(),
  -- Replaced by a newer version.
  retired_at       timestamptz,
  -- Revoked: wrapped key and sealed secret are overwritten with nothing.
  destroyed_at     timestamptz,
  CHECK ((destroyed_at IS NULL) = (octet_length(sealed_secret) > 0)),
  CHECK ((destroyed_at IS NULL) = (octet_length(wrapped_key) > 0)),
  PRIMARY KEY (organization_id, service_key_id, version),
  FOREIGN KEY (organization_id, service_key_id) REFERENCES service_keys (organization_id, id)
);
