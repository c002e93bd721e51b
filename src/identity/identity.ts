import type { Transaction } from 'kysely'
import type { Alerts } from '../alerts/alerts.ts'
import type { Database } from '../db/database.ts'
import type { Epoch } from '../db/epoch.ts'
import type { Schema } from '../db/schema.ts'
import type { Clock } from '../kit/clock.ts'
import { failure, FaultError, fault, type Outcome, success } from '../kit/fault.ts'
import { newId } from '../kit/id.ts'
import { makeSsoDirectory } from '../sso/directory.ts'
import type { Vault } from '../vault/vault.ts'
import { makeAttempts } from './attempts.ts'
import type { BreachedPasswords } from './breached-passwords.ts'
import { type Links, makeLinks } from './links.ts'
import { authenticationOptions, challengeSeconds, hashOfChallenge, type RelyingParty } from './passkey.ts'
import { makePasswords, type Passwords } from './passwords.ts'
import {
  makeFactorProofs,
  noPasskeysHere,
  type Proof,
  proofKindsOf,
  type UseUp,
  wrongCode,
} from './proofs.ts'
import { boundToSession, makeSecondFactors, type SecondFactors } from './second-factors.ts'
import { hashOfSecretToken } from './secret-token.ts'
import { defaultSessionLimits, type OpenedSession, type SessionLimits, type SignedIn } from './session.ts'
import { makeSessionPolicies, type SessionPolicies } from './session-policies.ts'
import { makeSessions, type Sessions } from './sessions.ts'
import { makeSignIns, type SignIns } from './sign-in.ts'
import { makeFactorStore } from './store-factors.ts'
import { makeIdentityStore } from './store.ts'
import { passwordBuckets } from './throttle.ts'

export { type Proof, type ProofKind, proofKindsOf } from './proofs.ts'
export type { Link } from './links.ts'
export { judgeToken } from './session-policy.ts'
export {
  defaultSessionLimits,
  type Entry,
  hasSecondFactor,
  notByCompany,
  type OpenedSession,
  type Origin,
  type PendingSignIn,
  type SessionLimits,
  type SessionSummary,
  type SignedIn,
} from './session.ts'

export interface NewUser {
  readonly email: string
  readonly name: string
  readonly password?: string
  readonly isPlatformAdministrator?: boolean
}

/** Who people are, by what they show it, and the sessions that come of it. */
export interface Identity
  extends SignIns,
    Sessions,
    Links,
    SecondFactors,
    SessionPolicies,
    Pick<Passwords, 'hashPassword' | 'changePassword'> {
  /** A fresh proof of who is there: the session goes on under another token, the old one opens nothing any more. */
  stepUp(who: SignedIn, token: string, proof: Proof): Promise<Outcome<OpenedSession>>
  /** For a proof by passkey in this session. */
  proofChallenge(
    who: SignedIn,
    party: RelyingParty | null,
  ): Promise<Outcome<Awaited<ReturnType<typeof authenticationOptions>>>>
  /** `conflict` when the e-mail address is taken. Hashing happens before, so that no transaction waits for it. */
  createUser(
    transaction: Transaction<Schema>,
    user: Omit<NewUser, 'password'> & { passwordHash: string | null },
  ): Promise<Outcome<string>>
  /** Deletes expired sessions, links, challenges and counts. */
  sweep(): Promise<void>
}

