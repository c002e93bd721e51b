import { createPublicKey, generateKeyPairSync, randomBytes, verify } from 'node:crypto'
import { seal, unseal } from './cipher.ts'
import { json, type KmsHost, type KmsReply, parsed, strictBase64 } from './exchange.ts'

type VersionState = 'ENABLED' | 'DISABLED' | 'DESTROYED'
export interface GcpKey {
  readonly versions: { material: Buffer; state: VersionState }[]
}

let pem: string | null = null
/** One for all: making one takes a tenth of a second. */
const rsaKey = (): string =>
  (pem ??= generateKeyPairSync('rsa', {
    modulusLength: 2048,
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    publicKeyEncoding: { type: 'spki', format: 'pem' },
  }).privateKey)

/** Google Cloud KMS, its token endpoint and a machine's metadata server. */
export const makeGcp = (now: () => Date) => {
  const privateKey = rsaKey()
  const email = 'aideon@project-1.iam.gserviceaccount.com'
  const state = {
    keys: new Map<string, GcpKey>(),
    tokens: new Map<string, number>(),
    issued: 0,
    denied: false,
    accountDisabled: false,
    /** A bit flips between the caller and the key. */
    damages: null as 'request' | 'ciphertext' | 'plaintext' | null,
    leaseSeconds: 3599,
  }
  const issue = (): string => {
    state.issued++
    const token = `ya29.${randomBytes(40).toString('base64url')}`
    state.tokens.set(token, now().getTime() + state.leaseSeconds * 1000)
    return token
  }

  const oauth: KmsHost = ({ method, headers, body }) => {
    const form = new URLSearchParams(body)
    if (method !== 'POST' || headers['content-type'] !== 'application/x-www-form-urlencoded')
      return json(400, { error: 'invalid_request' })
    if (form.get('grant_type') !== 'urn:ietf:params:oauth:grant-type:jwt-bearer')
      return json(400, { error: 'unsupported_grant_type' })
    const problem = assertionProblem(form.get('assertion') ?? '', privateKey, email, now())
    if (problem !== null || state.accountDisabled)
      return json(400, {
        error: 'invalid_grant',
        error_description: problem ?? 'Invalid grant: account not found',
      })
    return json(200, { access_token: issue(), expires_in: state.leaseSeconds, token_type: 'Bearer' })
  }

  const metadata: KmsHost = ({ headers, url }) => {
    if (headers['metadata-flavor'] !== 'Google') return { status: 403, body: '' }
    return url.pathname === '/computeMetadata/v1/instance/service-accounts/default/token'
      ? json(
          200,
          { access_token: issue(), expires_in: state.leaseSeconds, token_type: 'Bearer' },
          { 'metadata-flavor': 'Google' },
        )
      : { status: 404, body: '' }
  }

  const kms: KmsHost = ({ method, url, headers, body }) => {
    const token = /^Bearer (.+)$/.exec(headers['authorization'] ?? '')?.[1] ?? ''
    if (!((state.tokens.get(token) ?? 0) > now().getTime()))
      return fault(401, 'UNAUTHENTICATED', 'Request had invalid authentication credentials.')
    const [, name, operation] =
      /^\/v1\/(projects\/.+\/cryptoKeys\/[^/:]+):(encrypt|decrypt)$/.exec(url.pathname) ?? []
    if (method !== 'POST' || name === undefined) return fault(404, 'NOT_FOUND', 'Not Found')
    if (state.denied) return fault(403, 'PERMISSION_DENIED', `Permission denied on resource '${name}'`)
    const key = state.keys.get(name)
    if (key === undefined) return fault(404, 'NOT_FOUND', `CryptoKey ${name} not found.`)
    const fields = parsed(body)
    if (fields === null) return fault(400, 'INVALID_ARGUMENT', 'Invalid JSON payload received.')
    const read = checkedField(
      fields,
      operation === 'encrypt' ? 'plaintext' : 'ciphertext',
      state.damages === 'request',
    )
    const aad = checkedField(fields, 'additionalAuthenticatedData', false)
    if ('status' in read) return read
    if ('status' in aad) return aad
    return operation === 'encrypt' ? encrypt(name, key, read, aad) : decrypt(name, key, read.bytes, aad.bytes)
  }

  const encrypt = (name: string, key: GcpKey, plain: Field, aad: Field): KmsReply => {
    const version = key.versions.at(-1)
    if (version?.state !== 'ENABLED') return notEnabled(name, key.versions.length, version?.state)
    const { iv, body, tag } = seal(version.material, plain.bytes, aad.bytes)
    const blob = Buffer.concat([Buffer.of(10, key.versions.length), iv, body, tag])
    return json(200, {
      name: `${name}/cryptoKeyVersions/${key.versions.length}`,
      ciphertext: damaged(blob, state.damages === 'ciphertext').toString('base64'),
      ciphertextCrc32c: String(castagnoli(blob)),
      // True only where the caller gave a checksum.
      ...(plain.wasChecked ? { verifiedPlaintextCrc32c: true } : {}),
      ...(aad.wasChecked ? { verifiedAdditionalAuthenticatedDataCrc32c: true } : {}),
      protectionLevel: 'SOFTWARE',
    })
  }

  const decrypt = (name: string, key: GcpKey, blob: Buffer, aad: Buffer): KmsReply => {
    const number = blob[1] ?? 0
    const version = blob[0] === 10 ? key.versions[number - 1] : undefined
    if (version === undefined || blob.length < 30)
      return fault(
        400,
        'INVALID_ARGUMENT',
        `Decryption failed: verify that 'name' refers to the correct CryptoKey.`,
      )
    if (version.state !== 'ENABLED') return notEnabled(name, number, version.state)
    const parts = { iv: blob.subarray(2, 14), body: blob.subarray(14, -16), tag: blob.subarray(-16) }
    const plain = unseal(version.material, parts, aad)
    if (plain === null) return fault(400, 'INVALID_ARGUMENT', 'Decryption failed: the ciphertext is invalid.')
    return json(200, {
      plaintext: damaged(plain, state.damages === 'plaintext').toString('base64'),
      plaintextCrc32c: String(castagnoli(plain)),
      usedPrimary: number === key.versions.length,
      protectionLevel: 'SOFTWARE',
    })
  }

  return {
    state,
    serviceAccount: JSON.stringify({
      type: 'service_account',
      project_id: 'project-1',
      private_key_id: 'abc',
      private_key: privateKey,
      client_email: email,
      token_uri: 'https://oauth2.googleapis.com/token',
    }),
    addKey(name: string): GcpKey {
      const key: GcpKey = { versions: [{ material: randomBytes(32), state: 'ENABLED' }] }
      state.keys.set(name, key)
      return key
    },
    oauth,
    metadata,
    kms,
  }
}

