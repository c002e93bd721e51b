import type { RegistrationResponseJSON } from '@simplewebauthn/server'
import type { Transaction } from 'kysely'
import { type Actor, recordAudit } from '../audit/audit.ts'
import { mayChangeRole } from '../contract/permissions.ts'
import type { Database } from '../db/database.ts'
import type { Schema } from '../db/schema.ts'
import { beyondTenants, beyondTenantsIn } from '../db/tenant-scope.ts'
import type { Clock } from '../kit/clock.ts'
import { failure, FaultError, fault, type Outcome, success } from '../kit/fault.ts'
import { newId } from '../kit/id.ts'
import { requireOwnersWayIn } from '../sso/directory.ts'
import type { Vault } from '../vault/vault.ts'
import type { Attempts } from './attempts.ts'
import {
  challengeIn,
  challengeSeconds,
  hashOfChallenge,
  type RelyingParty,
  registrationOptions,
  verifyRegistration,
} from './passkey.ts'
import { noPasskeysHere, totpBinding, wrongCode, wrongPasskey } from './proofs.ts'
import { generateRecoveryCodes, hashOfRecoveryCode } from './recovery-codes.ts'
import { hasSecondFactor, notByCompany, type OpenedSession, type SignedIn } from './session.ts'
import type { SessionParts } from './sessions.ts'
import type { FactorStore, PasskeyRow } from './store-factors.ts'
import type { IdentityStore } from './store.ts'
import { codeBuckets } from './throttle.ts'
import { generateTotpSecret, stepOfCode, totpUri } from './totp.ts'

/** How long an app may take to be set up. */
const beginningSeconds = 3600
const mostPasskeys = 20

export interface FactorsView {
  readonly totp: { readonly since: Date } | null
  readonly passkeys: readonly Omit<PasskeyRow, 'publicKey' | 'counter' | 'credentialId' | 'userId'>[]
  readonly recoveryCodesLeft: number
}

/** What a change of factors gives: a session under a new token, and codes where there are new ones. */
export interface FactorChange {
  readonly session: OpenedSession
  /** Shown once; only their hashes are stored. Null: those that there are stay. */
  readonly recoveryCodes: readonly string[] | null
}

export interface SecondFactors {
  readFactors(userId: string): Promise<FactorsView>
  /** A secret for an app, which counts once a code of it was entered. */
  beginTotp(who: SignedIn): Promise<Outcome<{ secret: string; uri: string }>>
  confirmTotp(who: SignedIn, token: string, code: string): Promise<Outcome<FactorChange>>
  removeTotp(who: SignedIn, token: string): Promise<Outcome<FactorChange>>
  beginPasskey(
    who: SignedIn,
    party: RelyingParty | null,
  ): Promise<Outcome<Awaited<ReturnType<typeof registrationOptions>>>>
  addPasskey(
    who: SignedIn,
    token: string,
    given: { response: RegistrationResponseJSON; name: string; party: RelyingParty | null },
  ): Promise<Outcome<FactorChange>>
  renamePasskey(who: SignedIn, id: string, name: string): Promise<Outcome<void>>
  removePasskey(who: SignedIn, token: string, id: string): Promise<Outcome<FactorChange>>
  renewRecoveryCodes(who: SignedIn, token: string): Promise<Outcome<FactorChange>>
  /**
   * By an administrator, for whoever lost them all: every factor but the password, every session, and break-glass. Refused
   * where that would leave an organisation without an owner who can get in.
   */
  resetFactors(actor: Actor, userId: string, reason: string): Promise<Outcome<void>>
  /** By a member above them; only of whoever works nowhere else: it is about the whole account. */
  resetFactorsOfMember(
    actor: Actor,
    member: { organizationId: string; userId: string },
    reason: string,
  ): Promise<Outcome<void>>
}

