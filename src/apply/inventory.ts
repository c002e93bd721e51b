/**
 * Of every table, what of it a document says, or why it says nothing of it; a test walks the database's own list of tables and
 * columns, so that what is added later is not forgotten. docs/apply.md tells readers.
 */

interface SaidTable {
  /** Columns that a document says. */
  readonly says: string
  /** Ids, times and standings, which come with being made; and what `unsaid` names in words. */
  readonly rest: string
}

export const saidTables: Readonly<Record<string, SaidTable>> = {
  anomaly_thresholds: {
    says: 'organization_id spend_factor spend_floor_nano_usd tells_models tells_countries',
    rest: '',
  },
  awaited_groups: { says: 'organization_id name role', rest: '' },
  budgets: {
    says: 'organization_id user_id team_id service_key_id name service_id measure limit_amount enforcement period time_zone set_by each_member',
    rest: 'id access_token_id created_at created_by archived_at forecast forecast_at follows',
  },
  control_policies: {
    says: 'organization_id state document reason starts_at',
    rest: 'version restores author_kind author_id created_at ended_at',
  },
  cost_centre_assignments: {
    says: 'organization_id subject_kind subject_id code',
    rest: 'from_at created_at created_by',
  },
  cost_centres: { says: 'organization_id code name archived_at', rest: 'created_at' },
  credit_accounts: {
    says: 'organization_id user_id tier_id',
    rest: 'id anchored_at allocated_until held_micros debt_micros transaction_count created_at is_subscribed',
  },
  credit_packs: { says: 'id name credit_micros price_minor currency position', rest: 'archived_at' },
  fallback_preferences: { says: 'organization_id user_id service_id fallback', rest: '' },
  host_applications: {
    says: 'organization_id id issuer jwks_uri jwks user_claim matching maximum_token_seconds frame_ancestors',
    rest: '',
  },
  installation: { says: 'name value', rest: '' },
  key_hygiene_settings: { says: 'check_every_hours unused_days old_days', rest: 'is_only' },
  memberships: {
    says: 'organization_id user_id role suspended_at break_glass_at',
    rest: 'created_at source',
  },
  model_groups: {
    says: 'id label description task models removed attempt_timeout_seconds hedge_after_seconds',
    rest: 'updated_at',
  },
  organizations: {
    says: 'name kind control_policy critical_services system_keys_allowed locked_fallback allowed_uses maximum_key_age_days central_billing_at billing_email self_service',
    rest: 'id is_demo created_at delete_at deletion_by deleted_at',
  },
  outbound_allowances: { says: 'address', rest: 'created_at' },
  own_key_exceptions: {
    says: 'organization_id user_id service_id reason expires_at',
    rest: 'granted_by granted_at',
  },
  provisioned_groups: {
    says: 'organization_id display_name role',
    rest: 'id external_id version created_at updated_at',
  },
  rate_limits: {
    says: 'organization_id subject_kind subject_id requests_per_minute tokens_per_minute concurrent',
    rest: 'changed_at',
  },
  rotation_schedules: {
    says: 'organization_id service_id service_key_id every_days overlap_seconds',
    rest: 'updated_at',
  },
  service_accounts: {
    says: 'organization_id user_id description pays_user_id',
    rest: 'removed_at created_at',
  },
  service_keys: {
    says: 'organization_id owner user_id team_ids service_id label priority position base_url settings',
    rest: 'id status status_reason suspended_status cooling_until suspected_at recheck_after failed_rechecks verdict verdict_detail validated_at last_four fingerprint current_version last_used_at created_by created_at revoked_at cooling_models status_cause next_check_at scope_notes secret_fingerprint is_system_secret installation_fingerprint',
  },
  service_settings: { says: 'service_id base_url enabled', rest: 'updated_at' },
  session_policies: {
    says: 'organization_id idle_minutes session_hours second_factor_required trusts_single_sign_on networks binds_operations token_days',
    rest: 'updated_at',
  },
  sso_connections: {
    says: 'organization_id id kind name enabled settings joins_members default_role role_rules',
    rest: 'version secret_version master_key_id wrapped_key sealed_secret created_at updated_at last_used_at problem problem_at configured_at own_certificate',
  },
  sso_domains: {
    says: 'organization_id domain enforced',
    rest: 'token verified_at checked_at problem created_at',
  },
  team_members: { says: 'organization_id team_id user_id role', rest: 'created_at' },
  teams: { says: 'organization_id name description', rest: 'id created_at archived_at' },
  tier_versions: {
    says: 'tier_id name price_minor currency allocation_micros rollover_cap_micros entitlements',
    rest: 'version effective_at created_at created_by reason',
  },
  tiers: {
    says: 'id position archived_at',
    rest: 'name monthly_allocation_micros monthly_price_cents currency created_at',
  },
  users: {
    says: 'email name kind is_platform_administrator suspended_at',
    rest: 'id password_hash created_at delete_at deletion_by deleted_at',
  },
  webhook_endpoints: {
    says: 'organization_id url description types state',
    rest: 'id failing_since failed_attempts created_by created_at removed_at',
  },
}

