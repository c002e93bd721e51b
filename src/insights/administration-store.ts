import { type Kysely, sql } from 'kysely'
import type { Schema } from '../db/schema.ts'
import type {
  InstallationOverview,
  OrganizationOverview,
  ProcessRow,
  TierRow,
  UserFilter,
  UserOverview,
} from './administration-rows.ts'

/** What administrators' screens read. */
export type AdministrationReads = ReturnType<typeof makeAdministrationStore>

const matching = (filter: UserFilter) => {
  const conditions = [sql`true`]
  if (filter.id !== undefined) conditions.push(sql`u.id = ${filter.id}`)
  if (filter.organizationId !== undefined) conditions.push(sql`m.organization_id = ${filter.organizationId}`)
  if (filter.search) {
    const pattern = `%${filter.search.replace(/[\\%_]/g, '\\$&')}%`
    conditions.push(sql`(u.email ILIKE ${pattern} OR u.name ILIKE ${pattern})`)
  }
  return sql.join(conditions, sql` AND `)
}

/** A user works in the organisation of the earliest membership. */
const memberships = sql`(
  SELECT DISTINCT ON (user_id) user_id, organization_id, role FROM memberships ORDER BY user_id, created_at, organization_id)`

const isAiling = sql`(status IN ('invalid', 'exhausted') OR suspected_at IS NOT NULL)`