export const makeSecondFactors = (parts: {
  database: Database
  clock: Clock
  store: IdentityStore
  factors: FactorStore
  sessions: Pick<SessionParts, 'renew' | 'endOthers' | 'audit' | 'tell'>
  attempts: Attempts
  vault: Pick<Vault, 'seal' | 'open'>
}): SecondFactors => {
  const { database, clock, store, factors, sessions, attempts, vault } = parts

  const newCodes = async (transaction: Transaction<Schema>, userId: string): Promise<string[]> => {
    const codes = generateRecoveryCodes()
    const hashes = codes.map((code) => hashOfRecoveryCode(userId, code))
    await factors.replaceRecoveryCodes(transaction, userId, hashes, clock())
    return codes
  }

  /**
   * Every change of factors, added or taken away: the others' sessions end, since one of them may be why; this one goes on under
   * a new token; the trail says it.
   */
  const change = async (
    who: SignedIn,
    token: string,
    action: keyof typeof told,
    work: (transaction: Transaction<Schema>) => Promise<readonly string[] | null>,
    shown: { secondFactor: boolean } = { secondFactor: false },
  ): Promise<Outcome<FactorChange>> => {
    return outcomeOf(() =>
      database.kysely.transaction().execute(async (transaction) => {
        await factors.lockUser(transaction, who.userId)
        const recoveryCodes = await work(transaction)
        await sessions.endOthers(transaction, who)
        await sessions.audit(transaction, who.userId, action, { kind: 'user', id: who.userId })
        await sessions.tell(transaction, who.userId, told[action])
        const session = await sessions.renew(transaction, token, shown)
        if (!session) throw new FaultError(fault('not_signed_in'))
        return { session, recoveryCodes }
      }),
    )
  }

  /** A company's sign-on vouches for its own member: what opens the account elsewhere is not its to set up or to replace. */
  const ofWholeAccount = async (who: SignedIn): Promise<Outcome<void>> => {
    const { onlyOrganizationId } = who
    if (onlyOrganizationId === null) return success(undefined)
    const isMore =
      hasSecondFactor(who) ||
      (await beyondTenants(() => store.worksElsewhere(who.userId, onlyOrganizationId)))
    return isMore ? { ok: false, fault: notByCompany } : success(undefined)
  }

  /** With the first factor come codes for the day when it is lost; with the last one they go. */
  const codesForFirst = async (transaction: Transaction<Schema>, who: SignedIn) => {
    const user = await store.readUser(who.userId, transaction)
    return user && hasSecondFactor(user) ? null : newCodes(transaction, who.userId)
  }
  const codesAfterRemoval = async (transaction: Transaction<Schema>, who: SignedIn): Promise<null> => {
    const user = await store.readUser(who.userId, transaction)
    if (user && hasSecondFactor(user)) return null
    // Also of organisations that this request may not see.
    const isRequired = await beyondTenantsIn(transaction, () =>
      store.mustHaveSecondFactor(transaction, who.userId),
    )
    if (isRequired) throw new FaultError(required)
    await factors.replaceRecoveryCodes(transaction, who.userId, [], clock())
    return null
  }

  const reset = async (
    transaction: Transaction<Schema>,
    actor: Actor,
    userId: string,
    reason: string,
  ): Promise<void> => {
    const organizationId = await store.organizationOf(transaction, userId)
    if (organizationId === undefined) throw new FaultError(fault('not_found'))
    await factors.lockUser(transaction, userId)
    await factors.removeAllFactors(transaction, userId)
    // Such an account gets past the company's sign-on, so never by a password alone; where it is the last way in, another
    // one comes first.
    for (const company of await store.endBreakGlass(transaction, userId))
      await requireOwnersWayIn(transaction, company)
    await store.revokeSessions(transaction, { userId }, clock())
    await store.forgetBrowsers(transaction, userId)
    await store.endLinks(transaction, userId, clock())
    const subject = { kind: 'user', id: userId }
    await recordAudit(transaction, { organizationId, actor, action: 'second_factors.reset', subject, reason })
    await sessions.tell(transaction, userId, 'factors_reset')
  }

  return {
    async readFactors(userId) {
      const [totp, passkeys, recoveryCodesLeft] = await Promise.all([
        factors.readTotp(userId, 'confirmed'),
        factors.listPasskeys(userId),
        factors.countRecoveryCodes(userId),
      ])
      return { totp: totp ? { since: totp.createdAt } : null, passkeys, recoveryCodesLeft }
    },

    async beginTotp(who) {
      const allowed = await ofWholeAccount(who)
      if (!allowed.ok) return allowed
      const secret = generateTotpSecret()
      const id = newId()
      const sealed = await beyondTenants(() => vault.seal(totpBinding(who.userId, id), secret))
      if (!sealed.ok) return sealed
      await database.kysely.transaction().execute(async (transaction) => {
        await factors.lockUser(transaction, who.userId)
        await factors.beginTotp(transaction, { userId: who.userId, id, sealed: sealed.value, at: clock() })
      })
      return success({ secret, uri: totpUri(secret, who.email) })
    },

    async confirmTotp(who, token, code) {
      const { userId } = who
      const isTheirs = await ofWholeAccount(who)
      if (!isTheirs.ok) return isTheirs
      const buckets = codeBuckets(userId)
      const allowed = await attempts.count(buckets)
      if (!allowed.ok) return allowed
      const begun = await factors.readTotp(userId, 'beginning')
      if (!begun || clock().getTime() - begun.createdAt.getTime() > beginningSeconds * 1000) return notBegun
      const secret = await beyondTenants(() => vault.open(totpBinding(userId, begun.id), begun))
      if (!secret.ok) return secret
      const step = stepOfCode(secret.value, code, clock(), begun.lastStep)
      if (step === null) return wrongCode
      await attempts.forget(buckets)
      return change(
        who,
        token,
        'totp.added',
        async (transaction) => {
          const codes = await codesForFirst(transaction, who)
          if (!(await factors.confirmTotp(transaction, { userId, id: begun.id, step, at: clock() })))
            throw new FaultError(notBegun.fault)
          return codes
        },
        { secondFactor: true },
      )
    },

    removeTotp: (who, token) =>
      change(who, token, 'totp.removed', async (transaction) => {
        if (!(await factors.removeTotp(transaction, who.userId))) throw new FaultError(fault('not_found'))
        return codesAfterRemoval(transaction, who)
      }),

    async beginPasskey(who, party) {
      if (party === null) return noPasskeysHere
      const known = await factors.listPasskeys(who.userId)
      if (known.length >= mostPasskeys) return tooMany
      const user = { id: who.userId, email: who.email, name: who.name }
      const options = await registrationOptions(party, user, known)
      await factors.insertChallenge({
        hash: hashOfChallenge(options.challenge),
        purpose: 'register',
        boundTo: boundToSession(who),
        userId: who.userId,
        expiresAt: new Date(clock().getTime() + challengeSeconds * 1000),
      })
      return success(options)
    },

    async addPasskey(who, token, { response, name, party }) {
      if (party === null) return noPasskeysHere
      const challenge = challengeIn(response.response.clientDataJSON)
      if (challenge === null) return wrongPasskey
      const given = {
        hash: hashOfChallenge(challenge),
        purpose: 'register',
        boundTo: boundToSession(who),
      } as const
      if (!(await factors.useChallenge(given, clock()))) return wrongPasskey
      const verified = await verifyRegistration(party, response, challenge)
      if (verified === null) return wrongPasskey
      return change(
        who,
        token,
        'passkey.added',
        async (transaction) => {
          const codes = await codesForFirst(transaction, who)
          const passkey = { ...verified, id: newId(), userId: who.userId, rpId: party.id, name, at: clock() }
          if (!(await factors.insertPasskey(transaction, passkey))) throw new FaultError(wrongPasskey.fault)
          return codes
        },
        { secondFactor: true },
      )
    },

    async renamePasskey(who, id, name) {
      const renamed = await factors.renamePasskey(database.kysely, who.userId, id, name)
      return renamed ? success(undefined) : failure('not_found')
    },

    removePasskey: (who, token, id) =>
      change(who, token, 'passkey.removed', async (transaction) => {
        if (!(await factors.removePasskey(transaction, who.userId, id)))
          throw new FaultError(fault('not_found'))
        return codesAfterRemoval(transaction, who)
      }),

    async renewRecoveryCodes(who, token) {
      if (!hasSecondFactor(who)) return nothingToRecover
      return change(who, token, 'recovery_codes.renewed', (transaction) => newCodes(transaction, who.userId))
    },

    resetFactors: (actor, userId, reason) =>
      outcomeOf(() =>
        database.kysely.transaction().execute((transaction) => reset(transaction, actor, userId, reason)),
      ),

    resetFactorsOfMember: (actor, { organizationId, userId }, reason) =>
      outcomeOf(() =>
        database.kysely.transaction().execute((transaction) =>
          // Factors and sessions are rows of the member's own.
          beyondTenantsIn(transaction, async () => {
            const standing = await store.lockRoles(transaction, organizationId, [actor.id ?? '', userId])
            const [own, theirs] = [standing.get(actor.id ?? ''), standing.get(userId)]
            if (theirs === undefined) throw new FaultError(fault('not_found'))
            if (actor.id === userId) throw new FaultError(yourOwn)
            if (own === undefined || !mayChangeRole(own, theirs)) throw new FaultError(notBelow)
            if (await store.worksElsewhere(userId, organizationId)) throw new FaultError(notOnlyHere)
            await reset(transaction, actor, userId, reason)
          }),
        ),
      ),
  }
}

