-- Versions of a service key, each with its place in a rotation. `next` is not used yet; `retiring` is used by no new
-- operation and still opens, so that one may go back to it; `retired` is history.
ALTER TABLE service_key_versions
  ADD COLUMN state text NOT NULL DEFAULT 'retired' CHECK (state IN ('next', 'current', 'retiring', 'retired')),
  -- What is the key's own while a version is current, kept for going there and back.
  ADD COLUMN last_four text,
  ADD COLUMN fingerprint bytea,
  ADD COLUMN settings jsonb,
  ADD COLUMN promoted_at timestamptz,
  -- What its service calls it, where that is known: { id, more? }, nothing secret.
  ADD COLUMN remote jsonb,
  ADD COLUMN rotation_id uuid;
UPDATE service_key_versions v SET state = 'current', last_four = k.last_four, fingerprint = k.fingerprint
  FROM service_keys k
  WHERE k.organization_id = v.organization_id AND k.id = v.service_key_id AND k.current_version = v.version
    AND k.revoked_at IS NULL;
CREATE UNIQUE INDEX service_key_versions_current ON service_key_versions (organization_id, service_key_id) WHERE state = 'current';
CREATE UNIQUE INDEX service_key_versions_next ON service_key_versions (organization_id, service_key_id) WHERE state = 'next';

-- What keys are made and revoked with: an admin key, a management key. Of every key of a service, or of one.
CREATE TABLE rotation_credentials (
  organization_id  uuid NOT NULL REFERENCES organizations (id),
  id               uuid NOT NULL,
  driver_id        text NOT NULL,
  service_id       text NOT NULL,
  service_key_id   uuid,
  -- Those that are no secrets, and of the secret ones the last characters.
  fields           jsonb NOT NULL,
  last_fours       jsonb NOT NULL,
  -- Of the binding; goes up with each change.
  version          integer NOT NULL DEFAULT 1,
  master_key_id    text NOT NULL,
  wrapped_key      bytea NOT NULL,
  sealed_secret    bytea NOT NULL,
  status           text NOT NULL DEFAULT 'unknown' CHECK (status IN ('valid', 'invalid', 'unknown')),
  findings         jsonb NOT NULL DEFAULT '[]',
  checked_at       timestamptz,
  updated_by       uuid,
  updated_at       timestamptz NOT NULL,
  PRIMARY KEY (organization_id, id)
);
CREATE UNIQUE INDEX rotation_credentials_place ON rotation_credentials
  (organization_id, service_id, coalesce(service_key_id, '00000000-0000-0000-0000-000000000000'));

-- Of one key, or of the system keys of a service.
CREATE TABLE rotation_schedules (
  organization_id  uuid NOT NULL REFERENCES organizations (id),
  service_id       text NOT NULL,
  service_key_id   uuid,
  every_days       integer CHECK (every_days BETWEEN 1 AND 3650),
  overlap_seconds  integer CHECK (overlap_seconds BETWEEN 0 AND 2592000),
  updated_at       timestamptz NOT NULL
);
CREATE UNIQUE INDEX rotation_schedules_place ON rotation_schedules
  (organization_id, service_id, coalesce(service_key_id, '00000000-0000-0000-0000-000000000000'));
-- How old a key of the organisation may become.
ALTER TABLE organizations ADD COLUMN maximum_key_age_days integer CHECK (maximum_key_age_days BETWEEN 1 AND 3650);

