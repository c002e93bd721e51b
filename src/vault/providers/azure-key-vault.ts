import { type Outcome, success } from '../../kit/fault.ts'
import type { MasterKeyProvider } from '../provider.ts'
import { type Answer, ask, bytesOf, recordOf, type Surroundings, textOf } from './ask.ts'
import { type AzureCloud, makeAzureToken } from './azure-token.ts'
import { bound, unbound } from './binding.ts'
import { disabled, misconfigured, mismatch, refused, strange, unreachable } from './faults.ts'

export interface AzureKey {
  /** `https://name.vault.azure.net` */
  readonly vault: string
  readonly name: string
  /** Null: the newest. */
  readonly version: string | null
  readonly cloud: AzureCloud
}

const apiVersion = '7.4'

/**
 * RSA keys wrap (RSA-OAEP-256), which binds nothing but what is in the payload; AES keys of a managed HSM encrypt
 * (A256GCM), and authenticate the context too. What is stored says with which version, so that a newer one changes nothing:
 * `azure1.<algorithm>.<version>.<value>[.<iv>.<tag>]`, each of the last three in base64url.
 * https://learn.microsoft.com/rest/api/keyvault/keys/wrap-key/wrap-key
 */
export const makeAzureProvider = (
  reference: string,
  key: AzureKey,
  surroundings: Surroundings,
): MasterKeyProvider => {
  const token = makeAzureToken(key.cloud, surroundings)
  const where = `${key.vault}/keys/${key.name}`

  const call = async (
    method: 'GET' | 'POST',
    path: string,
    fields?: Readonly<Record<string, string>>,
  ): Promise<Outcome<Answer>> => {
    const bearer = await token.get()
    if (!bearer.ok) return bearer
    const answer = await ask(surroundings, where, {
      method,
      url: `${where}${path}?api-version=${apiVersion}`,
      headers: {
        authorization: `Bearer ${bearer.value}`,
        ...(fields === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(fields === undefined ? {} : { body: JSON.stringify(fields) }),
    })
    if (!answer.ok || answer.value.status !== 401) return answer
    return token.forget(bearer.value) ? call(method, path, fields) : answer
  }

  const found = async (): Promise<Outcome<{ algorithm: Algorithm; version: string }>> => {
    const answer = await call('GET', key.version === null ? '' : `/${key.version}`)
    if (!answer.ok) return answer
    if (answer.value.status !== 200) return failureOf(where, answer.value)
    const { kid, kty } = recordOf(answer.value.json['key'])
    const version = /\/keys\/[^/]+\/([0-9a-f]{32})$/.exec(String(kid))?.[1]
    const algorithm = algorithmOf(kty)
    if (version === undefined) return strange(where, 200)
    return algorithm === null
      ? misconfigured(
          `The key at ${where} is neither RSA nor AES.`,
          'Use an RSA key, or an AES key of 256 bits of a managed HSM.',
        )
      : success({ algorithm, version })
  }

  return {
    kind: 'azure-key-vault',
    reference,
    async wrap(vaultKey, context) {
      const chosen = await found()
      if (!chosen.ok) return chosen
      const { algorithm, version } = chosen.value
      const payload = bound(vaultKey, context)
      const fields = {
        alg: algorithm,
        value: payload.toString('base64url'),
        ...contextFor(algorithm, context),
      }
      payload.fill(0)
      const answer = await call('POST', `/${version}/${operations[algorithm].wrap}`, fields)
      if (!answer.ok) return answer
      if (answer.value.status !== 200) return failureOf(where, answer.value)
      const { value, iv, tag } = answer.value.json
      const parts = algorithm === 'RSA-OAEP-256' ? [value] : [value, iv, tag]
      return parts.every((part) => bytesOf(part, 'base64url') !== null)
        ? success(Buffer.from(['azure1', algorithm, version, ...parts].join('.')))
        : strange(where, 200)
    },
    async unwrap(wrapped, context) {
      const blob = parseBlob(wrapped.toString('latin1'))
      if (blob === null) return mismatch(where)
      const { algorithm, version, value, iv, tag } = blob
      const answer = await call('POST', `/${version}/${operations[algorithm].unwrap}`, {
        alg: algorithm,
        value,
        ...(iv === undefined || tag === undefined ? {} : { iv, tag }),
        ...contextFor(algorithm, context),
      })
      if (!answer.ok) return answer
      if (answer.value.status !== 200) return failureOf(where, answer.value)
      const payload = bytesOf(answer.value.json['value'], 'base64url')
      const vaultKey = payload === null ? null : unbound(payload, context)
      return vaultKey === null ? mismatch(where) : success(vaultKey)
    },
  }
}

type Algorithm = 'RSA-OAEP-256' | 'A256GCM'

const operations = {
  'RSA-OAEP-256': { wrap: 'wrapkey', unwrap: 'unwrapkey' },
  A256GCM: { wrap: 'encrypt', unwrap: 'decrypt' },
} as const

const algorithmOf = (kty: unknown): Algorithm | null => {
  if (kty === 'RSA' || kty === 'RSA-HSM') return 'RSA-OAEP-256'
  return kty === 'oct' || kty === 'oct-HSM' ? 'A256GCM' : null
}

const contextFor = (algorithm: Algorithm, context: string): Record<string, string> =>
  algorithm === 'A256GCM' ? { aad: Buffer.from(context).toString('base64url') } : {}

const parseBlob = (
  text: string,
): { algorithm: Algorithm; version: string; value: string; iv?: string; tag?: string } | null => {
  const found =
    /^azure1\.(?:(RSA-OAEP-256)\.([0-9a-f]{32})\.([\w-]+)|(A256GCM)\.([0-9a-f]{32})\.([\w-]+)\.([\w-]+)\.([\w-]+))$/.exec(
      text,
    )
  if (!found) return null
  const [, rsa, rsaVersion, rsaValue, , version, value, iv, tag] = found
  // Only as we write it: base64url has bits that nobody reads.
  const parts = rsa ? [rsaValue] : [value, iv, tag]
  if (parts.some((part) => bytesOf(part, 'base64url') === null)) return null
  return rsa
    ? { algorithm: 'RSA-OAEP-256', version: rsaVersion as string, value: rsaValue as string }
    : {
        algorithm: 'A256GCM',
        version: version as string,
        value: value as string,
        iv: iv as string,
        tag: tag as string,
      }
}

/** https://learn.microsoft.com/azure/key-vault/general/rest-error-codes */
const failureOf = (where: string, { status, json }: Answer) => {
  const error = recordOf(json['error'])
  const code = textOf(error['code'])
  const inner = textOf(recordOf(error['innererror'])['code'])
  switch (status) {
    case 400:
      // Azure does not tell a changed ciphertext from other bad parameters; ours have no other way to be bad.
      return code === 'BadParameter' ? mismatch(where) : strange(where, status)
    case 401:
      return refused(
        where,
        'the access token is not accepted.',
        'The vault must belong to the tenant of the application or managed identity.',
      )
    case 403:
      return forbidden(where, inner, textOf(error['message']) ?? '')
    case 404:
      return code === 'KeyNotFound'
        ? disabled(
            where,
            'there is no such key, or not this version of it.',
            'Recover it in Key Vault if it was deleted, or correct the reference.',
          )
        : strange(where, status)
    case 429:
      return unreachable(where, 'Key Vault limits how often it may be asked.')
    default:
      return status >= 500 ? unreachable(where, 'Key Vault has an internal error.') : strange(where, status)
  }
}

const forbidden = (where: string, inner: string | null, said: string) => {
  if (inner === 'KeyDisabled' || said.includes('disabled key'))
    return disabled(where, 'the key is disabled.', 'Enable it in Key Vault.')
  if (inner === 'KeyNotYetValidOrExpired' || /not yet valid|expired|validity period/.test(said))
    return disabled(where, 'the key is not valid yet, or has expired.', 'Correct its dates in Key Vault.')
  if (inner === 'ForbiddenByFirewall' || inner === 'ForbiddenByConnection')
    return refused(
      where,
      'Key Vault’s firewall does not let this machine in.',
      'Add its network to the vault, or use a private endpoint.',
    )
  return refused(
    where,
    'this identity has no permission.',
    'Give it the role Key Vault Crypto User on the key: it needs get, wrapKey and unwrapKey (RSA) or encrypt and decrypt (AES).',
  )
}
