// Written by npm run db:types from the migrations. Do not edit.
import type { ColumnType, Generated } from 'kysely'

export type JsonValue = string | number | boolean | null | JsonValue[] | { [name: string]: JsonValue }

/** Written as JSON text: pg would send a bare array as a PostgreSQL array. */
export type Json = ColumnType<JsonValue, string, string>
export type GeneratedJson = ColumnType<JsonValue, string | undefined, string>

export interface AccessRequests {
  organization_id: string
  id: string
  user_id: string
  kind: 'service' | 'model' | 'own_key' | 'organization_key'
  service_id: string
  model: string | null
  reason: string
  state: Generated<'open' | 'approved' | 'declined' | 'withdrawn'>
  granted_by: 'policy' | 'key' | 'exception' | 'other' | null
  answer: string | null
  decided_by: string | null
  created_at: Date
  decided_at: Date | null
}

export interface AccessTokens {
  organization_id: string
  id: string
  kind: 'user' | 'platform'
  user_id: string | null
  name: string
  token_hash: Buffer
  last_four: string
  scopes: string[]
  expires_at: Date | null
  revoked_at: Date | null
  last_used_at: Date | null
  created_by: string | null
  created_at: Generated<Date>
  team_id: string | null
  purpose: Generated<'bearer' | 'client' | 'application' | 'provisioning'>
}

export interface Adjustments {
  organization_id: string
  id: string
  account_id: string
  kind: 'reverse_grant' | 'reverse_charge' | 'grant'
  subject_id: string
  amount_micros: bigint
  reason: string
  status: 'waiting' | 'done' | 'denied'
  requested_by: string
  decided_by: string | null
  idempotency_key: string
  created_at: Date
  decided_at: Date | null
  expires_at: Date | null
}

export interface AlertChannels {
  organization_id: string
  user_id: string
  email_enabled: boolean
  email_minimum_severity: 'info' | 'warning' | 'critical'
  webhook_enabled: boolean
  webhook_minimum_severity: 'info' | 'warning' | 'critical'
  webhook_url: string | null
}

export interface AlertDeliveries {
  organization_id: string
  id: string
  user_id: string
  alert_id: string
  channel: 'email' | 'webhook'
  target: string
  state: Generated<'pending' | 'delivered' | 'failed'>
  attempts: Generated<number>
  next_attempt_at: Date
  claimed_until: Date | null
  last_status: number | null
  last_fault: string | null
  created_at: Date
  ended_at: Date | null
}

export interface Alerts {
  organization_id: string
  id: string
  user_id: string
  kind: string
  severity: 'info' | 'warning' | 'critical'
  key: string
  title: string
  text: string
  path: string | null
  created_at: Date
  read_at: Date | null
}

export interface Anomalies {
  organization_id: string
  id: string
  kind: 'sudden_spend' | 'new_model' | 'new_country'
  key: string
  user_id: string | null
  service_id: string | null
  model: string | null
  country: string | null
  spent_nano_usd: bigint | null
  usual_nano_usd: bigint | null
  at: Date
  dismissed_at: Date | null
  dismissed_by: string | null
}

export interface AnomalyThresholds {
  organization_id: string
  spend_factor: number
  spend_floor_nano_usd: bigint
  tells_models: boolean
  tells_countries: boolean
}

export interface ApiRequests {
  bucket: string
  count: number
  expires_at: Date
}

export interface AppliedPaymentEvents {
  provider: string
  event_id: string
  payment_id: string
  kind: string
  at: Date
  applied_at: Date
}

export interface AuditCheckpoints {
  organization_id: string
  sequence: bigint
  hash: Buffer
  at: Date
  signing_key_id: string
  signature: Buffer
}

export interface AuditEntries {
  organization_id: string
  id: string
  at: Generated<Date>
  actor_kind: 'user' | 'platform_token' | 'operator' | 'gateway'
  actor_id: string | null
  action: string
  subject_kind: string
  subject_id: string
  before: Json | null
  after: Json | null
  reason: string | null
  access_token_id: string | null
}

export interface AuditHeads {
  organization_id: string
  sequence: bigint
  hash: Buffer
}

export interface AuditLinks {
  organization_id: string
  sequence: bigint
  entry_id: string
  text: string
  previous_hash: Buffer
  hash: Buffer
}

export interface AuditSigningKeys {
  id: string
  public_key: Buffer
  master_key_id: string
  wrapped_key: Buffer
  sealed_secret: Buffer
  created_at: Date
}

export interface AuditStreamPositions {
  organization_id: string
  sink: string
  sequence: bigint
  checkpoint_sequence: Generated<bigint>
}

export interface AuditStreams {
  sink: string
  created_at: Generated<Date>
  holder: string | null
  held_until: Generated<Date>
  failures: Generated<number>
  failing_since: Date | null
  last_fault: string | null
  next_attempt_at: Generated<Date>
  last_delivered_at: Date | null
}

export interface AutoTopUps {
  organization_id: string
  account_id: string
  is_enabled: boolean
  threshold_micros: bigint
  pack_id: string
  monthly_cap_minor: bigint
  changed_at: Date
}

export interface AwaitedGroups {
  organization_id: string
  name: string
  role: 'administrator' | 'billing' | 'auditor' | 'member'
}

export interface BillingCommands {
  organization_id: string
  account_id: string
  idempotency_key: string
  request: Json
  result: Json
  created_at: Date
}

