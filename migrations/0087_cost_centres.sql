-- Cost centres of an organisation, and what of its use is charged back to which: docs/oversight.md

CREATE TABLE cost_centres (
  organization_id  uuid NOT NULL REFERENCES organizations (id),
  code             text NOT NULL CHECK (code ~ '^[A-Za-z0-9][A-Za-z0-9._-]{0,39}$'),
  name             text NOT NULL CHECK (length(name) BETWEEN 1 AND 80),
  created_at       timestamptz NOT NULL,
  -- Nobody is assigned to it any more; what it was charged stays.
  archived_at      timestamptz,
  PRIMARY KEY (organization_id, code)
);

-- From an instant on until the next row of the same subject; null: to none. So no two can overlap, and what was charged for a
-- time that is over changes only where somebody says so.
CREATE TABLE cost_centre_assignments (
  organization_id  uuid NOT NULL,
  subject_kind     text NOT NULL CHECK (subject_kind IN ('member', 'team')),
  subject_id       uuid NOT NULL,
  from_at          timestamptz NOT NULL,
  code             text,
  created_at       timestamptz NOT NULL,
  created_by       text,
  PRIMARY KEY (organization_id, subject_kind, subject_id, from_at),
  FOREIGN KEY (organization_id, code) REFERENCES cost_centres (organization_id, code)
);
