-- Whether an owner can still get in where the company's sign-in is required.

-- Tied by the person, signed in in another way, and not found by the provider's word: what counts for owners. Those of today
-- keep what they have.
ALTER TABLE sso_identities ADD COLUMN tied_by_self boolean NOT NULL DEFAULT false;
UPDATE sso_identities i SET tied_by_self = true
WHERE EXISTS (SELECT FROM memberships m
    WHERE m.organization_id = i.organization_id AND m.user_id = i.user_id AND m.role = 'owner')
  OR EXISTS (SELECT FROM audit_entries a
    WHERE a.organization_id = i.organization_id AND a.action = 'sso_identity.tied' AND a.subject_id = i.user_id::text
      AND a.actor_kind = 'user' AND a.actor_id = i.user_id::text);

-- Since when sign-ins go as they do now: what was seen to work before was seen with other settings.
ALTER TABLE sso_connections ADD COLUMN configured_at timestamptz;
UPDATE sso_connections SET configured_at = created_at;
ALTER TABLE sso_connections ALTER COLUMN configured_at SET NOT NULL;
