/**
 * Whose rows are about the person and nothing else. Every table that names a user is here, in `keptTables`, or loses its
 * rows with the membership.
 */
export const erasedTables = [
  'alert_deliveries',
  'alerts',
  'alert_channels',
  'idempotent_requests',
  'known_browsers',
  'member_countries',
  'passkey_challenges',
  'passkeys',
  'pending_sign_ins',
  'recovery_codes',
  'sessions',
  'sign_in_links',
  'sso_attempts',
  'totp_factors',
  'webhook_deliveries',
  'webhook_secrets',
] as const

/** What stays names the user by the id alone: books, records of what was done, and what belongs to a company. */
export const keptTables = [
  'access_requests',
  'access_tokens',
  'anomalies',
  'budgets',
  'credit_accounts',
  'invoices',
  'long_operations',
  'operations',
  'own_key_presences',
  'payments',
  'rerated_operations',
  'service_accounts',
  'service_keys',
  'service_resources',
  'subscriptions',
] as const
