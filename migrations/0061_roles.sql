-- Roles of a company, members who are suspended in one organisation only, sessions that know where they work, and users
-- that are machines.

ALTER TABLE memberships DROP CONSTRAINT memberships_role_check;
ALTER TABLE memberships ADD CONSTRAINT memberships_role_check
  CHECK (role IN ('owner', 'administrator', 'billing', 'auditor', 'member'));
ALTER TABLE memberships ADD COLUMN suspended_at timestamptz;

-- Null, or an organisation they are not a member of any more: the earliest membership.
ALTER TABLE sessions ADD COLUMN organization_id uuid;

-- A service account is a member that no person signs in as; its e-mail address is made up and never written to.
ALTER TABLE users ADD COLUMN kind text NOT NULL DEFAULT 'person' CHECK (kind IN ('person', 'service_account'));
