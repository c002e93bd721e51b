-- What members ask those who run their organisation for, where its control policy stands in the way or a key is missing.
CREATE TABLE access_requests (
  organization_id  uuid NOT NULL REFERENCES organizations (id),
  id               uuid NOT NULL,
  user_id          uuid NOT NULL,
  kind             text NOT NULL CHECK (kind IN ('service', 'model', 'own_key', 'organization_key')),
  service_id       text NOT NULL,
  model            text,
  reason           text NOT NULL,
  state            text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'approved', 'declined', 'withdrawn')),
  -- By what it was approved: a change of the policy, a key that is shared, or something else that somebody did.
  granted_by       text CHECK (granted_by IN ('policy', 'key', 'other')),
  answer           text,
  decided_by       uuid,
  created_at       timestamptz NOT NULL,
  decided_at       timestamptz,
  PRIMARY KEY (organization_id, id),
  CHECK ((kind = 'model') = (model IS NOT NULL)),
  CHECK ((state = 'open') = (decided_at IS NULL)),
  CHECK ((state = 'approved') = (granted_by IS NOT NULL))
);
-- Nobody asks twice for the same while nobody has answered.
CREATE UNIQUE INDEX access_requests_open ON access_requests (organization_id, user_id, kind, service_id, coalesce(model, ''))
  WHERE state = 'open';
