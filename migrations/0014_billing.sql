-- Tiers' versions, subscriptions, payments, invoices. docs/billing.md

-- A tier as it was from effective_at on. A change is a new version; nothing here is ever changed.
CREATE TABLE tier_versions (
  tier_id              text NOT NULL REFERENCES tiers (id),
  version              integer NOT NULL CHECK (version > 0),
  name                 text NOT NULL,
  price_minor          bigint NOT NULL CHECK (price_minor >= 0),
  currency             text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
  allocation_micros    bigint NOT NULL CHECK (allocation_micros >= 0),
  rollover_cap_micros  bigint NOT NULL DEFAULT 0 CHECK (rollover_cap_micros >= 0),
  entitlements         jsonb NOT NULL DEFAULT '{"services": null, "groups": null, "rateLimits": null}',
  effective_at         timestamptz NOT NULL,
  created_at           timestamptz NOT NULL DEFAULT now(),
  created_by           text NOT NULL,
  reason               text NOT NULL,
  PRIMARY KEY (tier_id, version)
);
CREATE TRIGGER tier_versions_append_only BEFORE UPDATE OR DELETE ON tier_versions
  FOR EACH ROW EXECUTE FUNCTION refuse_change();
ALTER TABLE tiers ADD COLUMN archived_at timestamptz;

-- `tiers` holds the version in effect, for whoever only wants to show it. Whoever writes there directly makes a version;
-- the billing room, which makes it first, says so by the setting.
CREATE FUNCTION note_tier_version() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO tier_versions (tier_id, version, name, price_minor, currency, allocation_micros, rollover_cap_micros,
    entitlements, effective_at, created_by, reason)
  SELECT NEW.id, coalesce(last.version, 0) + 1, NEW.name, NEW.monthly_price_cents, NEW.currency,
    NEW.monthly_allocation_micros, coalesce(last.rollover_cap_micros, 0),
    coalesce(last.entitlements, '{"services": null, "groups": null, "rateLimits": null}'),
    CASE WHEN last.version IS NULL THEN timestamptz 'epoch' ELSE now() END, 'installation', 'configured'
  FROM (SELECT 1) AS one LEFT JOIN LATERAL (
    SELECT * FROM tier_versions WHERE tier_id = NEW.id ORDER BY effective_at DESC, version DESC LIMIT 1) AS last ON true
  WHERE last.version IS NULL OR (last.name, last.price_minor, last.currency, last.allocation_micros)
    IS DISTINCT FROM (NEW.name, NEW.monthly_price_cents, NEW.currency, NEW.monthly_allocation_micros);
  RETURN NULL;
END $$;
CREATE TRIGGER tiers_versions AFTER INSERT OR UPDATE OF name, monthly_price_cents, currency, monthly_allocation_micros
  ON tiers FOR EACH ROW WHEN (coalesce(current_setting('aideon.tier_version', true), '') <> 'made')
  EXECUTE FUNCTION note_tier_version();
INSERT INTO tier_versions (tier_id, version, name, price_minor, currency, allocation_micros, effective_at, created_by, reason)
  SELECT id, 1, name, monthly_price_cents, currency, monthly_allocation_micros, 'epoch', 'installation', 'shipped' FROM tiers;

-- An account with a subscription is given its allocations by it; the ledger gives those of the others.
ALTER TABLE credit_accounts ADD COLUMN is_subscribed boolean NOT NULL DEFAULT false;
DROP INDEX credit_accounts_due;
CREATE INDEX credit_accounts_due ON credit_accounts (allocated_until) WHERE NOT is_subscribed;

