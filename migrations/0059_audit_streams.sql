-- What was delivered of each organization's chain to each place that the operator streams the audit trail to (docs/audit.md).
-- A place is known by what its reference says without secrets, so that a process that starts goes on where another stopped.

-- One process at a time delivers to a place: whoever holds its lease.
CREATE TABLE audit_streams (
  sink                 text PRIMARY KEY,
  created_at           timestamptz NOT NULL DEFAULT now(),
  holder               text,
  held_until           timestamptz NOT NULL DEFAULT '-infinity',
  -- In a row; 0: the last one succeeded.
  failures             integer NOT NULL DEFAULT 0 CHECK (failures >= 0),
  failing_since        timestamptz,
  last_fault           text,
  next_attempt_at      timestamptz NOT NULL DEFAULT '-infinity',
  last_delivered_at    timestamptz,
  CHECK ((failures = 0) = (failing_since IS NULL))
);

CREATE TABLE audit_stream_positions (
  organization_id      uuid NOT NULL,
  sink                 text NOT NULL REFERENCES audit_streams (sink) ON DELETE CASCADE,
  -- The last link, and the last signed one whose checkpoint was delivered, too.
  sequence             bigint NOT NULL CHECK (sequence >= 0),
  checkpoint_sequence  bigint NOT NULL DEFAULT 0 CHECK (checkpoint_sequence >= 0),
  PRIMARY KEY (organization_id, sink)
);
