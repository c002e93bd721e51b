-- Who did something is told to an organisation also where it was somebody of another one, such as an administrator: by
-- e-mail address, for an id that the reader has already. Runs as the owner, whom row-level security does not concern.
CREATE FUNCTION user_email(who text) RETURNS text
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path FROM CURRENT AS $$
  SELECT email FROM users
  WHERE id = CASE WHEN who ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' THEN who::uuid END
$$;
REVOKE ALL ON FUNCTION user_email(text) FROM PUBLIC;