interface Unsaid {
  readonly what: string
  readonly why: string
  readonly tables: string
}

export const unsaid: readonly Unsaid[] = [
  {
    what: 'passwords, second factors, passkeys, sessions, links',
    why: 'they prove who somebody is, and are made by that person',
    tables:
      'passkeys passkey_challenges totp_factors recovery_codes sessions pending_sign_ins sign_in_links known_browsers embed_links',
  },
  {
    what: 'access tokens and other credentials, with their limits and budgets',
    why: 'only their hashes are stored; the file says where new ones are written to',
    tables: 'access_tokens client_tokens webhook_secrets webhook_endpoint_secrets',
  },
  {
    what: 'secrets of service keys, what their rotations went through and credentials of rotations',
    why: 'secrets stay in the vault; the file names where each is read from',
    tables:
      'service_key_versions service_key_checks key_version_drains key_version_uses own_key_presences rotation_attempts rotation_credentials rotation_remotes rotation_steps',
  },
  {
    what: 'who signs in as whom at an identity provider, the proof of a domain, the key pair of a SAML connection',
    why: 'each is proved anew there: people by signing in, domains by DNS; a new key pair is told to the provider',
    tables: 'sso_identities sso_assertions sso_attempts sso_domain_holders',
  },
  {
    what: 'users and members of groups that provisioning tells of',
    why: 'the identity provider tells them again',
    tables: 'provisioned_users provisioned_group_members',
  },
  {
    what: 'credits, grants, holds, the ledger, corrections',
    why: 'money moves by events, each once: a file that is applied twice would give twice',
    tables:
      'grants holds ledger_entries ledger_corrections adjustments credit_forecasts reratings rerated_operations',
  },
  {
    what: 'subscriptions, automatic top-ups, payments, invoices, who issues them',
    why: 'agreements and books, which somebody consents to and which have a time',
    tables:
      'subscriptions subscription_periods auto_top_ups billing_commands payments payment_customers payment_refunds applied_payment_events provider_events provider_event_lists invoices invoice_lines invoice_numbers invoice_issuers',
  },
  {
    what: 'prices, markups, versions of tiers that begin later',
    why: 'a change of prices is looked at and approved, see below',
    tables: 'price_books price_changes price_models price_rates',
  },
  {
    what: 'invitations, requests for access',
    why: 'somebody is asked, and answers once',
    tables: 'invitations access_requests',
  },
  {
    what: 'how each person is told of alerts',
    why: 'it is theirs',
    tables: 'alert_channels',
  },
  {
    what: 'the tolerance of reconciliation, and what was found',
    why: 'it is changed by who looks at the findings',
    tables:
      'reconciliation_settings reconciliation_runs reconciliation_findings reconciliation_explanations service_exports service_export_lines',
  },
  {
    what: 'history: operations, events, alerts, anomalies, the audit trail',
    why: 'it tells what was',
    tables:
      'operations long_operations service_resources events event_deliveries webhook_deliveries alerts alert_deliveries anomalies member_countries audit_checkpoints audit_entries audit_heads audit_links audit_signing_keys audit_stream_positions audit_streams',
  },
  {
    what: 'what processes and the vault keep of themselves',
    why: 'it is of this installation',
    tables:
      'api_requests breakers budget_periods budget_reservations configuration_epoch health_samples idempotent_requests processes rate_windows throttles master_keys organization_vault_keys vault_changes vault_findings vault_processes vault_purpose_keys',
  },
]
