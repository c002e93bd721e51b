-- Which connection opened a session, and what the provider calls it: a fresh proof is given there, and ended there it ends here.
ALTER TABLE sessions ADD COLUMN sso_connection_id uuid, ADD COLUMN sso_session text;
ALTER TABLE pending_sign_ins ADD COLUMN sso_connection_id uuid, ADD COLUMN sso_session text;
CREATE INDEX sessions_sso ON sessions (sso_connection_id) WHERE sso_connection_id IS NOT NULL;

-- prove: a signed-in person shows anew who they are.
ALTER TABLE sso_attempts DROP CONSTRAINT sso_attempts_purpose_check,
  ADD CONSTRAINT sso_attempts_purpose_check CHECK (purpose IN ('sign_in', 'link', 'unsolicited', 'prove'));
