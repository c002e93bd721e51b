-- What is charged beside text tokens (images, seconds, characters, searches, …), and prices that hold from a day on or at
-- certain hours, so that a version of the price book is right at any time.
ALTER TABLE price_models ADD COLUMN unit_rates jsonb NOT NULL DEFAULT '[]';
ALTER TABLE price_models ADD COLUMN periods jsonb NOT NULL DEFAULT '[]';

-- Prices that administrators set themselves; they count before what is shipped.
CREATE TABLE price_overrides (
  service_id       text NOT NULL,
  -- A model's name; * stands for any text in it.
  model            text NOT NULL,
  -- A token class or a unit.
  unit             text NOT NULL,
  nano_usd         bigint NOT NULL CHECK (nano_usd >= 0),
  per              bigint NOT NULL CHECK (per > 0),
  reason           text NOT NULL,
  changed_by       uuid,
  changed_at       timestamptz NOT NULL,
  PRIMARY KEY (service_id, model, unit)
);

-- A change of them is a new version with the same models: its rows are those of another version.
ALTER TABLE price_books ADD COLUMN models_of integer REFERENCES price_books (version);
ALTER TABLE price_books ADD COLUMN overrides jsonb NOT NULL DEFAULT '[]';
-- Taking an own price back gives a version with the content of an older one.
ALTER TABLE price_books DROP CONSTRAINT price_books_content_hash_key;
CREATE INDEX price_books_content_hash ON price_books (content_hash);
