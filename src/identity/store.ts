import { type Kysely, type RawBuilder, sql, type Transaction } from 'kysely'
import type { Role } from '../contract/permissions.ts'
import type { Schema } from '../db/schema.ts'
import { platformOrganizationId } from '../kit/id.ts'
import type { AllowedUses, ControlPolicy, Fallback } from '../policy/control.ts'
import { isEnforcedIn } from '../sso/directory.ts'
import type { Opening } from './session.ts'
import type { SessionPolicy } from './session-policy.ts'

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

export interface SessionRow {
  readonly sessionId: string
  readonly lastSeenAt: Date
  readonly address: string | null
  readonly provedAt: Date | null
  readonly userId: string
  readonly email: string
  readonly name: string
  readonly hasPassword: boolean
  readonly isPlatformAdministrator: boolean
  readonly role: Role
  /** Shown inside a host application. */
  readonly isEmbedded: boolean
  readonly organizationId: string
  readonly organizationName: string
  readonly organizationKind: 'platform' | 'personal' | 'company'
  readonly controlPolicy: ControlPolicy
  readonly criticalServices: string[]
  readonly systemKeysAllowed: boolean
  readonly lockedFallback: Fallback | null
  readonly allowedUses: AllowedUses | null
  readonly exceptedServices: string[] | null
  readonly isDemo: boolean
  readonly accountId: string | null
  readonly createdAt: Date
  readonly hasTotp: boolean
  readonly hasPasskey: boolean
  readonly secondFactorAt: Date | null
  readonly onlyOrganizationId: string | null
  readonly ssoConnectionId: string | null
  readonly isBreakGlass: boolean
  /** Not null: the user is deleted then. */
  readonly deleteAt: Date | null
  /** The organisation lets in only whom its own sign-on let in, and that was not how. */
  readonly lacksSingleSignOn: boolean
  /** Of the organisation, and the platform's where its administrators are concerned. */
  readonly policies: readonly (SessionPolicy & { readonly organizationId: string })[] | null
}

/** Of user, membership, organisation and account. */
const standing = sql`
  u.id AS "userId", u.email, u.name, u.password_hash IS NOT NULL AS "hasPassword",
  m.role, o.id AS "organizationId",
  o.name AS "organizationName", o.kind AS "organizationKind", o.control_policy AS "controlPolicy",
  o.critical_services AS "criticalServices", o.system_keys_allowed AS "systemKeysAllowed",
  o.locked_fallback AS "lockedFallback", o.allowed_uses AS "allowedUses",
  (SELECT array_agg(e.service_id) FROM own_key_exceptions e WHERE e.organization_id = m.organization_id
     AND e.user_id = m.user_id AND (e.expires_at IS NULL OR e.expires_at > now())) AS "exceptedServices", o.is_demo AS "isDemo", a.id AS "accountId",
  m.break_glass_at IS NOT NULL AS "isBreakGlass", u.delete_at AS "deleteAt",
  EXISTS (SELECT FROM totp_factors f WHERE f.user_id = u.id AND f.confirmed_at IS NOT NULL) AS "hasTotp",
  EXISTS (SELECT FROM passkeys k WHERE k.user_id = u.id) AS "hasPasskey"`

/** Of the organisation that the session works in, and of the platform for its administrators. */
const policies = (isOfWholeAccount: RawBuilder<boolean>) => sql`
  (SELECT jsonb_agg(jsonb_build_object('organizationId', p.organization_id, 'idleMinutes', p.idle_minutes,
     'sessionHours', p.session_hours, 'secondFactorRequired', p.second_factor_required,
     'trustsSingleSignOn', p.trusts_single_sign_on, 'networks', p.networks,
     'bindsOperations', p.binds_operations, 'tokenDays', p.token_days))
   FROM session_policies p
   WHERE p.organization_id = o.id
      OR p.organization_id = ${platformOrganizationId} AND u.is_platform_administrator AND ${isOfWholeAccount})`

const endPendingSignIns = async (executor: Executor, userId: string): Promise<void> => {
  await executor.deleteFrom('pending_sign_ins').where('user_id', '=', userId).execute()
}

