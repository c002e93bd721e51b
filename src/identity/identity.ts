import type { Transaction } from 'kysely'
import { type Actor, recordAudit } from '../audit/audit.ts'
import type { Role } from '../contract/permissions.ts'
import type { Database } from '../db/database.ts'
import type { Schema } from '../db/schema.ts'
import type { Clock } from '../kit/clock.ts'
import { failure, type Outcome, success } from '../kit/fault.ts'
import { newId } from '../kit/id.ts'
import type { OrganizationControl } from '../policy/control.ts'
import { makeGate } from './gate.ts'
import { hashPassword, verifyPassword } from './password.ts'
import { csrfTokenOf, generateSecretToken, hashOfSecretToken } from './secret-token.ts'
import { makeIdentityStore, type SessionRow } from './store.ts'
import {
  type Bucket,
  knownBrowserBuckets,
  linkBuckets,
  passwordBuckets,
  secondsToWait,
  signInBuckets,
  throttleWindowSeconds,
} from './throttle.ts'

export interface SessionLimits {
  /** A session ends after this long without a request. */
  readonly idleSeconds: number
  /** And in any case after this long. */
  readonly absoluteSeconds: number
  /** How long a password or a link counts as a fresh proof of who is there. */
  readonly proofSeconds: number
}
export const defaultSessionLimits: SessionLimits = {
  idleSeconds: 24 * 3600,
  absoluteSeconds: 14 * 24 * 3600,
  proofSeconds: 15 * 60,
}
const knownBrowserSeconds = 180 * 24 * 3600
/** `last_seen_at` is written at most this often. */
const touchSeconds = 60
const setUpLinkSeconds = 24 * 3600
const signInLinkSeconds = 72 * 3600
const longestUserAgent = 300

/** A signed-in user and where they stand, read for every request: suspension and policy hold at once. */
export interface SignedIn {
  readonly sessionId: string
  readonly csrfToken: string
  readonly userId: string
  readonly email: string
  readonly name: string
  readonly hasPassword: boolean
  /** Null: the last proof of who is there is too old. */
  readonly provedUntil: Date | null
  readonly isPlatformAdministrator: boolean
  readonly role: Role
  readonly organization: {
    readonly id: string
    readonly name: string
    readonly kind: 'platform' | 'personal' | 'company'
    readonly isDemo: boolean
    readonly control: OrganizationControl
  }
  readonly accountId: string | null
}

export interface OpenedSession {
  /** For the cookie; only its hash is stored. */
  readonly token: string
  readonly expiresAt: Date
  /** For the cookie by which this browser is known at its next sign-in; null: leave what is there. */
  readonly browser: { readonly token: string; readonly expiresAt: Date } | null
}

/** Where a sign-in comes from. `previousToken`: the session the browser had, ended by the new one. */
export interface Origin {
  readonly address: string
  readonly userAgent: string | null
  readonly previousToken: string | null
  /** What an earlier sign-in left in this browser. */
  readonly browserToken?: string | null
}

/** What shows that it is the user who sits there; further factors are further kinds. */
export type Proof =
  | { readonly kind: 'password'; readonly password: string }
  | { readonly kind: 'sign_in_link'; readonly token: string }
export type ProofKind = Proof['kind']

export interface Link {
  /** `/sign-in#<token>` or `/setup#<token>`: what follows the hash stays in the browser. */
  readonly path: string
  readonly token: string
  readonly expiresAt: Date
}

export interface NewUser {
  readonly email: string
  readonly name: string
  readonly password?: string
  readonly isPlatformAdministrator?: boolean
}

export interface Identity {
  signIn(credentials: { email: string; password: string }, origin: Origin): Promise<Outcome<OpenedSession>>
  signInWithLink(token: string, origin: Origin): Promise<Outcome<OpenedSession>>
  /** Null: no such session, ended, idle too long, or the user is suspended. */
  session(token: string, address?: string): Promise<SignedIn | null>
  /**
   * Where somebody stands who calls with an access token, in the organisation that it names. Never with a proof of who is
   * there. Null: not a member, or suspended.
   */
  standing(token: { id: string; userId: string; organizationId: string }): Promise<SignedIn | null>
  /** A fresh proof of who is there: the session goes on under another token, the old one opens nothing any more. */
  stepUp(who: SignedIn, token: string, proof: Proof): Promise<Outcome<OpenedSession>>
  listSessions(userId: string): Promise<SessionSummary[]>
  /** One of the user's own sessions. */
  revokeSession(userId: string, sessionId: string): Promise<Outcome<void>>
  /** All of the user's but this one, and links that nobody has used yet. Gives how many sessions that were. */
  revokeOtherSessions(who: SignedIn): Promise<number>
  /** By an administrator: all of the user's, and links that nobody has used yet. */
  endSessions(actor: Actor, userId: string): Promise<Outcome<number>>
  revokeAllSessions(transaction: Transaction<Schema>, userId: string): Promise<void>
  /** Ends every other session and unused links, and renews this one. A first password needs a fresh proof. */
  changePassword(
    who: SignedIn,
    token: string,
    change: { currentPassword?: string; newPassword: string },
  ): Promise<Outcome<OpenedSession>>