-- One per credit account. Locked before the account, always.
CREATE TABLE subscriptions (
  organization_id        uuid NOT NULL,
  account_id             uuid NOT NULL,
  user_id                uuid NOT NULL,
  status                 text NOT NULL CHECK (status IN ('active', 'paused', 'past_due', 'canceled')),
  tier_id                text NOT NULL,
  tier_version           integer NOT NULL,
  collection             text NOT NULL CHECK (collection IN ('none', 'manual', 'stripe')),
  time_zone              text NOT NULL DEFAULT 'UTC',
  anchored_at            timestamptz NOT NULL,
  -- Months since the anchor.
  period_number          integer NOT NULL,
  period_start           timestamptz NOT NULL,
  period_end             timestamptz NOT NULL,
  -- Off this period's price, as the own-key rule stood when it began.
  discount_basis_points  integer NOT NULL DEFAULT 0 CHECK (discount_basis_points BETWEEN 0 AND 10000),
  -- At the end of the period: another tier, or the end of the paid one.
  pending_tier_id        text REFERENCES tiers (id),
  pending_cancel         boolean NOT NULL DEFAULT false,
  paused_at              timestamptz,
  grace_until            timestamptz,
  -- Counts changes: a payment for a change applies to the subscription it was calculated for.
  revision               bigint NOT NULL DEFAULT 1,
  created_at             timestamptz NOT NULL,
  PRIMARY KEY (organization_id, account_id),
  FOREIGN KEY (organization_id, account_id) REFERENCES credit_accounts (organization_id, id),
  FOREIGN KEY (tier_id, tier_version) REFERENCES tier_versions (tier_id, version),
  CHECK (period_end >= period_start),
  CHECK (NOT (pending_cancel AND pending_tier_id IS NOT NULL)),
  CHECK ((status = 'paused') = (paused_at IS NOT NULL)),
  CHECK ((status = 'past_due') = (grace_until IS NOT NULL))
);
CREATE INDEX subscriptions_due ON subscriptions (period_end) WHERE status <> 'paused';
CREATE INDEX subscriptions_grace ON subscriptions (grace_until) WHERE status = 'past_due';
CREATE INDEX subscriptions_tier ON subscriptions (tier_id);

-- Every period that began, once: what it gave and cost. Append-only.
CREATE TABLE subscription_periods (
  organization_id        uuid NOT NULL,
  account_id             uuid NOT NULL,
  starts_at              timestamptz NOT NULL,
  ends_at                timestamptz NOT NULL,
  tier_id                text NOT NULL,
  tier_version           integer NOT NULL,
  allocation_micros      bigint NOT NULL,
  rolled_over_micros     bigint NOT NULL DEFAULT 0,
  price_minor            bigint NOT NULL,
  discount_minor         bigint NOT NULL,
  currency               text NOT NULL,
  -- The own-key rule and how it stood: what the discount is proven by.
  discount               jsonb NOT NULL,
  created_at             timestamptz NOT NULL,
  PRIMARY KEY (organization_id, account_id, starts_at),
  FOREIGN KEY (organization_id, account_id) REFERENCES subscriptions (organization_id, account_id)
);
CREATE TRIGGER subscription_periods_append_only BEFORE UPDATE OR DELETE ON subscription_periods
  FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- A command that came twice is answered as it was the first time.
CREATE TABLE billing_commands (
  organization_id  uuid NOT NULL,
  account_id       uuid NOT NULL,
  idempotency_key  text NOT NULL CHECK (length(idempotency_key) BETWEEN 1 AND 200),
  request          jsonb NOT NULL,
  result           jsonb NOT NULL,
  created_at       timestamptz NOT NULL,
  PRIMARY KEY (organization_id, account_id, idempotency_key)
);

-- When a key that may count for the own-key discount was there: active, and found valid by its service.
CREATE TABLE own_key_presences (
  organization_id  uuid NOT NULL,
  service_key_id   uuid NOT NULL,
  owner            text NOT NULL CHECK (owner IN ('user', 'organization')),
  user_id          uuid,
  from_at          timestamptz NOT NULL,
  until_at         timestamptz,
  PRIMARY KEY (organization_id, service_key_id, from_at)
);
CREATE UNIQUE INDEX own_key_presences_open ON own_key_presences (organization_id, service_key_id) WHERE until_at IS NULL;
CREATE INDEX own_key_presences_user ON own_key_presences (organization_id, user_id);
CREATE FUNCTION note_own_key_presence() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.status = 'active' AND NEW.verdict = 'valid' THEN
    INSERT INTO own_key_presences (organization_id, service_key_id, owner, user_id, from_at)
    VALUES (NEW.organization_id, NEW.id, NEW.owner, NEW.user_id, clock_timestamp())
    ON CONFLICT DO NOTHING;
  ELSE
    UPDATE own_key_presences SET until_at = greatest(clock_timestamp(), from_at)
    WHERE organization_id = NEW.organization_id AND service_key_id = NEW.id AND until_at IS NULL;
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER service_keys_made AFTER INSERT ON service_keys
  FOR EACH ROW WHEN (NEW.owner <> 'system' AND NEW.status = 'active' AND NEW.verdict = 'valid')
  EXECUTE FUNCTION note_own_key_presence();
