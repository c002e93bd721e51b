-- Who is removed from an organisation is nobody at its identity providers, either: back as a member, they tie themselves anew.
DELETE FROM sso_identities i WHERE NOT EXISTS (SELECT FROM memberships m
  WHERE m.organization_id = i.organization_id AND m.user_id = i.user_id);
ALTER TABLE sso_identities ADD FOREIGN KEY (organization_id, user_id)
  REFERENCES memberships (organization_id, user_id) ON DELETE CASCADE;
