-- Replies to requests that named themselves with an idempotency key, kept for a day: docs/api.md. Neither the key nor what was
-- sent is here; the reply is sealed so that it opens only with the key, in this installation.
CREATE TABLE idempotent_requests (
  organization_id  uuid NOT NULL,
  user_id          uuid NOT NULL,
  key_hash         bytea NOT NULL,
  request_hash     bytea NOT NULL,
  -- unknown: it failed in a way that does not tell whether it took effect.
  state            text NOT NULL CHECK (state IN ('under_way', 'done', 'unknown')),
  status           integer,
  sealed_reply     bytea,
  started_at       timestamptz NOT NULL,
  expires_at       timestamptz NOT NULL,
  PRIMARY KEY (organization_id, user_id, key_hash)
);
CREATE INDEX idempotent_requests_expired ON idempotent_requests (expires_at);
