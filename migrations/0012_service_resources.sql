-- What services keep for one account: files, batches, videos, stored responses and their like. Whoever made one, and the
-- service key that it was made with: it can be seen with that key alone, and on keys that people share nobody else may.
CREATE TABLE service_resources (
  organization_id  uuid NOT NULL,
  user_id          uuid NOT NULL,
  service_id       text NOT NULL,
  -- The service's own name of it.
  resource_id      text NOT NULL CHECK (length(resource_id) BETWEEN 1 AND 200),
  service_key_id   uuid NOT NULL,
  kind             text NOT NULL,
  created_at       timestamptz NOT NULL,
  PRIMARY KEY (organization_id, service_id, resource_id, user_id)
);
-- Stored responses and their items are many, and services forget them by themselves.
CREATE INDEX service_resources_passing ON service_resources (created_at) WHERE kind IN ('response', 'item');