-- One rotation of one key. `state` and what hangs on it change by src/rotation/machine.ts only, each change in one
-- transaction that names the fence it was made under: a worker that was overtaken changes nothing.
CREATE TABLE rotation_attempts (
  organization_id  uuid NOT NULL,
  id               uuid NOT NULL,
  service_key_id   uuid NOT NULL,
  service_id       text NOT NULL,
  driver_id        text NOT NULL,
  crash_class      text NOT NULL CHECK (crash_class IN ('recoverable', 'orphan_detectable', 'blind', 'assisted')),
  mode             text NOT NULL CHECK (mode IN ('normal', 'breach')),
  trigger          text NOT NULL CHECK (trigger IN ('schedule', 'person', 'breach')),
  state            text NOT NULL,
  -- Where it goes on after a person has helped, or after what it made has been cleaned away.
  resume_state     text,
  state_since      timestamptz NOT NULL,
  from_version     integer NOT NULL,
  to_version       integer,
  -- Tries at making a key so far; each has its own name.
  tries            integer NOT NULL DEFAULT 0,
  -- Failures in a row within the state.
  failures         integer NOT NULL DEFAULT 0,
  name             text,
  prepared         jsonb NOT NULL DEFAULT '{}',
  intended_at      timestamptz,
  -- The fence of the worker that recorded the intent, or holds the secret: nobody else may go on from there.
  held_by          bigint,
  -- No two of the same are between intent and creation at once.
  scope            text,
  old_remote       jsonb,
  new_remote       jsonb,
  old_is_gone      boolean NOT NULL DEFAULT false,
  overlap_seconds  integer NOT NULL,
  promoted_at      timestamptz,
  overlap_until    timestamptz,
  -- Operations that began before this epoch may use the version that goes; since `quiet_at` none of them does.
  barrier_epoch    bigint,
  drain_since      timestamptz,
  quiet_at         timestamptz,
  in_flight        integer,
  message          text,
  next_step        text,
  reason           text,
  created_by       uuid,
  created_at       timestamptz NOT NULL,
  ended_at         timestamptz,
  next_at          timestamptz,
  reminders        integer NOT NULL DEFAULT 0,
  fence            bigint NOT NULL DEFAULT 0,
  worker           uuid,
  lease_until      timestamptz,
  PRIMARY KEY (organization_id, id),
  FOREIGN KEY (organization_id, service_key_id) REFERENCES service_keys (organization_id, id)
) WITH (fillfactor = 80);
CREATE UNIQUE INDEX rotation_attempts_active ON rotation_attempts (organization_id, service_key_id) WHERE ended_at IS NULL;
CREATE UNIQUE INDEX rotation_attempts_scope ON rotation_attempts (scope) WHERE scope IS NOT NULL;
CREATE UNIQUE INDEX rotation_attempts_id ON rotation_attempts (id);
CREATE INDEX rotation_attempts_due ON rotation_attempts (next_at) WHERE ended_at IS NULL AND next_at IS NOT NULL;
CREATE INDEX rotation_attempts_of_key ON rotation_attempts (organization_id, service_key_id, created_at);

CREATE TABLE rotation_steps (
  organization_id  uuid NOT NULL,
  attempt_id       uuid NOT NULL,
  id               uuid NOT NULL,
  at               timestamptz NOT NULL,
  state            text NOT NULL,
  text             text NOT NULL,
  actor            text,
  PRIMARY KEY (organization_id, attempt_id, id),
  FOREIGN KEY (organization_id, attempt_id) REFERENCES rotation_attempts (organization_id, id)
);

-- Every key that we made at a service, or may have made: written before the call, so that none is ever without a name.
CREATE TABLE rotation_remotes (
  organization_id  uuid NOT NULL,
  attempt_id       uuid NOT NULL,
  name             text NOT NULL,
  remote           jsonb,
  state            text NOT NULL CHECK (state IN ('intended', 'exists', 'in_use', 'deleted', 'absent', 'left_to_person')),
  prepared         jsonb NOT NULL DEFAULT '{}',
  intended_at      timestamptz NOT NULL,
  at               timestamptz NOT NULL,
  -- A reply that was lost may be one of a call that takes effect yet: looked for again until then.
  look_again_at    timestamptz,
  PRIMARY KEY (organization_id, attempt_id, name),
  FOREIGN KEY (organization_id, attempt_id) REFERENCES rotation_attempts (organization_id, id)
);
CREATE INDEX rotation_remotes_open ON rotation_remotes (look_again_at) WHERE look_again_at IS NOT NULL;

-- Versions that go: each process says how many of its operations still use one. Both are empty but for a few minutes
-- of a rotation.
CREATE TABLE key_version_drains (
  attempt_id       uuid PRIMARY KEY,
  organization_id  uuid NOT NULL,
  service_key_id   uuid NOT NULL,
  version          integer NOT NULL,
  barrier_epoch    bigint NOT NULL,
  since            timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE key_version_uses (
  attempt_id       uuid NOT NULL REFERENCES key_version_drains (attempt_id) ON DELETE CASCADE,
  process_id       uuid NOT NULL,
  in_flight        integer NOT NULL,
  reported_at      timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (attempt_id, process_id)
);
