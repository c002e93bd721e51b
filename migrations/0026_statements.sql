-- Statements: the whole balance after each transaction, so that a page of any age costs the page and not the history.
-- balance = available + held − debt. docs/statements.md

ALTER TABLE ledger_entries ADD COLUMN held_micros bigint, ADD COLUMN debt_micros bigint;
ALTER TABLE ledger_entries DISABLE TRIGGER ledger_entries_append_only;
UPDATE ledger_entries e SET held_micros = running.held, debt_micros = running.debt
FROM (
  SELECT organization_id, account_id, number,
    sum(coalesce(sum(amount_micros) FILTER (WHERE bucket = 'held'), 0)) OVER lines AS held,
    -sum(coalesce(sum(amount_micros) FILTER (WHERE bucket = 'debt'), 0)) OVER lines AS debt
  FROM ledger_entries GROUP BY organization_id, account_id, number
  WINDOW lines AS (PARTITION BY organization_id, account_id ORDER BY number)
) AS running
WHERE e.organization_id = running.organization_id AND e.account_id = running.account_id AND e.number = running.number;
ALTER TABLE ledger_entries ENABLE TRIGGER ledger_entries_append_only;
ALTER TABLE ledger_entries
  ALTER COLUMN held_micros SET NOT NULL, ADD CHECK (held_micros >= 0),
  ALTER COLUMN debt_micros SET NOT NULL, ADD CHECK (debt_micros >= 0);

-- Lines that are no operation's: the filters of a statement ask for these, and no operation writes them.
CREATE INDEX ledger_entries_of_no_operation ON ledger_entries (organization_id, account_id, number)
  WHERE line = 0 AND kind <> 'hold' AND kind <> 'settle' AND kind <> 'release';

-- The number of an account's first transaction at or after an instant; one more than the last where there is none. Numbers
-- follow the order of commits and instants are clocks' of several processes, so instants may run backwards by as much
-- as those differ: steps of powers of two from the first transaction on find one place, which later transactions do not
-- move. Neighbouring times of a statement therefore meet exactly, and each transaction is in one of them.
CREATE FUNCTION first_transaction_since(organization uuid, account uuid, since timestamptz) RETURNS bigint
LANGUAGE plpgsql STABLE AS $$
DECLARE
  last bigint;
  found bigint := 0;
  step bigint := 1;
  at_step timestamptz;
BEGIN
  SELECT transaction_count INTO last FROM credit_accounts WHERE organization_id = organization AND id = account;
  WHILE step * 2 <= last LOOP
    step := step * 2;
  END LOOP;
  WHILE step >= 1 LOOP
    IF found + step <= last THEN
      SELECT e.at INTO at_step FROM ledger_entries e
        WHERE e.organization_id = organization AND e.account_id = account AND e.number = found + step AND e.line = 0;
      IF at_step < since THEN
        found := found + step;
      END IF;
    END IF;
    step := step / 2;
  END LOOP;
  RETURN found + 1;
END $$;
