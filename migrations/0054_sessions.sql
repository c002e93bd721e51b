-- proved_at: when the user of the session last showed a password or a link; steps that need a fresh proof look at it.
-- address: where the session was used from last.
ALTER TABLE sessions ADD COLUMN address text, ADD COLUMN proved_at timestamptz;

-- Browsers that have signed a user in before: whoever guesses passwords from elsewhere cannot lock these out.
CREATE TABLE known_browsers (
  user_id     uuid NOT NULL REFERENCES users (id),
  token_hash  bytea NOT NULL,
  expires_at  timestamptz NOT NULL,
  PRIMARY KEY (token_hash, user_id)
);
CREATE INDEX known_browsers_user ON known_browsers (user_id);

-- Requests to /api per window, counted by all processes together; losing them in a crash costs nothing.
CREATE UNLOGGED TABLE api_requests (
  bucket      text PRIMARY KEY,
  count       integer NOT NULL,
  expires_at  timestamptz NOT NULL
);
