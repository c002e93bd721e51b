import { type Outcome, success } from '../../kit/fault.ts'
import { ask, recordOf, type Surroundings, textOf } from './ask.ts'
import { type Credentials, type Lease, leaseFor, makeCredentials } from './credentials.ts'
import { misconfigured, refused, strange, unreachable } from './faults.ts'
import { readSecret, secretSourceOf } from './secret-source.ts'

export interface TransitAddress {
  /** Scheme, host and port. */
  readonly origin: string
  readonly mount: string
  readonly name: string
  readonly namespace: string | null
  /** Where AppRole is mounted. */
  readonly approle: string
}

/** A token, and whether we may end it: one that was given to us serves others too. */
export interface Token {
  readonly text: string
  readonly isOurs: boolean
}

/**
 * `VAULT_TOKEN`, the file of `VAULT_TOKEN_FILE` (which an agent keeps fresh), or an AppRole login with `VAULT_ROLE_ID`
 * and `VAULT_SECRET_ID`, whose token is renewed for as long as the server lets it.
 * https://openbao.org/api-docs/auth/approle/ and https://openbao.org/api-docs/auth/token/
 */
export const makeLogin = (address: TransitAddress, surroundings: Surroundings): Credentials<Token> => {
  const { environment, clock } = surroundings
  const where = address.origin

  const call = (path: string, token: string | null, body: unknown) =>
    ask(surroundings, where, {
      method: 'POST',
      url: `${address.origin}/v1/${path}`,
      headers: headersOf(address, token),
      body: JSON.stringify(body),
    })

  const login = async (): Promise<Outcome<Lease<Token>>> => {
    const roleId = secretSourceOf('VAULT_ROLE_ID', environment)
    const secretId = secretSourceOf('VAULT_SECRET_ID', environment)
    if (roleId === null || secretId === null)
      return misconfigured(
        `There are no credentials for ${where}.`,
        'Set VAULT_TOKEN, VAULT_TOKEN_FILE, or VAULT_ROLE_ID and VAULT_SECRET_ID (or those with _FILE).',
      )
    const role = await readSecret(roleId, environment)
    if (!role.ok) return role
    const secret = await readSecret(secretId, environment)
    if (!secret.ok) return secret
    const answer = await call(`auth/${address.approle}/login`, null, {
      role_id: role.value,
      secret_id: secret.value,
    })
    if (!answer.ok) return answer
    const { status, json } = answer.value
    const lease = status === 200 ? leaseOf(json, clock()) : null
    if (lease !== null) return success(lease)
    if (status === 503) return sealed(where)
    // 400 for a wrong role or secret id, 403 for one that may not come from here.
    if (status === 400 || status === 403)
      return refused(
        where,
        'the AppRole login was not accepted.',
        'Issue a new secret id and set VAULT_SECRET_ID; check VAULT_ROLE_ID and that both may be used from this address.',
      )
    if (status === 404)
      return misconfigured(
        `There is no AppRole login at auth/${address.approle} of ${where}.`,
        'Add ?approle=<mount> to the reference where it is mounted elsewhere, and check the namespace.',
      )
    return strange(where, status)
  }

  return makeCredentials<Token>({
    clock,
    async obtain() {
      const source = secretSourceOf('VAULT_TOKEN', environment)
      if (source === null) return login()
      const token = await readSecret(source, environment)
      if (!token.ok) return token
      const value = { text: token.value, isOurs: false }
      // A file may have another one at any time.
      return success({ value, freshUntil: source.kind === 'file' ? clock() : null })
    },
    async renew({ text, isOurs }) {
      if (!isOurs) return null
      const answer = await call('auth/token/renew-self', text, {})
      return answer.ok && answer.value.status === 200 ? leaseOf(answer.value.json, clock()) : null
    },
  })
}

/** Ends a token that we made; what fails ends by itself. */
export const logout = async (
  address: TransitAddress,
  surroundings: Surroundings,
  { text, isOurs }: Token,
): Promise<void> => {
  if (!isOurs) return
  await surroundings.transport.request({
    method: 'POST',
    url: `${address.origin}/v1/auth/token/revoke-self`,
    headers: headersOf(address, text),
    body: '{}',
    timeoutMs: 2_000,
    maximumBytes: 64 * 1024,
  })
}

export const headersOf = ({ namespace }: TransitAddress, token: string | null): Record<string, string> => ({
  'content-type': 'application/json',
  // What an agent or proxy may be set up to demand, against requests that a browser was made to send.
  'x-vault-request': 'true',
  ...(namespace === null ? {} : { 'x-vault-namespace': namespace }),
  ...(token === null ? {} : { 'x-vault-token': token }),
})

export const sealed = (where: string) =>
  unreachable(where, 'it is sealed or under maintenance.', 'Unseal it; nothing has to be done here.')

const leaseOf = (json: Readonly<Record<string, unknown>>, at: Date): Lease<Token> | null => {
  const auth = recordOf(json['auth'])
  const text = textOf(auth['client_token'])
  const seconds = auth['lease_duration']
  if (text === null || typeof seconds !== 'number') return null
  const value = { text, isOurs: true }
  return seconds === 0 ? { value, freshUntil: null } : leaseFor(value, seconds, at)
}
