-- Of a model group's attempts: when one is given up for the next, and when the next is started beside it. Null: never.
ALTER TABLE model_groups ADD COLUMN attempt_timeout_seconds integer CHECK (attempt_timeout_seconds BETWEEN 1 AND 600);
ALTER TABLE model_groups ADD COLUMN hedge_after_seconds integer CHECK (hedge_after_seconds BETWEEN 1 AND 600);
