-- With which access token a change was made: whoever revokes a token that leaked has to know what it did.
ALTER TABLE audit_entries ADD COLUMN access_token_id uuid;

-- What was written before says nothing of it, so that its links agree as they did.
CREATE OR REPLACE FUNCTION audit_json(entry audit_entries) RETURNS jsonb LANGUAGE sql STABLE AS $$
  SELECT jsonb_build_object(
    'organizationId', entry.organization_id,
    'id', entry.id,
    'at', to_char(entry.at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
    'actor', jsonb_build_object('kind', entry.actor_kind, 'id', entry.actor_id)
      || CASE WHEN entry.access_token_id IS NULL THEN '{}'::jsonb
         ELSE jsonb_build_object('accessTokenId', entry.access_token_id) END,
    'action', entry.action,
    'subject', jsonb_build_object('kind', entry.subject_kind, 'id', entry.subject_id),
    'before', entry.before,
    'after', entry.after,
    'reason', entry.reason)
$$;
