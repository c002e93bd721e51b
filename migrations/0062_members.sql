-- Invitations to an organisation, and organisations that are deleted after a time in which that can be undone.

CREATE TABLE invitations (
  organization_id  uuid NOT NULL REFERENCES organizations (id),
  id               uuid NOT NULL,
  email            text NOT NULL,
  role             text NOT NULL CHECK (role IN ('owner', 'administrator', 'billing', 'auditor', 'member')),
  -- SHA-256 of the token in the link; a new one each time it is sent.
  token_hash       bytea NOT NULL,
  invited_by       uuid,
  created_at       timestamptz NOT NULL,
  sent_at          timestamptz NOT NULL,
  -- Null: there was no mail server, and the link was shown to whoever invited.
  mailed_at        timestamptz,
  -- A word of the mail client's, never what the server said.
  mail_fault       text,
  expires_at       timestamptz NOT NULL,
  accepted_at      timestamptz,
  accepted_by      uuid,
  withdrawn_at     timestamptz,
  PRIMARY KEY (organization_id, id)
);
CREATE INDEX invitations_token ON invitations (token_hash);
CREATE UNIQUE INDEX invitations_open ON invitations (organization_id, lower(email))
  WHERE accepted_at IS NULL AND withdrawn_at IS NULL;

ALTER TABLE memberships ADD COLUMN source text NOT NULL DEFAULT 'operator';

-- delete_at: until then it can be undone. deleted_at: tokens, keys, secrets and memberships are gone; books and trail stay.
ALTER TABLE organizations ADD COLUMN delete_at timestamptz;
ALTER TABLE organizations ADD COLUMN deletion_by uuid;
ALTER TABLE organizations ADD COLUMN deleted_at timestamptz;
CREATE INDEX organizations_delete ON organizations (delete_at) WHERE delete_at IS NOT NULL AND deleted_at IS NULL;
