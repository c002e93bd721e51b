import { type Kysely, type RawBuilder, sql } from 'kysely'
import type { Role } from '../contract/permissions.ts'
import type { Schema } from '../db/schema.ts'
import { platformOrganizationId } from '../kit/id.ts'
import type { AllowedUses, ControlPolicy, Fallback } from '../policy/control.ts'
import { isEnforcedIn } from '../sso/directory.ts'
import type { Opening } from './session.ts'
import type { SessionPolicy } from './session-policy.ts'
import type { Executor } from './store.ts'

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

export const makeSessionStore = (kysely: Kysely<Schema>) => ({
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
})
