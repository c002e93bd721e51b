import {
  constants,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  privateDecrypt,
  publicEncrypt,
  randomBytes,
} from 'node:crypto'
import { seal, unseal } from './cipher.ts'
import { json, type KmsHost, type KmsReply, parsed, strictBase64 } from './exchange.ts'

export interface AzureVersion {
  readonly id: string
  readonly secret: KeyObject | Buffer
  enabled: boolean
}

let rsa: KeyObject | null = null
const rsaKey = (): KeyObject => (rsa ??= generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey)

/** A key vault or managed HSM, Entra ID's token endpoint and a machine's metadata service. */
export const makeAzure = (now: () => Date, host: string, audience: string) => {
  const state = {
    keys: new Map<string, AzureVersion[]>(),
    tokens: new Map<string, number>(),
    tenant: '11111111-2222-3333-4444-555555555555',
    clientId: '99999999-8888-7777-6666-555555555555',
    clientSecret: `abc8Q~${randomBytes(25).toString('base64url')}`,
    federatedToken: null as string | null,
    denied: false,
    issued: 0,
    leaseSeconds: 3599,
  }
  const issue = (): string => {
    state.issued++
    const token = `eyJ0eXAi.${randomBytes(60).toString('base64url')}.sig`
    state.tokens.set(token, now().getTime() + state.leaseSeconds * 1000)
    return token
  }

  const entra: KmsHost = ({ method, url, headers, body }) => {
    const form = new URLSearchParams(body)
    if (method !== 'POST' || headers['content-type'] !== 'application/x-www-form-urlencoded')
      return json(400, { error: 'invalid_request' })
    if (url.pathname !== `/${state.tenant}/oauth2/v2.0/token`)
      return json(400, { error: 'invalid_request', error_description: 'AADSTS90002: Tenant not found.' })
    if (form.get('grant_type') !== 'client_credentials' || form.get('scope') !== `${audience}/.default`)
      return json(400, { error: 'invalid_scope', error_description: 'AADSTS70011' })
    if (form.get('client_id') !== state.clientId)
      return json(400, { error: 'unauthorized_client', error_description: 'AADSTS700016' })
    const byAssertion =
      form.get('client_assertion_type') === 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer' &&
      state.federatedToken !== null &&
      form.get('client_assertion') === state.federatedToken
    if (form.get('client_secret') !== state.clientSecret && !byAssertion)
      return json(401, {
        error: 'invalid_client',
        error_description: 'AADSTS7000215: Invalid client secret provided.',
      })
    return json(200, { token_type: 'Bearer', expires_in: state.leaseSeconds, access_token: issue() })
  }

  const metadata: KmsHost = ({ method, url, headers }) => {
    if (method !== 'GET' || headers['metadata'] !== 'true') return json(400, { error: 'invalid_request' })
    if (
      url.pathname !== '/metadata/identity/oauth2/token' ||
      url.searchParams.get('api-version') !== '2018-02-01'
    )
      return { status: 404, body: '' }
    if (url.searchParams.get('resource') !== audience) return json(400, { error: 'invalid_resource' })
    // Seconds as text, there.
    return json(200, { access_token: issue(), expires_in: String(state.leaseSeconds), token_type: 'Bearer' })
  }

  const vault: KmsHost = ({ method, url, headers, body }) => {
    const token = /^Bearer (.+)$/.exec(headers['authorization'] ?? '')?.[1] ?? ''
    if (!((state.tokens.get(token) ?? 0) > now().getTime()))
      return fault(401, 'Unauthorized', undefined, 'AKV10000: Request is missing a Bearer or PoP token.')
    if (url.searchParams.get('api-version') !== '7.4')
      return fault(400, 'BadParameter', undefined, 'The specified version is not recognized.')
    const [, name = '', version, operation] =
      /^\/keys\/([0-9A-Za-z-]{1,127})(?:\/([0-9a-f]{32}))?(?:\/(wrapkey|unwrapkey|encrypt|decrypt))?$/.exec(
        url.pathname,
      ) ?? []
    if (state.denied)
      return fault(
        403,
        'Forbidden',
        'ForbiddenByRbac',
        'Caller is not authorized to perform action on resource.',
      )
    const versions = state.keys.get(name)
    const key = version === undefined ? versions?.at(-1) : versions?.find(({ id }) => id === version)
    if (key === undefined)
      return fault(
        404,
        'KeyNotFound',
        undefined,
        `A key with (name/id) ${name} was not found in this key vault.`,
      )
    if (!key.enabled)
      return fault(
        403,
        'Forbidden',
        'KeyDisabled',
        `Operation ${operation ?? 'get'} is not allowed on a disabled key.`,
      )
    const kid = `https://${host}/keys/${name}/${key.id}`
    if (operation === undefined)
      return method === 'GET'
        ? json(200, {
            key: { kid, kty: Buffer.isBuffer(key.secret) ? 'oct-HSM' : 'RSA' },
            attributes: { enabled: true },
          })
        : fault(405, 'MethodNotAllowed')
    const fields = parsed(body)
    return method !== 'POST' || fields === null
      ? fault(400, 'BadParameter')
      : operate(key, kid, operation, fields)
  }

  return {
    state,
    addKey(name: string, kind: 'rsa' | 'aes'): AzureVersion {
      const made = {
        id: randomBytes(16).toString('hex'),
        secret: kind === 'rsa' ? rsaKey() : randomBytes(32),
        enabled: true,
      }
      state.keys.set(name, [...(state.keys.get(name) ?? []), made])
      return made
    },
    entra,
    metadata,
    vault,
  }
}

const operate = (
  { secret }: AzureVersion,
  kid: string,
  operation: string,
  fields: Record<string, unknown>,
): KmsReply => {
  const value = strictBase64(fields['value'], 'base64url')
  if (value === null || value.length === 0) return fault(400, 'BadParameter', undefined, 'value')
  const out = (bytes: Buffer, more: object = {}) =>
    json(200, { kid, value: bytes.toString('base64url'), ...more })
  if (Buffer.isBuffer(secret)) {
    const aad = strictBase64(fields['aad'] ?? '', 'base64url')
    if (fields['alg'] !== 'A256GCM' || aad === null) return fault(400, 'BadParameter', undefined, 'alg')
    if (operation === 'encrypt') {
      const { iv, body, tag } = seal(secret, value, aad)
      return out(body, { iv: iv.toString('base64url'), tag: tag.toString('base64url') })
    }
    const iv = strictBase64(fields['iv'], 'base64url')
    const tag = strictBase64(fields['tag'], 'base64url')
    if (operation !== 'decrypt' || iv?.length !== 12 || tag?.length !== 16) return fault(400, 'BadParameter')
    const plain = unseal(secret, { iv, body: value, tag }, aad)
    return plain === null ? fault(400, 'BadParameter', undefined, 'Decryption failed.') : out(plain)
  }
  if (fields['alg'] !== 'RSA-OAEP-256') return fault(400, 'BadParameter', undefined, 'alg')
  const padding = { padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha256' }
  try {
    if (operation === 'wrapkey')
      return out(publicEncrypt({ key: createPublicKey(secret), ...padding }, value))
    return operation === 'unwrapkey'
      ? out(privateDecrypt({ key: secret, ...padding }, value))
      : fault(400, 'BadParameter', undefined, 'operation')
  } catch {
    return fault(400, 'BadParameter', undefined, 'The parameter is incorrect.')
  }
}

const fault = (status: number, code: string, inner?: string, message = code): KmsReply =>
  json(status, { error: { code, message, ...(inner === undefined ? {} : { innererror: { code: inner } }) } })
