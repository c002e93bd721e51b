-- Credentials of machines: service accounts, OAuth 2.0 clients, applications that vouch for users.

-- bearer: presented with each call. client: the secret of an OAuth 2.0 client, exchanged for short-lived tokens.
-- application: a host application, whose own signed tokens stand for it; its row is what operations, limits and budgets
-- name. provisioning: for /scim/v2 only.
ALTER TABLE access_tokens ADD COLUMN purpose text NOT NULL DEFAULT 'bearer'
  CHECK (purpose IN ('bearer', 'client', 'application', 'provisioning'));

-- pays_user_id: the member who answers for it, and on whose credits it works on system keys.
CREATE TABLE service_accounts (
  organization_id  uuid NOT NULL REFERENCES organizations (id),
  user_id          uuid NOT NULL REFERENCES users (id),
  description      text NOT NULL DEFAULT '' CHECK (length(description) <= 300),
  pays_user_id     uuid,
  removed_at       timestamptz,
  created_at       timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (organization_id, user_id)
);

-- What clients were given for their secret: it ends with the client, whose id is what is recorded of its use.
CREATE TABLE client_tokens (
  organization_id  uuid NOT NULL,
  token_hash       bytea NOT NULL,
  client_id        uuid NOT NULL,
  scopes           text[] NOT NULL,
  expires_at       timestamptz NOT NULL,
  PRIMARY KEY (organization_id, token_hash),
  FOREIGN KEY (organization_id, client_id) REFERENCES access_tokens (organization_id, id)
);
CREATE INDEX client_tokens_hash ON client_tokens (token_hash);
CREATE INDEX client_tokens_expiry ON client_tokens (expires_at);

-- Exactly one of jwks_uri and jwks. frame_ancestors: origins that may show embedded dashboards.
CREATE TABLE host_applications (
  organization_id        uuid NOT NULL,
  id                     uuid NOT NULL,
  issuer                 text NOT NULL CHECK (length(issuer) BETWEEN 1 AND 500),
  jwks_uri               text,
  jwks                   jsonb,
  user_claim             text NOT NULL DEFAULT 'sub',
  matching               text NOT NULL CHECK (matching IN ('user_id', 'email', 'external_id')),
  maximum_token_seconds  integer NOT NULL CHECK (maximum_token_seconds BETWEEN 60 AND 86400),
  frame_ancestors        text[] NOT NULL DEFAULT '{}',
  PRIMARY KEY (organization_id, id),
  FOREIGN KEY (organization_id, id) REFERENCES access_tokens (organization_id, id),
  CHECK ((jwks_uri IS NULL) <> (jwks IS NULL))
);
CREATE INDEX host_applications_id ON host_applications (id);
