import { createRemoteJWKSet, customFetch, type FetchImplementation, type JWTVerifyGetKey } from 'jose'
import * as client from 'openid-client'
import { failure, type Outcome, success } from '../kit/fault.ts'
import type { Outbound } from '../net/outbound.ts'
import { challengeOf, nonceOf, stateOf, verifierOf } from './attempt.ts'
import type { Connection, OidcConnection, OidcSettings } from './connection.ts'
import { domainOfEmail } from './domain.ts'
import { faultUnder, guardedFetch } from './guarded-fetch.ts'
import { type LogoutNotice, readLogoutToken } from './logout-token.ts'
import { type NamedPerson, readPerson, refused } from './person.ts'

export interface Oidc {
  /** Where the browser is sent. `asksAnew`: whoever is signed in there shows again who they are. */
  begin(
    connection: OidcConnection,
    redirectUri: string,
    secret: string,
    asksAnew?: boolean,
  ): Promise<Outcome<string>>
  /** What the browser brought back, exchanged and checked. */
  finish(
    connection: OidcConnection,
    answer: { redirectUri: string; parameters: Readonly<Record<string, string>> },
    secret: string,
  ): Promise<Outcome<NamedPerson>>
  /** Whom the provider says that it has signed out. */
  readLogout(connection: OidcConnection, token: string): Promise<Outcome<LogoutNotice>>
  /** Where people sign out there; null: it has no such place. */
  signOutUrl(connection: OidcConnection, backTo: string): Promise<Outcome<string | null>>
}

const keptMs = 10 * 60_000
const mostKept = 200
/** Between our clock and theirs. */
const toleranceSeconds = 60
/** Never `none`, and never with a secret that others may know as well. */
const signedWith = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
  'Ed25519',
]
/** Answers with errors of their own for whoever may not sign in; anything else is the set-up's. */
const refusedThere = new Set(['access_denied', 'login_required', 'interaction_required', 'consent_required'])

interface Kept {
  readonly configuration: client.Configuration
  /** Which it signs with; null: it does not say where they are. */
  readonly keys: JWTVerifyGetKey | null
  readonly until: number
}

export const makeOidc = (parts: {
  outbound: Pick<Outbound, 'request' | 'check'>
  clientSecret: (connection: Connection) => Promise<Outcome<string | null>>
  now: () => number
}): Oidc => {
  const { outbound, clientSecret, now } = parts
  const kept = new Map<string, Kept>()

  const discover = async (
    connection: OidcConnection,
    secret: string | null,
  ): Promise<Outcome<client.Configuration>> => {
    const { issuer, clientId } = connection.provider.settings
    const checked = outbound.check(issuer)
    if (!checked.ok) return checked
    // Plain http passes the check for private addresses that the operator lists, and for no others.
    const plain = checked.value.protocol === 'http:'
    const configuration = await client.discovery(
      checked.value,
      clientId,
      { [client.clockTolerance]: toleranceSeconds },
      secret === null ? client.None() : client.ClientSecretPost(secret),
      {
        [client.customFetch]: guardedFetch(outbound) as unknown as client.CustomFetch,
        timeout: 10,
        execute: plain
          ? [client.allowInsecureRequests, client.enableNonRepudiationChecks]
          : [client.enableNonRepudiationChecks],
      },
    )
    const server = configuration.serverMetadata()
    // A provider of many companies (Entra's /common) answers with a pattern: anybody's directory would count.
    if (withoutSlash(server.issuer) !== withoutSlash(issuer))
      return refused(
        'The identity provider says that it is another issuer.',
        'Enter the issuer exactly as its metadata has it; for Entra with the id of the tenant.',
      )
    const methods = server.token_endpoint_auth_methods_supported
    if (secret !== null && methods && !methods.includes('client_secret_post'))
      return success(basicInstead(configuration, { connection, secret, plain }))
    return success(configuration)
  }

  const basicInstead = (
    configuration: client.Configuration,
    { connection, secret, plain }: { connection: OidcConnection; secret: string; plain: boolean },
  ): client.Configuration => {
    const basic = new client.Configuration(
      configuration.serverMetadata(),
      connection.provider.settings.clientId,
      { [client.clockTolerance]: toleranceSeconds },
      client.ClientSecretBasic(secret),
    )
    basic[client.customFetch] = guardedFetch(outbound)
    basic.timeout = 10
    if (plain) client.allowInsecureRequests(basic)
    client.enableNonRepudiationChecks(basic)
    return basic
  }

  const keysOf = (configuration: client.Configuration): JWTVerifyGetKey | null => {
    const address = configuration.serverMetadata().jwks_uri
    if (address === undefined) return null
    const fetch = guardedFetch(outbound) as unknown as FetchImplementation
    return createRemoteJWKSet(new URL(address), { [customFetch]: fetch })
  }

  const knownOf = async (connection: OidcConnection): Promise<Outcome<Kept>> => {
    const key = `${connection.id} ${connection.version}`
    const known = kept.get(key)
    if (known && known.until > now()) return success(known)
    const secret = await clientSecret(connection)
    if (!secret.ok) return secret
    const found = await discover(connection, secret.value)
    if (!found.ok) return found
    kept.delete(key)
    if (kept.size >= mostKept) kept.delete(kept.keys().next().value as string)
    const fresh = { configuration: found.value, keys: keysOf(found.value), until: now() + keptMs }
    kept.set(key, fresh)
    return success(fresh)
  }

  const configurationOf = async (connection: OidcConnection): Promise<Outcome<client.Configuration>> => {
    const known = await knownOf(connection)
    return known.ok ? success(known.value.configuration) : known
  }

  return {
    begin: (connection, redirectUri, secret, asksAnew = false) =>
      orRefused(async () => {
        const configuration = await configurationOf(connection)
        if (!configuration.ok) return configuration
        const url = client.buildAuthorizationUrl(configuration.value, {
          redirect_uri: redirectUri,
          scope: connection.provider.settings.scopes,
          state: stateOf(secret),
          nonce: nonceOf(secret),
          code_challenge: challengeOf(verifierOf(secret)),
          code_challenge_method: 'S256',
          ...(asksAnew && { prompt: 'login', max_age: '0' }),
        })
        // The page goes there: what the provider's metadata says may not be a script.
        if (url.protocol !== 'https:' && url.protocol !== 'http:') return refused(notUnderstood)
        return success(url.href)
      }),

    finish: (connection, { redirectUri, parameters }, secret) =>
      orRefused(async () => {
        const configuration = await configurationOf(connection)
        if (!configuration.ok) return configuration
        const url = new URL(redirectUri)
        for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value)
        const tokens = await client.authorizationCodeGrant(configuration.value, url, {
          expectedState: stateOf(secret),
          expectedNonce: nonceOf(secret),
          pkceCodeVerifier: verifierOf(secret),
          idTokenExpected: true,
        })
        const claims = tokens.claims()
        if (!claims || !tokens.id_token) return refused(notUnderstood)
        if (!signedWith.includes(algorithmOf(tokens.id_token)))
          return refused('The identity provider signs its ID tokens in a way that is not accepted here.')
        return personOf(connection.provider.settings, claims, async () =>
          'userinfo_endpoint' in configuration.value.serverMetadata()
            ? await client.fetchUserInfo(configuration.value, tokens.access_token, claims.sub)
            : {},
        )
      }),

    readLogout: (connection, token) =>
      orRefused(async () => {
        const known = await knownOf(connection)
        if (!known.ok) return known
        const { configuration, keys } = known.value
        if (keys === null) return refused(notUnderstood)
        return readLogoutToken(token, keys, {
          issuer: configuration.serverMetadata().issuer,
          clientId: connection.provider.settings.clientId,
          algorithms: signedWith,
          skewSeconds: toleranceSeconds,
          now: new Date(now()),
        })
      }),

    signOutUrl: (connection, backTo) =>
      orRefused(async () => {
        const configuration = await configurationOf(connection)
        if (!configuration.ok) return configuration
        if (configuration.value.serverMetadata().end_session_endpoint === undefined) return success(null)
        const url = client.buildEndSessionUrl(configuration.value, { post_logout_redirect_uri: backTo })
        return url.protocol === 'https:' || url.protocol === 'http:'
          ? success(url.href)
          : refused(notUnderstood)
      }),
  }
}

