import { type Kysely, sql } from 'kysely'
import type { Schema } from '../db/schema.ts'
import type { SessionPolicy } from './session-policy.ts'
import type { Executor } from './store.ts'

export interface BreakGlassRow {
  readonly userId: string
  readonly email: string
  readonly name: string
  readonly since: Date
  readonly hasSecondFactor: boolean
}

export interface MemberRow {
  readonly hasPassword: boolean
  readonly hasSecondFactor: boolean
  readonly isSuspended: boolean
  readonly isBreakGlass: boolean
}

const hasSecondFactor = sql<boolean>`
  EXISTS (SELECT FROM totp_factors f WHERE f.user_id = u.id AND f.confirmed_at IS NOT NULL)
  OR EXISTS (SELECT FROM passkeys k WHERE k.user_id = u.id)`

export const makePolicyStore = (kysely: Kysely<Schema>) => ({
  readPolicy: (organizationId: string, executor: Executor = kysely): Promise<SessionPolicy | undefined> =>
    executor
      .selectFrom('session_policies')
      .select([
        'idle_minutes as idleMinutes',
        'session_hours as sessionHours',
        'second_factor_required as secondFactorRequired',
        'trusts_single_sign_on as trustsSingleSignOn',
        'networks',
        'binds_operations as bindsOperations',
        'token_days as tokenDays',
      ])
      .where('organization_id', '=', organizationId)
      .executeTakeFirst(),

  savePolicy: async (
    executor: Executor,
    organizationId: string,
    policy: SessionPolicy,
    at: Date,
  ): Promise<void> => {
    const row = {
      idle_minutes: policy.idleMinutes,
      session_hours: policy.sessionHours,
      second_factor_required: policy.secondFactorRequired,
      trusts_single_sign_on: policy.trustsSingleSignOn,
      networks: [...policy.networks],
      binds_operations: policy.bindsOperations,
      token_days: policy.tokenDays,
      updated_at: at,
    }
    await executor
      .insertInto('session_policies')
      .values({ organization_id: organizationId, ...row })
      .onConflict((conflict) => conflict.column('organization_id').doUpdateSet(row))
      .execute()
  },

  listBreakGlass: async (organizationId: string, executor: Executor = kysely): Promise<BreakGlassRow[]> => {
    const { rows } = await sql<BreakGlassRow>`
      SELECT u.id AS "userId", u.email, u.name, m.break_glass_at AS since, ${hasSecondFactor} AS "hasSecondFactor"
      FROM memberships m JOIN users u ON u.id = m.user_id
      WHERE m.organization_id = ${organizationId} AND m.break_glass_at IS NOT NULL
      ORDER BY m.break_glass_at, u.id`.execute(executor)
    return rows
  },

  /** Held until the transaction ends, so that two owners do not make one more than may be. */
  lockOrganization: async (executor: Executor, organizationId: string): Promise<void> => {
    await executor
      .selectFrom('organizations')
      .select('id')
      .where('id', '=', organizationId)
      .forNoKeyUpdate()
      .execute()
  },

  readMember: async (
    executor: Executor,
    organizationId: string,
    userId: string,
  ): Promise<MemberRow | undefined> => {
    const { rows } = await sql<MemberRow>`
      SELECT u.password_hash IS NOT NULL AS "hasPassword", ${hasSecondFactor} AS "hasSecondFactor",
        u.suspended_at IS NOT NULL OR m.suspended_at IS NOT NULL AS "isSuspended", m.break_glass_at IS NOT NULL AS "isBreakGlass"
      FROM memberships m JOIN users u ON u.id = m.user_id AND u.kind = 'person'
      WHERE m.organization_id = ${organizationId} AND m.user_id = ${userId}`.execute(executor)
    return rows[0]
  },

  setBreakGlass: async (
    executor: Executor,
    organizationId: string,
    userId: string,
    at: Date | null,
  ): Promise<void> => {
    await executor
      .updateTable('memberships')
      .set({ break_glass_at: at })
      .where('organization_id', '=', organizationId)
      .where('user_id', '=', userId)
      .execute()
  },
})