CREATE TRIGGER service_keys_changed AFTER UPDATE OF status, verdict ON service_keys
  FOR EACH ROW WHEN (NEW.owner <> 'system' AND (OLD.status, OLD.verdict) IS DISTINCT FROM (NEW.status, NEW.verdict))
  EXECUTE FUNCTION note_own_key_presence();
INSERT INTO own_key_presences (organization_id, service_key_id, owner, user_id, from_at)
  SELECT organization_id, id, owner, user_id, created_at FROM service_keys
  WHERE owner <> 'system' AND status = 'active' AND verdict = 'valid';

CREATE TABLE credit_packs (
  id             text PRIMARY KEY CHECK (id ~ '^[a-z][a-z0-9_-]{0,39}$'),
  name           text NOT NULL CHECK (length(name) BETWEEN 1 AND 80),
  credit_micros  bigint NOT NULL CHECK (credit_micros > 0),
  price_minor    bigint NOT NULL CHECK (price_minor > 0),
  currency       text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
  position       integer NOT NULL DEFAULT 0,
  archived_at    timestamptz
);
INSERT INTO credit_packs (id, name, credit_micros, price_minor, currency, position) VALUES
  ('small',  '500 credits',      500000000,   500, 'USD', 1),
  ('medium', '2,000 credits',   2000000000,  1900, 'USD', 2),
  ('large',  '10,000 credits', 10000000000,  9000, 'USD', 3);

-- What is paid, is to be paid, or was not. Its effect is in the commit that makes it `paid`.
CREATE TABLE payments (
  organization_id  uuid NOT NULL,
  id               uuid NOT NULL,
  account_id       uuid NOT NULL,
  user_id          uuid NOT NULL,
  provider         text NOT NULL CHECK (provider IN ('manual', 'stripe')),
  purpose          text NOT NULL CHECK (purpose IN ('purchase', 'auto_top_up', 'tier_change', 'renewal')),
  status           text NOT NULL CHECK (status IN ('requested', 'paid', 'failed', 'denied', 'abandoned')),
  amount_minor     bigint NOT NULL CHECK (amount_minor > 0),
  currency         text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
  credit_micros    bigint NOT NULL DEFAULT 0 CHECK (credit_micros >= 0),
  description      text NOT NULL,
  pack_id          text,
  tier_id          text,
  -- Of a change of tier: what it was calculated from.
  terms            jsonb,
  invoice_id       uuid,
  grant_id         uuid,
  checkout_url     text,
  external_id      text,
  refunded_minor   bigint NOT NULL DEFAULT 0 CHECK (refunded_minor BETWEEN 0 AND amount_minor),
  disputed_at      timestamptz,
  failure_reason   text,
  idempotency_key  text NOT NULL CHECK (length(idempotency_key) BETWEEN 1 AND 200),
  created_at       timestamptz NOT NULL,
  decided_at       timestamptz,
  decided_by       text,
  -- When the provider is asked next to charge it; null: it has been, or the payer is to come.
  charge_after     timestamptz,
  charge_attempts  integer NOT NULL DEFAULT 0,
  PRIMARY KEY (organization_id, id),
  UNIQUE (organization_id, account_id, idempotency_key),
  FOREIGN KEY (organization_id, account_id) REFERENCES credit_accounts (organization_id, id),
  CHECK ((status = 'requested') = (decided_at IS NULL))
);
CREATE INDEX payments_id ON payments (id);
CREATE INDEX payments_to_charge ON payments (charge_after) WHERE charge_after IS NOT NULL;

