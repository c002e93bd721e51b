-- Teams that a key of the organisation is kept for; null: it serves every member.
ALTER TABLE service_keys ADD COLUMN team_ids uuid[]
  CHECK (team_ids IS NULL OR (owner = 'organization' AND cardinality(team_ids) > 0));
