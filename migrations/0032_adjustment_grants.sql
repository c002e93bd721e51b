-- Credits that an administrator gives are an adjustment as well: above the limit, a second one has to agree. Their subject
-- is the account.
ALTER TABLE adjustments DROP CONSTRAINT adjustments_kind_check;
ALTER TABLE adjustments ADD CONSTRAINT adjustments_kind_check
  CHECK (kind IN ('reverse_grant', 'reverse_charge', 'grant'));
ALTER TABLE adjustments ADD CONSTRAINT adjustments_grant_check CHECK (kind <> 'grant' OR subject_id = account_id);
CREATE INDEX adjustments_account ON adjustments (organization_id, account_id, id);
