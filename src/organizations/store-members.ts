import { type Kysely, sql, type Transaction } from 'kysely'
import type { Role } from '../contract/permissions.ts'
import type { Schema } from '../db/schema.ts'
import { beyondTenantsIn } from '../db/tenant-scope.ts'
import type { Standing } from './member-rules.ts'
import type { MemberReference } from './members.ts'

type Executor = Kysely<Schema> | Transaction<Schema>

const ofMember = ({ organizationId, userId }: MemberReference) =>
  sql<boolean>`organization_id = ${organizationId} AND user_id = ${userId}`

/**
 * The owners, and whoever else is named, locked in one order: two who take each other's role away at the same time come
 * one after the other.
 */
export const lockStandings = async (
  transaction: Transaction<Schema>,
  organizationId: string,
  userIds: readonly string[],
): Promise<Standing[]> => {
  const { rows } = await sql<Standing>`
    SELECT m.user_id AS "userId", m.role, m.suspended_at AS "suspendedAt", u.kind = 'person' AS "isPerson",
      u.suspended_at IS NOT NULL AS "isUserSuspended",
      EXISTS (SELECT FROM service_accounts s WHERE s.organization_id = m.organization_id AND s.user_id = m.user_id
        AND s.removed_at IS NOT NULL) AS "isRemoved"
    FROM memberships m JOIN users u ON u.id = m.user_id
    WHERE m.organization_id = ${organizationId} AND (m.role = 'owner' OR m.user_id = ANY (${[...userIds]}::uuid[]))
    ORDER BY m.user_id FOR UPDATE OF m`.execute(transaction)
  return rows
}

export const setRole = async (t: Transaction<Schema>, member: MemberReference, role: Role): Promise<void> => {
  await t.updateTable('memberships').set({ role }).where(ofMember(member)).execute()
}

export const setSuspended = async (
  t: Transaction<Schema>,
  member: MemberReference,
  at: Date | null,
): Promise<void> => {
  await t.updateTable('memberships').set({ suspended_at: at }).where(ofMember(member)).execute()
}

/** Machines that they answered for work on nobody's credits now, also should they come back. */
export const payForNobody = async (t: Transaction<Schema>, member: MemberReference): Promise<void> => {
  await t
    .updateTable('service_accounts')
    .set({ pays_user_id: null })
    .where('organization_id', '=', member.organizationId)
    .where('pays_user_id', '=', member.userId)
    .execute()
}

/** A machine may leave as any member does: then it is none of the service accounts that an organisation has. */
export const retireMachine = async (
  t: Transaction<Schema>,
  member: MemberReference,
  at: Date,
): Promise<void> => {
  await t.updateTable('service_accounts').set({ removed_at: at }).where(ofMember(member)).execute()
}

/** What they asked for and nobody has answered. */
export const withdrawRequests = async (
  t: Transaction<Schema>,
  { organizationId, userId }: MemberReference,
  at: Date,
) =>
  t
    .updateTable('access_requests')
    .set({ state: 'withdrawn', decided_at: at })
    .where('organization_id', '=', organizationId)
    .where('user_id', '=', userId)
    .where('state', '=', 'open')
    .returning(['id', 'kind', 'service_id as serviceId', 'model'])
    .execute()

export const deleteMembership = async (t: Transaction<Schema>, member: MemberReference): Promise<void> => {
  await t.deleteFrom('fallback_preferences').where(ofMember(member)).execute()
  await t.deleteFrom('memberships').where(ofMember(member)).execute()
}

/** Users are seen by those they share an organisation with; whoever joins is not among them yet. */
export const readUserToJoin = (
  t: Transaction<Schema>,
  userId: string,
): Promise<{ email: string; name: string } | undefined> =>
  beyondTenantsIn(t, () =>
    t.selectFrom('users').select(['email', 'name']).where('id', '=', userId).executeTakeFirst(),
  )

