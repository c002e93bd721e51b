import { type Kysely, sql, type Transaction } from 'kysely'
import type { Schema } from '../db/schema.ts'
import type { AllowedUses, Fallback } from '../policy/control.ts'
import type { Actor } from '../audit/audit.ts'
import type { NewOrganization, Organization } from './organizations.ts'
import type { Member } from './people.ts'
import { documentOf } from './policy-document.ts'
import { insertVersion } from './store-policies.ts'

type Executor = Kysely<Schema> | Transaction<Schema>

const columns = [
  'id',
  'name',
  'kind',
  'control_policy as controlPolicy',
  'critical_services as criticalServices',
  'system_keys_allowed as systemKeysAllowed',
  'locked_fallback as lockedFallback',
  'is_demo as isDemo',
  sql<AllowedUses | null>`allowed_uses`.as('allowed'),
] as const

export const makeOrganizationStore = (kysely: Kysely<Schema>) => ({
  insert: async (transaction: Transaction<Schema>, id: string, wanted: NewOrganization): Promise<void> => {
    await transaction
      .insertInto('organizations')
      .values({
        id,
        name: wanted.name,
        kind: wanted.kind,
        control_policy: wanted.controlPolicy ?? 'user_control',
        is_demo: wanted.isDemo ?? false,
        self_service: wanted.selfService ?? false,
      })
      .execute()
  },

  read: (id: string): Promise<Organization | undefined> =>
    kysely.selectFrom('organizations').select(columns).where('id', '=', id).executeTakeFirst(),

  findByName: (name: string): Promise<Organization | undefined> =>
    kysely
      .selectFrom('organizations')
      .select(columns)
      .where('name', '=', name)
      .where('kind', '=', 'company')
      .where('deleted_at', 'is', null)
      .orderBy('id')
      .executeTakeFirst(),

  /**
   * Locked, so that two changes do not overwrite each other; rows that only name it are written meanwhile: whoever waits for
   * one of them would otherwise wait for somebody who waits for them.
   */
  readForChange: (transaction: Transaction<Schema>, id: string): Promise<Organization | undefined> =>
    transaction
      .selectFrom('organizations')
      .select(columns)
      .where('id', '=', id)
      .forNoKeyUpdate()
      .executeTakeFirst(),

  rename: async (transaction: Transaction<Schema>, id: string, name: string): Promise<void> => {
    await transaction.updateTable('organizations').set({ name }).where('id', '=', id).execute()
  },

  /** As the organisation was made; `organizations` has its columns already. */
  insertFirstPolicy: async (
    transaction: Transaction<Schema>,
    id: string,
    actor: Actor,
    at: Date,
  ): Promise<void> => {
    const organization = await transaction
      .selectFrom('organizations')
      .select(columns)
      .where('id', '=', id)
      .executeTakeFirstOrThrow()
    await insertVersion(transaction, {
      organizationId: id,
      state: 'in_force',
      document: documentOf(organization),
      reason: null,
      restores: null,
      author: actor,
      at,
      startsAt: at,
    })
  },

  isDeleted: async (transaction: Transaction<Schema>, id: string): Promise<boolean> => {
    const row = await transaction
      .selectFrom('organizations')
      .select('deleted_at')
      .where('id', '=', id)
      .executeTakeFirst()
    return row?.deleted_at !== null
  },

  tierExists: async (id: string): Promise<boolean> =>
    (await kysely.selectFrom('tiers').select('id').where('id', '=', id).executeTakeFirst()) !== undefined,

  addMember: async (transaction: Transaction<Schema>, member: Member, at: Date): Promise<boolean> => {
    const row = await transaction
      .insertInto('memberships')
      .values({
        organization_id: member.organizationId,
        user_id: member.userId,
        role: member.role,
        source: member.source ?? 'operator',
        created_at: at,
      })
      .onConflict((conflict) => conflict.doNothing())
      .returning('user_id')
      .executeTakeFirst()
    return row !== undefined
  },

  /** The user in the organisation they work in: the earliest membership. */
  findUser: async (
    executor: Executor,
    who: { id: string } | { email: string },
  ): Promise<
    | {
        id: string
        organizationId: string
        accountId: string | null
        suspendedAt: Date | null
        isPlatformAdministrator: boolean
        tierId: string | null
      }
    | undefined
  > => {
    const where = 'id' in who ? sql`u.id = ${who.id}` : sql`lower(u.email) = lower(${who.email})`
    const { rows } = await sql<{
      id: string
      organizationId: string
      accountId: string | null
      suspendedAt: Date | null
      isPlatformAdministrator: boolean
      tierId: string | null
    }>`
      SELECT u.id, m.organization_id AS "organizationId", a.id AS "accountId", u.suspended_at AS "suspendedAt",
             u.is_platform_administrator AS "isPlatformAdministrator", a.tier_id AS "tierId"
      FROM users u JOIN memberships m ON m.user_id = u.id
      LEFT JOIN credit_accounts a ON a.organization_id = m.organization_id AND a.user_id = u.id
      WHERE ${where} ORDER BY m.created_at, m.organization_id LIMIT 1`.execute(executor)
    return rows[0]
  },

  /** Ids of all platform administrators, locked: the last one is neither demoted nor suspended by two at once. */
  lockAdministrators: async (transaction: Transaction<Schema>): Promise<string[]> => {
    const rows = await transaction
      .selectFrom('users')
      .select('id')
      .where('is_platform_administrator', '=', true)
      .where('suspended_at', 'is', null)
      .orderBy('id')
      .forUpdate()
      .execute()
    return rows.map((row) => row.id)
  },

  changeUser: async (
    transaction: Transaction<Schema>,
    id: string,
    change: { suspendedAt?: Date | null; isPlatformAdministrator?: boolean },
  ): Promise<void> => {
    if (Object.values(change).every((value) => value === undefined)) return
    await transaction
      .updateTable('users')
      .set({ suspended_at: change.suspendedAt, is_platform_administrator: change.isPlatformAdministrator })
      .where('id', '=', id)
      .execute()
  },

  preferences: async (executor: Executor, organizationId: string, userId: string) => {
    const rows = await executor
      .selectFrom('fallback_preferences')
      .select(['service_id as serviceId', 'fallback'])
      .where('organization_id', '=', organizationId)
      .where('user_id', '=', userId)
      .orderBy('service_id')
      .execute()
    return new Map<string, Fallback>(rows.map((row) => [row.serviceId, row.fallback]))
  },

  replacePreferences: async (
    transaction: Transaction<Schema>,
    member: { organizationId: string; userId: string },
    preferences: ReadonlyMap<string, Fallback>,
  ): Promise<void> => {
    await transaction
      .deleteFrom('fallback_preferences')
      .where('organization_id', '=', member.organizationId)
      .where('user_id', '=', member.userId)
      .execute()
    if (preferences.size === 0) return
    await transaction
      .insertInto('fallback_preferences')
      .values(
        [...preferences].map(([serviceId, fallback]) => ({
          organization_id: member.organizationId,
          user_id: member.userId,
          service_id: serviceId,
          fallback,
        })),
      )
      .execute()
  },
})
export type OrganizationStore = ReturnType<typeof makeOrganizationStore>
