-- What an organisation asks of the sessions of its members, beyond what the installation asks. Of the platform's own
-- organisation: of sessions of platform administrators. Null: as the installation says.
CREATE TABLE session_policies (
  organization_id         uuid PRIMARY KEY REFERENCES organizations (id),
  idle_minutes            integer CHECK (idle_minutes BETWEEN 5 AND 43200),
  session_hours           integer CHECK (session_hours BETWEEN 1 AND 2160),
  second_factor_required  boolean NOT NULL DEFAULT false,
  -- The organisation's single sign-on has asked for a second factor itself.
  trusts_single_sign_on   boolean NOT NULL DEFAULT true,
  -- Addresses and ranges that sessions may be used from; empty: any.
  networks                text[] NOT NULL DEFAULT '{}',
  updated_at              timestamptz NOT NULL
);

-- Gets in when single sign-on does not work, and from any network; whoever uses it is told of to those who run the organisation.
ALTER TABLE memberships ADD COLUMN break_glass_at timestamptz;
