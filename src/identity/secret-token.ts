import { createHmac, hash, randomBytes } from 'node:crypto'

/** 256 random bits as 43 characters: session tokens and the tokens of sign-in and set-up links. */
export const generateSecretToken = (): string => randomBytes(32).toString('base64url')

/** Enough random bits that a plain SHA-256 is safe at rest. */
export const hashOfSecretToken = (token: string): Buffer => hash('sha256', token, 'buffer')

/**
 * Derived from the session token, which only the cookie holds: whoever can compute it has the session, and there
 * is nothing to store or to rotate.
 */
export const csrfTokenOf = (sessionToken: string): string =>
  createHmac('sha256', sessionToken).update('aideon csrf').digest('base64url')
