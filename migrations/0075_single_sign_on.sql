-- Sign-in at a company's own identity provider: what it is, which e-mail domains are the company's, who is who there.

-- Domains that an organisation says are its own; proved by a TXT record that holds the token.
CREATE TABLE sso_domains (
  organization_id  uuid NOT NULL REFERENCES organizations (id),
  -- Lower case, in ASCII.
  domain           text NOT NULL,
  token            text NOT NULL,
  verified_at      timestamptz,
  checked_at       timestamptz,
  -- Null: the last check found the record.
  problem          text,
  -- People of this domain sign in at the identity provider and in no other way.
  enforced         boolean NOT NULL DEFAULT false CHECK (NOT enforced OR verified_at IS NOT NULL),
  created_at       timestamptz NOT NULL,
  PRIMARY KEY (organization_id, domain)
);

-- One organisation at a time has a domain; of no tenant, since it says just that.
CREATE TABLE sso_domain_holders (
  domain     text PRIMARY KEY,
  holder_id  uuid NOT NULL REFERENCES organizations (id)
);
CREATE INDEX sso_domain_holders_holder ON sso_domain_holders (holder_id);

CREATE TABLE sso_connections (
  organization_id  uuid NOT NULL REFERENCES organizations (id),
  id               uuid NOT NULL,
  kind             text NOT NULL CHECK (kind IN ('oidc', 'saml')),
  name             text NOT NULL,
  enabled          boolean NOT NULL,
  -- Addresses, names of claims, certificates: nothing secret.
  settings         jsonb NOT NULL,
  -- Whoever the identity provider names becomes a member at the first sign-in.
  joins_members    boolean NOT NULL,
  default_role     text NOT NULL CHECK (default_role IN ('administrator', 'billing', 'auditor', 'member')),
  -- [{"group": …, "role": …}], the first that fits.
  role_rules       jsonb NOT NULL DEFAULT '[]',
  -- Counts up with every change, and with every secret.
  version          integer NOT NULL DEFAULT 1,
  secret_version   integer NOT NULL DEFAULT 0,
  -- The secret of our client there; null: none.
  master_key_id    text,
  wrapped_key      bytea,
  sealed_secret    bytea,
  created_at       timestamptz NOT NULL,
  updated_at       timestamptz NOT NULL,
  last_used_at     timestamptz,
  -- Why the last sign-in was refused, for whoever sets it up.
  problem          text,
  problem_at       timestamptz,
  PRIMARY KEY (organization_id, id),
  CHECK ((master_key_id IS NULL) = (wrapped_key IS NULL) AND (wrapped_key IS NULL) = (sealed_secret IS NULL))
);
-- A browser that comes back names the connection alone.
CREATE INDEX sso_connections_id ON sso_connections (id);

-- Who somebody is at an identity provider.
CREATE TABLE sso_identities (
  organization_id  uuid NOT NULL,
  connection_id    uuid NOT NULL,
  subject          text NOT NULL,
  user_id          uuid NOT NULL REFERENCES users (id),
  email            text NOT NULL,
  created_at       timestamptz NOT NULL,
  last_used_at     timestamptz NOT NULL,
  PRIMARY KEY (organization_id, connection_id, subject),
  FOREIGN KEY (organization_id, connection_id) REFERENCES sso_connections (organization_id, id) ON DELETE CASCADE
);
CREATE INDEX sso_identities_user ON sso_identities (user_id);

-- Sign-ins under way, for minutes. Nothing in here lets anybody go on with one: the secret is in the browser's cookie.
CREATE TABLE sso_attempts (
  organization_id  uuid NOT NULL,
  id               uuid NOT NULL,
  connection_id    uuid NOT NULL,
  -- sign_in, link: to a user who is signed in. unsolicited: begun at the identity provider.
  purpose          text NOT NULL CHECK (purpose IN ('sign_in', 'link', 'unsolicited')),
  -- SHA-256 of OIDC's state or the id of the SAML request; of nothing that anybody knows where it is unsolicited.
  state_hash       bytea NOT NULL,
  user_id          uuid REFERENCES users (id),
  -- SAML: who the verified assertion names, until the browser that began fetches it with the ticket.
  result           jsonb,
  ticket_hash      bytea,
  created_at       timestamptz NOT NULL,
  expires_at       timestamptz NOT NULL,
  used_at          timestamptz,
  PRIMARY KEY (organization_id, id),
  FOREIGN KEY (organization_id, connection_id) REFERENCES sso_connections (organization_id, id) ON DELETE CASCADE
);
CREATE INDEX sso_attempts_state ON sso_attempts (organization_id, state_hash);
CREATE INDEX sso_attempts_expiry ON sso_attempts (expires_at);

-- Assertions that were taken once, as long as they would be valid: none is taken again.
CREATE TABLE sso_assertions (
  organization_id  uuid NOT NULL,
  connection_id    uuid NOT NULL,
  assertion_hash   bytea NOT NULL,
  expires_at       timestamptz NOT NULL,
  PRIMARY KEY (organization_id, connection_id, assertion_hash),
  FOREIGN KEY (organization_id, connection_id) REFERENCES sso_connections (organization_id, id) ON DELETE CASCADE
);
CREATE INDEX sso_assertions_expiry ON sso_assertions (expires_at);
