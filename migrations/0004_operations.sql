-- Price book: versioned, never changed in place. Rates are nano-dollars per million units.
CREATE TABLE price_books (
  version               integer PRIMARY KEY,
  content_hash          text NOT NULL UNIQUE,
  source                text NOT NULL,
  -- What one credit is worth, and what is added to cost: 10000 basis points = cost.
  nano_usd_per_credit   bigint NOT NULL CHECK (nano_usd_per_credit > 0),
  charge_basis_points   bigint NOT NULL CHECK (charge_basis_points > 0),
  effective_at          timestamptz NOT NULL,
  created_at            timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE price_models (
  price_book_version  integer NOT NULL REFERENCES price_books (version),
  service_id          text NOT NULL,
  model_id            text NOT NULL,
  match               jsonb NOT NULL,
  context_tokens      bigint,
  -- What the service charges for beside the token classes in price_rates, in the price data's words.
  unmetered           text[] NOT NULL DEFAULT '{}',
  position            integer NOT NULL,
  PRIMARY KEY (price_book_version, service_id, model_id)
);
CREATE TABLE price_rates (
  price_book_version     integer NOT NULL,
  service_id             text NOT NULL,
  model_id               text NOT NULL,
  token_class            text NOT NULL
                           CHECK (token_class IN ('input', 'cacheRead', 'cacheWrite', 'cacheWrite1h', 'output', 'reasoning')),
  -- The rate holds for the whole operation from this many input tokens on.
  from_input_tokens      bigint NOT NULL DEFAULT 0,
  nano_usd_per_million   bigint NOT NULL CHECK (nano_usd_per_million >= 0),
  PRIMARY KEY (price_book_version, service_id, model_id, token_class, from_input_tokens),
  FOREIGN KEY (price_book_version, service_id, model_id) REFERENCES price_models
);

-- The id is a UUIDv7, so ranges of ids are ranges of time: partitions by month with a primary key that a
-- look-up by id can use (docs/decisions/0004-operations-partitioned-by-id.md).
CREATE TABLE operations (
  organization_id      uuid NOT NULL,
  id                   uuid NOT NULL,
  user_id              uuid NOT NULL,
  access_token_id      uuid NOT NULL,
  started_at           timestamptz NOT NULL,
  duration_ms          integer NOT NULL,
  first_byte_ms        integer,
  endpoint             text NOT NULL,
  streamed             boolean NOT NULL,
  status               text NOT NULL CHECK (status IN ('succeeded', 'failed', 'refused', 'cancelled', 'interrupted')),
  http_status          smallint NOT NULL,
  fault_code           text,
  requested_model      text,
  service_id           text,
  model                text,
  key_owner            text CHECK (key_owner IN ('user', 'organization', 'system')),
  service_key_id       uuid,
  key_priority         smallint,
  reason               text NOT NULL,
  attempts             jsonb NOT NULL,
  input_tokens         bigint NOT NULL DEFAULT 0,
  cache_read_tokens    bigint NOT NULL DEFAULT 0,
  cache_write_tokens   bigint NOT NULL DEFAULT 0,
  cache_write_1h_tokens bigint NOT NULL DEFAULT 0,
  output_tokens        bigint NOT NULL DEFAULT 0,
  reasoning_tokens     bigint NOT NULL DEFAULT 0,
  usage_source         text NOT NULL CHECK (usage_source IN ('reported', 'estimated', 'none')),
  price_book_version   integer,
  cost_nano_usd        bigint CHECK (cost_nano_usd >= 0),
  held_micros          bigint NOT NULL DEFAULT 0,
  credit_micros        bigint NOT NULL DEFAULT 0 CHECK (credit_micros >= 0),
  PRIMARY KEY (organization_id, id)
) PARTITION BY RANGE (id);
CREATE INDEX operations_user ON operations (organization_id, user_id, id);
CREATE TABLE operations_rest PARTITION OF operations DEFAULT;

-- The smallest UUIDv7 of an instant.
CREATE FUNCTION first_id_at(at timestamptz) RETURNS uuid LANGUAGE sql IMMUTABLE AS $$
  SELECT (substr(h, 1, 8) || '-' || substr(h, 9, 4) || '-0000-0000-000000000000')::uuid
  FROM (SELECT lpad(to_hex(floor(extract(epoch FROM at) * 1000)::bigint), 12, '0') AS h) AS hex
$$;

-- Creates the partitions of this month and the next ones; called at start and by a job.
CREATE FUNCTION create_operation_partitions(at timestamptz, months_ahead integer) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  month timestamptz;
  name text;
BEGIN
  FOR i IN 0..months_ahead LOOP
    month := (date_trunc('month', at AT TIME ZONE 'UTC') + make_interval(months => i)) AT TIME ZONE 'UTC';
    name := 'operations_' || to_char(month AT TIME ZONE 'UTC', 'YYYY_MM');
    IF to_regclass(name) IS NULL THEN
      EXECUTE format('CREATE TABLE %I PARTITION OF operations FOR VALUES FROM (%L) TO (%L)', name,
        first_id_at(month),
        first_id_at(((month AT TIME ZONE 'UTC') + interval '1 month') AT TIME ZONE 'UTC'));
    END IF;
  END LOOP;
END $$;