interface Field {
  readonly bytes: Buffer
  readonly wasChecked: boolean
}

const checkedField = (
  fields: Record<string, unknown>,
  name: string,
  isDamaged: boolean,
): Field | KmsReply => {
  const given = strictBase64(fields[name] ?? '')
  if (given === null) return fault(400, 'INVALID_ARGUMENT', `Invalid value at '${name}' (TYPE_BYTES)`)
  const bytes = damaged(given, isDamaged)
  const checksum = fields[`${name}Crc32c`]
  if (checksum === undefined) return { bytes, wasChecked: false }
  return typeof checksum === 'string' && checksum === String(castagnoli(bytes))
    ? { bytes, wasChecked: true }
    : fault(
        400,
        'INVALID_ARGUMENT',
        `The checksum in field ${name}_crc32c did not match the data in field ${name}.`,
      )
}

const damaged = (bytes: Buffer, isDamaged: boolean): Buffer => {
  if (!isDamaged) return bytes
  const copy = Buffer.from(bytes)
  copy[copy.length >> 1] = (copy[copy.length >> 1] as number) ^ 4
  return copy
}

const notEnabled = (name: string, version: number, state: VersionState | undefined): KmsReply =>
  fault(
    400,
    'FAILED_PRECONDITION',
    `${name}/cryptoKeyVersions/${version} is not enabled, current state is: ${state ?? 'DESTROYED'}.`,
  )

const fault = (code: number, status: string, message: string): KmsReply =>
  json(code, { error: { code, message, status } })

/** Bit by bit, from its definition: not the table that the product uses. */
export const castagnoli = (bytes: Uint8Array): number => {
  let remainder = 0xffffffffn
  for (const byte of bytes) {
    remainder ^= BigInt(byte)
    for (let bit = 0; bit < 8; bit++) remainder = (remainder >> 1n) ^ (remainder & 1n ? 0x82f63b78n : 0n)
  }
  return Number(remainder ^ 0xffffffffn)
}

/** https://developers.google.com/identity/protocols/oauth2/service-account#httprest */
const assertionProblem = (assertion: string, privateKey: string, email: string, at: Date): string | null => {
  const [head, claims, signature, ...more] = assertion.split('.')
  if (!head || !claims || !signature || more.length > 0) return 'Invalid JWT.'
  const decoded = (part: string) => parsed(Buffer.from(part, 'base64url').toString('utf8')) ?? {}
  const { alg, typ } = decoded(head)
  const { iss, aud, scope, iat, exp } = decoded(claims)
  if (alg !== 'RS256' || typ !== 'JWT') return 'Invalid JWT: unsupported algorithm.'
  const isSigned = verify(
    'sha256',
    Buffer.from(`${head}.${claims}`),
    createPublicKey(privateKey),
    Buffer.from(signature, 'base64url'),
  )
  if (!isSigned) return 'Invalid JWT Signature.'
  if (iss !== email) return 'Invalid grant: account not found'
  if (aud !== 'https://oauth2.googleapis.com/token') return 'Invalid JWT: wrong audience.'
  if (scope !== 'https://www.googleapis.com/auth/cloud-platform') return 'Invalid OAuth scope.'
  const now = at.getTime() / 1000
  const isTimely =
    typeof iat === 'number' &&
    typeof exp === 'number' &&
    iat <= now + 300 &&
    exp > now - 300 &&
    exp - iat <= 3600
  return isTimely ? null : 'Invalid JWT: Token must be a short-lived token (60 minutes).'
}
