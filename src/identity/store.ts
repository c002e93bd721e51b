import { type Kysely, sql, type Transaction } from 'kysely'
import type { Role } from '../contract/permissions.ts'
import type { Schema } from '../db/schema.ts'
import { platformOrganizationId } from '../kit/id.ts'
import { isEnforcedIn } from '../sso/directory.ts'
import { lockUser } from './store-factors.ts'
import { makeSessionStore } from './store-sessions.ts'

export type Executor = Kysely<Schema> | Transaction<Schema>

export interface UserRow {
  readonly id: string
  readonly email: string
  readonly name: string
  readonly passwordHash: string | null
  readonly suspendedAt: Date | null
  readonly hasTotp: boolean
  readonly hasPasskey: boolean
}

const userColumns = [
  'users.id',
  'users.email',
  'users.name',
  'users.password_hash as passwordHash',
  'users.suspended_at as suspendedAt',
  sql<boolean>`EXISTS (SELECT FROM totp_factors f WHERE f.user_id = users.id AND f.confirmed_at IS NOT NULL)`.as(
    'hasTotp',
  ),
  sql<boolean>`EXISTS (SELECT FROM passkeys k WHERE k.user_id = users.id)`.as('hasPasskey'),
] as const

const endPendingSignIns = async (executor: Executor, userId: string): Promise<void> => {
  await executor.deleteFrom('pending_sign_ins').where('user_id', '=', userId).execute()
}

