import type { PoolClient } from 'pg'
import type { Log } from '../kit/log.ts'

/**
 * Row-level security as a second wall (docs/decisions/0054): what a tenant's request may touch, whatever its handler asks
 * for. The owner of the tables, as whom the gateway, the jobs and administrators work, is not concerned by it.
 */

/** Tables with an `organization_id` show the tenant's rows and take no others. These say by other columns whose they are. */
export const tablesByOtherColumns: Readonly<Record<string, { seen: string; written: string }>> = {
  organizations: { seen: 'id = tenant_organization()', written: 'id = tenant_organization()' },
  users: {
    // The organisation itself holds the account that pays for everybody.
    seen: 'EXISTS (SELECT FROM memberships m WHERE m.user_id = users.id) OR id = tenant_organization()',
    written: 'id = tenant_user()',
  },
  sessions: { seen: 'user_id = tenant_user()', written: 'user_id = tenant_user()' },
  sign_in_links: { seen: 'user_id = tenant_user()', written: 'user_id = tenant_user()' },
  known_browsers: { seen: 'user_id = tenant_user()', written: 'user_id = tenant_user()' },
  totp_factors: { seen: 'user_id = tenant_user()', written: 'user_id = tenant_user()' },
  recovery_codes: { seen: 'user_id = tenant_user()', written: 'user_id = tenant_user()' },
  passkeys: { seen: 'user_id = tenant_user()', written: 'user_id = tenant_user()' },
  passkey_challenges: { seen: 'user_id = tenant_user()', written: 'user_id = tenant_user()' },
  pending_sign_ins: { seen: 'user_id = tenant_user()', written: 'user_id = tenant_user()' },
}

/** Tables of the platform that requests of tenants need. Any other table of the platform is closed to them. */
export const platformTables: Readonly<Record<string, 'read' | 'write'>> = {
  tiers: 'read',
  tier_versions: 'read',
  credit_packs: 'read',
  invoice_issuers: 'read',
  installation: 'read',
  key_hygiene_settings: 'read',
  service_settings: 'read',
  outbound_allowances: 'read',
  model_groups: 'read',
  price_books: 'read',
  price_models: 'read',
  price_rates: 'read',
  processes: 'read',
  configuration_epoch: 'write',
  invoice_numbers: 'write',
  throttles: 'write',
  api_requests: 'write',
}

const ownTenant = {
  seen: 'organization_id = tenant_organization()',
  written: 'organization_id = tenant_organization()',
}

const tablesStatement = `
  SELECT c.relname AS name,
    EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'organization_id' AND NOT a.attisdropped) AS "isTenants",
    c.relrowsecurity AND EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = c.oid AND p.polname = 'tenant' AND $1 = ANY (p.polroles)) AS "hasPolicy",
    has_table_privilege($1, c.oid, 'SELECT') AS "canRead", has_table_privilege($1, c.oid, 'INSERT') AS "canWrite"
  FROM pg_class c
  WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
  ORDER BY c.relname`

interface TableInWall {
  readonly name: string
  readonly isTenants: boolean
  readonly hasPolicy: boolean
  readonly canRead: boolean
  readonly canWrite: boolean
}

/**
 * Puts policies and grants on every table that lacks them, so that no migration can forget one. Runs after the migrations
 * of each start; changes nothing where nothing is missing.
 */
export const buildWall = async (client: PoolClient, log: Log): Promise<string | null> => {
  const role = await wallRole(client)
  if ('problem' in role) {
    log.warn(role.problem)
    return null
  }
  const { rows } = await client.query<TableInWall>(tablesStatement, [role.oid])
  const statements = [
    ...rows.flatMap((table) => missing(table, role.name)),
    ...(await missingCalls(client, role)),
  ]
  if (statements.length === 0) return role.name
  await client.query(`BEGIN; ${scopeFunctions} ${statements.join(';\n')}; COMMIT`)
  log.info({ statements: statements.length }, 'row-level security is in force')
  return role.name
}

/** What runs as the owner, for readers who know an id already. */
const missingCalls = async (client: PoolClient, role: { name: string; oid: string }): Promise<string[]> => {
  const { rows } = await client.query<{ may: boolean }>(
    `SELECT has_function_privilege($1::oid, 'user_email(text)', 'EXECUTE') AS may`,
    [role.oid],
  )
  return rows[0]?.may ? [] : [`GRANT EXECUTE ON FUNCTION user_email(text) TO "${role.name}"`]
}

