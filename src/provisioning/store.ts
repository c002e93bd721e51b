import { type Kysely, sql, type Transaction } from 'kysely'
import type { Role } from '../contract/permissions.ts'
import type { Schema } from '../db/schema.ts'
import { beyondTenants, beyondTenantsIn } from '../db/tenant-scope.ts'
import type { ProvisionedFacts, StoredGroup, StoredUser } from './resource.ts'

type Executor = Kysely<Schema> | Transaction<Schema>
interface Place {
  readonly organizationId: string
  readonly id: string
}

export interface UserFilter {
  readonly id?: string | null
  readonly userName?: string | null
  readonly externalId?: string | null
}
export interface GroupFilter {
  readonly id?: string | null
  readonly displayName?: string | null
}
/** Null: all of them. */
export type Window = { readonly offset: number; readonly limit: number } | null

/** A user of the installation, as far as it decides what an identity provider may do with them. */
export interface KnownUser {
  readonly userId: string
  readonly email: string
  readonly name: string
  readonly kind: 'person' | 'service_account'
  readonly isPlatformAdministrator: boolean
  /** In this organisation; null: no member. */
  readonly role: Role | null
  readonly isProvisioned: boolean
  /** In other organisations. */
  readonly otherMemberships: number
}

export interface ListedUser extends StoredUser {
  readonly userName: string
  readonly externalId: string | null
  readonly email: string
  readonly name: string
  readonly role: Role | null
}

const window = (w: Window) => (w === null ? sql`` : sql`LIMIT ${w.limit} OFFSET ${w.offset}`)
const eq = (column: string, value: string | null | undefined) =>
  value === null || value === undefined ? sql`true` : sql`${sql.raw(column)} = ${value}`

