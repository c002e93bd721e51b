-- What an identity provider told by SCIM 2.0. The user and the membership are ours; these rows are the provider's view.

CREATE TABLE provisioned_users (
  organization_id  uuid NOT NULL REFERENCES organizations (id),
  user_id          uuid NOT NULL REFERENCES users (id),
  user_name        text NOT NULL CHECK (length(user_name) BETWEEN 1 AND 254),
  external_id      text CHECK (length(external_id) <= 254),
  active           boolean NOT NULL,
  -- As it was sent, without id, meta, groups and password.
  resource         jsonb NOT NULL,
  version          integer NOT NULL DEFAULT 1,
  created_at       timestamptz NOT NULL,
  updated_at       timestamptz NOT NULL,
  PRIMARY KEY (organization_id, user_id)
);
CREATE UNIQUE INDEX provisioned_users_name ON provisioned_users (organization_id, lower(user_name));
CREATE INDEX provisioned_users_external ON provisioned_users (organization_id, external_id);

-- role: what its members are in the organisation; null: nothing follows from it.
CREATE TABLE provisioned_groups (
  organization_id  uuid NOT NULL REFERENCES organizations (id),
  id               uuid NOT NULL,
  display_name     text NOT NULL CHECK (length(display_name) BETWEEN 1 AND 254),
  external_id      text CHECK (length(external_id) <= 254),
  role             text CHECK (role IN ('administrator', 'billing', 'auditor', 'member')),
  version          integer NOT NULL DEFAULT 1,
  created_at       timestamptz NOT NULL,
  updated_at       timestamptz NOT NULL,
  PRIMARY KEY (organization_id, id)
);
CREATE UNIQUE INDEX provisioned_groups_name ON provisioned_groups (organization_id, lower(display_name));

CREATE TABLE provisioned_group_members (
  organization_id  uuid NOT NULL,
  group_id         uuid NOT NULL,
  user_id          uuid NOT NULL,
  PRIMARY KEY (organization_id, group_id, user_id),
  FOREIGN KEY (organization_id, group_id) REFERENCES provisioned_groups (organization_id, id) ON DELETE CASCADE,
  FOREIGN KEY (organization_id, user_id) REFERENCES provisioned_users (organization_id, user_id) ON DELETE CASCADE
);
CREATE INDEX provisioned_group_members_user ON provisioned_group_members (organization_id, user_id);
