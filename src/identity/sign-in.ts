import type { AuthenticationResponseJSON } from '@simplewebauthn/server'
import type { Transaction } from 'kysely'
import type { Database } from '../db/database.ts'
import type { Schema } from '../db/schema.ts'
import type { Clock } from '../kit/clock.ts'
import { failure, FaultError, fault, type Outcome, success } from '../kit/fault.ts'
import type { Attempts } from './attempts.ts'
import { authenticationOptions, challengeSeconds, hashOfChallenge, type RelyingParty } from './passkey.ts'
import type { Passwords } from './passwords.ts'
import {
  type CodeProof,
  type FactorProofs,
  noPasskeysHere,
  type ProofKind,
  proofKindsOf,
  type UseUp,
  wrongCode,
  wrongPasskey,
} from './proofs.ts'
import { generateSecretToken, hashOfSecretToken } from './secret-token.ts'
import {
  type Entry,
  hasSecondFactor,
  type Opening,
  type Origin,
  type PendingSignIn,
  type SignOn,
} from './session.ts'
import type { SessionParts } from './sessions.ts'
import type { FactorStore } from './store-factors.ts'
import type { IdentityStore, UserRow } from './store.ts'
import { type Bucket, linkBuckets } from './throttle.ts'

/** Until the second factor must be there. */
const pendingSeconds = 600

/** Of the single sign-on of an organisation, or of another room that has seen who it is. */
export interface Introduction {
  readonly method: 'oidc' | 'saml' | 'invitation'
  /** Whose word it is: the session works there and nowhere else. Null: of nobody but ourselves. */
  readonly organizationId: string | null
  readonly signOn?: SignOn | null
}

export interface PasskeyChallenge {
  readonly options: Awaited<ReturnType<typeof authenticationOptions>>
  /** For the cookie: only the browser that asked can answer. */
  readonly pending: PendingSignIn
}

export interface SignIns {
  signIn(credentials: { email: string; password: string }, origin: Origin): Promise<Outcome<Entry>>
  /** A link is a first factor, however it was come by: a second one is asked for where it is set up. */
  signInWithLink(token: string, origin: Origin): Promise<Outcome<Entry>>
  /**
   * For whoever has made sure who it is by other means. Refuses who is suspended; asks for the second factor that the user has
   * set up here, unless it is the word of an organisation whose session policy trusts its own sign-on. In a transaction of the
   * caller's where one is given.
   */
  signInAs(
    userId: string,
    origin: Origin,
    introduction: Introduction,
    transaction?: Transaction<Schema>,
  ): Promise<Outcome<Entry>>
  /** What the sign-in of this browser still waits for; null: for nothing. */
  pendingSignIn(origin: Origin): Promise<{ methods: ProofKind[] } | null>
  finishSignIn(proof: CodeProof, origin: Origin): Promise<Outcome<Entry>>
  passkeyChallenge(origin: Origin, party: RelyingParty | null): Promise<Outcome<PasskeyChallenge>>
  /** Two factors by itself: something one has, unlocked by what one is or knows. */
  signInWithPasskey(
    given: { response: AuthenticationResponseJSON; party: RelyingParty | null },
    origin: Origin,
  ): Promise<Outcome<Entry>>
}

