-- Who issues invoices, as printed on those that are issued from effective_at on. docs/statements.md
CREATE TABLE invoice_issuers (
  issuer        text NOT NULL CHECK (issuer ~ '^[a-z0-9-]{1,40}$'),
  version       integer NOT NULL CHECK (version > 0),
  name          text NOT NULL CHECK (length(name) BETWEEN 1 AND 120),
  address       text[] NOT NULL,
  tax_id        text,
  email         text,
  note          text,
  effective_at  timestamptz NOT NULL,
  created_by    text NOT NULL,
  reason        text NOT NULL,
  PRIMARY KEY (issuer, version)
);
CREATE TRIGGER invoice_issuers_append_only BEFORE UPDATE OR DELETE ON invoice_issuers
  FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- Reconciliation. These are the installation's, over all organisations. docs/reconciliation.md
CREATE TABLE reconciliation_runs (
  id             uuid PRIMARY KEY,
  trigger        text NOT NULL CHECK (trigger IN ('daily', 'request', 'command')),
  state          text NOT NULL CHECK (state IN ('waiting', 'running', 'done', 'failed')),
  requested_by   text NOT NULL,
  requested_at   timestamptz NOT NULL,
  started_at     timestamptz,
  finished_at    timestamptz,
  -- A process that died with it leaves it to another from then on.
  claimed_until  timestamptz,
  failure        text,
  checks         jsonb NOT NULL DEFAULT '[]',
  totals         jsonb NOT NULL DEFAULT '[]',
  CHECK ((state IN ('done', 'failed')) = (finished_at IS NOT NULL))
);
CREATE UNIQUE INDEX reconciliation_runs_under_way ON reconciliation_runs ((true)) WHERE state IN ('waiting', 'running');

CREATE TABLE reconciliation_findings (
  run_id           uuid NOT NULL REFERENCES reconciliation_runs (id),
  id               uuid NOT NULL,
  check_id         text NOT NULL,
  organization_id  uuid,
  account_id       uuid,
  subject_kind     text NOT NULL,
  subject_id       text NOT NULL,
  message          text NOT NULL,
  unit             text NOT NULL CHECK (unit IN ('micros', 'nano_usd', 'minor', 'tokens', 'count')),
  expected         numeric,
  found            numeric,
  difference       numeric,
  -- Within the tolerance that held when the run was made.
  is_tolerated     boolean NOT NULL DEFAULT false,
  first_seen_at    timestamptz NOT NULL,
  PRIMARY KEY (run_id, id)
);
CREATE UNIQUE INDEX reconciliation_findings_id ON reconciliation_findings (id);
CREATE INDEX reconciliation_findings_subject ON reconciliation_findings (check_id, subject_kind, subject_id);

-- Why a difference is right. It explains findings of later runs, too, as long as they differ by as much.
CREATE TABLE reconciliation_explanations (
  check_id      text NOT NULL,
  subject_kind  text NOT NULL,
  subject_id    text NOT NULL,
  difference    numeric,
  message       text NOT NULL,
  reason        text NOT NULL CHECK (length(reason) BETWEEN 1 AND 300),
  explained_by  text NOT NULL,
  explained_at  timestamptz NOT NULL,
  PRIMARY KEY (check_id, subject_kind, subject_id)
);

CREATE TABLE reconciliation_settings (
  only_row   boolean PRIMARY KEY DEFAULT true CHECK (only_row),
  tolerance  jsonb NOT NULL
);

-- What a service says was used, by day and model.
CREATE TABLE service_exports (
  id               uuid PRIMARY KEY,
  service_id       text NOT NULL,
  format           text NOT NULL,
  file_name        text NOT NULL,
  content_hash     text NOT NULL,
  key_owner        text NOT NULL CHECK (key_owner IN ('user', 'organization', 'system')),
  -- Of own keys: whose. Of one key: which.
  organization_id  uuid,
  service_key_id   uuid,
  from_day         date NOT NULL,
  until_day        date NOT NULL CHECK (until_day > from_day),
  imported_by      text NOT NULL,
  imported_at      timestamptz NOT NULL,
  UNIQUE NULLS NOT DISTINCT (service_id, content_hash, key_owner, organization_id, service_key_id),
  CHECK ((key_owner = 'system') = (organization_id IS NULL))
);
CREATE TABLE service_export_lines (
  export_id            uuid NOT NULL REFERENCES service_exports (id) ON DELETE CASCADE,
  day                  date NOT NULL,
  -- '': all models together.
  model                text NOT NULL,
  requests             bigint,
  input_tokens         bigint,
  cached_input_tokens  bigint,
  output_tokens        bigint,
  cost_nano_usd        bigint,
  PRIMARY KEY (export_id, day, model)
);
