-- Versions of the price book: what each changed, markups, and versions that are to come. docs/metering.md

-- Markups by service and model; the installation's own is charge_basis_points.
ALTER TABLE price_books ADD COLUMN markups jsonb NOT NULL DEFAULT '[]';
-- The version it was made from: what it is compared with.
ALTER TABLE price_books ADD COLUMN based_on integer REFERENCES price_books (version);
ALTER TABLE price_books ADD COLUMN change_id uuid;
-- It was to come and does not: withdrawn, or made again upon a change that takes effect before it.
ALTER TABLE price_books ADD COLUMN withdrawn_at timestamptz;
CREATE INDEX price_books_in_force ON price_books (effective_at, version) WHERE withdrawn_at IS NULL;

-- Own prices are part of a version, with who set them and why.
UPDATE price_books SET overrides = coalesce((
    SELECT jsonb_agg(jsonb_build_object('serviceId', service_id, 'model', model, 'unit', unit, 'nanoUsd', nano_usd::text,
      'per', per::text, 'reason', reason, 'changedBy', changed_by,
      'changedAt', to_char(changed_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'))
      ORDER BY service_id, model, unit)
    FROM price_overrides), '[]')
  WHERE version = (SELECT max(version) FROM price_books);
UPDATE price_books SET based_on = version - 1
  WHERE EXISTS (SELECT FROM price_books AS before WHERE before.version = price_books.version - 1);
DROP TABLE price_overrides;

-- A change that is drafted, approved, and so becomes a version.
CREATE TABLE price_changes (
  id               uuid PRIMARY KEY,
  status           text NOT NULL CHECK (status IN ('draft', 'waiting', 'approved', 'discarded', 'withdrawn')),
  revision         integer NOT NULL DEFAULT 1,
  edits            jsonb NOT NULL,
  reason           text NOT NULL CHECK (length(reason) BETWEEN 1 AND 500),
  -- Null: when it is approved.
  effective_at     timestamptz,
  version          integer REFERENCES price_books (version),
  created_by       uuid,
  -- Whoever wrote the edits as they are; neither of the two can be the second approver.
  edited_by        uuid,
  created_at       timestamptz NOT NULL,
  decided_by       uuid,
  decided_at       timestamptz,
  decision_reason  text,
  CHECK ((status IN ('draft', 'waiting')) = (decided_at IS NULL)),
  CHECK ((status IN ('approved', 'withdrawn')) = (version IS NOT NULL))
);
CREATE INDEX price_changes_open ON price_changes (id) WHERE status IN ('draft', 'waiting');
ALTER TABLE price_books ADD FOREIGN KEY (change_id) REFERENCES price_changes (id);

-- What operations were charged by stays as it was.
CREATE FUNCTION keep_price_book() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'DELETE' OR OLD.withdrawn_at IS NOT NULL OR NEW.withdrawn_at IS NULL
    OR (to_jsonb(NEW) - 'withdrawn_at') <> (to_jsonb(OLD) - 'withdrawn_at') THEN
    RAISE EXCEPTION 'a version of the price book cannot be changed' USING ERRCODE = 'restrict_violation';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER price_books_append_only BEFORE UPDATE OR DELETE ON price_books
  FOR EACH ROW EXECUTE FUNCTION keep_price_book();
CREATE TRIGGER price_models_append_only BEFORE UPDATE OR DELETE ON price_models
  FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER price_rates_append_only BEFORE UPDATE OR DELETE ON price_rates
  FOR EACH ROW EXECUTE FUNCTION refuse_change();
