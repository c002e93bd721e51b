import { createPublicKey, type KeyObject } from 'node:crypto'
import { failure, type Outcome, success } from '../kit/fault.ts'

/** A key that a host application signs with, and what it may sign by: decided by the key, never by the token. */
export interface PublicKey {
  readonly kid: string | null
  readonly algorithms: readonly string[]
  readonly key: KeyObject
}

/** None that uses a shared secret, so there is no public key that could be taken for one, and no `none`. */
const byType: Readonly<Record<string, readonly string[]>> = {
  rsa: ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'],
  ed25519: ['EdDSA', 'Ed25519'],
}
const byCurve: Readonly<Record<string, readonly string[]>> = {
  prime256v1: ['ES256'],
  secp384r1: ['ES384'],
  secp521r1: ['ES512'],
}
const leastRsaBits = 2048
const mostKeys = 50

/** The usable ones of a JSON Web Key Set (RFC 7517). Others in it, such as keys to encrypt with, are passed over. */
export const usableKeys = (document: unknown): PublicKey[] => {
  const keys = (document as { keys?: unknown } | null)?.keys
  if (!Array.isArray(keys)) return []
  return keys.slice(0, mostKeys).flatMap((jwk: unknown) => publicKeyOf(jwk) ?? [])
}

const publicKeyOf = (jwk: unknown): PublicKey | null => {
  if (typeof jwk !== 'object' || jwk === null) return null
  const { kid, use, alg, kty, key_ops: operations } = jwk as Record<string, unknown>
  if (kty !== 'RSA' && kty !== 'EC' && kty !== 'OKP') return null
  if (use !== undefined && use !== 'sig') return null
  if (Array.isArray(operations) && !operations.includes('verify')) return null
  const key = importKey(jwk as Record<string, unknown>)
  if (key === null) return null
  const possible = algorithmsOf(key)
  const algorithms = typeof alg === 'string' ? possible.filter((one) => one === alg) : possible
  return algorithms.length === 0 ? null : { kid: typeof kid === 'string' ? kid : null, algorithms, key }
}

/** Of a private key only the public half is read. */
const importKey = ({ kty, n, e, crv, x, y }: Record<string, unknown>): KeyObject | null => {
  try {
    return createPublicKey({ key: { kty, n, e, crv, x, y } as never, format: 'jwk' })
  } catch {
    return null
  }
}

const algorithmsOf = ({ asymmetricKeyType, asymmetricKeyDetails }: KeyObject): readonly string[] => {
  if (asymmetricKeyType === 'rsa' && (asymmetricKeyDetails?.modulusLength ?? 0) < leastRsaBits) return []
  if (asymmetricKeyType === 'ec') return byCurve[asymmetricKeyDetails?.namedCurve ?? ''] ?? []
  return byType[asymmetricKeyType ?? ''] ?? []
}

const privateParts = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k']

/** Keys that somebody gives us: whoever pastes a private one has to hear of it, and it is not stored. */
export const checkGivenKeys = (document: { keys: readonly Record<string, unknown>[] }): Outcome<void> => {
  if (document.keys.some((jwk) => privateParts.some((part) => part in jwk)))
    return failure('invalid_request', {
      message: 'A key holds private parts or a shared secret. It was not stored.',
      next: 'Give the public keys only, and replace a private key that was sent anywhere.',
      field: 'jwks',
    })
  return usableKeys(document).length === 0 ? noUsableKey : success(undefined)
}

const noUsableKey = failure('invalid_request', {
  message: 'None of these keys can be used: RSA from 2048 bits, P-256, P-384, P-521 or Ed25519 to sign with.',
  field: 'jwks',
})

export const keyFor = (
  keys: readonly PublicKey[],
  { kid, alg }: { kid: string | null; alg: string },
): PublicKey | null => {
  const able = keys.filter(({ algorithms }) => algorithms.includes(alg))
  if (kid !== null) return able.find((key) => key.kid === kid) ?? null
  // Without a name it has to be the only one it can be.
  return able.length === 1 ? (able[0] as PublicKey) : null
}