export interface Breakers {
  organization_id: string
  subject: string
  subject_kind: 'service' | 'service_key'
  state: 'open' | 'closed'
  since: Date
  probe_after: Date | null
  openings: number
  probe_process: string | null
  probe_until: Date | null
}

export interface BudgetPeriods {
  organization_id: string
  budget_id: string
  starts_at: Date
  ends_at: Date
  limit_amount: bigint
  used: Generated<bigint>
  fired: Generated<string[]>
  refused_at: Date | null
  recounts: Generated<number>
  recounted_at: Date | null
}

export interface BudgetReservations {
  organization_id: string
  budget_id: string
  operation_id: string
  caller_organization_id: string
  starts_at: Date
  amount: bigint
  process_id: string
  created_at: Date
}

export interface Budgets {
  organization_id: string
  id: string
  name: string
  user_id: string | null
  access_token_id: string | null
  service_id: string | null
  measure: 'credits' | 'own_key_cost'
  limit_amount: bigint
  enforcement: 'hard' | 'soft'
  period: 'calendar_month' | 'subscription_period'
  time_zone: string
  set_by: 'user' | 'organization' | 'administrator'
  created_at: Date
  created_by: string
  archived_at: Date | null
  forecast: Json | null
  forecast_at: Date | null
  team_id: string | null
  service_key_id: string | null
  each_member: Generated<boolean>
  follows: string | null
}

export interface ClientTokens {
  organization_id: string
  token_hash: Buffer
  client_id: string
  scopes: string[]
  expires_at: Date
}

export interface ConfigurationEpoch {
  only_row: Generated<boolean>
  epoch: bigint
}

export interface ControlPolicies {
  organization_id: string
  version: number
  state: 'scheduled' | 'in_force' | 'superseded' | 'cancelled'
  document: Json
  reason: string | null
  restores: number | null
  author_kind: string
  author_id: string | null
  created_at: Date
  starts_at: Date
  ended_at: Date | null
}

export interface CostCentreAssignments {
  organization_id: string
  subject_kind: 'member' | 'team'
  subject_id: string
  from_at: Date
  code: string | null
  created_at: Date
  created_by: string | null
}

export interface CostCentres {
  organization_id: string
  code: string
  name: string
  created_at: Date
  archived_at: Date | null
}

export interface CreditAccounts {
  organization_id: string
  id: string
  user_id: string
  tier_id: string
  anchored_at: Date
  allocated_until: Date
  held_micros: Generated<bigint>
  debt_micros: Generated<bigint>
  transaction_count: Generated<bigint>
  created_at: Generated<Date>
  is_subscribed: Generated<boolean>
}

export interface CreditForecasts {
  organization_id: string
  account_id: string
  checked_at: Date
}

export interface CreditPacks {
  id: string
  name: string
  credit_micros: bigint
  price_minor: bigint
  currency: string
  position: Generated<number>
  archived_at: Date | null
}

export interface EmbedLinks {
  organization_id: string
  token_hash: Buffer
  application_id: string
  user_id: string
  expires_at: Date
}

export interface EventDeliveries {
  organization_id: string
  endpoint_id: string
  event_id: string
  state: Generated<'pending' | 'delivered' | 'failed'>
  attempts: Generated<number>
  next_attempt_at: Date
  claimed_until: Date | null
  last_status: number | null
  last_fault: string | null
  ended_at: Date | null
}

export interface Events {
  organization_id: string
  id: string
  type: string
  payload: string
  created_at: Date
}

export interface FallbackPreferences {
  organization_id: string
  user_id: string
  service_id: string
  fallback: 'system' | 'alternative' | 'alternative_then_system' | 'none'
}

export interface Grants {
  organization_id: string
  id: string
  account_id: string
  kind: 'allocation' | 'purchase' | 'adjustment'
  amount_micros: bigint
  remaining_micros: bigint
  burn_priority: Generated<number>
  effective_at: Date
  expires_at: Date | null
  expired_at: Date | null
  idempotency_key: string
  reason: string | null
  created_by: string
  created_at: Date
  live: Generated<boolean>
}

export interface HealthSamples {
  organization_id: string
  subject: string
  process_id: string
  calls: number
  failures: number
  at: Date
}

export interface Holds {
  organization_id: string
  id: string
  account_id: string
  process_id: string
  amount_micros: bigint
  grant_ids: string[]
  grant_micros: bigint[]
  state: 'open' | 'settled' | 'released' | 'unresolved'
  settled_micros: bigint | null
  operation: Json
  created_at: Date
  unresolved_at: Date | null
  resolved_at: Date | null
  kept_by: Generated<'process' | 'long_operation'>
}

export interface HostApplications {
  organization_id: string
  id: string
  issuer: string
  jwks_uri: string | null
  jwks: Json | null
  user_claim: Generated<string>
  matching: 'user_id' | 'email' | 'external_id'
  maximum_token_seconds: number
  frame_ancestors: Generated<string[]>
}

export interface IdempotentRequests {
  organization_id: string
  user_id: string
  key_hash: Buffer
  request_hash: Buffer
  state: 'under_way' | 'done' | 'unknown'
  status: number | null
  sealed_reply: Buffer | null
  started_at: Date
  expires_at: Date
}

export interface Installation {
  name: string
  value: Json
}

