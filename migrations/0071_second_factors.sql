-- Second factors of people, how a session was opened, and sign-ins that wait for a second factor.

-- method: what opened it (null: before this was noted). second_factor_at: when a second factor was last shown in it.
-- only_organization_id: opened by the single sign-on of this organisation, whose word counts there and nowhere else.
ALTER TABLE sessions
  ADD COLUMN method text,
  ADD COLUMN second_factor_at timestamptz,
  ADD COLUMN only_organization_id uuid;

-- One that is confirmed, and at most one that is being set up. last_step: the time step of the last code that was taken; no
-- code of that step or of an earlier one is taken again. The secret is sealed under the platform's key, since people outlive
-- their organisations.
CREATE TABLE totp_factors (
  user_id        uuid NOT NULL REFERENCES users (id),
  id             uuid NOT NULL,
  master_key_id  text NOT NULL,
  wrapped_key    bytea NOT NULL,
  sealed_secret  bytea NOT NULL,
  last_step      bigint NOT NULL DEFAULT 0,
  created_at     timestamptz NOT NULL,
  confirmed_at   timestamptz,
  PRIMARY KEY (user_id, id)
);
CREATE UNIQUE INDEX totp_factors_confirmed ON totp_factors (user_id) WHERE confirmed_at IS NOT NULL;

-- SHA-256 with the user's id; each code has 80 random bits.
CREATE TABLE recovery_codes (
  user_id     uuid NOT NULL REFERENCES users (id),
  code_hash   bytea NOT NULL,
  created_at  timestamptz NOT NULL,
  used_at     timestamptz,
  PRIMARY KEY (user_id, code_hash)
);

-- rp_id: the host name it was made for.
CREATE TABLE passkeys (
  id             uuid PRIMARY KEY,
  user_id        uuid NOT NULL REFERENCES users (id),
  credential_id  text NOT NULL UNIQUE,
  public_key     bytea NOT NULL,
  counter        bigint NOT NULL,
  transports     text[] NOT NULL,
  rp_id          text NOT NULL,
  name           text NOT NULL CHECK (length(name) BETWEEN 1 AND 80),
  is_backed_up   boolean NOT NULL,
  created_at     timestamptz NOT NULL,
  last_used_at   timestamptz
);
CREATE INDEX passkeys_user ON passkeys (user_id);

-- Each is answered once, by the session or browser it was given to.
CREATE TABLE passkey_challenges (
  challenge_hash  bytea PRIMARY KEY,
  purpose         text NOT NULL CHECK (purpose IN ('register', 'prove', 'sign_in')),
  bound_to        text NOT NULL,
  user_id         uuid REFERENCES users (id),
  expires_at      timestamptz NOT NULL
);

-- Somebody has shown the first factor and not yet the second. The browser holds the token in a cookie.
CREATE TABLE pending_sign_ins (
  token_hash            bytea PRIMARY KEY,
  user_id               uuid NOT NULL REFERENCES users (id),
  method                text NOT NULL,
  only_organization_id  uuid,
  expires_at            timestamptz NOT NULL
);
CREATE INDEX pending_sign_ins_user ON pending_sign_ins (user_id);
