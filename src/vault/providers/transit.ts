import { type Outcome, success } from '../../kit/fault.ts'
import type { MasterKeyProvider } from '../provider.ts'
import { type Answer, ask, bytesOf, recordOf, type Surroundings, textOf } from './ask.ts'
import { bound, unbound } from './binding.ts'
import { disabled, misconfigured, mismatch, refused, strange, unreachable } from './faults.ts'
import { headersOf, logout, makeLogin, sealed, type TransitAddress } from './transit-login.ts'

/**
 * The transit engine of HashiCorp Vault and OpenBao: https://openbao.org/api-docs/secret/transit/
 * What is stored is its own text, `vault:v3:…`, so that old versions of the key open as long as it lets them.
 */
export const makeTransitProvider = (
  reference: string,
  address: TransitAddress,
  surroundings: Surroundings,
): MasterKeyProvider => {
  const login = makeLogin(address, surroundings)
  const where = `${address.origin} (${address.mount}/keys/${address.name})`

  const call = async (
    operation: 'encrypt' | 'decrypt',
    fields: Readonly<Record<string, string>>,
    context: string,
  ): Promise<Outcome<Answer>> => {
    const token = await login.get()
    if (!token.ok) return token
    const encoded = Buffer.from(context).toString('base64')
    const answer = await ask(surroundings, where, {
      method: 'POST',
      url: `${address.origin}/v1/${address.mount}/${operation}/${address.name}`,
      headers: headersOf(address, token.value.text),
      // Keys that are derived demand the context; AEAD keys authenticate associated data. Each ignores the other.
      body: JSON.stringify({ ...fields, context: encoded, associated_data: encoded }),
    })
    if (!answer.ok || answer.value.status !== 403) return answer
    // A token that was good before may have been revoked or run out.
    return login.forget(token.value) ? call(operation, fields, context) : answer
  }

  return {
    kind: 'transit',
    reference,
    async wrap(key, context) {
      const payload = bound(key, context)
      const answer = await call('encrypt', { plaintext: payload.toString('base64') }, context)
      payload.fill(0)
      if (!answer.ok) return answer
      const text = textOf(recordOf(answer.value.json['data'])['ciphertext'])
      return answer.value.status === 200 && text !== null && isCiphertext(text)
        ? success(Buffer.from(text))
        : failureOf(where, answer.value)
    },
    async unwrap(wrapped, context) {
      const ciphertext = wrapped.toString('latin1')
      if (!isCiphertext(ciphertext)) return mismatch(where)
      const answer = await call('decrypt', { ciphertext }, context)
      if (!answer.ok) return answer
      if (answer.value.status !== 200) return failureOf(where, answer.value)
      const payload = bytesOf(recordOf(answer.value.json['data'])['plaintext'])
      const key = payload === null ? null : unbound(payload, context)
      return key === null ? mismatch(where) : success(key)
    },
    async close() {
      const token = login.current()
      if (token !== null) await logout(address, surroundings, token)
    },
  }
}

/** Stricter than the server, to which `v0` is `v1`, and which reads over bits that base64 leaves unused. */
const isCiphertext = (text: string): boolean =>
  bytesOf(/^vault:v[1-9]\d{0,8}:([A-Za-z0-9+/]+={0,2})$/.exec(text)?.[1]) !== null

/** Errors are a list of sentences: `{"errors":["…"]}`. */
const failureOf = (where: string, { status, json }: Answer) => {
  const said = Array.isArray(json['errors']) ? json['errors'].join('\n') : ''
  switch (status) {
    case 400:
      return requestFault(where, said)
    case 403:
      return refused(
        where,
        'the token is not valid any more, or may not use this key.',
        'Its policy needs "update" on the encrypt and decrypt paths of the key, in the right namespace.',
      )
    case 404:
      return misconfigured(
        `There is no transit engine where ${where} should be.`,
        'Check the path of the reference and the namespace.',
      )
    case 429:
      return unreachable(where, 'it limits how often it may be asked.')
    case 503:
      return sealed(where)
    case 301:
    case 302:
    case 307:
    case 308:
      return unreachable(
        where,
        'this node is a standby that sends callers elsewhere, where no secret is sent.',
        'Use the address of the active node or of a load balancer before the cluster.',
      )
    default:
      return status >= 500 && said.includes('active cluster node not found')
        ? unreachable(where, 'the cluster has no active node.', 'Look at its quorum.')
        : strange(where, status)
  }
}

const requestFault = (where: string, said: string) => {
  if (said.includes('key not found'))
    return disabled(where, 'there is no such key.', 'Restore it from a backup, or correct the reference.')
  if (said.includes('disallowed by policy (too old)'))
    return disabled(
      where,
      'its version is below the key’s min_decryption_version.',
      'Lower min_decryption_version, wrap the vault keys anew, and raise it again.',
    )
  if (said.includes('soft-deleted') || said.includes('soft deleted'))
    return disabled(where, 'the key is deleted.', 'Restore the key.')
  if (said.includes('version is too new'))
    return disabled(
      where,
      'it does not have the version of the key any more.',
      'Restore a backup of the key that has it.',
    )
  if (said.includes('non-AEAD') || said.includes('not supported'))
    return misconfigured(
      `The key at ${where} is of a type that cannot authenticate a context.`,
      'Use a key of the type aes256-gcm96, chacha20-poly1305 or xchacha20-poly1305.',
    )
  if (said.includes('message authentication failed') || said.includes('invalid ciphertext'))
    return mismatch(where)
  return strange(where, 400)
}