export interface Invitations {
  organization_id: string
  id: string
  email: string
  role: 'owner' | 'administrator' | 'billing' | 'auditor' | 'member'
  token_hash: Buffer
  invited_by: string | null
  created_at: Date
  sent_at: Date
  mailed_at: Date | null
  mail_fault: string | null
  expires_at: Date
  accepted_at: Date | null
  accepted_by: string | null
  withdrawn_at: Date | null
}

export interface InvoiceIssuers {
  issuer: string
  version: number
  name: string
  address: string[]
  tax_id: string | null
  email: string | null
  note: string | null
  effective_at: Date
  created_by: string
  reason: string
}

export interface InvoiceLines {
  organization_id: string
  invoice_id: string
  position: number
  kind: 'subscription' | 'proration' | 'discount' | 'credits' | 'tax' | 'refund'
  description: string
  quantity: Generated<number>
  amount_minor: bigint
  from_at: Date | null
  until_at: Date | null
}

export interface InvoiceNumbers {
  issuer: string
  kind: 'invoice' | 'credit_note'
  next: Generated<bigint>
}

export interface Invoices {
  organization_id: string
  id: string
  account_id: string
  user_id: string
  kind: 'invoice' | 'credit_note'
  issuer: string
  number: bigint | null
  status: 'draft' | 'open' | 'paid' | 'void' | 'refunded'
  currency: string
  total_minor: bigint
  tax_minor: Generated<bigint>
  billed_to: Json
  corrects_id: string | null
  payment_id: string | null
  created_at: Date
  issued_at: Date | null
  due_at: Date | null
  paid_at: Date | null
}

export interface KeyHygieneSettings {
  is_only: Generated<boolean>
  check_every_hours: number | null
  unused_days: number
  old_days: number
}

export interface KeyVersionDrains {
  attempt_id: string
  organization_id: string
  service_key_id: string
  version: number
  barrier_epoch: bigint
  since: Generated<Date>
}

export interface KeyVersionUses {
  attempt_id: string
  process_id: string
  in_flight: number
  reported_at: Generated<Date>
}

export interface KnownBrowsers {
  user_id: string
  token_hash: Buffer
  expires_at: Date
}

export interface LedgerCorrections {
  organization_id: string
  id: string
  account_id: string
  kind: 'reversal' | 'refund' | 'charge'
  grant_id: string | null
  operation_id: string | null
  amount_micros: bigint
  debt_micros: bigint
  grant_ids: string[]
  grant_micros: bigint[]
  regranted_micros: Generated<bigint>
  idempotency_key: string
  reason: string
  created_by: string
  created_at: Date
}

export interface LedgerEntries {
  organization_id: string
  account_id: string
  number: bigint
  line: number
  kind: 'grant' | 'hold' | 'settle' | 'release' | 'expire' | 'debt_payment' | 'reversal' | 'refund' | 'charge'
  bucket: 'issued' | 'available' | 'held' | 'spent' | 'expired' | 'debt'
  amount_micros: bigint
  grant_id: string | null
  operation_id: string | null
  available_micros: bigint
  at: Date
  held_micros: bigint
  debt_micros: bigint
}

export interface LongOperations {
  organization_id: string
  id: string
  user_id: string
  access_token_id: string
  service_id: string
  service_key_id: string
  key_owner: 'user' | 'organization' | 'system'
  external_id: string
  public_id: string
  kind: string
  action: string
  parent_id: string | null
  state: Generated<'submitted' | 'running' | 'succeeded' | 'failed' | 'unresolved' | 'cancelled'>
  progress: Generated<number>
  failure: string | null
  said: Json | null
  webhook_url: string | null
  draft: Json
  units: Json
  cost_nano_usd: bigint | null
  charge_micros: Generated<bigint>
  held_micros: Generated<bigint>
  submitted_at: Date
  deadline_at: Date
  last_asked_at: Date | null
  failed_asks: Generated<number>
  next_ask_at: Date
  claimed_by: string | null
  claimed_until: Date | null
  ended_at: Date | null
}

export interface MasterKeys {
  version: number
  id: string
  state: 'staged' | 'promoted' | 'retained' | 'destroyed'
  provider: string
  local_key_id: string | null
  wrapped_key: Buffer | null
  canary: Buffer | null
  vouched_by: number | null
  voucher: Buffer | null
  created_at: Date
  promoted_at: Date | null
  retained_at: Date | null
  destroyed_at: Date | null
}

export interface MemberCountries {
  organization_id: string
  user_id: string
  country: string
  first_at: Date
  last_at: Date
}

export interface Memberships {
  organization_id: string
  user_id: string
  role: 'owner' | 'administrator' | 'billing' | 'auditor' | 'member'
  created_at: Generated<Date>
  suspended_at: Date | null
  source: Generated<string>
  break_glass_at: Date | null
}

export interface ModelGroups {
  id: string
  label: string
  description: Generated<string>
  task: string
  models: string[]
  removed: Generated<boolean>
  updated_at: Generated<Date>
  attempt_timeout_seconds: number | null
  hedge_after_seconds: number | null
}

