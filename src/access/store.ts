import { type Kysely, sql, type Transaction } from 'kysely'
import type { Role } from '../contract/permissions.ts'
import type { Schema } from '../db/schema.ts'
import { platformOrganizationId } from '../kit/id.ts'
import type { RateLimits } from '../limits/rate-limits.ts'
import type { AllowedUses, Fallback } from '../policy/control.ts'
import type { OfferedTier } from '../policy/entitlements.ts'
import type { AccessToken, NewAccessToken, Person, Scope, TokenPurpose } from './access.ts'

const columns = [
  'organization_id as organizationId',
  'id',
  'kind',
  'purpose',
  'user_id as userId',
  'team_id as teamId',
  isTeamOver(),
  'name',
  'last_four as lastFour',
  'scopes',
  'expires_at as expiresAt',
  'revoked_at as revokedAt',
  'last_used_at as lastUsedAt',
  'created_at as createdAt',
] as const

/** Beside revocation, for whatever takes a member out of a team. */
function isTeamOver() {
  return sql<boolean>`team_id IS NOT NULL AND NOT EXISTS (
    SELECT FROM team_members m JOIN teams t ON t.organization_id = m.organization_id AND t.id = m.team_id
    WHERE m.organization_id = access_tokens.organization_id AND m.team_id = access_tokens.team_id
      AND m.user_id = access_tokens.user_id AND t.archived_at IS NULL)`.as('isTeamOver')
}

