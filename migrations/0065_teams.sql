-- Teams (or projects) of an organisation, with members, budgets and access tokens of their own: docs/teams.md
CREATE TABLE teams (
  organization_id  uuid NOT NULL REFERENCES organizations (id),
  id               uuid NOT NULL,
  name             text NOT NULL CHECK (length(name) BETWEEN 1 AND 80),
  description      text NOT NULL DEFAULT '' CHECK (length(description) <= 500),
  -- What its use is charged to, in the company's own words.
  cost_center      text CHECK (length(cost_center) BETWEEN 1 AND 60),
  created_at       timestamptz NOT NULL DEFAULT now(),
  archived_at      timestamptz,
  PRIMARY KEY (organization_id, id)
);
CREATE UNIQUE INDEX teams_name ON teams (organization_id, lower(name)) WHERE archived_at IS NULL;

CREATE TABLE team_members (
  organization_id  uuid NOT NULL,
  team_id          uuid NOT NULL,
  user_id          uuid NOT NULL,
  -- lead: looks after members and access tokens of the team.
  role             text NOT NULL CHECK (role IN ('lead', 'member')),
  created_at       timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (organization_id, team_id, user_id),
  FOREIGN KEY (organization_id, team_id) REFERENCES teams (organization_id, id) ON DELETE CASCADE,
  -- Who leaves the organisation leaves its teams.
  FOREIGN KEY (organization_id, user_id) REFERENCES memberships (organization_id, user_id) ON DELETE CASCADE
);
CREATE INDEX team_members_user ON team_members (organization_id, user_id);

-- Of a team: what is called with it is the team's use, too. It acts for the member who made it.
ALTER TABLE access_tokens ADD COLUMN team_id uuid,
  ADD FOREIGN KEY (organization_id, team_id) REFERENCES teams (organization_id, id),
  ADD CHECK (team_id IS NULL OR kind = 'user');
CREATE INDEX access_tokens_team ON access_tokens (organization_id, team_id) WHERE team_id IS NOT NULL;

ALTER TABLE operations ADD COLUMN team_id uuid;
CREATE INDEX operations_team ON operations (organization_id, team_id, id) WHERE team_id IS NOT NULL;
