import { createPrivateKey, sign } from 'node:crypto'
import { readAnyError } from './error-reply.ts'
import type { Service } from './service.ts'
import { accepted, refused, restricted, unproven } from './verdict.ts'

// Not the document's `token_uri`: it would send the signed assertion wherever whoever wrote the document wants.
const tokenUrl = 'https://oauth2.googleapis.com/token'
const scope = 'https://www.googleapis.com/auth/cloud-platform'
const lifetimeSeconds = 3_600

interface ServiceAccount {
  readonly client_email: string
  readonly private_key: string
  readonly private_key_id?: string
}

/**
 * A service account's key is exchanged for an access token: a JWT signed by it, RFC 7523.
 * https://developers.google.com/identity/protocols/oauth2/service-account#httprest
 */
export const vertexTokenExchange: NonNullable<Service['tokenExchange']> = {
  request: (secret, at) => {
    const account = readAccount(secret)
    const assertion = account === null ? null : assertionOf(account, at)
    if (assertion === null) return null
    const grant = 'urn:ietf:params:oauth:grant-type:jwt-bearer'
    return {
      url: tokenUrl,
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: new URLSearchParams({ grant_type: grant, assertion }).toString(),
    }
  },
  read: (status, body) => {
    if (status !== 200) return null
    const reply = parsed(body) as { access_token?: unknown; expires_in?: unknown } | null
    const { access_token: accessToken, expires_in: expiresInSeconds } = reply ?? {}
    return typeof accessToken === 'string' && accessToken !== '' && typeof expiresInSeconds === 'number'
      ? { accessToken, expiresInSeconds }
      : null
  },
}

const readAccount = (secret: string): ServiceAccount | null => {
  const account = parsed(secret) as Partial<ServiceAccount> | null
  return typeof account?.client_email === 'string' && typeof account.private_key === 'string'
    ? (account as ServiceAccount)
    : null
}

/** Null: the private key in the document is none. */
const assertionOf = (account: ServiceAccount, at: Date): string | null => {
  const issuedAt = Math.floor(at.getTime() / 1000)
  const head = { alg: 'RS256', typ: 'JWT', ...(account.private_key_id && { kid: account.private_key_id }) }
  const claims = {
    iss: account.client_email,
    scope,
    aud: tokenUrl,
    iat: issuedAt,
    exp: issuedAt + lifetimeSeconds,
  }
  const signed = [head, claims]
    .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
    .join('.')
  try {
    const key = createPrivateKey(account.private_key)
    return `${signed}.${sign('RSA-SHA256', Buffer.from(signed), key).toString('base64url')}`
  } catch {
    return null
  }
}

const parsed = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}

/** A 404 comes after the credentials were accepted: the model that was asked for has retired, or is not there. */
export const readVertexVerdict = (status: number, body: string) => {
  if (status === 200 || status === 404) return accepted
  if (status === 401 && readAnyError(body).reasons.includes('CREDENTIALS_MISSING')) return unproven(status)
  if (status === 401) return refused
  return status === 403 ? restricted : unproven(status)
}
