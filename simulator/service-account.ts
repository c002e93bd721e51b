import { createPublicKey, generateKeyPairSync, type KeyObject, verify } from 'node:crypto'
import { isRecord } from './exchange.ts'

/** What the simulator reads of a Google service account's JSON document. */
interface ServiceAccount {
  readonly client_email: string
  readonly private_key: string
  readonly private_key_id: string
}

let pem: string | null = null
/** One key pair for all made-up accounts of a process: making one takes a tenth of a second. */
const privateKey = (): string =>
  (pem ??= generateKeyPairSync('rsa', {
    modulusLength: 2048,
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    publicKeyEncoding: { type: 'spki', format: 'pem' },
  }).privateKey)

/** The JSON document that Google Cloud hands out, with a key made on the spot. */
export const demoServiceAccount = (name: string): string =>
  JSON.stringify({
    type: 'service_account',
    project_id: 'demo-project',
    private_key_id: `demo-not-a-real-key-${name}`,
    private_key: privateKey(),
    client_email: `demo-${name.toLowerCase()}@demo-project.iam.gserviceaccount.com`,
    client_id: '100000000000000000000',
    token_uri: 'https://oauth2.googleapis.com/token',
  })

const parsed = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}

const accountOf = (secret: string): ServiceAccount | null => {
  const value = parsed(secret)
  return isRecord(value) && typeof value['client_email'] === 'string'
    ? (value as unknown as ServiceAccount)
    : null
}

const decode = (part: string | undefined): Record<string, unknown> => {
  const value = parsed(Buffer.from(part ?? '', 'base64url').toString('utf8'))
  return isRecord(value) ? value : {}
}

const publicKeys = new Map<string, KeyObject>()
const publicKeyOf = ({ private_key: key }: ServiceAccount): KeyObject => {
  const known = publicKeys.get(key) ?? createPublicKey(key)
  publicKeys.set(key, known)
  return known
}

/** Google's reason to refuse, or the account's secret. */
export type Assertion = { readonly secret: string } | { readonly refused: string }

const longestSeconds = 3600
const skewSeconds = 300

/**
 * An RFC 7523 assertion: RS256, by the account it names, for the token endpoint, for an hour at most.
 * https://developers.google.com/identity/protocols/oauth2/service-account#httprest
 */
export const checkAssertion = (assertion: string, secrets: readonly string[], nowMs: number): Assertion => {
  const [head, claim, signature, ...more] = assertion.split('.')
  if (!head || !claim || !signature || more.length > 0) return { refused: 'Invalid JWT.' }
  const { alg } = decode(head)
  const { iss, aud, scope, iat, exp } = decode(claim)
  const secret = secrets.find((candidate) => accountOf(candidate)?.client_email === iss)
  const account = secret === undefined ? null : accountOf(secret)
  if (secret === undefined || account === null) return { refused: 'Invalid grant: account not found' }
  if (alg !== 'RS256') return { refused: 'Invalid JWT: unsupported algorithm.' }
  const signed = Buffer.from(`${head}.${claim}`)
  if (!verify('sha256', signed, publicKeyOf(account), Buffer.from(signature, 'base64url')))
    return { refused: 'Invalid JWT Signature.' }
  if (typeof aud !== 'string' || !aud.endsWith('/token')) return { refused: 'Invalid JWT: wrong audience.' }
  if (typeof scope !== 'string' || !scope.includes('https://www.googleapis.com/auth/cloud-platform'))
    return { refused: 'Invalid OAuth scope or ID token audience provided.' }
  const now = nowMs / 1000
  const timely =
    typeof iat === 'number' &&
    typeof exp === 'number' &&
    iat <= now + skewSeconds &&
    exp > now - skewSeconds &&
    exp - iat <= longestSeconds
  if (!timely)
    return {
      refused:
        'Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe. Check your iat and exp values in the JWT claim.',
    }
  return { secret }
}
