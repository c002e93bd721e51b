-- The user dashboard inside another application: a link that works once, within a minute, and the sessions made by it.
CREATE TABLE embed_links (
  organization_id  uuid NOT NULL,
  token_hash       bytea NOT NULL,
  application_id   uuid NOT NULL,
  user_id          uuid NOT NULL,
  expires_at       timestamptz NOT NULL,
  PRIMARY KEY (organization_id, token_hash),
  FOREIGN KEY (organization_id, application_id) REFERENCES host_applications (organization_id, id),
  FOREIGN KEY (organization_id, user_id) REFERENCES memberships (organization_id, user_id) ON DELETE CASCADE
);
CREATE INDEX embed_links_hash ON embed_links (token_hash);

-- Of such a session: the user is there as a member of its organisation and nothing more, and proves nothing.
ALTER TABLE sessions ADD COLUMN embedded_by uuid;
