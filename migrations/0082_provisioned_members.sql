-- Who is removed here is not there for the identity provider, either.
DELETE FROM provisioned_users p WHERE NOT EXISTS (SELECT FROM memberships m
  WHERE m.organization_id = p.organization_id AND m.user_id = p.user_id);
ALTER TABLE provisioned_users ADD FOREIGN KEY (organization_id, user_id)
  REFERENCES memberships (organization_id, user_id) ON DELETE CASCADE;
