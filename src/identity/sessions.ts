import type { Transaction } from 'kysely'
import type { Alerts } from '../alerts/alerts.ts'
import type { AuditAction } from '../audit/actions.ts'
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
import { breakGlassNotices, type SecurityEvent, securityNotice } from './security-notices.ts'
import { isWithin, type JudgedToken, judgeSession, judgeToken, type Obstacle } from './session-policy.ts'
import type { IdentityStore } from './store.ts'
import type { SessionRow } from './store-sessions.ts'

const knownBrowserSeconds = 180 * 24 * 3600
/** `last_seen_at` is written at most this often. */
const touchSeconds = 60
const longestUserAgent = 300
/** In an e-mail; it is whatever the browser says. */
const mostOfUserAgent = 120

/** The gravest first. */
const judgements = ['ended', 'network', 'single_sign_on', 'second_factor'] as const

export interface StandingToken extends JudgedToken {
  readonly id: string
  readonly userId: string
  readonly organizationId: string
}

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
   * there. Refused: not a member, suspended, or the session policy does not take the token, or not from there.
   */
  standing(token: StandingToken, address: string): Promise<Outcome<SignedIn>>
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
    action: AuditAction,
    subject: { kind: string; id: string },
    after?: unknown,
  ): Promise<void>
  /** Whose account it is; in the transaction of the event. */
  tell(transaction: Transaction<Schema>, userId: string, event: SecurityEvent, where?: string): Promise<void>
}

/** Of a user who was made a moment ago. */
const newUser: Opening = { method: 'set_up', secondFactor: false, onlyOrganizationId: null }

export const makeSessions = (parts: {
  database: Database
  clock: Clock
  limits: SessionLimits
  store: IdentityStore
  /** Null: nobody is told of anything. */
  alerts: Pick<Alerts, 'notifyIn'> | null
}): SessionParts => {
  const { database, clock, limits, store, alerts } = parts
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

  const tell: SessionParts['tell'] = async (transaction, userId, event, where) => {
    await alerts?.notifyIn(transaction, securityNotice(userId, event, where))
  }

  /** By a browser that is new to the account; not by the first that it ever had. */
  const tellOfBrowser = async (transaction: Transaction<Schema>, userId: string, origin: Origin) => {
    const { browserToken, address, userAgent } = origin
    const tokenHash = browserToken ? hashOfSecretToken(browserToken) : null
    if (!(await store.isNewBrowser(transaction, userId, tokenHash, clock()))) return
    const browser = userAgent === null ? '' : `, as ${userAgent.slice(0, mostOfUserAgent)}`
    await tell(transaction, userId, 'new_browser', `It came from ${address}${browser}.`)
  }

  /** Where others would have been kept out: by their company's own sign-on, or by its list of networks. */
  const tellOfBreakGlass = async (
    transaction: Transaction<Schema>,
    userId: string,
    address: string,
    onlyOrganizationId: string | null,
  ): Promise<void> => {
    if (alerts === null) return
    for (const account of await store.breakGlassOf(transaction, userId)) {
      if (onlyOrganizationId !== null && onlyOrganizationId !== account.organizationId) continue
      const isOutside = !isWithin(address, account.networks ?? [])
      const isPastSignOn = account.isEnforced && onlyOrganizationId === null
      if (!isOutside && !isPastSignOn) continue
      const how = isPastSignOn
        ? `from ${address}, past its single sign-on`
        : `from ${address}, which is outside its networks`
      for (const notice of breakGlassNotices(account, how)) await alerts.notifyIn(transaction, notice)
    }
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
    tell,

    async openSession(transaction, userId, origin, opening = newUser) {
      const token = generateSecretToken()
      const expiresAt = after(limits.absoluteSeconds)
      if (origin.previousToken !== null)
        await store.revokeSessions(
          transaction,
          { tokenHash: hashOfSecretToken(origin.previousToken) },
          clock(),
        )
      if (opening.method !== 'embedding' && !opening.isShared)
        await tellOfBrowser(transaction, userId, origin)
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
      await tellOfBreakGlass(transaction, userId, origin.address, opening.onlyOrganizationId)
      return { token, expiresAt, browser }
    },

    async session(token, address) {
      // By a token that only its browser has, and by rules of the platform: whichever request asks.
      const row = await beyondTenants(() => store.findSession(hashOfSecretToken(token), clock(), idleSince()))
      if (!row) return null
      const obstacle = judged(row, address)
      if (obstacle === 'ended') return null
      const moved = address !== undefined && address !== row.address
      const seen = { at: clock(), address: address ?? row.address }
      if (moved && row.isBreakGlass)
        await beyondTenants(() =>
          database.kysely.transaction().execute(async (transaction) => {
            await store.touchSession(row.sessionId, seen, transaction)
            await tellOfBreakGlass(transaction, row.userId, address, row.onlyOrganizationId)
          }),
        )
      else if (moved || clock().getTime() - row.lastSeenAt.getTime() > touchSeconds * 1000)
        await store.touchSession(row.sessionId, seen)
      return signedInOf(row, csrfTokenOf(token), provedUntil(row.provedAt), obstacle)
    },

    async standing(token, address) {
      const row = await store.findStanding(token)
      if (!row) return failure('user_suspended')
      const judged = judgeToken(row.policies ?? [], token, clock(), address)
      return judged.ok ? success(signedInOf(row, '', null, null)) : judged
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
      await store.lockUser(transaction, userId)
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
        await store.lockUser(transaction, userId)
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
        await store.lockUser(transaction, who.userId)
        const count = await store.revokeSessions(transaction, others, clock())
        await store.endLinks(transaction, who.userId, clock())
        if (count > 0)
          await audit(transaction, who.userId, 'sessions.revoked', { kind: 'user', id: who.userId })
        return count
      }),
  }
}
