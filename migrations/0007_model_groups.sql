-- What administrators changed of the model groups that come with the product, and groups of their own. A shipped group
-- without a row is as it was shipped, so that a new version brings its new contents.
CREATE TABLE model_groups (
  id           text PRIMARY KEY CHECK (id ~ '^[a-z0-9][a-z0-9-]{1,39}$'),
  label        text NOT NULL CHECK (length(label) BETWEEN 1 AND 80),
  description  text NOT NULL DEFAULT '' CHECK (length(description) <= 400),
  task         text NOT NULL,
  -- In order, as a caller would write them.
  models       text[] NOT NULL CHECK (cardinality(models) <= 50),
  -- A shipped group that an administrator took away.
  removed      boolean NOT NULL DEFAULT false,
  updated_at   timestamptz NOT NULL DEFAULT now()
);
