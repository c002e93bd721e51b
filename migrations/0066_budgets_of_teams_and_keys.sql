-- Budgets on teams and on service keys, set by those who run the organisation; and one on each member, which makes a budget
-- for every member whose operations it may count: docs/budgets.md
ALTER TABLE budgets
  ADD COLUMN team_id uuid,
  ADD COLUMN service_key_id uuid,
  -- It counts nothing itself: every member has one of their own, which follows it.
  ADD COLUMN each_member boolean NOT NULL DEFAULT false,
  -- The one that this follows.
  ADD COLUMN follows uuid,
  ADD FOREIGN KEY (organization_id, team_id) REFERENCES teams (organization_id, id),
  ADD FOREIGN KEY (organization_id, follows) REFERENCES budgets (organization_id, id),
  ADD CHECK (NOT each_member OR (user_id IS NULL AND access_token_id IS NULL AND follows IS NULL)),
  ADD CHECK (follows IS NULL OR user_id IS NOT NULL),
  DROP CONSTRAINT budgets_set_by_check,
  -- organization: who may manage budgets there.
  ADD CONSTRAINT budgets_set_by_check CHECK (set_by IN ('user', 'organization', 'administrator'));
CREATE UNIQUE INDEX budgets_followers ON budgets (organization_id, follows, user_id) WHERE follows IS NOT NULL;
