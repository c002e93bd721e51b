-- What may be used at all, beside whose keys: services, models, groups, proven keys only. Null: everything.
ALTER TABLE organizations ADD COLUMN allowed_uses jsonb;

-- Control policies as they were and will be. A row's document never changes; the one in force is also in the columns of
-- organizations, which operations are decided by.
CREATE TABLE control_policies (
  organization_id  uuid NOT NULL REFERENCES organizations (id),
  version          integer NOT NULL CHECK (version > 0),
  state            text NOT NULL CHECK (state IN ('scheduled', 'in_force', 'superseded', 'cancelled')),
  document         jsonb NOT NULL,
  reason           text,
  -- The version that this one brings back.
  restores         integer,
  author_kind      text NOT NULL,
  author_id        text,
  created_at       timestamptz NOT NULL,
  starts_at        timestamptz NOT NULL,
  ended_at         timestamptz,
  PRIMARY KEY (organization_id, version),
  FOREIGN KEY (organization_id, restores) REFERENCES control_policies (organization_id, version),
  CHECK ((state IN ('superseded', 'cancelled')) = (ended_at IS NOT NULL))
);
CREATE UNIQUE INDEX control_policies_in_force ON control_policies (organization_id) WHERE state = 'in_force';
CREATE INDEX control_policies_scheduled ON control_policies (starts_at) WHERE state = 'scheduled';

INSERT INTO control_policies (organization_id, version, state, document, author_kind, created_at, starts_at)
SELECT id, 1, 'in_force', jsonb_build_object('controlPolicy', control_policy, 'criticalServices', critical_services,
    'systemKeysAllowed', system_keys_allowed, 'lockedFallback', locked_fallback, 'allowed', NULL),
  'operator', created_at, created_at
FROM organizations;
