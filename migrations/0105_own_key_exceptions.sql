-- Members who may have keys of their own of a service although the control policy gives them to the organisation alone.
-- Only those in force: the audit trail has the others.
CREATE TABLE own_key_exceptions (
  organization_id  uuid NOT NULL,
  user_id          uuid NOT NULL,
  service_id       text NOT NULL,
  reason           text NOT NULL,
  granted_by       uuid,
  granted_at       timestamptz NOT NULL,
  -- Null: until somebody takes it back.
  expires_at       timestamptz,
  PRIMARY KEY (organization_id, user_id, service_id),
  -- Who leaves and comes back asks again.
  FOREIGN KEY (organization_id, user_id) REFERENCES memberships (organization_id, user_id) ON DELETE CASCADE
);
CREATE INDEX own_key_exceptions_expiry ON own_key_exceptions (expires_at) WHERE expires_at IS NOT NULL;

ALTER TABLE access_requests DROP CONSTRAINT access_requests_granted_by_check,
  ADD CONSTRAINT access_requests_granted_by_check CHECK (granted_by IN ('policy', 'key', 'exception', 'other'));