export interface Operations {
  organization_id: string
  id: string
  user_id: string
  access_token_id: string
  started_at: Date
  duration_ms: number
  first_byte_ms: number | null
  endpoint: string
  streamed: boolean
  status: 'succeeded' | 'failed' | 'refused' | 'cancelled' | 'interrupted'
  http_status: number
  fault_code: string | null
  requested_model: string | null
  service_id: string | null
  model: string | null
  key_owner: 'user' | 'organization' | 'system' | null
  service_key_id: string | null
  key_priority: number | null
  reason: string
  attempts: string
  input_tokens: Generated<bigint>
  cache_read_tokens: Generated<bigint>
  cache_write_tokens: Generated<bigint>
  cache_write_1h_tokens: Generated<bigint>
  output_tokens: Generated<bigint>
  reasoning_tokens: Generated<bigint>
  usage_source: 'reported' | 'estimated' | 'none'
  price_book_version: number | null
  cost_nano_usd: bigint | null
  held_micros: Generated<bigint>
  credit_micros: Generated<bigint>
  units: Json | null
  decision: string | null
  team_id: string | null
}

export interface OrganizationVaultKeys {
  organization_id: string
  id: string
  master_key: number
  wrapped_key: Buffer
  created_at: Date
  rewrapped_at: Date | null
  shredded_at: Date | null
}

export interface Organizations {
  id: string
  name: string
  kind: 'platform' | 'personal' | 'company'
  control_policy: Generated<'it_control' | 'hybrid' | 'user_control'>
  critical_services: Generated<string[]>
  system_keys_allowed: Generated<boolean>
  locked_fallback: 'system' | 'alternative' | 'alternative_then_system' | 'none' | null
  is_demo: Generated<boolean>
  created_at: Generated<Date>
  maximum_key_age_days: number | null
  allowed_uses: Json | null
  delete_at: Date | null
  deletion_by: string | null
  deleted_at: Date | null
  central_billing_at: Date | null
  billing_email: string | null
  self_service: Generated<boolean>
}

export interface OutboundAllowances {
  address: string
  created_at: Generated<Date>
}

export interface OwnKeyExceptions {
  organization_id: string
  user_id: string
  service_id: string
  reason: string
  granted_by: string | null
  granted_at: Date
  expires_at: Date | null
}

export interface OwnKeyPresences {
  organization_id: string
  service_key_id: string
  owner: 'user' | 'organization'
  user_id: string | null
  from_at: Date
  until_at: Date | null
  secret_id: Buffer | null
  base_url: string | null
}

export interface PasskeyChallenges {
  challenge_hash: Buffer
  purpose: 'register' | 'prove' | 'sign_in'
  bound_to: string
  user_id: string | null
  expires_at: Date
}

export interface Passkeys {
  id: string
  user_id: string
  credential_id: string
  public_key: Buffer
  counter: bigint
  transports: string[]
  rp_id: string
  name: string
  is_backed_up: boolean
  created_at: Date
  last_used_at: Date | null
}

export interface PaymentCustomers {
  provider: string
  mode: 'test' | 'live'
  organization_id: string
  account_id: string
  external_id: string
  created_at: Date
}

export interface PaymentRefunds {
  organization_id: string
  id: string
  payment_id: string
  reference: string
  external_reference: string | null
  kind: 'refund' | 'dispute'
  status: 'requested' | 'waiting' | 'done' | 'failed'
  amount_minor: bigint
  credit_micros: bigint | null
  owed_micros: bigint | null
  credit_note_id: string | null
  reason: string | null
  created_by: string
  created_at: Date
  done_at: Date | null
}

export interface Payments {
  organization_id: string
  id: string
  account_id: string
  user_id: string
  provider: 'manual' | 'stripe'
  purpose: 'purchase' | 'auto_top_up' | 'tier_change' | 'renewal'
  status: 'requested' | 'paid' | 'failed' | 'denied' | 'abandoned'
  amount_minor: bigint
  currency: string
  credit_micros: Generated<bigint>
  description: string
  pack_id: string | null
  tier_id: string | null
  terms: Json | null
  invoice_id: string | null
  grant_id: string | null
  checkout_url: string | null
  external_id: string | null
  refunded_minor: Generated<bigint>
  disputed_at: Date | null
  failure_reason: string | null
  idempotency_key: string
  created_at: Date
  decided_at: Date | null
  decided_by: string | null
  charge_after: Date | null
  charge_attempts: Generated<number>
}

export interface PendingSignIns {
  token_hash: Buffer
  user_id: string
  method: string
  only_organization_id: string | null
  expires_at: Date
  sso_connection_id: string | null
  sso_session: string | null
}

export interface PriceBooks {
  version: number
  content_hash: string
  source: string
  nano_usd_per_credit: bigint
  charge_basis_points: bigint
  effective_at: Date
  created_at: Generated<Date>
  models_of: number | null
  overrides: GeneratedJson
  markups: GeneratedJson
  based_on: number | null
  change_id: string | null
  withdrawn_at: Date | null
}

export interface PriceChanges {
  id: string
  status: 'draft' | 'waiting' | 'approved' | 'discarded' | 'withdrawn'
  revision: Generated<number>
  edits: Json
  reason: string
  effective_at: Date | null
  version: number | null
  created_by: string | null
  edited_by: string | null
  created_at: Date
  decided_by: string | null
  decided_at: Date | null
  decision_reason: string | null
}

export interface PriceModels {
  price_book_version: number
  service_id: string
  model_id: string
  match: Json
  context_tokens: bigint | null
  unmetered: Generated<string[]>
  position: number
  unit_rates: GeneratedJson
  periods: GeneratedJson
}

