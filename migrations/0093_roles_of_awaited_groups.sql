-- Roles of groups that the identity provider has not told of yet: they are the groups' from the moment it does.
CREATE TABLE awaited_groups (
  organization_id  uuid NOT NULL REFERENCES organizations (id),
  -- Lower case: identity providers do not tell groups apart by case.
  name             text NOT NULL CHECK (length(name) BETWEEN 1 AND 254 AND name = lower(name)),
  role             text NOT NULL CHECK (role IN ('administrator', 'billing', 'auditor', 'member')),
  PRIMARY KEY (organization_id, name)
);
