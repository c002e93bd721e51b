import type { Transaction } from 'kysely'
import { type Actor, recordAudit } from '../audit/audit.ts'
import type { Database } from '../db/database.ts'
import type { Schema } from '../db/schema.ts'
import { beyondTenants } from '../db/tenant-scope.ts'
import type { Clock } from '../kit/clock.ts'
import { failure, type Outcome, success } from '../kit/fault.ts'
import { newId } from '../kit/id.ts'
import { csrfTokenOf, generateSecretToken, hashOfSecretToken } from './secret-token.ts'
import {
  type OpenedSession,
  type Opening,
  type Origin,
  type SessionLimits,
  type SessionSummary,
  type SignedIn,
  signedInOf,
} from './session.ts'
import { judgeSession, type Obstacle } from './session-policy.ts'
import type { IdentityStore, SessionRow } from './store.ts'

const knownBrowserSeconds = 180 * 24 * 3600
/** `last_seen_at` is written at most this often. */
const touchSeconds = 60
const longestUserAgent = 300

/** The gravest first. */
const judgements = ['ended', 'network', 'single_sign_on', 'second_factor'] as const

export interface Sessions {
  /**
   * Asks for nothing: whoever calls it has seen all that a sign-in needs. Anything that stands for a first factor goes
   * through `signInAs`.
   */
  openSession(
    transaction: Transaction<Schema>,
    userId: string,
    origin: Origin,
    opening?: Opening,
  ): Promise<OpenedSession>
  /** Null: no such session, ended, idle too long, or the user is suspended. */
  session(token: string, address?: string): Promise<SignedIn | null>
  /**
   * Where somebody stands who calls with an access token, in the organisation that it names. Never with a proof of who is
   * there. Null: not a member, or suspended.
   */
  standing(token: { id: string; userId: string; organizationId: string }): Promise<SignedIn | null>
  listSessions(userId: string): Promise<SessionSummary[]>
  /** One of the user's own sessions. */
  revokeSession(userId: string, sessionId: string): Promise<Outcome<void>>
  /** All of the user's but this one, and links that nobody has used yet. Gives how many sessions that were. */
  revokeOtherSessions(who: SignedIn): Promise<number>
  /** By an administrator: all of the user's, and links that nobody has used yet. */
  endSessions(actor: Actor, userId: string): Promise<Outcome<number>>
  revokeAllSessions(transaction: Transaction<Schema>, userId: string): Promise<void>
}

export interface SessionParts extends Sessions {
  /** The session goes on under another token, the old one opens nothing any more. */
  renew(
    transaction: Transaction<Schema>,
    token: string,
    shown: { secondFactor: boolean },
  ): Promise<OpenedSession | null>
  /** Every other session of the user, browsers that are known, links and sign-ins that are under way. */
  endOthers(transaction: Transaction<Schema>, who: SignedIn): Promise<void>
  audit(
    transaction: Transaction<Schema>,
    userId: string,
    action: string,
    subject: { kind: string; id: string },
    after?: unknown,
  ): Promise<void>
}

/** Of a user who was made a moment ago. */
const newUser: Opening = { method: 'set_up', secondFactor: false, onlyOrganizationId: null }

