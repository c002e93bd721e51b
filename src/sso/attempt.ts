import { createHash, createHmac, randomBytes } from 'node:crypto'

/**
 * One sign-in under way. Everything that ties the answer to the browser that began is made of one secret, which is in that
 * browser's cookie and nowhere else: the database has hashes, the addresses have what the identity provider must repeat.
 */
export const newAttemptSecret = (): string => randomBytes(32).toString('base64url')

const derived = (secret: string, what: string): Buffer => createHmac('sha256', secret).update(what).digest()

export const stateOf = (secret: string): string => derived(secret, 'oidc state').toString('base64url')
export const nonceOf = (secret: string): string => derived(secret, 'oidc nonce').toString('base64url')
/** 43 characters of the alphabet that PKCE allows. */
export const verifierOf = (secret: string): string => derived(secret, 'pkce verifier').toString('base64url')
export const challengeOf = (verifier: string): string =>
  createHash('sha256').update(verifier).digest('base64url')
/** An XML name: it may not begin with a digit. */
export const requestIdOf = (secret: string): string => `_${derived(secret, 'saml request').toString('hex')}`

export const hashOf = (text: string): Buffer => createHash('sha256').update(text).digest()

/** Long enough for a second factor and a forgotten password there. */
export const attemptSeconds = 15 * 60
/** From the assertion to the page that fetches the session. */
export const ticketSeconds = 5 * 60
