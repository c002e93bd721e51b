-- Written once for each operation by us, read one operation at a time. As `json` PostgreSQL reads every document again when it is
-- written: a quarter of what a record costs here. Whoever reads one says `::json`.
ALTER TABLE operations
  ALTER COLUMN attempts TYPE text,
  ALTER COLUMN decision TYPE text;