export const makeSignIns = (parts: {
  database: Database
  clock: Clock
  store: IdentityStore
  factors: FactorStore
  sessions: Pick<SessionParts, 'openSession' | 'audit' | 'tell'>
  attempts: Attempts
  passwords: Pick<Passwords, 'verify' | 'rehash'>
  proofs: FactorProofs
  /** Whether passwords and links are refused, because the user's company has its own sign-on. */
  mustUseSingleSignOn: (user: { id: string; email: string }) => Promise<boolean>
}): SignIns => {
  const { database, clock, store, factors, sessions, attempts, passwords, proofs } = parts
  const pendingUntil = () => new Date(clock().getTime() + pendingSeconds * 1000)

  /** Changes to how somebody signs in, and the end of their sessions, come before this sign-in or after it: never in between. */
  const asOfNow = async (transaction: Transaction<Schema>, userId: string): Promise<UserRow | undefined> => {
    await store.lockUser(transaction, userId)
    return store.readUser(userId, transaction)
  }

  const wait = async (
    transaction: Transaction<Schema>,
    user: UserRow,
    { method, onlyOrganizationId, signOn }: Opening,
  ): Promise<Entry> => {
    const token = generateSecretToken()
    const expiresAt = pendingUntil()
    await factors.insertPending(transaction, {
      tokenHash: hashOfSecretToken(token),
      userId: user.id,
      method,
      onlyOrganizationId,
      ssoConnectionId: signOn?.connectionId ?? null,
      ssoSession: signOn?.session ?? null,
      expiresAt,
    })
    return { kind: 'second_factor', pending: { token, expiresAt } }
  }

  /** After the first factor. The only way from one to a session. */
  const enter = async (
    transaction: Transaction<Schema>,
    user: UserRow,
    origin: Origin,
    opening: Opening,
    trusted = false,
  ): Promise<Entry> => {
    if (hasSecondFactor(user) && !trusted) return wait(transaction, user, opening)
    return { kind: 'open', session: await sessions.openSession(transaction, user.id, origin, opening) }
  }

  const byFirstFactor = (method: Opening['method']): Opening => ({
    method,
    secondFactor: false,
    onlyOrganizationId: null,
  })

  const introduce = async (
    transaction: Transaction<Schema>,
    userId: string,
    origin: Origin,
    { method, organizationId, signOn = null }: Introduction,
  ): Promise<Outcome<Entry>> => {
    const user = await asOfNow(transaction, userId)
    if (!user) return failure('not_found')
    if (user.suspendedAt !== null) return failure('user_suspended')
    if (organizationId !== null && !(await store.isActiveMember(transaction, organizationId, userId)))
      return failure('user_suspended')
    const trusted = organizationId !== null && (await store.trustsSingleSignOn(transaction, organizationId))
    const opening = { method, secondFactor: false, onlyOrganizationId: organizationId, signOn }
    return success(await enter(transaction, user, origin, opening, trusted))
  }

  /** All or nothing: a sign-in that fails here uses nothing up. */
  const finish = async (
    pendingToken: string,
    user: UserRow,
    origin: Origin,
    opening: Opening,
    proof: CodeProof,
    useUp: UseUp,
  ): Promise<Outcome<Entry>> => {
    try {
      return await database.kysely.transaction().execute(async (transaction) => {
        const now = await asOfNow(transaction, user.id)
        if (now?.suspendedAt !== null) throw new FaultError(fault('user_suspended'))
        if (!(await factors.usePending(transaction, hashOfSecretToken(pendingToken), clock())))
          throw new FaultError(fault('sign_in_expired'))
        if (!(await useUp(transaction))) throw new FaultError(wrongCode.fault)
        if (proof.kind === 'recovery_code') {
          await sessions.audit(transaction, user.id, 'recovery_code.used', { kind: 'user', id: user.id })
          await sessions.tell(transaction, user.id, 'recovery_code_used', `It came from ${origin.address}.`)
        }
        const session = await sessions.openSession(transaction, user.id, origin, opening)
        return success({ kind: 'open', session })
      })
    } catch (error) {
      if (error instanceof FaultError) return { ok: false, fault: error.fault }
      throw error
    }
  }

  return {
    async signIn({ email, password }, origin) {
      const buckets = await attempts.bucketsOf(email, origin)
      const allowed = await attempts.count(buckets)
      if (!allowed.ok) return allowed
      const user = await store.findUser(email)
      const verified = await passwords.verify(password, user?.passwordHash ?? null)
      if (verified === null) return failure('overloaded')
      if (!user || !verified.matches) return failure('invalid_credentials')
      if (user.suspendedAt !== null) return failure('user_suspended')
      if (await parts.mustUseSingleSignOn(user)) return failure('sso_required')
      const renewed = verified.outdated ? await passwords.rehash(password) : null
      const entry = await database.kysely.transaction().execute(async (transaction) => {
        const now = await asOfNow(transaction, user.id)
        if (now?.passwordHash !== user.passwordHash) return failure('invalid_credentials')
        if (now.suspendedAt !== null) return failure('user_suspended')
        if (renewed !== null) await store.setPassword(transaction, user.id, renewed)
        return success(await enter(transaction, now, origin, byFirstFactor('password')))
      })
      if (entry.ok) await attempts.forget([buckets.at(-1) as Bucket])
      return entry
    },

    async signInWithLink(token, origin) {
      const allowed = await attempts.count(linkBuckets(origin.address))
      if (!allowed.ok) return allowed
      return database.kysely.transaction().execute(async (transaction) => {
        const tokenHash = hashOfSecretToken(token)
        const userId = await store.readLink(transaction, tokenHash)
        const user = userId && (await asOfNow(transaction, userId))
        const link = user && (await store.useLink(transaction, { tokenHash, purpose: 'sign_in' }, clock()))
        if (!user || !link) return failure('invalid_link')
        if (user.suspendedAt !== null) return failure('user_suspended')
        if (await parts.mustUseSingleSignOn(user)) return failure('sso_required')
        const isShared = link.reusable
        return success(await enter(transaction, user, origin, { ...byFirstFactor('sign_in_link'), isShared }))
      })
    },

    signInAs: (userId, origin, introduction, transaction) =>
      transaction
        ? introduce(transaction, userId, origin, introduction)
        : database.kysely.transaction().execute((own) => introduce(own, userId, origin, introduction)),

    async pendingSignIn({ pendingToken }) {
      const pending = pendingToken
        ? await factors.readPending(hashOfSecretToken(pendingToken), clock())
        : undefined
      const user = pending && (await store.readUser(pending.userId))
      if (!user || !hasSecondFactor(user)) return null
      const hasPassword = user.passwordHash !== null
      return { methods: proofKindsOf({ ...user, hasPassword, ssoConnectionId: null }) }
    },

    async finishSignIn(proof, origin) {
      const { pendingToken } = origin
      const pending = pendingToken
        ? await factors.readPending(hashOfSecretToken(pendingToken), clock())
        : undefined
      if (!pendingToken || !pending) return failure('sign_in_expired')
      const checked = await proofs.code(pending.userId, proof)
      if (!checked.ok) return checked
      const user = await store.readUser(pending.userId)
      if (!user) return failure('sign_in_expired')
      if (user.suspendedAt !== null) return failure('user_suspended')
      const { method, onlyOrganizationId, ssoConnectionId, ssoSession } = pending
      const signOn = ssoConnectionId && { connectionId: ssoConnectionId, session: ssoSession }
      const opening = { method, secondFactor: true, onlyOrganizationId, signOn: signOn || null }
      return finish(pendingToken, user, origin, opening, proof, checked.value)
    },

    async passkeyChallenge({ address, pendingToken }, party) {
      if (party === null) return noPasskeysHere
      const allowed = await attempts.count(linkBuckets(address))
      if (!allowed.ok) return allowed
      // A sign-in that waits for its second factor goes on waiting.
      const token = pendingToken ?? generateSecretToken()
      const options = await authenticationOptions(party)
      await factors.insertChallenge({
        hash: hashOfChallenge(options.challenge),
        purpose: 'sign_in',
        boundTo: boundToBrowser(token),
        userId: null,
        expiresAt: new Date(clock().getTime() + challengeSeconds * 1000),
      })
      return success({ options, pending: { token, expiresAt: pendingUntil() } })
    },

    async signInWithPasskey(given, origin) {
      const allowed = await attempts.count(linkBuckets(origin.address))
      if (!allowed.ok) return allowed
      if (!origin.pendingToken) return failure('sign_in_expired')
      const boundTo = boundToBrowser(origin.pendingToken)
      const proved = await proofs.passkey(given, 'sign_in', boundTo, null)
      if (!proved.ok) return proved
      const user = await store.readUser(proved.value.passkey.userId)
      if (!user) return wrongPasskey
      if (user.suspendedAt !== null) return failure('user_suspended')
      if (await parts.mustUseSingleSignOn(user)) return failure('sso_required')
      const opening = { method: 'passkey', secondFactor: true, onlyOrganizationId: null } as const
      return database.kysely.transaction().execute(async (transaction) => {
        const now = await asOfNow(transaction, user.id)
        if (now?.suspendedAt !== null) return failure('user_suspended')
        if (!(await proved.value.useUp(transaction))) return wrongPasskey
        await factors.usePending(transaction, hashOfSecretToken(origin.pendingToken as string), clock())
        const session = await sessions.openSession(transaction, user.id, origin, opening)
        return success({ kind: 'open', session })
      })
    },
  }
}

const boundToBrowser = (token: string): string => `browser:${hashOfSecretToken(token).toString('base64url')}`
