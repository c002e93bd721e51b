-- As it was, over every operation's entries, so that whoever looks for those of an operation finds refunds too: an
-- operation is held once and ended once, its refunds are told apart by their numbers.
DROP INDEX ledger_entries_once;
CREATE UNIQUE INDEX ledger_entries_once ON ledger_entries
  (organization_id, operation_id, (CASE kind WHEN 'hold' THEN 'begin' WHEN 'refund' THEN number::text ELSE 'end' END))
  WHERE operation_id IS NOT NULL AND line = 0;
