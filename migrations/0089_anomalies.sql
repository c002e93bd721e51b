-- What is unusual in an organisation's use: docs/oversight.md

CREATE TABLE anomalies (
  organization_id  uuid NOT NULL REFERENCES organizations (id),
  id               uuid NOT NULL,
  kind             text NOT NULL CHECK (kind IN ('sudden_spend', 'new_model', 'new_country')),
  -- What it is about; the same is found once.
  key              text NOT NULL CHECK (length(key) BETWEEN 1 AND 400),
  -- Null: of everybody together.
  user_id          uuid,
  service_id       text,
  model            text,
  country          text CHECK (country ~ '^[A-Z]{2}$'),
  -- Of sudden spend: of 24 hours, and of an ordinary day before.
  spent_nano_usd   bigint,
  usual_nano_usd   bigint,
  at               timestamptz NOT NULL,
  dismissed_at     timestamptz,
  dismissed_by     text,
  PRIMARY KEY (organization_id, id),
  UNIQUE (organization_id, key)
);
CREATE INDEX anomalies_at ON anomalies (organization_id, at);

-- Without a row: the usual thresholds.
CREATE TABLE anomaly_thresholds (
  organization_id      uuid PRIMARY KEY REFERENCES organizations (id),
  spend_factor         integer NOT NULL CHECK (spend_factor BETWEEN 2 AND 100),
  spend_floor_nano_usd bigint NOT NULL CHECK (spend_floor_nano_usd > 0),
  tells_models         boolean NOT NULL,
  tells_countries      boolean NOT NULL
);

-- From where somebody has called: two letters of ISO 3166, nothing more.
CREATE TABLE member_countries (
  organization_id  uuid NOT NULL,
  user_id          uuid NOT NULL,
  country          text NOT NULL CHECK (country ~ '^[A-Z]{2}$'),
  first_at         timestamptz NOT NULL,
  last_at          timestamptz NOT NULL,
  PRIMARY KEY (organization_id, user_id, country)
);