export const makeIdentityStore = (kysely: Kysely<Schema>) => ({
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

  endBreakGlass: async (transaction: Transaction<Schema>, userId: string): Promise<void> => {
    await transaction
      .updateTable('memberships')
      .set({ break_glass_at: null })
      .where('user_id', '=', userId)
      .where('break_glass_at', 'is not', null)
      .execute()
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

  insertSession: async (
    executor: Executor,
    session: {
      id: string
      userId: string
      tokenHash: Buffer
      userAgent: string | null
      address: string
      at: Date
      expiresAt: Date
      opening: Opening
    },
  ): Promise<void> => {
    const { method, secondFactor, onlyOrganizationId, signOn } = session.opening
    await executor
      .insertInto('sessions')
      .values({
        method,
        second_factor_at: secondFactor ? session.at : null,
        only_organization_id: onlyOrganizationId,
        organization_id: onlyOrganizationId,
        sso_connection_id: signOn?.connectionId ?? null,
        sso_session: signOn?.session ?? null,
        id: session.id,
        user_id: session.userId,
        token_hash: session.tokenHash,
        user_agent: session.userAgent,
        address: session.address,
        proved_at: session.at,
        created_at: session.at,
        last_seen_at: session.at,
        expires_at: session.expiresAt,
      })
      .execute()
  },

  /** A live session of a user who is not suspended, with where that user stands now. */
  findSession: async (tokenHash: Buffer, now: Date, idleSince: Date): Promise<SessionRow | undefined> => {
    const { rows } = await sql<SessionRow>`
      SELECT s.id AS "sessionId", s.last_seen_at AS "lastSeenAt", s.address, s.proved_at AS "provedAt",
        s.created_at AS "createdAt", s.second_factor_at AS "secondFactorAt", s.only_organization_id AS "onlyOrganizationId",
        s.sso_connection_id AS "ssoConnectionId",
        u.is_platform_administrator AND s.only_organization_id IS NULL AS "isPlatformAdministrator",
        m.break_glass_at IS NULL AND s.only_organization_id IS NULL AND ${isEnforcedIn} AS "lacksSingleSignOn",
        s.embedded_by IS NOT NULL AS "isEmbedded",
        ${policies(sql`s.only_organization_id IS NULL`)} AS policies, ${standing}
      FROM sessions s
      JOIN users u ON u.id = s.user_id AND u.suspended_at IS NULL AND u.kind = 'person'
      JOIN memberships m ON m.user_id = u.id AND m.suspended_at IS NULL
        AND (s.only_organization_id IS NULL OR m.organization_id = s.only_organization_id)
      JOIN organizations o ON o.id = m.organization_id
      LEFT JOIN credit_accounts a ON a.organization_id = o.id AND a.user_id = u.id
      WHERE s.token_hash = ${tokenHash} AND s.revoked_at IS NULL AND s.expires_at > ${now} AND s.last_seen_at > ${idleSince}
      ORDER BY m.organization_id = s.organization_id DESC NULLS LAST, m.created_at, m.organization_id LIMIT 1`.execute(
      kysely,
    )
    return rows[0]
  },

  /** The same of who calls with an access token, in the organisation that it names. */
  findStanding: async (token: {
    id: string
    userId: string
    organizationId: string
  }): Promise<SessionRow | undefined> => {
    const { rows } = await sql<SessionRow>`
      SELECT ${token.id}::text AS "sessionId", now() AS "lastSeenAt", NULL AS address, NULL AS "provedAt",
        now() AS "createdAt", NULL AS "secondFactorAt", NULL AS "onlyOrganizationId",
        NULL AS "ssoConnectionId",
        u.is_platform_administrator AS "isPlatformAdministrator", ${policies(sql`true`)} AS policies,
        false AS "lacksSingleSignOn", false AS "isEmbedded", ${standing}
      FROM users u
      JOIN memberships m ON m.user_id = u.id AND m.suspended_at IS NULL
      JOIN organizations o ON o.id = m.organization_id
      LEFT JOIN credit_accounts a ON a.organization_id = o.id AND a.user_id = u.id
      WHERE u.id = ${token.userId} AND u.suspended_at IS NULL AND m.organization_id = ${token.organizationId}`.execute(
      kysely,
    )
    return rows[0]
  },

  touchSession: async (
    id: string,
    seen: { at: Date; address: string | null },
    executor: Executor = kysely,
  ): Promise<void> => {
    await executor
      .updateTable('sessions')
      .set({ last_seen_at: seen.at, address: seen.address })
      .where('id', '=', id)
      .execute()
  },

  /** The same session under another token. False: somebody else renewed or ended it meanwhile. */
  renewSession: async (
    executor: Executor,
    session: { tokenHash: Buffer; newTokenHash: Buffer; at: Date; secondFactor: boolean },
  ): Promise<{ expiresAt: Date } | undefined> =>
    executor
      .updateTable('sessions')
      .set({
        token_hash: session.newTokenHash,
        proved_at: session.at,
        last_seen_at: session.at,
        ...(session.secondFactor && { second_factor_at: session.at }),
      })
      .where('token_hash', '=', session.tokenHash)
      .where('revoked_at', 'is', null)
      .where('expires_at', '>', session.at)
      .returning('expires_at as expiresAt')
      .executeTakeFirst(),

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

  listSessions: (userId: string, now: Date, idleSince: Date) =>
    kysely
      .selectFrom('sessions')
      .select([
        'id',
        'user_agent as userAgent',
        'address',
        'method',
        'created_at as createdAt',
        'last_seen_at as lastSeenAt',
        'expires_at as expiresAt',
      ])
      .where('user_id', '=', userId)
      .where('revoked_at', 'is', null)
      .where('expires_at', '>', now)
      .where('last_seen_at', '>', idleSince)
      .orderBy('last_seen_at', 'desc')
      .execute(),

  /** Which of the user's sessions: one by id or token, all, or all but one. Returns how many were ended. */
  revokeSessions: async (
    executor: Executor,
    which: { userId: string; id?: string; exceptId?: string } | { tokenHash: Buffer },
    at: Date,
  ): Promise<number> => {
    let query = executor.updateTable('sessions').set({ revoked_at: at }).where('revoked_at', 'is', null)
    if ('tokenHash' in which) query = query.where('token_hash', '=', which.tokenHash)
    else {
      query = query.where('user_id', '=', which.userId)
      if (which.id !== undefined) query = query.where('id', '=', which.id)
      if (which.exceptId !== undefined) query = query.where('id', '<>', which.exceptId)
    }
    const result = await query.executeTakeFirst()
    return Number(result.numUpdatedRows)
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

  /** One statement, so that of two simultaneous uses only one finds the link unused. `userId`: only if it is this user's. */
  useLink: async (
    executor: Executor,
    link: { tokenHash: Buffer; purpose: 'setup' | 'sign_in'; userId?: string },
    now: Date,
  ): Promise<{ userId: string | null } | undefined> =>
    executor
      .updateTable('sign_in_links')
      .set({ used_at: now })
      .where('token_hash', '=', link.tokenHash)
      .where('purpose', '=', link.purpose)
      .$if(link.userId !== undefined, (query) => query.where('user_id', '=', link.userId as string))
      .where('expires_at', '>', now)
      .where((e) => e.or([e('used_at', 'is', null), e('reusable', '=', true)]))
      .returning('user_id as userId')
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