export const makeSessions = (parts: {
  database: Database
  clock: Clock
  limits: SessionLimits
  store: IdentityStore
}): SessionParts => {
  const { database, clock, limits, store } = parts
  const after = (seconds: number) => new Date(clock().getTime() + seconds * 1000)
  const idleSince = () => after(-limits.idleSeconds)

  /** Kept where we gave it: of one that was planted, somebody else knows the value. */
  const browserTokenOf = async ({ browserToken: token }: Origin): Promise<string> =>
    token && (await store.knowsBrowser(hashOfSecretToken(token), clock())) ? token : generateSecretToken()

  const provedUntil = (provedAt: Date | null): Date | null => {
    if (provedAt === null) return null
    const until = new Date(provedAt.getTime() + limits.proofSeconds * 1000)
    return until > clock() ? until : null
  }

  const audit: SessionParts['audit'] = async (transaction, userId, action, subject, detail) => {
    const organizationId = await store.organizationOf(transaction, userId)
    if (organizationId !== undefined)
      await recordAudit(transaction, {
        organizationId,
        actor: { kind: 'user', id: userId },
        action,
        subject,
        after: detail,
      })
  }

  const remember = async (transaction: Transaction<Schema>, userId: string, origin: Origin) => {
    const browser = { token: await browserTokenOf(origin), expiresAt: after(knownBrowserSeconds) }
    const tokenHash = hashOfSecretToken(browser.token)
    await store.rememberBrowser(transaction, { userId, tokenHash, expiresAt: browser.expiresAt })
    return browser
  }

  const judged = (row: SessionRow, address: string | undefined): Obstacle | 'ended' | null => {
    const found = (row.policies ?? []).map((policy) =>
      judgeSession(
        policy,
        { ...row, bySingleSignOn: row.onlyOrganizationId === policy.organizationId },
        clock(),
        address,
      ),
    )
    if (row.lacksSingleSignOn) found.push('single_sign_on')
    return judgements.find((judgement) => found.includes(judgement)) ?? null
  }

  return {
    audit,

    async openSession(transaction, userId, origin, opening = newUser) {
      const token = generateSecretToken()
      const expiresAt = after(limits.absoluteSeconds)
      if (origin.previousToken !== null)
        await store.revokeSessions(
          transaction,
          { tokenHash: hashOfSecretToken(origin.previousToken) },
          clock(),
        )
      const id = newId()
      await store.insertSession(transaction, {
        id,
        userId,
        tokenHash: hashOfSecretToken(token),
        userAgent: origin.userAgent?.slice(0, longestUserAgent) ?? null,
        address: origin.address,
        at: clock(),
        expiresAt,
        opening,
      })
      const browser = await remember(transaction, userId, origin)
      const { method, secondFactor } = opening
      await audit(
        transaction,
        userId,
        'session.opened',
        { kind: 'session', id },
        {
          factors: secondFactor ? 2 : 1,
          // At the end: a word after `password` would look like one.
          method,
        },
      )
      return { token, expiresAt, browser }
    },

    async session(token, address) {
      // By a token that only its browser has, and by rules of the platform: whichever request asks.
      const row = await beyondTenants(() => store.findSession(hashOfSecretToken(token), clock(), idleSince()))
      if (!row) return null
      const obstacle = judged(row, address)
      if (obstacle === 'ended') return null
      const moved = address !== undefined && address !== row.address
      if (moved || clock().getTime() - row.lastSeenAt.getTime() > touchSeconds * 1000)
        await store.touchSession(row.sessionId, { at: clock(), address: address ?? row.address })
      return signedInOf(row, csrfTokenOf(token), provedUntil(row.provedAt), obstacle)
    },

    async standing(token) {
      const row = await store.findStanding(token)
      return row ? signedInOf(row, '', null, null) : null
    },

    async renew(transaction, token, { secondFactor }) {
      const newToken = generateSecretToken()
      const renewed = await store.renewSession(transaction, {
        tokenHash: hashOfSecretToken(token),
        newTokenHash: hashOfSecretToken(newToken),
        at: clock(),
        secondFactor,
      })
      return renewed ? { token: newToken, expiresAt: renewed.expiresAt, browser: null } : null
    },

    async endOthers(transaction, { userId, sessionId }) {
      await store.revokeSessions(transaction, { userId, exceptId: sessionId }, clock())
      await store.forgetBrowsers(transaction, userId)
      await store.endLinks(transaction, userId, clock())
    },

    listSessions: (userId) => store.listSessions(userId, clock(), idleSince()),

    async revokeSession(userId, id) {
      const ended = await database.kysely.transaction().execute(async (transaction) => {
        const count = await store.revokeSessions(transaction, { userId, id }, clock())
        if (count > 0) await audit(transaction, userId, 'session.revoked', { kind: 'session', id })
        return count
      })
      return ended > 0 ? success(undefined) : failure('not_found')
    },

    endSessions: (actor, userId) =>
      database.kysely.transaction().execute(async (transaction) => {
        const organizationId = await store.organizationOf(transaction, userId)
        if (organizationId === undefined) return failure('not_found')
        const count = await store.revokeSessions(transaction, { userId }, clock())
        await store.endLinks(transaction, userId, clock())
        const subject = { kind: 'user', id: userId }
        await recordAudit(transaction, { organizationId, actor, action: 'sessions.revoked', subject })
        return success(count)
      }),

    revokeAllSessions: async (transaction, userId) => {
      await store.revokeSessions(transaction, { userId }, clock())
      await store.endPendingSignIns(transaction, userId)
    },

    revokeOtherSessions: (who) =>
      database.kysely.transaction().execute(async (transaction) => {
        const others = { userId: who.userId, exceptId: who.sessionId }
        const count = await store.revokeSessions(transaction, others, clock())
        await store.endLinks(transaction, who.userId, clock())
        if (count > 0)
          await audit(transaction, who.userId, 'sessions.revoked', { kind: 'user', id: who.userId })
        return count
      }),
  }
}