export interface PriceRates {
  price_book_version: number
  service_id: string
  model_id: string
  token_class: 'input' | 'cacheRead' | 'cacheWrite' | 'cacheWrite1h' | 'output' | 'reasoning'
  from_input_tokens: Generated<bigint>
  nano_usd_per_million: bigint
}

export interface Processes {
  id: string
  pid: number
  host: string
  version: string
  started_at: Generated<Date>
  lease_until: Date
  acknowledged_epoch: bigint
}

export interface ProviderEventLists {
  provider: string
  listed_until: Date
}

export interface ProviderEvents {
  provider: string
  id: string
  type: string
  object_id: string
  occurred_at: Date
  received_at: Date
  source: 'webhook' | 'list'
  deliveries: Generated<number>
  state: Generated<'waiting' | 'processed' | 'ignored' | 'failed'>
  attempts: Generated<number>
  next_attempt_at: Date
  processed_at: Date | null
  payment_id: string | null
  outcome: string | null
  error: string | null
}

export interface ProvisionedGroupMembers {
  organization_id: string
  group_id: string
  user_id: string
}

export interface ProvisionedGroups {
  organization_id: string
  id: string
  display_name: string
  external_id: string | null
  role: 'administrator' | 'billing' | 'auditor' | 'member' | null
  version: Generated<number>
  created_at: Date
  updated_at: Date
}

export interface ProvisionedUsers {
  organization_id: string
  user_id: string
  user_name: string
  external_id: string | null
  active: boolean
  resource: Json
  version: Generated<number>
  created_at: Date
  updated_at: Date
}

export interface RateLimits {
  organization_id: string
  subject_kind: 'access_token' | 'user' | 'service_key' | 'key_member'
  subject_id: string
  requests_per_minute: number | null
  tokens_per_minute: bigint | null
  concurrent: number | null
  changed_at: Generated<Date>
}

export interface RateWindows {
  organization_id: string
  subject_kind: string
  subject_id: string
  charges: GeneratedJson
  holders: GeneratedJson
  updated_at: Generated<Date>
}

export interface ReconciliationExplanations {
  check_id: string
  subject_kind: string
  subject_id: string
  difference: string | null
  message: string
  reason: string
  explained_by: string
  explained_at: Date
}

export interface ReconciliationFindings {
  run_id: string
  id: string
  check_id: string
  organization_id: string | null
  account_id: string | null
  subject_kind: string
  subject_id: string
  message: string
  unit: 'micros' | 'nano_usd' | 'minor' | 'tokens' | 'count'
  expected: string | null
  found: string | null
  difference: string | null
  is_tolerated: Generated<boolean>
  first_seen_at: Date
}

export interface ReconciliationRuns {
  id: string
  trigger: 'daily' | 'request' | 'command'
  state: 'waiting' | 'running' | 'done' | 'failed'
  requested_by: string
  requested_at: Date
  started_at: Date | null
  finished_at: Date | null
  claimed_until: Date | null
  failure: string | null
  checks: GeneratedJson
  totals: GeneratedJson
}

export interface ReconciliationSettings {
  only_row: Generated<boolean>
  tolerance: Json
}

export interface RecoveryCodes {
  user_id: string
  code_hash: Buffer
  created_at: Date
  used_at: Date | null
}

export interface ReratedOperations {
  organization_id: string
  rerating_id: string
  operation_id: string
  account_id: string
  user_id: string
  started_at: Date
  service_id: string
  model: string
  price_book_version: number | null
  old_micros: bigint
  new_micros: bigint
  state: 'waiting' | 'done' | 'changed'
}

export interface Reratings {
  id: string
  status: 'waiting' | 'running' | 'done' | 'denied'
  scope: Json
  to_version: number
  charges_more: boolean
  totals: Json
  reason: string
  charge_reason: string | null
  requested_by: string | null
  decided_by: string | null
  idempotency_key: string
  request: string
  created_at: Date
  decided_at: Date | null
  finished_at: Date | null
}

export interface RotationAttempts {
  organization_id: string
  id: string
  service_key_id: string
  service_id: string
  driver_id: string
  crash_class: 'recoverable' | 'orphan_detectable' | 'blind' | 'assisted'
  mode: 'normal' | 'breach'
  trigger: 'schedule' | 'person' | 'breach'
  state: string
  resume_state: string | null
  state_since: Date
  from_version: number
  to_version: number | null
  tries: Generated<number>
  failures: Generated<number>
  name: string | null
  prepared: GeneratedJson
  intended_at: Date | null
  held_by: bigint | null
  scope: string | null
  old_remote: Json | null
  new_remote: Json | null
  old_is_gone: Generated<boolean>
  overlap_seconds: number
  promoted_at: Date | null
  overlap_until: Date | null
  barrier_epoch: bigint | null
  drain_since: Date | null
  quiet_at: Date | null
  in_flight: number | null
  message: string | null
  next_step: string | null
  reason: string | null
  created_by: string | null
  created_at: Date
  ended_at: Date | null
  next_at: Date | null
  reminders: Generated<number>
  fence: Generated<bigint>
  worker: string | null
  lease_until: Date | null
}

export interface RotationCredentials {
  organization_id: string
  id: string
  driver_id: string
  service_id: string
  service_key_id: string | null
  fields: Json
  last_fours: Json
  version: Generated<number>
  master_key_id: string
  wrapped_key: Buffer
  sealed_secret: Buffer
  status: Generated<'valid' | 'invalid' | 'unknown'>
  findings: GeneratedJson
  checked_at: Date | null
  updated_by: string | null
  updated_at: Date
}