  /** True until there is a platform administrator. */
  needsSetUp(): Promise<boolean>
  /** A one-time link that makes the first administrator; null when there is one. */
  createSetUpLink(): Promise<Link | null>
  /** Uses a set-up link up inside the transaction that creates the administrator. */
  useSetUpLink(transaction: Transaction<Schema>, token: string): Promise<Outcome<void>>
  countLinkAttempt(address: string): Promise<Outcome<void>>
  openSession(transaction: Transaction<Schema>, userId: string, origin: Origin): Promise<OpenedSession>

  /** `conflict` when the e-mail address is taken. Hashing happens before, so that no transaction waits for it. */
  createUser(
    transaction: Transaction<Schema>,
    user: Omit<NewUser, 'password'> & { passwordHash: string | null },
  ): Promise<Outcome<string>>
  hashPassword(password: string): Promise<Outcome<string>>
  createSignInLink(
    actor: Actor,
    userId: string,
    options?: { reusable?: boolean; ttlSeconds?: number },
  ): Promise<Outcome<Link>>
  /** Deletes expired sessions, links and counts. */
  sweep(): Promise<void>
}

export interface SessionSummary {
  readonly id: string
  readonly userAgent: string | null
  readonly address: string | null
  readonly createdAt: Date
  readonly lastSeenAt: Date
  readonly expiresAt: Date
}

