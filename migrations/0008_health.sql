-- Circuit breakers that have opened at least once. A breaker of a whole service lies with the platform organisation, one
-- of a service key with the key's (docs: src/health/breaker.ts).
CREATE TABLE breakers (
  organization_id  uuid NOT NULL REFERENCES organizations (id),
  -- The service's id, or the service key's.
  subject          text NOT NULL,
  subject_kind     text NOT NULL CHECK (subject_kind IN ('service', 'service_key')),
  state            text NOT NULL CHECK (state IN ('open', 'closed')),
  -- Since when it is in this state.
  since            timestamptz NOT NULL,
  -- While open: from then on one operation may try.
  probe_after      timestamptz,
  -- How often it has opened in a row; the next wait is longer.
  openings         integer NOT NULL CHECK (openings > 0),
  -- Which process tries, and until when at most.
  probe_process    uuid,
  probe_until      timestamptz,
  PRIMARY KEY (organization_id, subject),
  CHECK ((state = 'open') = (probe_after IS NOT NULL)),
  CHECK ((probe_process IS NULL) = (probe_until IS NULL))
);

-- What each process saw of late, for screens. Losing it in a crash costs nothing.
CREATE UNLOGGED TABLE health_samples (
  organization_id  uuid NOT NULL,
  subject          text NOT NULL,
  process_id       uuid NOT NULL,
  calls            integer NOT NULL,
  failures         integer NOT NULL,
  at               timestamptz NOT NULL,
  PRIMARY KEY (organization_id, subject, process_id)
);

-- Models whose limit at the service is used up, each with the time until which: {"gpt-5": "2026-11-22T20:00:00.000Z"}.
ALTER TABLE service_keys ADD COLUMN cooling_models jsonb NOT NULL DEFAULT '{}';