export interface RotationRemotes {
  organization_id: string
  attempt_id: string
  name: string
  remote: Json | null
  state: 'intended' | 'exists' | 'in_use' | 'deleted' | 'absent' | 'left_to_person'
  prepared: GeneratedJson
  intended_at: Date
  at: Date
  look_again_at: Date | null
}

export interface RotationSchedules {
  organization_id: string
  service_id: string
  service_key_id: string | null
  every_days: number | null
  overlap_seconds: number | null
  updated_at: Date
}

export interface RotationSteps {
  organization_id: string
  attempt_id: string
  id: string
  at: Date
  state: string
  text: string
  actor: string | null
}

export interface ServiceAccounts {
  organization_id: string
  user_id: string
  description: Generated<string>
  pays_user_id: string | null
  removed_at: Date | null
  created_at: Generated<Date>
}

export interface ServiceExportLines {
  export_id: string
  day: string
  model: string
  requests: bigint | null
  input_tokens: bigint | null
  cached_input_tokens: bigint | null
  output_tokens: bigint | null
  cost_nano_usd: bigint | null
}

export interface ServiceExports {
  id: string
  service_id: string
  format: string
  file_name: string
  content_hash: string
  key_owner: 'user' | 'organization' | 'system'
  organization_id: string | null
  service_key_id: string | null
  from_day: string
  until_day: string
  imported_by: string
  imported_at: Date
}

export interface ServiceKeyChecks {
  organization_id: string
  service_key_id: string
  id: string
  version: number
  cause: 'added' | 'replaced' | 'settings_changed' | 'by_hand' | 'periodic' | 'refused' | 'unwell'
  verdict: 'valid' | 'invalid' | 'valid_but_unusable' | 'unknown'
  detail: string
  status: string
  first_at: Date
  at: Date
  times: Generated<number>
}

export interface ServiceKeyVersions {
  organization_id: string
  service_key_id: string
  version: number
  master_key_id: string
  wrapped_key: Buffer
  sealed_secret: Buffer
  created_at: Generated<Date>
  retired_at: Date | null
  destroyed_at: Date | null
  state: Generated<'next' | 'current' | 'retiring' | 'retired'>
  last_four: string | null
  fingerprint: Buffer | null
  settings: Json | null
  promoted_at: Date | null
  remote: Json | null
  rotation_id: string | null
}

export interface ServiceKeys {
  organization_id: string
  id: string
  owner: 'user' | 'organization' | 'system'
  user_id: string | null
  service_id: string
  label: string
  priority: number | null
  position: Generated<number>
  base_url: string | null
  status: Generated<'active' | 'invalid' | 'exhausted' | 'suspended' | 'revoked'>
  status_reason: string | null
  suspended_status: 'active' | 'invalid' | 'exhausted' | null
  cooling_until: Date | null
  suspected_at: Date | null
  recheck_after: Date | null
  failed_rechecks: Generated<number>
  verdict: Generated<'valid' | 'invalid' | 'valid_but_unusable' | 'unknown'>
  verdict_detail: string | null
  validated_at: Date | null
  last_four: string
  fingerprint: Buffer
  current_version: Generated<number>
  last_used_at: Date | null
  created_by: string | null
  created_at: Generated<Date>
  revoked_at: Date | null
  settings: GeneratedJson
  cooling_models: GeneratedJson
  status_cause: string | null
  next_check_at: Date | null
  scope_notes: Generated<string[]>
  secret_fingerprint: Buffer | null
  is_system_secret: Generated<boolean>
  installation_fingerprint: Buffer | null
  team_ids: string[] | null
}

export interface ServiceResources {
  organization_id: string
  user_id: string
  service_id: string
  resource_id: string
  service_key_id: string
  kind: string
  created_at: Date
}

export interface ServiceSettings {
  service_id: string
  base_url: string | null
  enabled: Generated<boolean>
  updated_at: Generated<Date>
}

export interface SessionPolicies {
  organization_id: string
  idle_minutes: number | null
  session_hours: number | null
  second_factor_required: Generated<boolean>
  trusts_single_sign_on: Generated<boolean>
  networks: Generated<string[]>
  updated_at: Date
  binds_operations: Generated<boolean>
  token_days: number | null
}

export interface Sessions {
  id: string
  user_id: string
  token_hash: Buffer
  user_agent: string | null
  created_at: Generated<Date>
  last_seen_at: Generated<Date>
  expires_at: Date
  revoked_at: Date | null
  address: string | null
  proved_at: Date | null
  organization_id: string | null
  method: string | null
  second_factor_at: Date | null
  only_organization_id: string | null
  embedded_by: string | null
  sso_connection_id: string | null
  sso_session: string | null
}

export interface SignInLinks {
  token_hash: Buffer
  purpose: 'setup' | 'sign_in'
  user_id: string | null
  reusable: Generated<boolean>
  created_at: Generated<Date>
  expires_at: Date
  used_at: Date | null
}

export interface SsoAssertions {
  organization_id: string
  connection_id: string
  assertion_hash: Buffer
  expires_at: Date
}

export interface SsoAttempts {
  organization_id: string
  id: string
  connection_id: string
  purpose: 'sign_in' | 'link' | 'unsolicited' | 'prove'
  state_hash: Buffer
  user_id: string | null
  result: Json | null
  ticket_hash: Buffer | null
  created_at: Date
  expires_at: Date
  used_at: Date | null
  session_id: string | null
}

