import type { AuthenticationResponseJSON } from '@simplewebauthn/server'
import type { Transaction } from 'kysely'
import type { Schema } from '../db/schema.ts'
import { beyondTenants } from '../db/tenant-scope.ts'
import type { Clock } from '../kit/clock.ts'
import { failure, type Outcome, success } from '../kit/fault.ts'
import { platformOrganizationId } from '../kit/id.ts'
import type { SecretBinding, Vault } from '../vault/vault.ts'
import type { Attempts } from './attempts.ts'
import { challengeIn, hashOfChallenge, type RelyingParty, verifyAuthentication } from './passkey.ts'
import { hashOfRecoveryCode } from './recovery-codes.ts'
import type { SignedIn } from './session.ts'
import { hasSecondFactor } from './session.ts'
import type { FactorStore, PasskeyRow } from './store-factors.ts'
import { codeBuckets, recoveryBuckets } from './throttle.ts'
import { stepOfCode } from './totp.ts'

export type CodeProof =
  | { readonly kind: 'totp'; readonly code: string }
  | { readonly kind: 'recovery_code'; readonly code: string }

/** What shows that it is the user who sits there. */
export type Proof =
  | { readonly kind: 'password'; readonly password: string }
  | { readonly kind: 'sign_in_link'; readonly token: string }
  | CodeProof
  | {
      readonly kind: 'passkey'
      readonly response: AuthenticationResponseJSON
      readonly party: RelyingParty | null
    }
  /** The word of the connection that opened the session, which single sign-on has judged before. */
  | { readonly kind: 'single_sign_on'; readonly connectionId: string }
export type ProofKind = Proof['kind']

/** Uses up what was shown, in the transaction of what it is for. False: somebody was faster. */
export type UseUp = (transaction: Transaction<Schema>) => Promise<boolean>

/**
 * The best first. Who has set a second factor up proves it by that: whoever has a session of theirs and their password, or a
 * link, must not get further. For others a link proves it, too: whoever lost a password, or never had one, gets one from an
 * administrator.
 */
export const proofKindsOf = (
  who: Pick<SignedIn, 'hasPassword' | 'hasTotp' | 'hasPasskey' | 'ssoConnectionId'>,
): ProofKind[] => {
  if (hasSecondFactor(who))
    return [
      ...(who.hasPasskey ? (['passkey'] as const) : []),
      ...(who.hasTotp ? (['totp'] as const) : []),
      'recovery_code',
    ]
  return [
    ...(who.ssoConnectionId === null ? [] : (['single_sign_on'] as const)),
    ...(who.hasPassword ? (['password'] as const) : []),
    'sign_in_link',
  ]
}

/** People outlive their organisations, so it hangs on the key of the platform, which is never destroyed. */
export const totpBinding = (userId: string, id: string): SecretBinding => ({
  organizationId: platformOrganizationId,
  owner: 'user',
  userId,
  serviceId: 'totp',
  serviceKeyId: id,
  version: 1,
})

export interface FactorProofs {
  code(userId: string, proof: CodeProof): Promise<Outcome<UseUp>>
  /** Of whichever user it is, unless one is named. */
  passkey(
    proof: { response: AuthenticationResponseJSON; party: RelyingParty | null },
    purpose: 'prove' | 'sign_in',
    boundTo: string,
    userId: string | null,
  ): Promise<Outcome<{ passkey: PasskeyRow; useUp: UseUp }>>
}

export const makeFactorProofs = (parts: {
  clock: Clock
  vault: Pick<Vault, 'open'>
  factors: FactorStore
  attempts: Attempts
}): FactorProofs => {
  const { clock, vault, factors, attempts } = parts

  const totp = async (userId: string, code: string): Promise<Outcome<UseUp>> => {
    const buckets = codeBuckets(userId)
    const allowed = await attempts.count(buckets)
    if (!allowed.ok) return allowed
    const row = await factors.readTotp(userId, 'confirmed')
    if (!row) return wrongCode
    // The key that it is sealed under is the platform's.
    const secret = await beyondTenants(() => vault.open(totpBinding(userId, row.id), row))
    if (!secret.ok) return secret
    const step = stepOfCode(secret.value, code, clock(), row.lastStep)
    if (step === null) return wrongCode
    await attempts.forget(buckets)
    return success((transaction) => factors.useStep(transaction, { userId, id: row.id, step }))
  }

  const recoveryCode = async (userId: string, code: string): Promise<Outcome<UseUp>> => {
    const allowed = await attempts.count(recoveryBuckets(userId))
    if (!allowed.ok) return allowed
    const hash = hashOfRecoveryCode(userId, code)
    return success((transaction) => factors.useRecoveryCode(transaction, userId, hash, clock()))
  }

  return {
    code: (userId, { kind, code }) => (kind === 'totp' ? totp(userId, code) : recoveryCode(userId, code)),

    async passkey({ response, party }, purpose, boundTo, userId) {
      if (party === null) return noPasskeysHere
      const challenge = challengeIn(response.response.clientDataJSON)
      if (challenge === null) return wrongPasskey
      const given = { hash: hashOfChallenge(challenge), purpose, boundTo }
      if (!(await factors.useChallenge(given, clock()))) return wrongPasskey
      const passkey = await factors.findPasskey(response.id)
      if (!passkey || (userId !== null && passkey.userId !== userId)) return wrongPasskey
      const verified = await verifyAuthentication(party, passkey, response, challenge)
      if (verified === null) return wrongPasskey
      const used = { id: passkey.id, ...verified }
      return success({
        passkey,
        useUp: (transaction: Transaction<Schema>) =>
          factors.usePasskey(transaction, { ...used, at: clock() }),
      })
    },
  }
}

/** The same of a code that is wrong, was used, or belongs to a factor that is not there. */
export const wrongCode = failure('invalid_credentials', {
  message: 'This code is wrong, or was used already.',
  next: 'Wait for the next code of your app and enter that, or use a recovery code.',
  field: 'code',
})
export const wrongPasskey = failure('invalid_credentials', {
  message: 'This passkey was not accepted.',
  next: 'Try again, or use another way to prove that it is you.',
})
export const noPasskeysHere = failure('conflict', {
  message: 'Browsers keep passkeys only for host names that are reached over https, and for localhost.',
  next: 'Open the dashboard by its name instead of an IP address; the operator can set AIDEON_PUBLIC_URL.',
})