/** PostgreSQL makes one look-up of them a statement, not one a row. */
const scopeFunctions = `
  CREATE OR REPLACE FUNCTION tenant_organization() RETURNS uuid LANGUAGE sql STABLE PARALLEL SAFE
    RETURN nullif(current_setting('aideon.organization_id', true), '')::uuid;
  CREATE OR REPLACE FUNCTION tenant_user() RETURNS uuid LANGUAGE sql STABLE PARALLEL SAFE
    RETURN nullif(current_setting('aideon.user_id', true), '')::uuid;`

const missing = (table: TableInWall, role: string): string[] => {
  const rule = tablesByOtherColumns[table.name] ?? (table.isTenants ? ownTenant : null)
  if (rule !== null) return table.hasPolicy && table.canWrite ? [] : protect(table.name, rule, role)
  const access = platformTables[table.name]
  if (access === undefined) return []
  if (access === 'read') return table.canRead ? [] : [`GRANT SELECT ON "${table.name}" TO "${role}"`]
  return table.canWrite ? [] : [`GRANT SELECT, INSERT, UPDATE, DELETE ON "${table.name}" TO "${role}"`]
}

/** Two policies: PERMISSIVE ones for all that is seen, RESTRICTIVE ones for what is written where that is less. */
const protect = (table: string, rule: { seen: string; written: string }, role: string): string[] => [
  `ALTER TABLE "${table}" ENABLE ROW LEVEL SECURITY`,
  `DROP POLICY IF EXISTS tenant ON "${table}"`,
  `CREATE POLICY tenant ON "${table}" TO "${role}" USING (${once(rule.seen)}) WITH CHECK (${once(rule.written)})`,
  ...(rule.seen === rule.written ? [] : restrictWrites(table, rule.written, role)),
  `GRANT SELECT, INSERT, UPDATE, DELETE ON "${table}" TO "${role}"`,
]

const restrictWrites = (table: string, written: string, role: string): string[] =>
  ['UPDATE', 'DELETE'].flatMap((command) => [
    `DROP POLICY IF EXISTS tenant_${command.toLowerCase()} ON "${table}"`,
    `CREATE POLICY tenant_${command.toLowerCase()} ON "${table}" AS RESTRICTIVE FOR ${command} TO "${role}" USING (${once(written)})`,
  ])

/** In a sub-select the setting is read once a statement. */
const once = (condition: string): string =>
  condition.replace(/tenant_(?:organization|user)\(\)/g, (call) => `(SELECT ${call})`)

type WallRole = { readonly name: string; readonly oid: string } | { readonly problem: string }

/**
 * A role that cannot log in and that ours may become. The built-in database comes with one; elsewhere it is made for this
 * database alone, or has to be made by whoever may.
 */
const wallRole = async (client: PoolClient): Promise<WallRole> => {
  const { rows } = await client.query<{ user: string; own: string }>(
    `SELECT current_user AS user, left('aideon_tenant_' || current_database(), 63) AS own`,
  )
  const { user, own } = rows[0] as { user: string; own: string }
  for (const name of ['aideon_tenant', own]) {
    const role = await usable(client, name)
    if (role) return role
  }
  try {
    await client.query(`CREATE ROLE "${own}" NOLOGIN`)
    await client.query(`GRANT "${own}" TO CURRENT_USER`)
    const role = await usable(client, own)
    if (role) return role
  } catch {
    // Most roles may not make roles.
  }
  return {
    problem: `Row-level security is not in force: this database role may not make the role that it needs. Once, as an administrator of the database: CREATE ROLE "${own}" NOLOGIN; GRANT "${own}" TO "${user}"; then start again.`,
  }
}

const usable = async (client: PoolClient, name: string): Promise<{ name: string; oid: string } | null> => {
  const { rows } = await client.query<{ oid: string; isOurs: boolean }>(
    `SELECT oid::text, pg_has_role(oid, 'MEMBER') AND NOT rolsuper AND NOT rolbypassrls AND NOT rolcanlogin AS "isOurs"
     FROM pg_roles WHERE rolname = $1`,
    [name],
  )
  return rows[0]?.isOurs ? { name, oid: rows[0].oid } : null
}