type Claims = Readonly<Record<string, unknown>>

/** Small ID tokens leave the rest to the userinfo endpoint, whose subject openid-client compares. */
const personOf = async (
  settings: OidcSettings,
  claims: Claims,
  userInfo: () => Promise<Claims>,
): Promise<Outcome<NamedPerson>> => {
  const all: Claims = claims.email === undefined ? { ...(await userInfo()), ...claims } : claims
  const problem = emailProblem(settings, all)
  if (problem !== null) return problem
  return readPerson({
    subject: claims.sub,
    email: all.email,
    name: all.name,
    groups: all[settings.groupsClaim] ?? [],
    authenticatedAt: typeof claims.auth_time === 'number' ? new Date(claims.auth_time * 1000) : null,
    session: claims.sid,
  })
}

/** By an address that nobody has proved, anybody could become anybody. */
export const emailProblem = (settings: OidcSettings, claims: Claims): ReturnType<typeof refused> | null => {
  const isVerified = claims.email_verified === true || claims.email_verified === 'true'
  const isDenied = claims.email_verified !== undefined && !isVerified
  if (isDenied || (!isVerified && !settings.trustsEmail))
    return refused(
      'The identity provider does not say that the e-mail address is verified.',
      'Have it send email_verified, or, where nobody can change their own address there, let the connection trust it.',
    )
  // Whoever once had a mailbox may keep a private Google account by its address; only those of the company have hd.
  const ofGoogle = withoutSlash(settings.issuer) === 'https://accounts.google.com'
  if (ofGoogle && (typeof claims.hd !== 'string' || claims.hd !== domainOfEmail(String(claims.email))))
    return refused('This Google account is not one of the company’s Google Workspace.')
  return null
}

const algorithmOf = (jwt: string): string => {
  const header = JSON.parse(Buffer.from(jwt.split('.')[0] ?? '', 'base64url').toString()) as { alg?: unknown }
  return String(header.alg)
}

const withoutSlash = (url: string): string => url.replace(/\/$/, '')
const notUnderstood = 'The identity provider’s answer could not be accepted.'

/** The library throws; what it says names claims and addresses and no secret, and is for whoever sets it up. */
const orRefused = async <T>(work: () => Promise<Outcome<T>>): Promise<Outcome<T>> => {
  try {
    return await work()
  } catch (error) {
    const under = faultUnder(error)
    if (under) return { ok: false, fault: under.fault }
    if (error instanceof client.AuthorizationResponseError && refusedThere.has(error.error))
      return refused('The identity provider did not let you in.', 'Ask whoever runs it at your company.')
    if (error instanceof Error)
      return failure('sso_refused', { message: `${notUnderstood} ${wordsOf(error)}` })
    throw error
  }
}

const wordsOf = (error: Error): string => {
  const { code, error: told } = error as { code?: unknown; error?: unknown }
  const parts = [error.message, code, told].filter(
    (part): part is string => typeof part === 'string' && part.length < 200,
  )
  return `(${[...new Set(parts)].join('; ')})`
}
