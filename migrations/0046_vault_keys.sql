-- Versions of the vault key: 32 random bytes, wrapped by whatever provider the operator has (docs/vault.md). The key of an
-- installation that is older than this table is the operator's own, and becomes version 1.
CREATE TABLE master_keys (
  version       integer PRIMARY KEY CHECK (version > 0),
  -- Derived from the key: names it, and tells nothing about it.
  id            text NOT NULL UNIQUE,
  -- staged: not used before every process can unwrap it. promoted: wraps what is new. retained: only unwraps.
  state         text NOT NULL CHECK (state IN ('staged', 'promoted', 'retained', 'destroyed')),
  -- What wraps it and where; never a secret.
  provider      text NOT NULL,
  -- Which local key (file, variable) wraps it, for messages; null: something that does not tell.
  local_key_id  text,
  wrapped_key   bytea,
  -- A random value sealed under it: whoever unwraps a key proves it on this.
  canary        bytea,
  -- An earlier version says that this row is genuine, so that a process may ask this provider that nobody has named to it.
  vouched_by    integer REFERENCES master_keys (version),
  voucher       bytea,
  created_at    timestamptz NOT NULL,
  promoted_at   timestamptz,
  retained_at   timestamptz,
  destroyed_at  timestamptz,
  CHECK ((state = 'destroyed') = (wrapped_key IS NULL)),
  CHECK ((state = 'destroyed') = (canary IS NULL)),
  CHECK ((state = 'destroyed') = (destroyed_at IS NOT NULL)),
  CHECK ((vouched_by IS NULL) = (voucher IS NULL))
);
CREATE UNIQUE INDEX master_keys_promoted ON master_keys (state) WHERE state = 'promoted';
CREATE UNIQUE INDEX master_keys_staged ON master_keys (state) WHERE state = 'staged';

-- Data keys of an organization's secrets are wrapped by its key, and only this row has to be wrapped anew when the master
-- key changes. Overwriting it shreds every secret of the organization; the row stays, so that no new key takes its place.
CREATE TABLE organization_vault_keys (
  organization_id  uuid PRIMARY KEY REFERENCES organizations (id),
  id               text NOT NULL,
  master_key       integer NOT NULL REFERENCES master_keys (version),
  wrapped_key      bytea NOT NULL,
  created_at       timestamptz NOT NULL,
  rewrapped_at     timestamptz,
  shredded_at      timestamptz,
  CHECK ((shredded_at IS NULL) = (octet_length(wrapped_key) > 0))
);
CREATE INDEX organization_vault_keys_master_key ON organization_vault_keys (master_key, organization_id)
  WHERE shredded_at IS NULL;

-- Keys of the whole installation that outlive versions of the master key.
CREATE TABLE vault_purpose_keys (
  purpose      text PRIMARY KEY CHECK (purpose IN ('fingerprint')),
  master_key   integer NOT NULL REFERENCES master_keys (version),
  wrapped_key  bytea NOT NULL,
  created_at   timestamptz NOT NULL
);

-- What each process can unwrap. It counts while the process has a lease in `processes`.
CREATE TABLE vault_processes (
  process_id  uuid PRIMARY KEY,
  sealed      boolean NOT NULL,
  problem     text,
  versions    integer[] NOT NULL,
  -- Those of which the operator has named the provider to this process: it can open them without another's voucher.
  named       integer[] NOT NULL,
  updated_at  timestamptz NOT NULL
);

-- Rotations, moves and re-wraps, each carried on by whichever process has it claimed.
CREATE TABLE vault_changes (
  id             uuid PRIMARY KEY,
  kind           text NOT NULL CHECK (kind IN ('rotate', 'move', 'rewrap', 'upgrade')),
  state          text NOT NULL CHECK (state IN ('staging', 'rewrapping', 'done', 'abandoned')),
  to_version     integer NOT NULL REFERENCES master_keys (version),
  total          bigint NOT NULL DEFAULT 0,
  done           bigint NOT NULL DEFAULT 0,
  unreadable     bigint NOT NULL DEFAULT 0,
  claimed_by     uuid,
  claimed_until  timestamptz,
  started_at     timestamptz NOT NULL,
  finished_at    timestamptz,
  CHECK ((state IN ('done', 'abandoned')) = (finished_at IS NOT NULL))
);
CREATE UNIQUE INDEX vault_changes_one ON vault_changes ((true)) WHERE finished_at IS NULL;

-- What did not open, once for each cause: the audit trail has an entry of each.
CREATE TABLE vault_findings (
  organization_id  uuid NOT NULL REFERENCES organizations (id),
  subject_kind     text NOT NULL,
  subject_id       text NOT NULL,
  version          integer NOT NULL,
  cause            text NOT NULL,
  first_seen_at    timestamptz NOT NULL,
  PRIMARY KEY (organization_id, subject_kind, subject_id, version, cause)
);

-- `master_key_id` of sealed secrets names the key that their data key is wrapped by: ok_… an organization's, mk_… the master
-- key itself, as it was before there were organization keys. The latter are sealed anew by every re-wrap.
CREATE INDEX service_key_versions_under_master_key ON service_key_versions (organization_id, service_key_id, version)
  WHERE starts_with(master_key_id, 'mk_') AND destroyed_at IS NULL;