-- Money given back, or taken back by a dispute. One that came before its payment was known as paid waits.
CREATE TABLE payment_refunds (
  organization_id  uuid NOT NULL,
  id               uuid NOT NULL,
  payment_id       uuid NOT NULL,
  -- Our idempotency key, or the provider's own name of a refund that it began.
  reference        text NOT NULL,
  -- The provider's name of a refund of ours, once it has answered.
  external_reference text,
  kind             text NOT NULL CHECK (kind IN ('refund', 'dispute')),
  status           text NOT NULL CHECK (status IN ('requested', 'waiting', 'done', 'failed')),
  amount_minor     bigint NOT NULL CHECK (amount_minor > 0),
  -- Taken back, and of it what was spent before and is owed.
  credit_micros    bigint,
  owed_micros      bigint,
  credit_note_id   uuid,
  reason           text,
  created_by       text NOT NULL,
  created_at       timestamptz NOT NULL,
  done_at          timestamptz,
  PRIMARY KEY (organization_id, id),
  UNIQUE (organization_id, payment_id, reference),
  FOREIGN KEY (organization_id, payment_id) REFERENCES payments (organization_id, id)
);
CREATE UNIQUE INDEX payment_refunds_external ON payment_refunds (organization_id, payment_id, external_reference)
  WHERE external_reference IS NOT NULL;

-- What providers told us, each once; in the commit of its effect.
CREATE TABLE applied_payment_events (
  provider    text NOT NULL,
  event_id    text NOT NULL CHECK (length(event_id) BETWEEN 1 AND 200),
  payment_id  uuid NOT NULL,
  kind        text NOT NULL,
  at          timestamptz NOT NULL,
  applied_at  timestamptz NOT NULL,
  PRIMARY KEY (provider, event_id)
);

CREATE TABLE auto_top_ups (
  organization_id    uuid NOT NULL,
  account_id         uuid NOT NULL,
  is_enabled         boolean NOT NULL,
  threshold_micros   bigint NOT NULL CHECK (threshold_micros > 0),
  pack_id            text NOT NULL REFERENCES credit_packs (id),
  monthly_cap_minor  bigint NOT NULL CHECK (monthly_cap_minor > 0),
  changed_at         timestamptz NOT NULL,
  PRIMARY KEY (organization_id, account_id),
  FOREIGN KEY (organization_id, account_id) REFERENCES credit_accounts (organization_id, id)
);

-- The next number of each issuer's documents. Taken in the commit that issues one, so there are no gaps.
CREATE TABLE invoice_numbers (
  issuer  text NOT NULL,
  kind    text NOT NULL CHECK (kind IN ('invoice', 'credit_note')),
  next    bigint NOT NULL DEFAULT 1,
  PRIMARY KEY (issuer, kind)
);

CREATE TABLE invoices (
  organization_id  uuid NOT NULL,
  id               uuid NOT NULL,
  account_id       uuid NOT NULL,
  user_id          uuid NOT NULL,
  kind             text NOT NULL CHECK (kind IN ('invoice', 'credit_note')),
  issuer           text NOT NULL,
  number           bigint,
  status           text NOT NULL CHECK (status IN ('draft', 'open', 'paid', 'void', 'refunded')),
  currency         text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
  total_minor      bigint NOT NULL,
  tax_minor        bigint NOT NULL DEFAULT 0,
  billed_to        jsonb NOT NULL,
  corrects_id      uuid,
  payment_id       uuid,
  created_at       timestamptz NOT NULL,
  issued_at        timestamptz,
  due_at           timestamptz,
  paid_at          timestamptz,
  PRIMARY KEY (organization_id, id),
  FOREIGN KEY (organization_id, account_id) REFERENCES credit_accounts (organization_id, id),
  CHECK ((status = 'draft') = (number IS NULL)),
  CHECK ((number IS NULL) = (issued_at IS NULL)),
  CHECK ((kind = 'credit_note') = (corrects_id IS NOT NULL))
);
-- Not led by organization_id: an issuer's numbers are the installation's. Under Citus, `invoice_numbers` is what makes them.
CREATE UNIQUE INDEX invoices_number ON invoices (issuer, kind, number) WHERE number IS NOT NULL;
CREATE INDEX invoices_account ON invoices (organization_id, account_id, id);
CREATE INDEX invoices_open ON invoices (due_at) WHERE status = 'open' AND kind = 'invoice';