export const makeIdentity = (parts: {
  database: Database
  clock: Clock
  vault: Pick<Vault, 'seal' | 'open'>
  /** Left out: no process caches what a session policy says of operations. */
  epoch?: Pick<Epoch, 'change'>
  /** Left out: nobody is told of what happens to how they sign in. */
  alerts?: Pick<Alerts, 'notifyIn'>
  sessions?: SessionLimits
  /** Null: new passwords are compared with no list of leaked ones. */
  breached?: BreachedPasswords | null
}): Identity => {
  const { database, clock, vault } = parts
  const store = makeIdentityStore(database.kysely)
  const factors = makeFactorStore(database.kysely)
  const attempts = makeAttempts(store, clock)
  const limits = parts.sessions ?? defaultSessionLimits
  const sessions = makeSessions({ database, clock, limits, store, alerts: parts.alerts ?? null })
  const breached = parts.breached ?? null
  const passwords = makePasswords({ database, store, sessions, attempts, breached })
  const proofs = makeFactorProofs({ clock, vault, factors, attempts })
  const sso = makeSsoDirectory(database)
  const { renew } = sessions

  const checkLink = async (userId: string, token: string): Promise<Outcome<UseUp>> => {
    const link = { tokenHash: hashOfSecretToken(token), purpose: 'sign_in', userId } as const
    return success(async (transaction) => {
      if (await store.useLink(transaction, link, clock())) return true
      throw new FaultError(fault('invalid_link'))
    })
  }

  const check = async (who: SignedIn, proof: Proof): Promise<Outcome<UseUp>> => {
    switch (proof.kind) {
      case 'password': {
        const checked = await passwords.check(who.userId, proof.password)
        return checked.ok ? success(async () => true) : checked
      }
      case 'sign_in_link':
        return checkLink(who.userId, proof.token)
      case 'totp':
      case 'recovery_code':
        return proofs.code(who.userId, proof)
      case 'passkey': {
        const proved = await proofs.passkey(proof, 'prove', boundToSession(who), who.userId)
        return proved.ok ? success(proved.value.useUp) : proved
      }
      case 'single_sign_on':
        return proof.connectionId === who.ssoConnectionId ? success(async () => true) : otherProof
    }
  }

  const signIns = makeSignIns({
    database,
    clock,
    store,
    factors,
    sessions,
    attempts,
    passwords,
    proofs,
    mustUseSingleSignOn: async ({ id, email }) =>
      (await sso.isEnforced(email)) && !(await store.isBreakGlass(id)),
  })

  return {
    ...signIns,
    ...sessions,
    ...makeLinks({ database, clock, store, attempts }),
    ...makeSessionPolicies({ database, clock, epoch: parts.epoch ?? null }),
    ...makeSecondFactors({ database, clock, store, factors, sessions, attempts, vault }),
    hashPassword: passwords.hashPassword,
    changePassword: passwords.changePassword,

    async stepUp(who, token, proof) {
      // A second factor that is set up is what proves it: see proofKindsOf.
      if (!proofKindsOf(who).includes(proof.kind)) return otherProof
      if (proof.kind !== 'totp' && proof.kind !== 'recovery_code') {
        const allowed = await attempts.count(passwordBuckets(who.userId))
        if (!allowed.ok) return allowed
      }
      const checked = await check(who, proof)
      if (!checked.ok) return checked
      const secondFactor = secondFactors.has(proof.kind)
      try {
        return await database.kysely.transaction().execute(async (transaction) => {
          await store.lockUser(transaction, who.userId)
          if (!(await checked.value(transaction))) throw new FaultError(wrongCode.fault)
          const session = await renew(transaction, token, { secondFactor })
          if (!session) throw new FaultError(fault('not_signed_in'))
          const subject = { kind: 'session', id: who.sessionId }
          await sessions.audit(transaction, who.userId, 'session.proved', subject, { by: proof.kind })
          if (proof.kind === 'recovery_code')
            await sessions.tell(transaction, who.userId, 'recovery_code_used')
          return success(session)
        })
      } catch (error) {
        if (error instanceof FaultError) return { ok: false, fault: error.fault }
        throw error
      }
    },

    async proofChallenge(who, party) {
      if (party === null) return noPasskeysHere
      const options = await authenticationOptions(party)
      await factors.insertChallenge({
        hash: hashOfChallenge(options.challenge),
        purpose: 'prove',
        boundTo: boundToSession(who),
        userId: who.userId,
        expiresAt: new Date(clock().getTime() + challengeSeconds * 1000),
      })
      return success(options)
    },

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

    sweep: () => store.sweep(clock()),
  }
}

const secondFactors: ReadonlySet<Proof['kind']> = new Set(['passkey', 'totp', 'recovery_code'])

const otherProof = failure('invalid_credentials', {
  message: 'You have set a second factor up; this proves too little.',
  next: 'Use your passkey, a code of your app, or a recovery code.',
})