export interface SsoConnections {
  organization_id: string
  id: string
  kind: 'oidc' | 'saml'
  name: string
  enabled: boolean
  settings: Json
  joins_members: boolean
  default_role: 'administrator' | 'billing' | 'auditor' | 'member'
  role_rules: GeneratedJson
  version: Generated<number>
  secret_version: Generated<number>
  master_key_id: string | null
  wrapped_key: Buffer | null
  sealed_secret: Buffer | null
  created_at: Date
  updated_at: Date
  last_used_at: Date | null
  problem: string | null
  problem_at: Date | null
  configured_at: Date
  own_certificate: string | null
}

export interface SsoDomainHolders {
  domain: string
  holder_id: string
}

export interface SsoDomains {
  organization_id: string
  domain: string
  token: string
  verified_at: Date | null
  checked_at: Date | null
  problem: string | null
  enforced: Generated<boolean>
  created_at: Date
}

export interface SsoIdentities {
  organization_id: string
  connection_id: string
  subject: string
  user_id: string
  email: string
  created_at: Date
  last_used_at: Date
  tied_by_self: Generated<boolean>
}

export interface SubscriptionPeriods {
  organization_id: string
  account_id: string
  starts_at: Date
  ends_at: Date
  tier_id: string
  tier_version: number
  allocation_micros: bigint
  rolled_over_micros: Generated<bigint>
  price_minor: bigint
  discount_minor: bigint
  currency: string
  discount: Json
  created_at: Date
}

export interface Subscriptions {
  organization_id: string
  account_id: string
  user_id: string
  status: 'active' | 'paused' | 'past_due' | 'canceled'
  tier_id: string
  tier_version: number
  collection: 'none' | 'manual' | 'stripe'
  time_zone: Generated<string>
  anchored_at: Date
  period_number: number
  period_start: Date
  period_end: Date
  discount_basis_points: Generated<number>
  pending_tier_id: string | null
  pending_cancel: Generated<boolean>
  paused_at: Date | null
  grace_until: Date | null
  revision: Generated<bigint>
  created_at: Date
}

export interface TeamMembers {
  organization_id: string
  team_id: string
  user_id: string
  role: 'lead' | 'member'
  created_at: Generated<Date>
}

export interface Teams {
  organization_id: string
  id: string
  name: string
  description: Generated<string>
  created_at: Generated<Date>
  archived_at: Date | null
}

export interface Throttles {
  bucket: string
  count: number
  expires_at: Date
}

export interface TierVersions {
  tier_id: string
  version: number
  name: string
  price_minor: bigint
  currency: string
  allocation_micros: bigint
  rollover_cap_micros: Generated<bigint>
  entitlements: GeneratedJson
  effective_at: Date
  created_at: Generated<Date>
  created_by: string
  reason: string
}

export interface Tiers {
  id: string
  name: string
  monthly_allocation_micros: bigint
  monthly_price_cents: bigint
  currency: Generated<string>
  position: Generated<number>
  created_at: Generated<Date>
  archived_at: Date | null
}

export interface TotpFactors {
  user_id: string
  id: string
  master_key_id: string
  wrapped_key: Buffer
  sealed_secret: Buffer
  last_step: Generated<bigint>
  created_at: Date
  confirmed_at: Date | null
}

export interface Users {
  id: string
  email: string
  name: string
  password_hash: string | null
  is_platform_administrator: Generated<boolean>
  suspended_at: Date | null
  created_at: Generated<Date>
  kind: Generated<'person' | 'service_account' | 'organization'>
  delete_at: Date | null
  deletion_by: string | null
  deleted_at: Date | null
}

export interface VaultChanges {
  id: string
  kind: 'rotate' | 'move' | 'rewrap' | 'upgrade'
  state: 'staging' | 'rewrapping' | 'done' | 'abandoned'
  to_version: number
  total: Generated<bigint>
  done: Generated<bigint>
  unreadable: Generated<bigint>
  claimed_by: string | null
  claimed_until: Date | null
  started_at: Date
  finished_at: Date | null
}

export interface VaultFindings {
  organization_id: string
  subject_kind: string
  subject_id: string
  version: number
  cause: string
  first_seen_at: Date
}

export interface VaultProcesses {
  process_id: string
  sealed: boolean
  problem: string | null
  versions: number[]
  named: number[]
  updated_at: Date
}

export interface VaultPurposeKeys {
  purpose: string
  master_key: number
  wrapped_key: Buffer
  created_at: Date
}

export interface WebhookDeliveries {
  organization_id: string
  id: string
  user_id: string
  operation_id: string
  url: string
  event: string
  payload: string | null
  state: Generated<'pending' | 'delivered' | 'failed' | 'superseded'>
  attempts: Generated<number>
  next_attempt_at: Date
  claimed_until: Date | null
  last_status: number | null
  last_fault: string | null
  created_at: Date
  ended_at: Date | null
}

export interface WebhookEndpointSecrets {
  organization_id: string
  endpoint_id: string
  version: number
  master_key_id: string
  wrapped_key: Buffer
  sealed_secret: Buffer
  last_four: string
  created_at: Date
  retired_at: Date | null
}