export const makeProvisioningStore = (kysely: Kysely<Schema>) => ({
  users: async (organizationId: string, filter: UserFilter, w: Window, executor: Executor = kysely) => {
    const { rows } = await sql<ListedUser>`
      SELECT p.user_id AS id, p.user_name AS "userName", p.external_id AS "externalId", p.active, p.resource, p.version,
             p.created_at AS "createdAt", p.updated_at AS "updatedAt", u.email, u.name, m.role,
             coalesce(g.groups, '[]') AS groups
      FROM provisioned_users p JOIN users u ON u.id = p.user_id
      JOIN memberships m ON m.organization_id = p.organization_id AND m.user_id = p.user_id
      LEFT JOIN LATERAL (SELECT json_agg(json_build_object('id', g.id, 'name', g.display_name) ORDER BY g.display_name) AS groups
        FROM provisioned_group_members gm
        JOIN provisioned_groups g ON g.organization_id = gm.organization_id AND g.id = gm.group_id
        WHERE gm.organization_id = p.organization_id AND gm.user_id = p.user_id) g ON true
      WHERE p.organization_id = ${organizationId} AND ${eq('p.user_id::text', filter.id)}
        AND ${eq('lower(p.user_name)', filter.userName?.toLowerCase())} AND ${eq('p.external_id', filter.externalId)}
      ORDER BY p.created_at, p.user_id ${window(w)}`.execute(executor)
    return rows
  },

  countUsers: async (organizationId: string) => {
    const { rows } = await sql<{ all: number; inactive: number; lastChangeAt: Date | null }>`
      SELECT count(*)::integer AS all, count(*) FILTER (WHERE NOT active)::integer AS inactive, max(updated_at) AS "lastChangeAt"
      FROM provisioned_users WHERE organization_id = ${organizationId}`.execute(kysely)
    return rows[0] as { all: number; inactive: number; lastChangeAt: Date | null }
  },

  /** By e-mail address, whoever they belong to: what may be done with them is decided by what stands here. */
  findByEmail: (organizationId: string, email: string): Promise<KnownUser | undefined> =>
    beyondTenants(() => findUser(kysely, organizationId, sql`lower(u.email) = lower(${email})`)),
  findById: (organizationId: string, userId: string): Promise<KnownUser | undefined> =>
    beyondTenants(() => findUser(kysely, organizationId, sql`u.id = ${userId}`)),

  hasVerifiedDomain: (organizationId: string, domain: string): Promise<boolean> =>
    beyondTenants(async () => {
      const { rows } = await sql`
        SELECT 1 FROM sso_domain_holders h JOIN sso_domains d ON d.organization_id = h.holder_id AND d.domain = h.domain
        WHERE h.domain = ${domain} AND h.holder_id = ${organizationId} AND d.verified_at IS NOT NULL`.execute(
        kysely,
      )
      return rows.length > 0
    }),

  insertUser: async (
    t: Transaction<Schema>,
    { organizationId, id }: Place,
    facts: ProvisionedFacts,
    at: Date,
  ) => {
    await t
      .insertInto('provisioned_users')
      .values({
        organization_id: organizationId,
        user_id: id,
        user_name: facts.userName,
        external_id: facts.externalId,
        active: facts.active,
        resource: JSON.stringify(facts.resource),
        created_at: at,
        updated_at: at,
      })
      .execute()
  },

  /** False: somebody else changed it meanwhile. */
  changeUser: async (
    executor: Executor,
    { organizationId, id }: Place,
    facts: ProvisionedFacts,
    before: { version: number; at: Date },
  ): Promise<boolean> => {
    const row = await executor
      .updateTable('provisioned_users')
      .set({
        user_name: facts.userName,
        external_id: facts.externalId,
        active: facts.active,
        resource: JSON.stringify(facts.resource),
        version: before.version + 1,
        updated_at: before.at,
      })
      .where('organization_id', '=', organizationId)
      .where('user_id', '=', id)
      .where('version', '=', before.version)
      .returning('user_id')
      .executeTakeFirst()
    return row !== undefined
  },

  /** Only where nobody else has a say in who they are; looked at again in the same statement. */
  changePerson: (
    t: Transaction<Schema>,
    { organizationId, id }: Place,
    { email, name }: { email: string; name: string },
  ): Promise<void> =>
    beyondTenantsIn(t, async () => {
      await sql`
        UPDATE users SET email = ${email}, name = ${name}
        WHERE id = ${id} AND kind = 'person' AND NOT is_platform_administrator
          AND NOT EXISTS (SELECT FROM memberships m WHERE m.user_id = ${id} AND m.organization_id <> ${organizationId})`.execute(
        t,
      )
    }),

  groups: async (
    organizationId: string,
    filter: GroupFilter,
    w: Window,
    withMembers: boolean,
    executor: Executor = kysely,
  ) => {
    const members = withMembers
      ? sql`(SELECT coalesce(json_agg(json_build_object('id', gm.user_id, 'name', p.user_name) ORDER BY p.user_name), '[]')
          FROM provisioned_group_members gm
          JOIN provisioned_users p ON p.organization_id = gm.organization_id AND p.user_id = gm.user_id
          WHERE gm.organization_id = g.organization_id AND gm.group_id = g.id)`
      : sql`'[]'::json`
    const { rows } = await sql<StoredGroup & { role: Role | null; memberCount: number }>`
      SELECT g.id, g.display_name AS "displayName", g.external_id AS "externalId", g.role, g.version,
             g.created_at AS "createdAt", g.updated_at AS "updatedAt", ${members} AS members,
             (SELECT count(*)::integer FROM provisioned_group_members c
              WHERE c.organization_id = g.organization_id AND c.group_id = g.id) AS "memberCount"
      FROM provisioned_groups g
      WHERE g.organization_id = ${organizationId} AND ${eq('g.id::text', filter.id)}
        AND ${eq('lower(g.display_name)', filter.displayName?.toLowerCase())}
      ORDER BY g.created_at, g.id ${window(w)}`.execute(executor)
    return rows
  },

  countGroups: async (organizationId: string): Promise<number> => {
    const { rows } = await sql<{ count: number }>`
      SELECT count(*)::integer AS count FROM provisioned_groups WHERE organization_id = ${organizationId}`.execute(
      kysely,
    )
    return rows[0]?.count ?? 0
  },

  insertGroup: async (
    t: Transaction<Schema>,
    { organizationId, id }: Place,
    group: { displayName: string; externalId: string | null },
    at: Date,
  ) => {
    const awaited = await t
      .deleteFrom('awaited_groups')
      .where('organization_id', '=', organizationId)
      .where('name', '=', sql<string>`lower(${group.displayName})`)
      .returning('role')
      .executeTakeFirst()
    await t
      .insertInto('provisioned_groups')
      .values({
        organization_id: organizationId,
        id,
        display_name: group.displayName,
        external_id: group.externalId,
        role: awaited?.role ?? null,
        created_at: at,
        updated_at: at,
      })
      .execute()
  },

  awaitGroup: async (
    t: Transaction<Schema>,
    {
      organizationId,
      name,
      role,
    }: { organizationId: string; name: string; role: Exclude<Role, 'owner'> | null },
  ): Promise<void> => {
    if (role === null)
      await sql`DELETE FROM awaited_groups WHERE organization_id = ${organizationId} AND name = lower(${name})`.execute(
        t,
      )
    else
      await sql`
        INSERT INTO awaited_groups (organization_id, name, role) VALUES (${organizationId}, lower(${name}), ${role})
        ON CONFLICT (organization_id, name) DO UPDATE SET role = excluded.role`.execute(t)
  },

  changeGroup: async (
    t: Transaction<Schema>,
    { organizationId, id }: Place,
    change: { displayName?: string; externalId?: string | null; role?: Exclude<Role, 'owner'> | null },
    at: Date,
  ): Promise<boolean> => {
    const row = await t
      .updateTable('provisioned_groups')
      .set((e) => ({
        display_name: change.displayName,
        external_id: change.externalId,
        role: change.role,
        version: e('version', '+', 1),
        updated_at: at,
      }))
      .where('organization_id', '=', organizationId)
      .where('id', '=', id)
      .returning('id')
      .executeTakeFirst()
    return row !== undefined
  },

  deleteGroup: async (t: Transaction<Schema>, { organizationId, id }: Place): Promise<boolean> => {
    const row = await t
      .deleteFrom('provisioned_groups')
      .where('organization_id', '=', organizationId)
      .where('id', '=', id)
      .returning('id')
      .executeTakeFirst()
    return row !== undefined
  },

  memberIds: async (executor: Executor, { organizationId, id }: Place): Promise<string[]> => {
    const rows = await executor
      .selectFrom('provisioned_group_members')
      .select('user_id')
      .where('organization_id', '=', organizationId)
      .where('group_id', '=', id)
      .execute()
    return rows.map((row) => row.user_id)
  },

  /** Gives those that are no provisioned users of this organisation; nobody was added then. */
  addMembers: async (
    t: Transaction<Schema>,
    { organizationId, id }: Place,
    userIds: readonly string[],
  ): Promise<string[]> => {
    const { rows } = await sql<{ id: string }>`
      SELECT w.id FROM unnest(${[...userIds]}::text[]) AS w (id)
      WHERE NOT EXISTS (SELECT FROM provisioned_users p WHERE p.organization_id = ${organizationId} AND p.user_id::text = w.id)`.execute(
      t,
    )
    if (rows.length > 0) return rows.map((row) => row.id)
    await sql`
      INSERT INTO provisioned_group_members (organization_id, group_id, user_id)
      SELECT ${organizationId}, ${id}, w.id::uuid FROM unnest(${[...userIds]}::text[]) AS w (id)
      ON CONFLICT DO NOTHING`.execute(t)
    return []
  },

  removeMembers: async (
    t: Transaction<Schema>,
    { organizationId, id }: Place,
    userIds: readonly string[],
  ) => {
    await sql`
      DELETE FROM provisioned_group_members
      WHERE organization_id = ${organizationId} AND group_id = ${id} AND user_id = ANY (${[...userIds]}::uuid[])`.execute(
      t,
    )
  },

  /**
   * What the rules make of provisioned members, where that is not what they are. Nothing while there is no rule, and nothing of
   * administrators unless one makes any: such rules are the owners' to give. Whom a rule that is no more made what they are is
   * looked at in any case.
   */
  dueRoles: async (
    organizationId: string,
    userIds: readonly string[] | null,
    former: { readonly role: Role; readonly userIds: readonly string[] } | null,
  ) => {
    const who = userIds === null ? sql`true` : sql`p.user_id = ANY (${[...userIds]}::uuid[])`
    const { rows } = await sql<{ userId: string; current: Role; role: Exclude<Role, 'owner'> }>`
      SELECT due.user_id AS "userId", due.current, due.role FROM (
        SELECT p.user_id, m.role AS current, coalesce((
          SELECT g.role FROM provisioned_group_members gm
          JOIN provisioned_groups g ON g.organization_id = gm.organization_id AND g.id = gm.group_id AND g.role IS NOT NULL
          WHERE gm.organization_id = p.organization_id AND gm.user_id = p.user_id
          ORDER BY array_position(ARRAY['administrator', 'billing', 'auditor', 'member'], g.role) LIMIT 1), 'member') AS role
        FROM provisioned_users p
        JOIN memberships m ON m.organization_id = p.organization_id AND m.user_id = p.user_id AND m.role <> 'owner'
        WHERE p.organization_id = ${organizationId} AND ${who}
          AND (EXISTS (SELECT FROM provisioned_groups r WHERE r.organization_id = p.organization_id AND r.role IS NOT NULL
              AND (m.role <> 'administrator' OR r.role = 'administrator'))
            OR (m.role = ${former?.role ?? null} AND p.user_id = ANY (${[...(former?.userIds ?? [])]}::uuid[])))
      ) due WHERE due.role <> due.current ORDER BY due.user_id`.execute(kysely)
    return rows
  },

  /** Stays what it is until the transaction ends; null: no member. */
  lockRole: async (t: Transaction<Schema>, { organizationId, id }: Place): Promise<Role | null> => {
    const { rows } = await sql<{ role: Role }>`
      SELECT role FROM memberships WHERE organization_id = ${organizationId} AND user_id = ${id} FOR SHARE`.execute(
      t,
    )
    return rows[0]?.role ?? null
  },

  /** Whoever made a token, as they stand now: who runs the installation has an owner's word. Without a role: no member any more. */
  authorOf: async (
    organizationId: string,
    tokenId: string,
  ): Promise<{ role: Role | null; isSuspended: boolean }> => {
    const { rows } = await sql<{ role: Role | null; isSuspended: boolean }>`
      SELECT CASE WHEN t.created_by IS NULL THEN 'owner' ELSE m.role END AS role,
             coalesce(u.suspended_at, m.suspended_at) IS NOT NULL AS "isSuspended"
      FROM access_tokens t
      LEFT JOIN memberships m ON m.organization_id = t.organization_id AND m.user_id = t.created_by
      LEFT JOIN users u ON u.id = t.created_by
      WHERE t.organization_id = ${organizationId} AND t.id = ${tokenId}`.execute(kysely)
    return rows[0] ?? { role: null, isSuspended: false }
  },

  search: async (organizationId: string, text: string, w: { offset: number; limit: number }) => {
    const like = `%${text.replace(/[\\%_]/g, (c) => `\\${c}`)}%`
    const { rows } = await sql<{ id: string }>`
      SELECT p.user_id AS id FROM provisioned_users p JOIN users u ON u.id = p.user_id
      WHERE p.organization_id = ${organizationId} AND (p.user_name ILIKE ${like} OR u.name ILIKE ${like} OR u.email ILIKE ${like})
      ORDER BY p.created_at, p.user_id LIMIT ${w.limit} OFFSET ${w.offset}`.execute(kysely)
    return rows.map((row) => row.id)
  },
})
export type ProvisioningStore = ReturnType<typeof makeProvisioningStore>

const findUser = async (
  executor: Executor,
  organizationId: string,
  which: ReturnType<typeof sql>,
): Promise<KnownUser | undefined> => {
  const { rows } = await sql<KnownUser>`
    SELECT u.id AS "userId", u.email, u.name, u.kind, u.is_platform_administrator AS "isPlatformAdministrator",
           (SELECT m.role FROM memberships m WHERE m.organization_id = ${organizationId} AND m.user_id = u.id) AS role,
           EXISTS (SELECT FROM provisioned_users p WHERE p.organization_id = ${organizationId} AND p.user_id = u.id) AS "isProvisioned",
           (SELECT count(*)::integer FROM memberships m WHERE m.user_id = u.id AND m.organization_id <> ${organizationId}) AS "otherMemberships"
    FROM users u WHERE ${which}`.execute(executor)
  return rows[0]
}

export const isTaken = (error: unknown): boolean => (error as { code?: string } | null)?.code === '23505'
