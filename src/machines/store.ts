import { type Kysely, sql, type Transaction } from 'kysely'
import type { Role } from '../contract/permissions.ts'
import type { Schema } from '../db/schema.ts'

type Executor = Kysely<Schema> | Transaction<Schema>

export interface ServiceAccountRow {
  readonly id: string
  readonly name: string
  readonly description: string
  readonly role: Role
  readonly suspendedAt: Date | null
  readonly paysUserId: string | null
  readonly paysEmail: string | null
  readonly credentialCount: number
  readonly lastUsedAt: Date | null
  readonly createdAt: Date
}

export const makeMachineStore = (kysely: Kysely<Schema>) => ({
  list: async (organizationId: string, id: string | null, executor: Executor = kysely) => {
    const which = id === null ? sql`true` : sql`s.user_id = ${id}`
    const { rows } = await sql<ServiceAccountRow>`
      SELECT s.user_id AS id, u.name, s.description, m.role, coalesce(u.suspended_at, m.suspended_at) AS "suspendedAt",
             p.user_id AS "paysUserId", pu.email AS "paysEmail", s.created_at AS "createdAt",
             c.count AS "credentialCount", c.last AS "lastUsedAt"
      FROM service_accounts s
      JOIN users u ON u.id = s.user_id
      JOIN memberships m ON m.organization_id = s.organization_id AND m.user_id = s.user_id
      LEFT JOIN memberships p ON p.organization_id = s.organization_id AND p.user_id = s.pays_user_id
        AND p.suspended_at IS NULL AND EXISTS (SELECT FROM users w WHERE w.id = p.user_id AND w.suspended_at IS NULL)
      LEFT JOIN users pu ON pu.id = p.user_id
      CROSS JOIN LATERAL (SELECT count(*) FILTER (WHERE t.revoked_at IS NULL)::integer AS count, max(t.last_used_at) AS last
        FROM access_tokens t WHERE t.organization_id = s.organization_id AND t.user_id = s.user_id) c
      WHERE s.organization_id = ${organizationId} AND s.removed_at IS NULL AND ${which}
      ORDER BY lower(u.name), s.user_id`.execute(executor)
    return rows
  },

  count: async (transaction: Transaction<Schema>, organizationId: string): Promise<number> => {
    // Two that are made at once are counted one after the other.
    await sql`SELECT 1 FROM organizations WHERE id = ${organizationId} FOR UPDATE`.execute(transaction)
    const row = await transaction
      .selectFrom('service_accounts')
      .select((e) => e.fn.countAll<bigint>().as('count'))
      .where('organization_id', '=', organizationId)
      .where('removed_at', 'is', null)
      .executeTakeFirstOrThrow()
    return Number(row.count)
  },

  insertUser: async (transaction: Transaction<Schema>, user: { id: string; name: string }) => {
    await transaction
      .insertInto('users')
      .values({
        id: user.id,
        // A domain that can never be anybody's (RFC 2606).
        email: `${user.id}@service-accounts.invalid`,
        name: user.name,
        kind: 'service_account',
      })
      .execute()
  },

  insertAccount: async (
    transaction: Transaction<Schema>,
    account: {
      organizationId: string
      id: string
      description: string
      role: Role
      paysUserId: string | null
      at: Date
    },
  ): Promise<void> => {
    await transaction
      .insertInto('memberships')
      .values({
        organization_id: account.organizationId,
        user_id: account.id,
        role: account.role,
        created_at: account.at,
      })
      .execute()
    await transaction
      .insertInto('service_accounts')
      .values({
        organization_id: account.organizationId,
        user_id: account.id,
        description: account.description,
        pays_user_id: account.paysUserId,
        created_at: account.at,
      })
      .execute()
  },

  /** Who pays for what a member does: themselves, or for a machine whoever answers for it. */
  payerOf: async (executor: Executor, organizationId: string, userId: string): Promise<string | null> => {
    const row = await executor
      .selectFrom('service_accounts')
      .select('pays_user_id')
      .where('organization_id', '=', organizationId)
      .where('user_id', '=', userId)
      .executeTakeFirst()
    return row ? row.pays_user_id : userId
  },

  rename: async (transaction: Transaction<Schema>, id: string, name: string): Promise<void> => {
    await transaction
      .updateTable('users')
      .set({ name })
      .where('id', '=', id)
      .where('kind', '=', 'service_account')
      .execute()
  },

  changeMembership: async (
    transaction: Transaction<Schema>,
    where: { organizationId: string; id: string },
    change: { role?: Role; suspendedAt?: Date | null },
  ): Promise<void> => {
    await transaction
      .updateTable('memberships')
      .set({ role: change.role, suspended_at: change.suspendedAt })
      .where('organization_id', '=', where.organizationId)
      .where('user_id', '=', where.id)
      .execute()
  },

  leaveTeams: async (
    transaction: Transaction<Schema>,
    where: { organizationId: string; id: string },
  ): Promise<void> => {
    await transaction
      .deleteFrom('team_members')
      .where('organization_id', '=', where.organizationId)
      .where('user_id', '=', where.id)
      .execute()
  },

  changeAccount: async (
    transaction: Transaction<Schema>,
    where: { organizationId: string; id: string },
    change: { description?: string; paysUserId?: string | null; removedAt?: Date },
  ): Promise<void> => {
    await transaction
      .updateTable('service_accounts')
      .set({
        description: change.description,
        pays_user_id: change.paysUserId,
        removed_at: change.removedAt,
      })
      .where('organization_id', '=', where.organizationId)
      .where('user_id', '=', where.id)
      .execute()
  },
})
export type MachineStore = ReturnType<typeof makeMachineStore>
