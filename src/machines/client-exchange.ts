import type { Access, AccessToken, Scope } from '../access/access.ts'
import { hashOfToken, isWellFormed } from '../access/token.ts'
import type { Clock } from '../kit/clock.ts'
import { failure, type Outcome, success } from '../kit/fault.ts'

/** What RFC 6749 § 5.2 calls what went wrong. */
export type OAuthError =
  | 'invalid_request'
  | 'invalid_client'
  | 'invalid_scope'
  | 'unsupported_grant_type'
  | 'temporarily_unavailable'

export type TokenReply =
  | {
      readonly ok: true
      readonly token: string
      readonly expiresInSeconds: number
      readonly scope: string
    }
  | {
      readonly ok: false
      readonly error: OAuthError
      readonly description: string
      readonly retryAfterSeconds?: number
    }

/** Asked before a token is made: null, or how long this client has to wait for the next. */
export type AdmitClient = (client: AccessToken) => Promise<number | null>

interface ClientCredentials {
  readonly id: string
  readonly secret: string
}

const tokenSeconds = 3600

const refuse = (error: OAuthError, description: string): TokenReply => ({ ok: false, error, description })

/** The client credentials grant (RFC 6749 § 4.4): a secret that stays in one place buys tokens that end within the hour. */
export const makeClientExchange =
  ({ access, clock }: { access: Access; clock: Clock }) =>
  async (
    parameters: URLSearchParams,
    authorization: string | undefined,
    admit: AdmitClient,
  ): Promise<TokenReply> => {
    for (const name of new Set(parameters.keys()))
      if (parameters.getAll(name).length > 1)
        return refuse('invalid_request', `${name} is given more than once.`)
    const grant = parameters.get('grant_type')
    if (grant === null) return refuse('invalid_request', 'grant_type is missing.')
    if (grant !== 'client_credentials')
      return refuse('unsupported_grant_type', 'Only client_credentials is served here.')
    const credentials = credentialsOf(parameters, authorization)
    if (!credentials.ok) return refuse('invalid_request', credentials.fault.message)
    const client = await clientOf(access, credentials.value)
    if (client === null)
      return refuse('invalid_client', 'The client is unknown, was revoked, or its secret is wrong.')
    const scopes = scopesOf(client, parameters.get('scope'))
    if (scopes === null) return refuse('invalid_scope', `This client has: ${client.scopes.join(' ')}.`)
    const retryAfterSeconds = await admit(client)
    if (retryAfterSeconds !== null)
      return {
        ...refuse('temporarily_unavailable', 'Too many tokens were asked for: one is good until it expires.'),
        retryAfterSeconds,
      } as TokenReply
    const now = clock()
    const expiresAt = new Date(
      Math.min(now.getTime() + tokenSeconds * 1000, client.expiresAt?.getTime() ?? Number.POSITIVE_INFINITY),
    )
    const { token } = await access.issueClientToken(client, { scopes, expiresAt })
    access.noteUse(client)
    const expiresInSeconds = Math.floor((expiresAt.getTime() - now.getTime()) / 1000)
    return { ok: true, token, expiresInSeconds, scope: scopes.join(' ') }
  }

/** In the header or in the form, not in both (RFC 6749 § 2.3). */
const credentialsOf = (
  parameters: URLSearchParams,
  authorization: string | undefined,
): Outcome<ClientCredentials> => {
  const secret = parameters.get('client_secret')
  const id = parameters.get('client_id')
  const basic = /^Basic ([A-Za-z0-9+/=_-]+)$/i.exec(authorization ?? '')?.[1]
  if (basic === undefined)
    return id !== null && secret !== null
      ? success({ id, secret })
      : failure('invalid_request', { message: 'Send client_id and client_secret.' })
  if (secret !== null) return failure('invalid_request', { message: 'The secret is given twice.' })
  const text = Buffer.from(basic, 'base64').toString('utf8')
  const colon = text.indexOf(':')
  if (colon < 0) return failure('invalid_request', { message: 'The Basic credentials have no colon.' })
  const decoded = { id: formDecoded(text.slice(0, colon)), secret: formDecoded(text.slice(colon + 1)) }
  if (id !== null && id !== decoded.id)
    return failure('invalid_request', { message: 'Two clients are named.' })
  return success(decoded)
}

const formDecoded = (text: string): string => {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '))
  } catch {
    return text
  }
}

/** The secret alone says which client it is; that its id fits is asked by the standard. Who may not work gets no token. */
const clientOf = async (access: Access, { id, secret }: ClientCredentials): Promise<AccessToken | null> => {
  if (!isWellFormed(secret)) return null
  const client = await access.authenticateFor('client', { hash: hashOfToken(secret) })
  if (!client.ok || client.value.id !== id || client.value.userId === null) return null
  const person = await access.person(client.value.organizationId, client.value.userId)
  return person.ok ? client.value : null
}

const scopesOf = (client: AccessToken, wanted: string | null): readonly Scope[] | null => {
  if (wanted === null || wanted.trim() === '') return client.scopes
  const scopes = [...new Set(wanted.trim().split(/ +/))]
  return scopes.every((scope) => (client.scopes as readonly string[]).includes(scope))
    ? (scopes as Scope[])
    : null
}