export const makeIdentity = (parts: {
  database: Database
  clock: Clock
  sessions?: SessionLimits
}): Identity => {
  const { database, clock } = parts
  const limits = parts.sessions ?? defaultSessionLimits
  const store = makeIdentityStore(database.kysely)
  const gate = makeGate(2, 32)
  let setUpDone = false

  const after = (seconds: number) => new Date(clock().getTime() + seconds * 1000)
  const idleSince = () => after(-limits.idleSeconds)

  const throttle = async (buckets: readonly Bucket[]): Promise<Outcome<void>> => {
    const names = buckets.map((bucket) => bucket.name)
    const counts = await store.countUp(names, clock(), after(throttleWindowSeconds))
    const retryAfterSeconds = secondsToWait(buckets, counts, clock())
    return retryAfterSeconds === null ? success(undefined) : failure('rate_limited', { retryAfterSeconds })
  }

  const verify = (password: string, stored: string | null) => gate(() => verifyPassword(password, stored))

  const openSession: Identity['openSession'] = async (transaction, userId, origin) => {
    const token = generateSecretToken()
    const expiresAt = after(limits.absoluteSeconds)
    if (origin.previousToken !== null)
      await store.revokeSessions(transaction, { tokenHash: hashOfSecretToken(origin.previousToken) }, clock())
    const id = newId()
    await store.insertSession(transaction, {
      id,
      userId,
      tokenHash: hashOfSecretToken(token),
      userAgent: origin.userAgent?.slice(0, longestUserAgent) ?? null,
      address: origin.address,
      at: clock(),
      expiresAt,
    })
    const browser = { token: await browserTokenOf(origin), expiresAt: after(knownBrowserSeconds) }
    await store.rememberBrowser(transaction, {
      userId,
      tokenHash: hashOfSecretToken(browser.token),
      expiresAt: browser.expiresAt,
    })
    await audit(transaction, userId, 'session.opened', { kind: 'session', id })
    return { token, expiresAt, browser }
  }

  /** Kept where we gave it: of one that was planted, somebody else knows the value. */
  const browserTokenOf = async ({ browserToken: token }: Origin): Promise<string> =>
    token && (await store.knowsBrowser(hashOfSecretToken(token), clock())) ? token : generateSecretToken()

  /** Strangers share what is allowed to an e-mail address; a browser that signed the user in before has its own. */
  const bucketsOf = async (email: string, { address, browserToken }: Origin): Promise<Bucket[]> => {
    if (typeof browserToken === 'string') {
      const browserHash = hashOfSecretToken(browserToken)
      if (await store.knowsBrowser(browserHash, clock(), email))
        return knownBrowserBuckets(browserHash, email)
    }
    return signInBuckets(address, email)
  }

  const renew = async (transaction: Transaction<Schema>, token: string): Promise<OpenedSession | null> => {
    const newToken = generateSecretToken()
    const renewed = await store.renewSession(transaction, {
      tokenHash: hashOfSecretToken(token),
      newTokenHash: hashOfSecretToken(newToken),
      at: clock(),
    })
    return renewed ? { token: newToken, expiresAt: renewed.expiresAt, browser: null } : null
  }

  const checkPassword = async (userId: string, password: string): Promise<Outcome<void>> => {
    const user = await store.readUser(userId)
    const proof = await verify(password, user?.passwordHash ?? null)
    if (proof === null) return failure('overloaded')
    return proof.matches ? success(undefined) : failure('invalid_credentials', wrongPassword)
  }

  const checkLink = async (userId: string, token: string): Promise<Outcome<void>> => {
    const link = { tokenHash: hashOfSecretToken(token), purpose: 'sign_in', userId } as const
    return (await store.useLink(database.kysely, link, clock()))
      ? success(undefined)
      : failure('invalid_link')
  }

  const provedUntil = (provedAt: Date | null): Date | null => {
    if (provedAt === null) return null
    const until = new Date(provedAt.getTime() + limits.proofSeconds * 1000)
    return until > clock() ? until : null
  }

  const check = (userId: string, proof: Proof): Promise<Outcome<void>> =>
    proof.kind === 'password' ? checkPassword(userId, proof.password) : checkLink(userId, proof.token)

  const audit = async (
    transaction: Transaction<Schema>,
    userId: string,
    action: string,
    subject: { kind: string; id: string },
  ) => {
    const organizationId = await store.organizationOf(transaction, userId)
    if (organizationId !== undefined)
      await recordAudit(transaction, { organizationId, actor: { kind: 'user', id: userId }, action, subject })
  }

  return {
    async signIn({ email, password }, origin) {
      const buckets = await bucketsOf(email, origin)
      const allowed = await throttle(buckets)
      if (!allowed.ok) return allowed
      const user = await store.findUser(email)
      const proof = await verify(password, user?.passwordHash ?? null)
      if (proof === null) return failure('overloaded')
      if (!user || !proof.matches) return failure('invalid_credentials')
      if (user.suspendedAt !== null) return failure('user_suspended')
      const renewed = proof.outdated ? await gate(() => hashPassword(password)) : null
      const opened = await database.kysely.transaction().execute(async (transaction) => {
        if (renewed !== null) await store.setPassword(transaction, user.id, renewed)
        return openSession(transaction, user.id, origin)
      })
      await store.resetCount((buckets.at(-1) as Bucket).name)
      return success(opened)
    },

    async signInWithLink(token, origin) {
      const allowed = await throttle(linkBuckets(origin.address))
      if (!allowed.ok) return allowed
      return database.kysely.transaction().execute(async (transaction) => {
        const link = await store.useLink(
          transaction,
          { tokenHash: hashOfSecretToken(token), purpose: 'sign_in' },
          clock(),
        )
        const user = link?.userId ? await store.readUser(link.userId) : undefined
        if (!user) return failure('invalid_link')
        if (user.suspendedAt !== null) return failure('user_suspended')
        return success(await openSession(transaction, user.id, origin))
      })
    },

    async session(token, address) {
      const row = await store.findSession(hashOfSecretToken(token), clock(), idleSince())
      if (!row) return null
      const moved = address !== undefined && address !== row.address
      if (moved || clock().getTime() - row.lastSeenAt.getTime() > touchSeconds * 1000)
        await store.touchSession(row.sessionId, { at: clock(), address: address ?? row.address })
      return signedInOf(row, csrfTokenOf(token), provedUntil(row.provedAt))
    },

    async standing(token) {
      const row = await store.findStanding(token)
      return row ? signedInOf(row, '', null) : null
    },

    async stepUp(who, token, proof) {
      const allowed = await throttle(passwordBuckets(who.userId))
      if (!allowed.ok) return allowed
      const checked = await check(who.userId, proof)
      if (!checked.ok) return checked
      const renewed = await database.kysely.transaction().execute(async (transaction) => {
        const session = await renew(transaction, token)
        if (session)
          await audit(transaction, who.userId, 'session.proved', { kind: 'session', id: who.sessionId })
        return session
      })
      return renewed ? success(renewed) : failure('not_signed_in')
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

    async changePassword(who, token, { currentPassword, newPassword }) {
      // Whoever took the session of a user without a password over could set one, and would have two ways in.
      if (!who.hasPassword && who.provedUntil === null) return failure('step_up_required')
      const allowed = await throttle(passwordBuckets(who.userId))
      if (!allowed.ok) return allowed
      if (who.hasPassword) {
        const checked = await checkPassword(who.userId, currentPassword ?? '')
        if (!checked.ok) return checked
      }
      const passwordHash = await gate(() => hashPassword(newPassword))
      if (passwordHash === null) return failure('overloaded')
      const renewed = await database.kysely.transaction().execute(async (transaction) => {
        await store.setPassword(transaction, who.userId, passwordHash)
        await store.revokeSessions(transaction, { userId: who.userId, exceptId: who.sessionId }, clock())
        await store.forgetBrowsers(transaction, who.userId)
        await store.endLinks(transaction, who.userId, clock())
        await audit(transaction, who.userId, 'user.password_changed', { kind: 'user', id: who.userId })
        return renew(transaction, token)
      })
      return renewed ? success(renewed) : failure('not_signed_in')
    },

    async needsSetUp() {
      setUpDone ||= (await store.countAdministrators()) > 0
      return !setUpDone
    },

    async createSetUpLink() {
      if ((await store.countAdministrators()) > 0) return null
      const token = generateSecretToken()
      const expiresAt = after(setUpLinkSeconds)
      await store.insertLink(database.kysely, {
        tokenHash: hashOfSecretToken(token),
        purpose: 'setup',
        userId: null,
        reusable: false,
        expiresAt,
      })
      return { path: `/setup#${token}`, token, expiresAt }
    },

    async useSetUpLink(transaction, token) {
      // Several starts may have printed several links: one administrator is made, whichever is used first.
      await store.lockSetUp(transaction)
      if ((await store.countAdministrators(transaction)) > 0) return failure('invalid_link')
      const link = await store.useLink(
        transaction,
        { tokenHash: hashOfSecretToken(token), purpose: 'setup' },
        clock(),
      )
      return link ? success(undefined) : failure('invalid_link')
    },

    countLinkAttempt: (address) => throttle(linkBuckets(address)),
    openSession,

    async createUser(transaction, user) {
      const id = await store.insertUser(transaction, {
        id: newId(),
        email: user.email.trim(),
        name: user.name,
        passwordHash: user.passwordHash,
        isPlatformAdministrator: user.isPlatformAdministrator ?? false,
      })
      if (id !== undefined) return success(id)
      return failure('conflict', {
        message: 'There is a user with this e-mail address already.',
        field: 'email',
      })
    },

    async hashPassword(password) {
      const hashed = await gate(() => hashPassword(password))
      return hashed === null ? failure('overloaded') : success(hashed)
    },

    async createSignInLink(actor, userId, options = {}) {
      if (!(await store.readUser(userId))) return failure('not_found')
      const token = generateSecretToken()
      const expiresAt = after(options.ttlSeconds ?? signInLinkSeconds)
      await database.kysely.transaction().execute(async (transaction) => {
        await store.insertLink(transaction, {
          tokenHash: hashOfSecretToken(token),
          purpose: 'sign_in',
          userId,
          reusable: options.reusable ?? false,
          expiresAt,
        })
        const organizationId = await store.organizationOf(transaction, userId)
        if (organizationId !== undefined)
          await recordAudit(transaction, {
            organizationId,
            actor,
            action: 'sign_in_link.created',
            subject: { kind: 'user', id: userId },
          })
      })
      return success({ path: `/sign-in#${token}`, token, expiresAt })
    },

    sweep: () => store.sweep(clock()),
  }
}

const wrongPassword = {
  message: 'The current password is wrong.',
  next: 'Enter the password you signed in with, or ask an administrator for a sign-in link.',
  field: 'currentPassword',
}

/** The best first. A link proves it for everybody: whoever lost a password, or never had one, gets one from an administrator. */
export const proofKindsOf = (who: Pick<SignedIn, 'hasPassword'>): ProofKind[] =>
  who.hasPassword ? ['password', 'sign_in_link'] : ['sign_in_link']

const signedInOf = (row: SessionRow, csrfToken: string, provedUntil: Date | null): SignedIn => ({
  sessionId: row.sessionId,
  csrfToken,
  userId: row.userId,
  email: row.email,
  name: row.name,
  hasPassword: row.hasPassword,
  provedUntil,
  isPlatformAdministrator: row.isPlatformAdministrator,
  role: row.role,
  organization: {
    id: row.organizationId,
    name: row.organizationName,
    kind: row.organizationKind,
    isDemo: row.isDemo,
    control: {
      controlPolicy: row.controlPolicy,
      criticalServices: row.criticalServices,
      systemKeysAllowed: row.systemKeysAllowed,
      lockedFallback: row.lockedFallback,
      allowed: row.allowedUses,
    },
  },
  accountId: row.accountId,
})
