-- Hygiene of service keys: docs/keys.md.

-- What services said of a key, each time they were asked or told by themselves. Equal lines that follow each other are one;
-- the newest hundred of a key are kept.
CREATE TABLE service_key_checks (
  organization_id  uuid NOT NULL,
  service_key_id   uuid NOT NULL,
  id               uuid NOT NULL,
  version          integer NOT NULL,
  cause            text NOT NULL CHECK (cause IN
                     ('added', 'replaced', 'settings_changed', 'by_hand', 'periodic', 'refused', 'unwell')),
  verdict          text NOT NULL CHECK (verdict IN ('valid', 'invalid', 'valid_but_unusable', 'unknown')),
  detail           text NOT NULL,
  status           text NOT NULL,
  first_at         timestamptz NOT NULL,
  at               timestamptz NOT NULL,
  times            integer NOT NULL DEFAULT 1 CHECK (times > 0),
  PRIMARY KEY (organization_id, service_key_id, id),
  FOREIGN KEY (organization_id, service_key_id) REFERENCES service_keys (organization_id, id)
);

ALTER TABLE service_keys
  -- Beside the status: refused all at once although it had worked.
  ADD COLUMN status_cause        text CHECK (status_cause IN ('possibly_leaked')),
  -- When a healthy key is proven again; null: not planned yet.
  ADD COLUMN next_check_at       timestamptz,
  -- What the key may do beyond serving operations (src/keys/scope.ts).
  ADD COLUMN scope_notes         text[] NOT NULL DEFAULT '{}',
  -- Of the secret alone, whatever service and address it is for; null: not computed yet.
  ADD COLUMN secret_fingerprint  bytea,
  -- The same secret is a system key.
  ADD COLUMN is_system_secret    boolean NOT NULL DEFAULT false;

CREATE INDEX service_keys_next_check ON service_keys (next_check_at) WHERE status = 'active';
CREATE INDEX service_keys_secret ON service_keys (organization_id, secret_fingerprint) WHERE revoked_at IS NULL;

CREATE TABLE key_hygiene_settings (
  is_only            boolean PRIMARY KEY DEFAULT true CHECK (is_only),
  -- null: healthy keys are not asked about.
  check_every_hours  integer CHECK (check_every_hours BETWEEN 1 AND 8760),
  unused_days        integer NOT NULL CHECK (unused_days BETWEEN 1 AND 3650),
  old_days           integer NOT NULL CHECK (old_days BETWEEN 1 AND 3650)
);
INSERT INTO key_hygiene_settings (check_every_hours, unused_days, old_days) VALUES (24, 90, 180);
