-- Rate limits as people set them; what is not limited is null. docs/decisions/0011-rate-limits.md
CREATE TABLE rate_limits (
  organization_id      uuid NOT NULL REFERENCES organizations (id),
  subject_kind         text NOT NULL CHECK (subject_kind IN ('access_token', 'user', 'service_key')),
  subject_id           uuid NOT NULL,
  requests_per_minute  integer CHECK (requests_per_minute > 0),
  tokens_per_minute    bigint CHECK (tokens_per_minute BETWEEN 1 AND 1000000000000),
  concurrent           integer CHECK (concurrent > 0),
  changed_at           timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (organization_id, subject_kind, subject_id),
  CHECK (num_nonnulls(requests_per_minute, tokens_per_minute, concurrent) > 0)
);

-- What was used of them: a row for each subject that has been limited, locked by whoever takes from it. Every take
-- rewrites the row; free space in the pages keeps that in place (HOT).
CREATE TABLE rate_windows (
  organization_id  uuid NOT NULL,
  subject_kind     text NOT NULL,
  subject_id       uuid NOT NULL,
  -- [[second, requests, tokens], …] of the last minute, oldest first.
  charges          jsonb NOT NULL DEFAULT '[]',
  -- [[process id, operations under way, second of the last change], …]
  holders          jsonb NOT NULL DEFAULT '[]',
  updated_at       timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (organization_id, subject_kind, subject_id)
) WITH (fillfactor = 50);