export const makeAdministrationStore = (kysely: Kysely<Schema>) => ({
  /** Newest first, after the user with the id `before`. */
  users: async (
    filter: UserFilter,
    page: { before: string | null; limit: number; now: Date },
  ): Promise<UserOverview[]> => {
    const { rows } = await sql<UserOverview>`
      SELECT u.id, u.email, u.name, g.id AS "organizationId", g.name AS "organizationName", m.role,
             u.is_platform_administrator AS "isPlatformAdministrator", u.suspended_at AS "suspendedAt",
             u.delete_at AS "deleteAt",
             EXISTS (SELECT FROM totp_factors f WHERE f.user_id = u.id AND f.confirmed_at IS NOT NULL)
               OR EXISTS (SELECT FROM passkeys k WHERE k.user_id = u.id) AS "hasSecondFactor",
             u.created_at AS "createdAt", a.tier_id AS "tierId",
             coalesce((SELECT sum(r.remaining_micros) FROM grants r
               WHERE r.organization_id = a.organization_id AND r.account_id = a.id AND r.live
                 AND r.effective_at <= ${page.now} AND (r.expires_at IS NULL OR r.expires_at > ${page.now})), 0)::bigint
               AS "availableMicros",
             coalesce(a.held_micros, 0) AS "heldMicros", coalesce(a.debt_micros, 0) AS "debtMicros",
             (SELECT count(*) FROM service_keys k WHERE k.organization_id = g.id AND k.owner = 'user' AND k.user_id = u.id
               AND k.revoked_at IS NULL) AS "serviceKeyCount",
             (SELECT o.started_at FROM operations o WHERE o.organization_id = g.id AND o.user_id = u.id
               ORDER BY o.id DESC LIMIT 1) AS "lastOperationAt"
      FROM users u
      JOIN ${memberships} m ON m.user_id = u.id
      JOIN organizations g ON g.id = m.organization_id
      LEFT JOIN credit_accounts a ON a.organization_id = g.id AND a.user_id = u.id
      WHERE ${matching(filter)} AND ${page.before === null ? sql`true` : sql`u.id < ${page.before}`}
      ORDER BY u.id DESC LIMIT ${page.limit}`.execute(kysely)
    return rows
  },

  countUsers: async (filter: UserFilter): Promise<bigint> => {
    const { rows } = await sql<{ count: bigint }>`
      SELECT count(*) FROM users u JOIN ${memberships} m ON m.user_id = u.id WHERE ${matching(filter)}`.execute(
      kysely,
    )
    return rows[0]?.count ?? 0n
  },

  /** Newest first; `id` asks for one. The platform organisation holds system keys and no members, so it is left out. */
  organizations: async (
    filter: { id?: string },
    page: { before: string | null; limit: number },
  ): Promise<OrganizationOverview[]> => {
    const { rows } = await sql<OrganizationOverview>`
      SELECT g.id, g.name, g.kind, g.control_policy AS "controlPolicy", g.critical_services AS "criticalServices",
             g.system_keys_allowed AS "systemKeysAllowed", g.locked_fallback AS "lockedFallback", g.allowed_uses AS allowed,
             (SELECT count(*) FROM memberships m WHERE m.organization_id = g.id) AS "memberCount",
             (SELECT count(*) FROM service_keys k WHERE k.organization_id = g.id AND k.status = 'suspended')
               AS "suspendedKeyCount",
             g.created_at AS "createdAt"
      FROM organizations g
      WHERE g.kind <> 'platform' AND ${filter.id === undefined ? sql`true` : sql`g.id = ${filter.id}`}
        AND ${page.before === null ? sql`true` : sql`g.id < ${page.before}`}
      ORDER BY g.id DESC LIMIT ${page.limit}`.execute(kysely)
    return rows
  },

  overview: async (now: Date): Promise<InstallationOverview> => {
    const since = new Date(now.getTime() - 24 * 3600 * 1000)
    const { rows } = await sql<InstallationOverview>`
      SELECT
        (SELECT count(*) FROM organizations WHERE kind <> 'platform') AS organizations,
        -- As the list has them: without those who are deleted, and organisations as holders of their accounts.
        (SELECT count(DISTINCT user_id) FROM memberships) AS users,
        d.*, k.*,
        (SELECT count(*) FROM holds WHERE state = 'unresolved') AS "unresolvedHolds"
      FROM (
        SELECT count(*) AS operations,
               count(*) FILTER (WHERE status = 'succeeded') AS succeeded,
               count(*) FILTER (WHERE status = 'failed') AS failed,
               count(*) FILTER (WHERE status = 'cancelled') AS cancelled,
               count(*) FILTER (WHERE status = 'interrupted') AS interrupted,
               count(*) FILTER (WHERE status = 'refused') AS refused,
               count(*) FILTER (WHERE key_owner IN ('user', 'organization')) AS "ownKeyOperations",
               count(*) FILTER (WHERE key_owner = 'system') AS "systemKeyOperations",
               coalesce(sum(cost_nano_usd) FILTER (WHERE key_owner = 'system'), 0)::bigint AS "systemCostNanoUsd",
               coalesce(sum(credit_micros), 0)::bigint AS "chargedMicros"
        FROM operations
        WHERE started_at >= ${since} AND id >= first_id_at(${since}::timestamptz - interval '1 hour')
      ) d, (
        SELECT count(*) FILTER (WHERE owner = 'system') AS "systemKeys",
               count(*) FILTER (WHERE owner = 'system' AND status = 'active'
                 AND (cooling_until IS NULL OR cooling_until <= ${now})) AS "usableSystemKeys",
               count(*) FILTER (WHERE owner = 'system' AND ${isAiling}) AS "ailingSystemKeys",
               count(*) FILTER (WHERE owner = 'user') AS "userKeys",
               count(*) FILTER (WHERE owner = 'user' AND ${isAiling}) AS "ailingUserKeys"
        FROM service_keys WHERE revoked_at IS NULL
      ) k`.execute(kysely)
    return rows[0] as InstallationOverview
  },

  processes: async (): Promise<ProcessRow[]> => {
    const { rows } = await sql<ProcessRow>`
      SELECT id, host, pid, version, started_at AS "startedAt", lease_until > now() AS live
      FROM processes WHERE started_at > now() - interval '7 days' OR lease_until > now()
      ORDER BY started_at DESC LIMIT 50`.execute(kysely)
    return rows
  },

  tiers: (): Promise<TierRow[]> =>
    kysely
      .selectFrom('tiers')
      .select([
        'id',
        'name',
        'monthly_allocation_micros as monthlyAllocationMicros',
        'monthly_price_cents as monthlyPriceCents',
        'currency',
      ])
      .orderBy('position')
      .execute(),

  systemKeyCounts: async (): Promise<ReadonlyMap<string, number>> => {
    const rows = await kysely
      .selectFrom('service_keys')
      .select(['service_id', (e) => e.fn.countAll<bigint>().as('count')])
      .where('owner', '=', 'system')
      .where('revoked_at', 'is', null)
      .groupBy('service_id')
      .execute()
    return new Map(rows.map((row) => [row.service_id, Number(row.count)]))
  },
})
