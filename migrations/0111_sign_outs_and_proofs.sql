-- prove: the session that asked; what it comes to is for no other.
ALTER TABLE sso_attempts ADD COLUMN session_id uuid;

-- What was taken once is no assertion only: words of a sign-out, too.
COMMENT ON TABLE sso_assertions IS 'Hashes of the ids of assertions, logout requests and logout tokens that were taken';
