import { hkdfSync, randomBytes, randomUUID } from 'node:crypto'
import { seal, unseal } from './cipher.ts'
import { json, type KmsHost, type KmsReply, type KmsRequest, parsed, strictBase64 } from './exchange.ts'

export interface TransitKey {
  versions: Buffer[]
  minimumDecryptionVersion: number
  type: 'aes256-gcm96' | 'rsa-2048'
  derived: boolean
}

interface TokenState {
  until: number
  readonly renewable: boolean
  renewals: number
}

/**
 * A strict transit engine, of what openbao's builtin/logical/transit and auth/approle answer. Paths:
 * `transit/encrypt/<name>`, `transit/decrypt/<name>`, `auth/approle/login`, `auth/token/renew-self`, `…/revoke-self`.
 */
export const makeTransit = (now: () => Date) => {
  const state = {
    sealed: false,
    standby: null as string | null,
    namespace: null as string | null,
    /** As versions before associated data did. */
    ignoresAssociatedData: false,
    keys: new Map<string, TransitKey>(),
    tokens: new Map<string, TokenState>(),
    approles: new Map<string, string>(),
    leaseSeconds: 3600,
    maximumRenewals: 5,
    denied: false,
    logins: 0,
  }
  const issue = (): string => {
    const token = `hvs.${randomBytes(30).toString('base64url')}`
    state.tokens.set(token, {
      until: now().getTime() + state.leaseSeconds * 1000,
      renewable: true,
      renewals: 0,
    })
    return token
  }
  const auth = (token: string) =>
    json(200, {
      request_id: randomUUID(),
      auth: {
        client_token: token,
        renewable: true,
        lease_duration: state.leaseSeconds,
        policies: ['default'],
      },
    })

  const login = (body: Record<string, unknown>): KmsReply => {
    if (typeof body['role_id'] !== 'string' || body['role_id'] === '') return errors(400, 'missing role_id')
    const secret = state.approles.get(body['role_id'])
    if (secret === undefined) return errors(400, 'invalid role ID')
    if (body['secret_id'] !== secret) return errors(400, 'invalid secret id')
    state.logins++
    return auth(issue())
  }

  const operate = (operation: string, name: string, body: Record<string, unknown>): KmsReply => {
    const key = state.keys.get(name)
    const context = strictBase64(body['context'] ?? '')
    const associated = strictBase64(body['associated_data'] ?? '')
    if (context === null || associated === null) return errors(400, 'illegal base64 data at input byte 0')
    if (!key) return errors(400, 'encryption key not found')
    if (key.type === 'rsa-2048' && associated.length > 0)
      return errors(400, `'[0].associated_data' provided for non-AEAD cipher suite ${key.type}`)
    if (key.derived && context.length === 0)
      return errors(
        400,
        `missing 'context' for key derivation; the key was created using a derived key, which means additional, per-request information must be included in order to perform operations with the key`,
      )
    const keyOf = (version: number) =>
      key.derived
        ? Buffer.from(hkdfSync('sha256', key.versions[version - 1] as Buffer, '', context, 32))
        : (key.versions[version - 1] as Buffer)
    const aad = state.ignoresAssociatedData ? Buffer.alloc(0) : associated
    if (operation === 'encrypt') {
      const plain = strictBase64(body['plaintext'])
      if (plain === null) return errors(400, 'missing plaintext to encrypt')
      const version = key.versions.length
      const { iv, body: sealed, tag } = seal(keyOf(version), plain, aad)
      const text = Buffer.concat([iv, sealed, tag]).toString('base64')
      return data({ ciphertext: `vault:v${version}:${text}`, key_version: version })
    }
    return decrypt(key, keyOf, aad, body['ciphertext'])
  }

  return {
    state,
    issue,
    addKey(name: string, more: Partial<TransitKey> = {}) {
      const key: TransitKey = {
        versions: [randomBytes(32)],
        minimumDecryptionVersion: 1,
        type: 'aes256-gcm96',
        derived: false,
        ...more,
      }
      state.keys.set(name, key)
      return key
    },
    host: ((request) => {
      if (state.sealed) return errors(503, 'Vault is sealed')
      if (state.standby !== null)
        return { status: 307, headers: { location: `${state.standby}${request.url.pathname}` }, body: '' }
      if ((request.headers['x-vault-namespace'] ?? null) !== state.namespace)
        return errors(404, 'no handler for route')
      if (request.method !== 'POST' && request.method !== 'PUT') return errors(405, 'unsupported operation')
      const body = parsed(request.body)
      if (body === null) return errors(400, 'failed to parse JSON input: invalid character')
      const path = request.url.pathname
      if (path === '/v1/auth/approle/login') return login(body)
      const found = tokenOf(request, state.tokens, now())
      if (found === null || state.denied) return errors(403, 'permission denied')
      if (path === '/v1/auth/token/renew-self') return renew(...found)
      if (path === '/v1/auth/token/revoke-self') {
        state.tokens.delete(found[0])
        return { status: 204, body: '' }
      }
      const [, operation, name] = /^\/v1\/transit\/(encrypt|decrypt)\/(\w(?:[\w.-]*\w)?)$/.exec(path) ?? []
      return operation && name
        ? operate(operation, name, body)
        : errors(404, `no handler for route "${path.slice(4)}". route entry not found.`)
    }) as KmsHost,
  }

  function renew(token: string, held: TokenState): KmsReply {
    if (!held.renewable || held.renewals >= state.maximumRenewals)
      return errors(400, 'lease is not renewable')
    held.renewals++
    held.until = now().getTime() + state.leaseSeconds * 1000
    return auth(token)
  }
}

