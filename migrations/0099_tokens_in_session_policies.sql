-- The networks of a session policy bind what is done with access tokens at the management API; these say what else.
ALTER TABLE session_policies
  -- Operations are refused from elsewhere, too.
  ADD COLUMN binds_operations boolean NOT NULL DEFAULT false,
  -- A token that may manage opens nothing this long after it was made.
  ADD COLUMN token_days integer CHECK (token_days BETWEEN 1 AND 3650);