export interface MemberRow {
  readonly userId: string
  readonly email: string
  readonly name: string
  readonly kind: 'person' | 'service_account'
  readonly role: Role
  readonly source: string
  readonly joinedAt: Date
  readonly suspendedAt: Date | null
  readonly lastUsedAt: Date | null
  readonly serviceKeyCount: number
  readonly accessTokenCount: number
}

export interface MemberFilter {
  readonly search?: string
  readonly role?: Role
  readonly suspended?: boolean
}

/** By name: `after` is the user of the last row of the page before. */
export const listMembers = async (
  kysely: Executor,
  organizationId: string,
  filter: MemberFilter,
  page: { after: string | null; limit: number; now: Date },
): Promise<MemberRow[]> => {
  const conditions = [sql`m.organization_id = ${organizationId}`]
  if (filter.search) {
    const like = `%${filter.search.replace(/[\\%_]/g, '\\$&')}%`
    conditions.push(sql`(u.name ILIKE ${like} OR u.email ILIKE ${like})`)
  }
  if (filter.role) conditions.push(sql`m.role = ${filter.role}`)
  if (filter.suspended !== undefined)
    conditions.push(
      filter.suspended
        ? sql`(m.suspended_at IS NOT NULL OR u.suspended_at IS NOT NULL)`
        : sql`m.suspended_at IS NULL AND u.suspended_at IS NULL`,
    )
  if (page.after)
    conditions.push(
      sql`(lower(u.name), u.id) > (SELECT lower(l.name), l.id FROM users l WHERE l.id = ${page.after})`,
    )
  const { rows } = await sql<MemberRow>`
    SELECT u.id AS "userId", u.email, u.name, u.kind, m.role, m.source, m.created_at AS "joinedAt",
           coalesce(m.suspended_at, u.suspended_at) AS "suspendedAt",
           (SELECT max(t.last_used_at) FROM access_tokens t
             WHERE t.organization_id = m.organization_id AND t.user_id = m.user_id) AS "lastUsedAt",
           (SELECT count(*)::int FROM service_keys k WHERE k.organization_id = m.organization_id AND k.user_id = m.user_id
             AND k.owner = 'user' AND k.revoked_at IS NULL) AS "serviceKeyCount",
           (SELECT count(*)::int FROM access_tokens t WHERE t.organization_id = m.organization_id AND t.user_id = m.user_id
             AND t.revoked_at IS NULL AND (t.expires_at IS NULL OR t.expires_at > ${page.now})) AS "accessTokenCount"
    FROM memberships m JOIN users u ON u.id = m.user_id
    WHERE ${sql.join(conditions, sql` AND `)}
    ORDER BY lower(u.name), u.id LIMIT ${page.limit}`.execute(kysely)
  return rows
}

export const countMembers = async (
  kysely: Executor,
  organizationId: string,
): Promise<{ role: Role; suspended: boolean; count: number }[]> => {
  const { rows } = await sql<{ role: Role; suspended: boolean; count: number }>`
    SELECT m.role, m.suspended_at IS NOT NULL OR u.suspended_at IS NOT NULL AS suspended, count(*)::int AS count
    FROM memberships m JOIN users u ON u.id = m.user_id
    WHERE m.organization_id = ${organizationId} GROUP BY 1, 2`.execute(kysely)
  return rows
}

export const readOverview = async (
  kysely: Executor,
  organizationId: string,
): Promise<OrganizationRow | undefined> => {
  const { rows } = await sql<OrganizationRow>`
    SELECT id, name, kind, created_at AS "createdAt", delete_at AS "deleteAt",
      (SELECT count(*)::int FROM memberships m WHERE m.organization_id = o.id) AS "memberCount"
    FROM organizations o WHERE id = ${organizationId}`.execute(kysely)
  return rows[0]
}

export interface OrganizationRow {
  readonly id: string
  readonly name: string
  readonly kind: 'platform' | 'personal' | 'company'
  readonly createdAt: Date
  readonly deleteAt: Date | null
  readonly memberCount: number
}
