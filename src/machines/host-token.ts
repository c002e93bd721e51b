import { decodeJwt, decodeProtectedHeader, errors, jwtVerify } from 'jose'
import { isStorableText } from '../db/arrays.ts'
import { failure, type Outcome, success } from '../kit/fault.ts'
import { isId } from '../kit/id.ts'
import type { PublicKey } from './public-key.ts'

/** What a host application's tokens have to be like. */
export interface HostTokenRules {
  readonly id: string
  readonly issuer: string
  readonly userClaim: string
  readonly matching: 'user_id' | 'email' | 'external_id'
  readonly maximumTokenSeconds: number
}

/** Read, not yet believed. */
export interface UnverifiedToken {
  readonly text: string
  readonly applicationId: string
  readonly kid: string | null
  readonly alg: string
}

const longestToken = 8192
const clockToleranceSeconds = 30
const audiencePrefix = 'urn:aideon-keys:application:'

/** Ours to choose, so that a token names one application of one organisation and nobody can register another's. */
export const audienceOf = (applicationId: string): string => audiencePrefix + applicationId

export const looksLikeHostToken = (text: string): boolean =>
  text.startsWith('eyJ') && text.length <= longestToken && text.split('.').length === 3

export const readHostToken = (text: string): Outcome<UnverifiedToken> => {
  try {
    const { alg, kid } = decodeProtectedHeader(text)
    const { aud } = decodeJwt(text)
    const ours = [aud].flat().filter((one) => typeof one === 'string' && one.startsWith(audiencePrefix))
    const applicationId = ours[0]?.slice(audiencePrefix.length) ?? ''
    // Of several nobody could say which is meant.
    if (ours.length !== 1 || !isId(applicationId))
      return refused(`Its aud has to be ${audiencePrefix}… of yours.`)
    if (typeof alg !== 'string') return refused('Its header names no algorithm.')
    return success({ text, applicationId, alg, kid: typeof kid === 'string' ? kid : null })
  } catch {
    return refused('It is not a signed JSON Web Token.')
  }
}

/** Signature, issuer, audience and times; gives what the claim about the user says, and until when. */
export const verifyHostToken = async (
  { text }: UnverifiedToken,
  { key, algorithms }: PublicKey,
  rules: HostTokenRules,
  now: Date,
): Promise<Outcome<{ reference: string; expiresAt: Date }>> => {
  try {
    const { payload } = await jwtVerify(text, key, {
      algorithms: [...algorithms],
      issuer: rules.issuer,
      audience: audienceOf(rules.id),
      clockTolerance: clockToleranceSeconds,
      currentDate: now,
      requiredClaims: ['exp', 'iss', 'aud'],
    })
    const exp = payload.exp as number
    const nowSeconds = now.getTime() / 1000
    const begins = Math.min(payload.iat ?? nowSeconds, nowSeconds)
    if (exp - begins > rules.maximumTokenSeconds + clockToleranceSeconds)
      return refused(`It lives longer than the ${rules.maximumTokenSeconds} seconds that are allowed.`)
    const reference = payload[rules.userClaim]
    if (typeof reference !== 'string' || !isPossible(reference))
      return refused(`It has no text in the claim ${rules.userClaim}.`)
    if (rules.matching === 'email' && payload['email_verified'] === false)
      return refused('Its issuer has not verified the e-mail address.')
    return success({ reference, expiresAt: new Date((exp + clockToleranceSeconds) * 1000) })
  } catch (error) {
    if (error instanceof errors.JOSEError) return refusedFor(error)
    // What a key makes of a signature of the wrong shape.
    return refused('Its signature does not fit.')
  }
}

const refusedFor = (error: errors.JOSEError) => {
  if (error instanceof errors.JWTExpired)
    return failure('expired_token', { message: 'The token has expired.', next: newOne })
  if (error instanceof errors.JWTClaimValidationFailed)
    return refused(
      {
        iss: 'Its issuer is not the one that is set.',
        aud: 'It is meant for somebody else.',
        nbf: 'It is not valid yet.',
        iat: 'It was made in the future.',
        exp: 'It does not say when it expires.',
      }[error.claim] ?? 'A claim of it is not as it must be.',
    )
  return refused('Its signature does not fit.')
}

const newOne = 'Let the host application sign a new one.'
/** What is wrong is for whoever sets it up; it says nothing of other organisations. */
const refused = (message: string) =>
  failure('invalid_token', { message: `The token is refused. ${message}`, next: newOne })
export const refusedHostToken = refused

const isPossible = (reference: string): boolean =>
  reference !== '' && reference.length <= 254 && isStorableText(reference)
