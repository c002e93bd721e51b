-- Each organization's audit entries form a chain: a link holds the SHA-256 of the link before it and of the entry's text, so
-- an entry that is changed, left out or put in later breaks every link after it. docs/audit.md says what that proves.

CREATE TABLE audit_links (
  organization_id  uuid NOT NULL,
  sequence         bigint NOT NULL CHECK (sequence > 0),
  entry_id         uuid NOT NULL,
  -- What is hashed: the entry as JSON, letter for letter. Kept, so that no other version's way of writing JSON matters.
  text             text NOT NULL,
  previous_hash    bytea NOT NULL CHECK (length(previous_hash) = 32),
  hash             bytea NOT NULL CHECK (hash = sha256(previous_hash || convert_to(text, 'UTF8'))),
  PRIMARY KEY (organization_id, sequence),
  UNIQUE (organization_id, entry_id),
  FOREIGN KEY (organization_id, entry_id) REFERENCES audit_entries (organization_id, id)
);

-- The end of each chain; its row is the lock under which a link is added.
CREATE TABLE audit_heads (
  organization_id  uuid PRIMARY KEY REFERENCES organizations (id),
  sequence         bigint NOT NULL CHECK (sequence >= 0),
  hash             bytea NOT NULL CHECK (length(hash) = 32)
);

-- Ed25519; the private key is sealed by the vault like a service key.
CREATE TABLE audit_signing_keys (
  id             text PRIMARY KEY,
  public_key     bytea NOT NULL,
  master_key_id  text NOT NULL,
  wrapped_key    bytea NOT NULL,
  sealed_secret  bytea NOT NULL,
  created_at     timestamptz NOT NULL
);

-- Signed from time to time by a key that the database alone cannot use: what a rewritten chain does not agree with.
CREATE TABLE audit_checkpoints (
  organization_id  uuid NOT NULL,
  sequence         bigint NOT NULL,
  hash             bytea NOT NULL CHECK (length(hash) = 32),
  at               timestamptz NOT NULL,
  signing_key_id   text NOT NULL,
  signature        bytea NOT NULL,
  PRIMARY KEY (organization_id, sequence),
  FOREIGN KEY (organization_id, sequence) REFERENCES audit_links (organization_id, sequence)
);

CREATE TRIGGER audit_links_append_only BEFORE UPDATE OR DELETE ON audit_links
  FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER audit_checkpoints_append_only BEFORE UPDATE OR DELETE ON audit_checkpoints
  FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER audit_entries_not_emptied BEFORE TRUNCATE ON audit_entries
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER audit_links_not_emptied BEFORE TRUNCATE ON audit_links
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER audit_checkpoints_not_emptied BEFORE TRUNCATE ON audit_checkpoints
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE FUNCTION audit_json(entry audit_entries) RETURNS jsonb LANGUAGE sql STABLE AS $$
  SELECT jsonb_build_object(
    'organizationId', entry.organization_id,
    'id', entry.id,
    'at', to_char(entry.at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
    'actor', jsonb_build_object('kind', entry.actor_kind, 'id', entry.actor_id),
    'action', entry.action,
    'subject', jsonb_build_object('kind', entry.subject_kind, 'id', entry.subject_id),
    'before', entry.before,
    'after', entry.after,
    'reason', entry.reason)
$$;

CREATE FUNCTION link_audit_entry(entry audit_entries) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  head audit_heads;
  content text := audit_json(entry)::text;
BEGIN
  -- No two organizations' chains begin alike, so links cannot be moved between them.
  INSERT INTO audit_heads VALUES (entry.organization_id, 0,
    sha256(convert_to('aideon-keys audit trail of ' || entry.organization_id, 'UTF8'))) ON CONFLICT DO NOTHING;
  SELECT * INTO head FROM audit_heads WHERE organization_id = entry.organization_id FOR UPDATE;
  INSERT INTO audit_links VALUES (entry.organization_id, head.sequence + 1, entry.id, content, head.hash,
    sha256(head.hash || convert_to(content, 'UTF8')));
  UPDATE audit_heads SET sequence = head.sequence + 1, hash = sha256(head.hash || convert_to(content, 'UTF8'))
    WHERE organization_id = entry.organization_id;
END $$;

CREATE FUNCTION link_new_audit_entry() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM link_audit_entry(NEW);
  RETURN NULL;
END $$;

DO $$
DECLARE
  entry audit_entries;
BEGIN
  FOR entry IN SELECT * FROM audit_entries ORDER BY organization_id, at, id LOOP
    PERFORM link_audit_entry(entry);
  END LOOP;
END $$;

-- At the commit, not at the insert: the end of the chain is locked last and for as short a time as can be.
CREATE CONSTRAINT TRIGGER audit_entries_linked AFTER INSERT ON audit_entries
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION link_new_audit_entry();

CREATE INDEX audit_entries_newest ON audit_entries (id DESC);