export const makeAccessStore = (kysely: Kysely<Schema>) => ({
  insert: async (
    transaction: Transaction<Schema>,
    token: NewAccessToken & { id: string; hash: Buffer; lastFour: string; createdBy: string | null },
  ) =>
    (await transaction
      .insertInto('access_tokens')
      .values({
        organization_id: token.organizationId,
        id: token.id,
        kind: token.kind,
        purpose: token.purpose ?? 'bearer',
        user_id: token.userId,
        team_id: token.teamId ?? null,
        name: token.name,
        token_hash: token.hash,
        last_four: token.lastFour,
        scopes: [...token.scopes],
        expires_at: token.expiresAt,
        created_by: token.createdBy,
      })
      .returning(columns)
      .executeTakeFirstOrThrow()) as AccessToken,

  /** Keeps the membership, and so the team, as it is until the transaction ends; false: there is none. */
  lockTeamMember: async (
    transaction: Transaction<Schema>,
    { organizationId, teamId, userId }: NewAccessToken,
  ) => {
    // The team first, as whoever changes its members.
    const team = await sql`
      SELECT 1 FROM teams WHERE organization_id = ${organizationId} AND id = ${teamId} AND archived_at IS NULL
      FOR SHARE`.execute(transaction)
    if (team.rows.length === 0) return false
    const { rows } = await sql`
      SELECT 1 FROM team_members
      WHERE organization_id = ${organizationId} AND team_id = ${teamId} AND user_id = ${userId}
      FOR SHARE`.execute(transaction)
    return rows.length > 0
  },

  /** Who answers for a machine, kept until the transaction ends; null: nobody, or it is none. */
  lockPayer: async (transaction: Transaction<Schema>, organizationId: string, userId: string) => {
    const { rows } = await sql<{ payer: string | null }>`
      SELECT pays_user_id AS payer FROM service_accounts
      WHERE organization_id = ${organizationId} AND user_id = ${userId} FOR SHARE`.execute(transaction)
    return rows[0]?.payer ?? null
  },

  list: async (filter: {
    organizationId: string
    kind: 'user' | 'platform'
    userId?: string
    teamId?: string
    purposes?: readonly TokenPurpose[]
  }) => {
    let query = kysely
      .selectFrom('access_tokens')
      .select(columns)
      .where('organization_id', '=', filter.organizationId)
      .where('kind', '=', filter.kind)
      .where('purpose', 'in', filter.purposes ?? ['bearer'])
      .orderBy('id', 'desc')
    if (filter.userId !== undefined) query = query.where('user_id', '=', filter.userId)
    if (filter.teamId !== undefined) query = query.where('team_id', '=', filter.teamId)
    return (await query.execute()) as AccessToken[]
  },

  revoke: async (
    transaction: Transaction<Schema>,
    {
      organizationId,
      id,
      userId,
      teamId,
    }: { organizationId: string; id: string; userId?: string; teamId?: string },
    at: Date,
  ) => {
    let query = transaction
      .updateTable('access_tokens')
      .set({ revoked_at: at })
      .where('organization_id', '=', organizationId)
      .where('id', '=', id)
      .where('revoked_at', 'is', null)
    if (userId !== undefined) query = query.where('user_id', '=', userId)
    if (teamId !== undefined) query = query.where('team_id', '=', teamId)
    return (await query.returning(columns).executeTakeFirst()) as AccessToken | undefined
  },

  findByHash: async (hash: Buffer) =>
    (await kysely
      .selectFrom('access_tokens')
      .select(columns)
      .where('token_hash', '=', hash)
      .executeTakeFirst()) as AccessToken | undefined,

  findById: async (organizationId: string, id: string) =>
    (await kysely
      .selectFrom('access_tokens')
      .select(columns)
      .where('organization_id', '=', organizationId)
      .where('id', '=', id)
      .executeTakeFirst()) as AccessToken | undefined,

  /** The client, as narrow and short-lived as what it was given. */
  findClientToken: async (hash: Buffer): Promise<AccessToken | undefined> => {
    const row = await kysely
      .selectFrom('client_tokens')
      .select([
        'organization_id as organizationId',
        'client_id as clientId',
        'scopes',
        'expires_at as expiresAt',
      ])
      .where('token_hash', '=', hash)
      .executeTakeFirst()
    if (!row) return undefined
    const client = await makeAccessStore(kysely).findById(row.organizationId, row.clientId)
    if (client?.purpose !== 'client') return undefined
    const expiresAt =
      client.expiresAt !== null && client.expiresAt < row.expiresAt ? client.expiresAt : row.expiresAt
    return { ...client, purpose: 'bearer', scopes: row.scopes as Scope[], expiresAt }
  },

  insertClientToken: async (token: {
    client: AccessToken
    hash: Buffer
    scopes: readonly Scope[]
    expiresAt: Date
  }): Promise<void> => {
    await kysely
      .insertInto('client_tokens')
      .values({
        organization_id: token.client.organizationId,
        token_hash: token.hash,
        client_id: token.client.id,
        scopes: [...token.scopes],
        expires_at: token.expiresAt,
      })
      .execute()
  },

  sweepClientTokens: async (now: Date): Promise<void> => {
    await kysely.deleteFrom('client_tokens').where('expires_at', '<', now).execute()
  },

  touch: async (used: ReadonlyMap<string, { organizationId: string; at: Date }>) => {
    await sql`
      UPDATE access_tokens AS t SET last_used_at = u.at
      FROM unnest(${[...used.values()].map((u) => u.organizationId)}::uuid[], ${[...used.keys()]}::uuid[],
                  ${[...used.values()].map((u) => u.at)}::timestamptz[]) AS u (organization_id, id, at)
      WHERE t.organization_id = u.organization_id AND t.id = u.id`.execute(kysely)
  },

  /** A member by id or e-mail address; the earliest membership when no organisation is named. */
  findPerson: async (
    reference: { userId: string } | { email: string },
    organizationId: string | null,
    now: Date,
    byPlatformToken = false,
  ): Promise<Person | undefined> => {
    const who =
      'userId' in reference
        ? sql`u.id = ${reference.userId}`
        : sql`lower(u.email) = lower(${reference.email})`
    const where = organizationId === null ? sql`true` : sql`m.organization_id = ${organizationId}`
    const { rows } = await sql<Row>`
      SELECT m.organization_id, u.id AS user_id, u.email, m.role, coalesce(u.suspended_at, m.suspended_at, sa.removed_at) AS suspended_at, o.control_policy, o.critical_services,
             o.system_keys_allowed, o.locked_fallback, o.allowed_uses, a.id AS account_id,
             CASE WHEN o.central_billing_at IS NULL THEN p.user_id END AS payer_user_id,
             (SELECT json_object_agg(p.service_id, p.fallback) FROM fallback_preferences p
               WHERE p.organization_id = m.organization_id AND p.user_id = m.user_id) AS preferences,
             v.name AS tier_name, v.entitlements,
             (SELECT jsonb_agg(jsonb_build_object('organizationId', sp.organization_id, 'networks', sp.networks,
                 'bindsOperations', sp.binds_operations, 'tokenDays', sp.token_days))
               FROM session_policies sp WHERE sp.organization_id = m.organization_id
                 OR sp.organization_id = ${platformOrganizationId} AND (u.is_platform_administrator OR ${byPlatformToken})) AS token_policies,
             ARRAY(SELECT tm.team_id FROM team_members tm JOIN teams t ON t.organization_id = tm.organization_id AND t.id = tm.team_id
               WHERE tm.organization_id = m.organization_id AND tm.user_id = m.user_id AND t.archived_at IS NULL) AS team_ids,
             x.services AS excepted_services, x.until AS excepted_until
      FROM users u
      JOIN memberships m ON m.user_id = u.id
      JOIN organizations o ON o.id = m.organization_id
      -- Where the organisation pays for everybody, its one account does: its holder is the organisation itself.
      -- A machine has no account: it works on the credits of the member who answers for it, while they are one.
      LEFT JOIN service_accounts sa ON sa.organization_id = m.organization_id AND sa.user_id = m.user_id
      LEFT JOIN memberships p ON p.organization_id = m.organization_id AND p.user_id = sa.pays_user_id AND p.suspended_at IS NULL
        AND EXISTS (SELECT FROM users pu WHERE pu.id = p.user_id AND pu.suspended_at IS NULL)
      LEFT JOIN credit_accounts a ON a.organization_id = m.organization_id
        AND a.user_id = CASE WHEN o.central_billing_at IS NOT NULL THEN o.id
          WHEN sa.user_id IS NULL THEN m.user_id ELSE p.user_id END
      LEFT JOIN subscriptions s ON s.organization_id = a.organization_id AND s.account_id = a.id
      -- An account that is so new that it has no subscription yet will get the version in effect.
      LEFT JOIN LATERAL (SELECT name, entitlements FROM tier_versions t
        WHERE t.tier_id = coalesce(s.tier_id, a.tier_id)
          AND CASE WHEN s.tier_id IS NULL THEN t.effective_at <= now() ELSE t.version = s.tier_version END
        ORDER BY t.effective_at DESC, t.version DESC LIMIT 1) v ON true
      LEFT JOIN LATERAL (SELECT array_agg(e.service_id) AS services, min(e.expires_at) AS until FROM own_key_exceptions e
        WHERE e.organization_id = m.organization_id AND e.user_id = m.user_id
          AND (e.expires_at IS NULL OR e.expires_at > ${now})) x ON true
      WHERE ${who} AND ${where} ORDER BY m.created_at, m.organization_id LIMIT 1`.execute(kysely)
    const row = rows[0]
    return row && personOf(row)
  },

  /** The first version of a tier is from its beginning on, so that each has one now. */
  offeredTiers: async (): Promise<OfferedTier[]> => {
    const { rows } = await sql<OfferedRow>`
      SELECT v.tier_id, v.name, v.entitlements, v.effective_at FROM tiers t JOIN tier_versions v ON v.tier_id = t.id
      WHERE t.archived_at IS NULL ORDER BY t.position, t.id, v.effective_at, v.version`.execute(kysely)
    return rows.map(({ tier_id, name, entitlements, effective_at }) => ({
      tierId: tier_id,
      tierName: name,
      services: entitlements.services ?? null,
      groups: entitlements.groups ?? null,
      effectiveAt: effective_at,
    }))
  },
})