export interface WebhookEndpoints {
  organization_id: string
  id: string
  url: string
  description: Generated<string>
  types: string[] | null
  state: Generated<'enabled' | 'disabled' | 'failing'>
  failing_since: Date | null
  failed_attempts: Generated<number>
  created_by: string | null
  created_at: Date
  removed_at: Date | null
}

export interface WebhookSecrets {
  organization_id: string
  user_id: string
  id: string
  master_key_id: string
  wrapped_key: Buffer
  sealed_secret: Buffer
  last_four: string
  created_at: Date
}

export interface Schema {
  access_requests: AccessRequests
  access_tokens: AccessTokens
  adjustments: Adjustments
  alert_channels: AlertChannels
  alert_deliveries: AlertDeliveries
  alerts: Alerts
  anomalies: Anomalies
  anomaly_thresholds: AnomalyThresholds
  api_requests: ApiRequests
  applied_payment_events: AppliedPaymentEvents
  audit_checkpoints: AuditCheckpoints
  audit_entries: AuditEntries
  audit_heads: AuditHeads
  audit_links: AuditLinks
  audit_signing_keys: AuditSigningKeys
  audit_stream_positions: AuditStreamPositions
  audit_streams: AuditStreams
  auto_top_ups: AutoTopUps
  awaited_groups: AwaitedGroups
  billing_commands: BillingCommands
  breakers: Breakers
  budget_periods: BudgetPeriods
  budget_reservations: BudgetReservations
  budgets: Budgets
  client_tokens: ClientTokens
  configuration_epoch: ConfigurationEpoch
  control_policies: ControlPolicies
  cost_centre_assignments: CostCentreAssignments
  cost_centres: CostCentres
  credit_accounts: CreditAccounts
  credit_forecasts: CreditForecasts
  credit_packs: CreditPacks
  embed_links: EmbedLinks
  event_deliveries: EventDeliveries
  events: Events
  fallback_preferences: FallbackPreferences
  grants: Grants
  health_samples: HealthSamples
  holds: Holds
  host_applications: HostApplications
  idempotent_requests: IdempotentRequests
  installation: Installation
  invitations: Invitations
  invoice_issuers: InvoiceIssuers
  invoice_lines: InvoiceLines
  invoice_numbers: InvoiceNumbers
  invoices: Invoices
  key_hygiene_settings: KeyHygieneSettings
  key_version_drains: KeyVersionDrains
  key_version_uses: KeyVersionUses
  known_browsers: KnownBrowsers
  ledger_corrections: LedgerCorrections
  ledger_entries: LedgerEntries
  long_operations: LongOperations
  master_keys: MasterKeys
  member_countries: MemberCountries
  memberships: Memberships
  model_groups: ModelGroups
  operations: Operations
  organization_vault_keys: OrganizationVaultKeys
  organizations: Organizations
  outbound_allowances: OutboundAllowances
  own_key_exceptions: OwnKeyExceptions
  own_key_presences: OwnKeyPresences
  passkey_challenges: PasskeyChallenges
  passkeys: Passkeys
  payment_customers: PaymentCustomers
  payment_refunds: PaymentRefunds
  payments: Payments
  pending_sign_ins: PendingSignIns
  price_books: PriceBooks
  price_changes: PriceChanges
  price_models: PriceModels
  price_rates: PriceRates
  processes: Processes
  provider_event_lists: ProviderEventLists
  provider_events: ProviderEvents
  provisioned_group_members: ProvisionedGroupMembers
  provisioned_groups: ProvisionedGroups
  provisioned_users: ProvisionedUsers
  rate_limits: RateLimits
  rate_windows: RateWindows
  reconciliation_explanations: ReconciliationExplanations
  reconciliation_findings: ReconciliationFindings
  reconciliation_runs: ReconciliationRuns
  reconciliation_settings: ReconciliationSettings
  recovery_codes: RecoveryCodes
  rerated_operations: ReratedOperations
  reratings: Reratings
  rotation_attempts: RotationAttempts
  rotation_credentials: RotationCredentials
  rotation_remotes: RotationRemotes
  rotation_schedules: RotationSchedules
  rotation_steps: RotationSteps
  service_accounts: ServiceAccounts
  service_export_lines: ServiceExportLines
  service_exports: ServiceExports
  service_key_checks: ServiceKeyChecks
  service_key_versions: ServiceKeyVersions
  service_keys: ServiceKeys
  service_resources: ServiceResources
  service_settings: ServiceSettings
  session_policies: SessionPolicies
  sessions: Sessions
  sign_in_links: SignInLinks
  sso_assertions: SsoAssertions
  sso_attempts: SsoAttempts
  sso_connections: SsoConnections
  sso_domain_holders: SsoDomainHolders
  sso_domains: SsoDomains
  sso_identities: SsoIdentities
  subscription_periods: SubscriptionPeriods
  subscriptions: Subscriptions
  team_members: TeamMembers
  teams: Teams
  throttles: Throttles
  tier_versions: TierVersions
  tiers: Tiers
  totp_factors: TotpFactors
  users: Users
  vault_changes: VaultChanges
  vault_findings: VaultFindings
  vault_processes: VaultProcesses
  vault_purpose_keys: VaultPurposeKeys
  webhook_deliveries: WebhookDeliveries
  webhook_endpoint_secrets: WebhookEndpointSecrets
  webhook_endpoints: WebhookEndpoints
  webhook_secrets: WebhookSecrets
}