const decrypt = (
  key: TransitKey,
  keyOf: (version: number) => Buffer,
  aad: Buffer,
  ciphertext: unknown,
): KmsReply => {
  if (typeof ciphertext !== 'string' || ciphertext === '') return errors(400, 'missing ciphertext to decrypt')
  if (!ciphertext.startsWith('vault:v')) return errors(400, 'invalid ciphertext: no prefix')
  const [number, text, ...more] = ciphertext.slice('vault:v'.length).split(':')
  if (text === undefined || more.length > 0) return errors(400, 'invalid ciphertext: wrong number of fields')
  if (!/^\d+$/.test(number ?? ''))
    return errors(400, 'invalid ciphertext: version number could not be decoded')
  // What was encrypted before there were versions.
  const version = Number(number) === 0 ? 1 : Number(number)
  if (version > key.versions.length) return errors(400, 'invalid ciphertext: version is too new')
  if (version < key.minimumDecryptionVersion)
    return errors(400, 'ciphertext or signature version is disallowed by policy (too old)')
  // Go's decoder reads over unused bits.
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(text) || text.length % 4 !== 0)
    return errors(400, 'invalid ciphertext: could not decode base64')
  const blob = Buffer.from(text, 'base64')
  if (blob.length < 12) return errors(400, 'invalid ciphertext length')
  const plain = unseal(
    keyOf(version),
    { iv: blob.subarray(0, 12), body: blob.subarray(12, -16), tag: blob.subarray(-16) },
    aad,
  )
  return plain === null
    ? errors(400, 'cipher: message authentication failed')
    : data({ plaintext: plain.toString('base64') })
}

const tokenOf = (
  { headers }: KmsRequest,
  tokens: ReadonlyMap<string, TokenState>,
  at: Date,
): [string, TokenState] | null => {
  const text = headers['x-vault-token'] ?? ''
  const held = tokens.get(text)
  return held !== undefined && held.until > at.getTime() ? [text, held] : null
}

const errors = (status: number, ...messages: string[]) => json(status, { errors: messages })
const data = (fields: Record<string, unknown>) =>
  json(200, {
    request_id: randomUUID(),
    lease_id: '',
    renewable: false,
    lease_duration: 0,
    data: fields,
    auth: null,
  })