CREATE TABLE invoice_lines (
  organization_id  uuid NOT NULL,
  invoice_id       uuid NOT NULL,
  position         smallint NOT NULL,
  kind             text NOT NULL CHECK (kind IN ('subscription', 'proration', 'discount', 'credits', 'tax', 'refund')),
  description      text NOT NULL,
  quantity         integer NOT NULL DEFAULT 1 CHECK (quantity > 0),
  amount_minor     bigint NOT NULL,
  from_at          timestamptz,
  until_at         timestamptz,
  PRIMARY KEY (organization_id, invoice_id, position),
  FOREIGN KEY (organization_id, invoice_id) REFERENCES invoices (organization_id, id)
);

-- Issued: nothing changes but the status, which only goes on.
CREATE FUNCTION keep_issued_invoice() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'DELETE' THEN
    IF OLD.status <> 'draft' THEN
      RAISE EXCEPTION 'an issued invoice cannot be deleted' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN OLD;
  END IF;
  IF OLD.status <> 'draft' AND (
    to_jsonb(NEW) - ARRAY['status', 'paid_at', 'payment_id'] <> to_jsonb(OLD) - ARRAY['status', 'paid_at', 'payment_id']
    OR (OLD.payment_id IS NOT NULL AND NEW.payment_id IS DISTINCT FROM OLD.payment_id)
    OR (OLD.status, NEW.status) NOT IN (('open', 'open'), ('open', 'paid'), ('open', 'void'), ('paid', 'paid'), ('paid', 'refunded'))
  ) THEN
    RAISE EXCEPTION 'an issued invoice cannot be changed' USING ERRCODE = 'restrict_violation';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER invoices_immutable BEFORE UPDATE OR DELETE ON invoices
  FOR EACH ROW EXECUTE FUNCTION keep_issued_invoice();
CREATE FUNCTION keep_issued_lines() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP <> 'INSERT' OR EXISTS (SELECT FROM invoices i
    WHERE i.organization_id = NEW.organization_id AND i.id = NEW.invoice_id AND i.status <> 'draft') THEN
    RAISE EXCEPTION 'lines of an invoice cannot be changed' USING ERRCODE = 'restrict_violation';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER invoice_lines_immutable BEFORE INSERT OR UPDATE OR DELETE ON invoice_lines
  FOR EACH ROW EXECUTE FUNCTION keep_issued_lines();

-- Corrections of accounts, each by an entry that takes something back.
CREATE TABLE adjustments (
  organization_id  uuid NOT NULL,
  id               uuid NOT NULL,
  account_id       uuid NOT NULL,
  kind             text NOT NULL CHECK (kind IN ('reverse_grant', 'reverse_charge')),
  subject_id       uuid NOT NULL,
  amount_micros    bigint NOT NULL CHECK (amount_micros > 0),
  reason           text NOT NULL CHECK (length(reason) BETWEEN 1 AND 500),
  status           text NOT NULL CHECK (status IN ('waiting', 'done', 'denied')),
  requested_by     text NOT NULL,
  decided_by       text,
  idempotency_key  text NOT NULL,
  created_at       timestamptz NOT NULL,
  decided_at       timestamptz,
  PRIMARY KEY (organization_id, id),
  UNIQUE (organization_id, idempotency_key),
  FOREIGN KEY (organization_id, account_id) REFERENCES credit_accounts (organization_id, id),
  CHECK ((status = 'waiting') = (decided_at IS NULL))
);
CREATE INDEX adjustments_subject ON adjustments (organization_id, subject_id);
CREATE INDEX adjustments_waiting ON adjustments (created_at) WHERE status = 'waiting';