export const makeIdentityStore = (kysely: Kysely<Schema>) => ({
  ...makeSessionStore(kysely),
  lockUser,

  /** A person: nobody signs in as a service account. */
  findUser: (email: string): Promise<UserRow | undefined> =>
    kysely
      .selectFrom('users')
      .select(userColumns)
      .where(sql<string>`lower(email)`, '=', email.toLowerCase())
      .where('kind', '=', 'person')
      .executeTakeFirst(),

  readUser: (id: string, executor: Executor = kysely): Promise<UserRow | undefined> =>
    executor
      .selectFrom('users')
      .select(userColumns)
      .where('id', '=', id)
      .where('kind', '=', 'person')
      .executeTakeFirst(),

  /** Undefined: the e-mail address is taken. */
  insertUser: async (
    executor: Executor,
    user: {
      id: string
      email: string
      name: string
      passwordHash: string | null
      isPlatformAdministrator: boolean
    },
  ): Promise<string | undefined> => {
    const row = await executor
      .insertInto('users')
      .values({
        id: user.id,
        email: user.email,
        name: user.name,
        password_hash: user.passwordHash,
        is_platform_administrator: user.isPlatformAdministrator,
      })
      .onConflict((conflict) => conflict.doNothing())
      .returning('id')
      .executeTakeFirst()
    return row?.id
  },

  setPassword: async (executor: Executor, userId: string, passwordHash: string): Promise<void> => {
    await executor
      .updateTable('users')
      .set({ password_hash: passwordHash })
      .where('id', '=', userId)
      .execute()
  },

  countAdministrators: async (executor: Executor = kysely): Promise<number> => {
    const row = await executor
      .selectFrom('users')
      .select((e) => e.fn.countAll<bigint>().as('count'))
      .where('is_platform_administrator', '=', true)
      .executeTakeFirstOrThrow()
    return Number(row.count)
  },

  /** Held until the transaction ends. */
  lockSetUp: async (transaction: Transaction<Schema>): Promise<void> => {
    await sql`SELECT pg_advisory_xact_lock(4203417003)`.execute(transaction)
  },

  /** In any organisation: gets in when single sign-on does not work. */
  isBreakGlass: async (userId: string): Promise<boolean> => {
    const row = await kysely
      .selectFrom('memberships')
      .select('user_id')
      .where('user_id', '=', userId)
      .where('break_glass_at', 'is not', null)
      .where('suspended_at', 'is', null)
      .limit(1)
      .executeTakeFirst()
    return row !== undefined
  },

  /** Where they are one, and what holds for the others there. */
  breakGlassOf: async (
    transaction: Transaction<Schema>,
    userId: string,
  ): Promise<
    {
      organizationId: string
      organizationName: string
      email: string
      name: string
      isEnforced: boolean
      networks: string[] | null
    }[]
  > => {
    const { rows } = await sql<Awaited<ReturnType<IdentityStore['breakGlassOf']>>[number]>`
      SELECT o.id AS "organizationId", o.name AS "organizationName", u.email, u.name, ${isEnforcedIn} AS "isEnforced",
        (SELECT p.networks FROM session_policies p WHERE p.organization_id = o.id) AS networks
      FROM memberships m JOIN users u ON u.id = m.user_id JOIN organizations o ON o.id = m.organization_id
      WHERE m.user_id = ${userId} AND m.break_glass_at IS NOT NULL AND m.suspended_at IS NULL`.execute(
      transaction,
    )
    return rows
  },

  /** Of which organisations they were one, in an order. */
  endBreakGlass: async (transaction: Transaction<Schema>, userId: string): Promise<string[]> => {
    const rows = await transaction
      .updateTable('memberships')
      .set({ break_glass_at: null })
      .where('user_id', '=', userId)
      .where('break_glass_at', 'is not', null)
      .returning('organization_id as organizationId')
      .execute()
    return rows.map(({ organizationId }) => organizationId).toSorted()
  },

  /** Or run the platform: what is changed here reaches beyond this organisation. */
  worksElsewhere: async (userId: string, organizationId: string): Promise<boolean> => {
    const { rows } = await sql<{ elsewhere: boolean }>`
      SELECT u.is_platform_administrator OR EXISTS (SELECT FROM memberships m
        WHERE m.user_id = u.id AND m.organization_id <> ${organizationId}) AS elsewhere
      FROM users u WHERE u.id = ${userId}`.execute(kysely)
    return rows[0]?.elsewhere ?? true
  },

  /** Of those of them who are active members; in force until the transaction ends. */
  lockRoles: async (
    transaction: Transaction<Schema>,
    organizationId: string,
    userIds: readonly string[],
  ): Promise<ReadonlyMap<string, Role>> => {
    const { rows } = await sql<{ userId: string; role: Role }>`
      SELECT m.user_id AS "userId", m.role FROM memberships m JOIN users u ON u.id = m.user_id AND u.kind = 'person'
      WHERE m.organization_id = ${organizationId} AND m.user_id::text = ANY (${[...userIds]}) AND m.suspended_at IS NULL
      ORDER BY m.user_id FOR NO KEY UPDATE OF m`.execute(transaction)
    return new Map(rows.map(({ userId, role }) => [userId, role]))
  },

  isActiveMember: async (executor: Executor, organizationId: string, userId: string): Promise<boolean> => {
    const row = await executor
      .selectFrom('memberships')
      .select('user_id')
      .where('organization_id', '=', organizationId)
      .where('user_id', '=', userId)
      .where('suspended_at', 'is', null)
      .executeTakeFirst()
    return row !== undefined
  },

  /** Of any organisation of theirs, and of the platform for its administrators; a trusted sign-on needs none. */
  mustHaveSecondFactor: async (executor: Executor, userId: string): Promise<boolean> => {
    const { rows } = await sql<{ must: boolean }>`
      SELECT EXISTS (SELECT FROM memberships m WHERE m.user_id = ${userId} AND m.break_glass_at IS NOT NULL) OR EXISTS (
        SELECT FROM session_policies p
        WHERE p.second_factor_required AND (
          EXISTS (SELECT FROM memberships m WHERE m.user_id = ${userId} AND m.organization_id = p.organization_id)
          OR p.organization_id = ${platformOrganizationId}
            AND EXISTS (SELECT FROM users u WHERE u.id = ${userId} AND u.is_platform_administrator))) AS must`.execute(
      executor,
    )
    return rows[0]?.must ?? false
  },

  /** As the session policy says; without one it does. */
  trustsSingleSignOn: async (executor: Executor, organizationId: string): Promise<boolean> => {
    const row = await executor
      .selectFrom('session_policies')
      .select('trusts_single_sign_on as trusts')
      .where('organization_id', '=', organizationId)
      .executeTakeFirst()
    return row?.trusts ?? true
  },

  /** The organisation a user works in: the earliest membership. */
  organizationOf: async (executor: Executor, userId: string): Promise<string | undefined> => {
    const row = await executor
      .selectFrom('memberships')
      .select('organization_id')
      .where('user_id', '=', userId)
      .orderBy('created_at')
      .orderBy('organization_id')
      .executeTakeFirst()
    return row?.organization_id
  },

  /** Who has signed in with this browser before, of those with this e-mail address if one is given. */
  knowsBrowser: async (tokenHash: Buffer, now: Date, email?: string): Promise<boolean> => {
    const row = await kysely
      .selectFrom('known_browsers')
      .innerJoin('users', 'users.id', 'known_browsers.user_id')
      .select('known_browsers.user_id')
      .where('token_hash', '=', tokenHash)
      .where('expires_at', '>', now)
      .$if(email !== undefined, (query) =>
        query.where(sql<string>`lower(users.email)`, '=', (email as string).toLowerCase()),
      )
      .limit(1)
      .executeTakeFirst()
    return row !== undefined
  },

  /** Of an account that has been signed in to before. */
  isNewBrowser: async (
    executor: Executor,
    userId: string,
    tokenHash: Buffer | null,
    now: Date,
  ): Promise<boolean> => {
    const { rows } = await sql<{ isNew: boolean }>`
      SELECT EXISTS (SELECT FROM sessions WHERE user_id = ${userId}) AND NOT EXISTS (
        SELECT FROM known_browsers WHERE user_id = ${userId} AND token_hash = ${tokenHash} AND expires_at > ${now}) AS "isNew"`.execute(
      executor,
    )
    return rows[0]?.isNew ?? false
  },

  rememberBrowser: async (
    executor: Executor,
    browser: { userId: string; tokenHash: Buffer; expiresAt: Date },
  ): Promise<void> => {
    await executor
      .insertInto('known_browsers')
      .values({ user_id: browser.userId, token_hash: browser.tokenHash, expires_at: browser.expiresAt })
      .onConflict((conflict) =>
        conflict.columns(['token_hash', 'user_id']).doUpdateSet({ expires_at: browser.expiresAt }),
      )
      .execute()
  },

  forgetBrowsers: async (executor: Executor, userId: string): Promise<void> => {
    await executor.deleteFrom('known_browsers').where('user_id', '=', userId).execute()
  },

  insertLink: async (
    executor: Executor,
    link: {
      tokenHash: Buffer
      purpose: 'setup' | 'sign_in'
      userId: string | null
      reusable: boolean
      expiresAt: Date
    },
  ): Promise<void> => {
    await executor
      .insertInto('sign_in_links')
      .values({
        token_hash: link.tokenHash,
        purpose: link.purpose,
        user_id: link.userId,
        reusable: link.reusable,
        expires_at: link.expiresAt,
      })
      .execute()
  },

  /** Whose it is, used or not. */
  readLink: async (executor: Executor, tokenHash: Buffer): Promise<string | null> => {
    const row = await executor
      .selectFrom('sign_in_links')
      .select('user_id as userId')
      .where('token_hash', '=', tokenHash)
      .executeTakeFirst()
    return row?.userId ?? null
  },

  /** One statement, so that of two simultaneous uses only one finds the link unused. `userId`: only if it is this user's. */
  useLink: async (
    executor: Executor,
    link: { tokenHash: Buffer; purpose: 'setup' | 'sign_in'; userId?: string },
    now: Date,
  ): Promise<{ userId: string | null; reusable: boolean } | undefined> =>
    executor
      .updateTable('sign_in_links')
      .set({ used_at: now })
      .where('token_hash', '=', link.tokenHash)
      .where('purpose', '=', link.purpose)
      .$if(link.userId !== undefined, (query) => query.where('user_id', '=', link.userId as string))
      .where('expires_at', '>', now)
      .where((e) => e.or([e('used_at', 'is', null), e('reusable', '=', true)]))
      .returning(['user_id as userId', 'reusable'])
      .executeTakeFirst(),

  /** Links that somebody may still hold, and sign-ins that have come half-way; links of demos work again and again. */
  endLinks: async (executor: Executor, userId: string, at: Date): Promise<void> => {
    await endPendingSignIns(executor, userId)
    await executor
      .updateTable('sign_in_links')
      .set({ used_at: at })
      .where('user_id', '=', userId)
      .where('used_at', 'is', null)
      .where('reusable', '=', false)
      .execute()
  },

  endPendingSignIns,

  countUp: async (buckets: readonly { name: string; expiresAt: Date }[], now: Date) => {
    const sorted = [...buckets].sort((one, other) => (one.name < other.name ? -1 : 1))
    const { rows } = await sql<{ bucket: string; count: number; expiresAt: Date }>`
      INSERT INTO throttles AS t (bucket, count, expires_at)
      SELECT bucket, 1, until FROM unnest(
        ${sorted.map(({ name }) => name)}::text[], ${sorted.map(({ expiresAt }) => expiresAt)}::timestamptz[]) AS b (bucket, until)
      ON CONFLICT (bucket) DO UPDATE SET
        count = CASE WHEN t.expires_at <= ${now} THEN 1 ELSE t.count + 1 END,
        expires_at = CASE WHEN t.expires_at <= ${now} THEN excluded.expires_at ELSE t.expires_at END
      RETURNING bucket, count, expires_at AS "expiresAt"`.execute(kysely)
    return rows
  },

  resetCounts: async (buckets: readonly string[]): Promise<void> => {
    await kysely.deleteFrom('throttles').where('bucket', 'in', buckets).execute()
  },

  sweep: async (now: Date): Promise<void> => {
    await kysely.deleteFrom('throttles').where('expires_at', '<', now).execute()
    await kysely.deleteFrom('known_browsers').where('expires_at', '<', now).execute()
    await kysely.deleteFrom('sign_in_links').where('expires_at', '<', now).execute()
    await kysely.deleteFrom('pending_sign_ins').where('expires_at', '<', now).execute()
    await kysely.deleteFrom('passkey_challenges').where('expires_at', '<', now).execute()
    await kysely.deleteFrom('sessions').where('expires_at', '<', now).execute()
  },
})
export type IdentityStore = ReturnType<typeof makeIdentityStore>