const outcomeOf = async <T>(work: () => Promise<T>): Promise<Outcome<T>> => {
  try {
    return success(await work())
  } catch (error) {
    if (error instanceof FaultError) return { ok: false, fault: error.fault }
    throw error
  }
}

/** What the trail calls a change, and what its user is told. */
const told = {
  'totp.added': 'totp_added',
  'totp.removed': 'totp_removed',
  'passkey.added': 'passkey_added',
  'passkey.removed': 'passkey_removed',
  'recovery_codes.renewed': 'recovery_codes_renewed',
} as const

export const boundToSession = ({ sessionId }: Pick<SignedIn, 'sessionId'>): string => `session:${sessionId}`

const notBegun = failure('conflict', {
  message: 'No app is being set up, or it was begun more than an hour ago.',
  next: 'Begin again and scan the new code.',
})
const required = fault('conflict', {
  message: 'An organisation you work in asks for a second factor, and this is your last one.',
  next: 'Add another one first.',
})
const tooMany = failure('conflict', {
  message: `Nobody has more than ${mostPasskeys} passkeys here.`,
  next: 'Remove one that you no longer use.',
})
const nothingToRecover = failure('conflict', {
  message: 'Recovery codes stand in for a second factor, and there is none.',
  next: 'Add an authenticator app or a passkey first.',
})
const yourOwn = fault('conflict', {
  message: 'These are your own.',
  next: 'Change them under Security.',
})
const notBelow = fault('forbidden', {
  message:
    'Your role does not allow this: owners reset everybody’s, administrators those of members below them.',
  next: 'Ask an owner of your organisation.',
})
const notOnlyHere = fault('conflict', {
  message: 'This account also works elsewhere, where your organisation decides nothing.',
  next: 'Ask an administrator of this installation.',
})
