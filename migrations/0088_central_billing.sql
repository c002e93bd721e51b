-- Central billing: members' operations draw on one account of their organisation. docs/oversight.md

-- The holder of that account is the organisation itself, as a user that nobody signs in as: its id is the organisation's and it
-- has no membership, so that it is on no list of people. Its e-mail address is made up and never written to.
ALTER TABLE users DROP CONSTRAINT users_kind_check;
ALTER TABLE users ADD CONSTRAINT users_kind_check CHECK (kind IN ('person', 'service_account', 'organization'));

ALTER TABLE organizations ADD COLUMN central_billing_at timestamptz;
-- Where invoices of that account are addressed to.
ALTER TABLE organizations ADD COLUMN billing_email text CHECK (length(billing_email) <= 254);
ALTER TABLE organizations ADD CHECK (central_billing_at IS NULL OR (kind = 'company' AND billing_email IS NOT NULL));

-- So that the wall is built anew: an organisation sees its own holder.
DROP POLICY IF EXISTS tenant ON users;