interface StoredEntitlements {
  services?: string[] | null
  groups?: string[] | null
  rateLimits?: RateLimits | null
}

interface OfferedRow {
  tier_id: string
  name: string
  entitlements: StoredEntitlements
  effective_at: Date
}

interface Row {
  organization_id: string
  user_id: string
  email: string
  role: Role
  suspended_at: Date | null
  control_policy: Person['control']['controlPolicy']
  critical_services: string[]
  system_keys_allowed: boolean
  locked_fallback: Fallback | null
  allowed_uses: AllowedUses | null
  account_id: string | null
  payer_user_id: string | null
  preferences: Record<string, Fallback> | null
  tier_name: string | null
  entitlements: StoredEntitlements | null
  token_policies: Person['tokenPolicies'] | null
  team_ids: string[]
  excepted_services: string[] | null
  excepted_until: Date | null
}

const personOf = (row: Row): Person => ({
  organizationId: row.organization_id,
  userId: row.user_id,
  email: row.email,
  role: row.role,
  suspended: row.suspended_at !== null,
  accountId: row.account_id,
  payerUserId: row.payer_user_id,
  control: {
    controlPolicy: row.control_policy,
    criticalServices: row.critical_services,
    systemKeysAllowed: row.system_keys_allowed,
    lockedFallback: row.locked_fallback,
    allowed: row.allowed_uses,
    exceptedServices: row.excepted_services,
  },
  preferences: new Map(Object.entries(row.preferences ?? {})),
  // Without an account there are no credits for system keys anyway.
  entitlements: {
    tierName: row.tier_name ?? '',
    services: row.entitlements?.services ?? null,
    groups: row.entitlements?.groups ?? null,
  },
  tierLimits: row.entitlements?.rateLimits ?? null,
  tokenPolicies: row.token_policies ?? [],
  teamIds: row.team_ids,
  validUntil: row.excepted_until,
})
