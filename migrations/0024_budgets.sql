-- Budgets: docs/budgets.md. What is not null of user, access token and service has to agree with an operation. Of the
-- platform organization, without a user: operations of all organizations.
CREATE TABLE budgets (
  organization_id  uuid NOT NULL REFERENCES organizations (id),
  id               uuid NOT NULL,
  name             text NOT NULL CHECK (length(name) BETWEEN 1 AND 80),
  -- Of an access token: its owner; null for a platform token.
  user_id          uuid REFERENCES users (id),
  access_token_id  uuid,
  service_id       text,
  -- credits: micro-credits charged. own_key_cost: nano-dollars that own keys cost.
  measure          text NOT NULL CHECK (measure IN ('credits', 'own_key_cost')),
  limit_amount     bigint NOT NULL CHECK (limit_amount > 0),
  enforcement      text NOT NULL CHECK (enforcement IN ('hard', 'soft')),
  period           text NOT NULL CHECK (period IN ('calendar_month', 'subscription_period')),
  time_zone        text NOT NULL,
  -- Who may change it: what an administrator set is theirs.
  set_by           text NOT NULL CHECK (set_by IN ('user', 'administrator')),
  created_at       timestamptz NOT NULL,
  created_by       text NOT NULL,
  archived_at      timestamptz,
  -- As it was told last; a background job renews it.
  forecast         jsonb,
  forecast_at      timestamptz,
  PRIMARY KEY (organization_id, id),
  CHECK (period = 'calendar_month' OR user_id IS NOT NULL)
);
CREATE INDEX budgets_live ON budgets (organization_id, user_id) WHERE archived_at IS NULL;

-- What was used in each period: always the sum of what its operations were charged or cost, added in the commit that
-- records them. Whoever changes several rows locks them first, in the order of their keys, after any credit account.
CREATE TABLE budget_periods (
  organization_id  uuid NOT NULL,
  budget_id        uuid NOT NULL,
  starts_at        timestamptz NOT NULL,
  ends_at          timestamptz NOT NULL,
  limit_amount     bigint NOT NULL,
  used             bigint NOT NULL DEFAULT 0,
  -- What was told of it, once: '50', '75', '90', '100', 'refused', 'forecast'.
  fired            text[] NOT NULL DEFAULT '{}',
  refused_at       timestamptz,
  -- How often, and when last, it was compared with the operations themselves.
  recounts         integer NOT NULL DEFAULT 0,
  recounted_at     timestamptz,
  PRIMARY KEY (organization_id, budget_id, starts_at),
  FOREIGN KEY (organization_id, budget_id) REFERENCES budgets (organization_id, id),
  CHECK (ends_at > starts_at)
) WITH (fillfactor = 50);
CREATE INDEX budget_periods_ends ON budget_periods (ends_at);

-- What hard budgets set aside for operations under way: a row as long as its operation, gone in the commit that ends it.
CREATE TABLE budget_reservations (
  organization_id  uuid NOT NULL,
  budget_id        uuid NOT NULL,
  operation_id     uuid NOT NULL,
  -- Another one than the budget's where that spans organizations.
  caller_organization_id uuid NOT NULL,
  starts_at        timestamptz NOT NULL,
  amount           bigint NOT NULL CHECK (amount > 0),
  process_id       uuid NOT NULL,
  created_at       timestamptz NOT NULL,
  PRIMARY KEY (organization_id, budget_id, operation_id)
) WITH (fillfactor = 70);
CREATE INDEX budget_reservations_operation ON budget_reservations (operation_id);

-- When an account's credits were last looked at for the time at which they run out.
CREATE TABLE credit_forecasts (
  organization_id  uuid NOT NULL,
  account_id       uuid NOT NULL,
  checked_at       timestamptz NOT NULL,
  PRIMARY KEY (organization_id, account_id),
  FOREIGN KEY (organization_id, account_id) REFERENCES credit_accounts (organization_id, id)
);
CREATE INDEX credit_forecasts_checked ON credit_forecasts (checked_at);
