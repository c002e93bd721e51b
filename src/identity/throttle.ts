import { hash } from 'node:crypto'
import { networkOf } from '../kit/network.ts'

/** Attempts per window. Counted before the attempt, so that parallel guesses count too. */
export const throttleWindowSeconds = 900
const perAddress = 100
const perEmailAndAddress = 10
/** Above what one attacker's address may try, below what a botnet needs. */
const perEmail = 50

/** A code has 6 digits and three are right at a time: a month of guessing at this rate finds one once in 400 tries. */
const codesPerWindow = 5
const codesPerDay = 30
const daySeconds = 24 * 3600

export interface Bucket {
  readonly name: string
  readonly limit: number
  /** `throttleWindowSeconds` unless given. */
  readonly windowSeconds?: number
}

/**
 * A browser that signed this user in before guesses on its own account: strangers, however many, cannot use up what it
 * has. (https://owasp.org/www-community/Slow_Down_Online_Guessing_Attacks_with_Device_Cookies)
 */
export const knownBrowserBuckets = (browserHash: Buffer, email: string): Bucket[] => [
  {
    name: `browser:${browserHash.toString('base64url')}:${hash('sha256', email.toLowerCase(), 'base64url')}`,
    limit: perEmailAndAddress,
  },
]

export const signInBuckets = (address: string, email: string): Bucket[] => {
  const who = hash('sha256', email.toLowerCase(), 'base64url')
  const from = networkOf(address)
  return [
    { name: `address:${from}`, limit: perAddress },
    { name: `email:${who}`, limit: perEmail },
    { name: `pair:${who}:${from}`, limit: perEmailAndAddress },
  ]
}

/** Links carry 256 random bits; this only keeps the noise down. */
export const linkBuckets = (address: string): Bucket[] => [
  { name: `address:${networkOf(address)}`, limit: perAddress },
]

export const passwordBuckets = (userId: string): Bucket[] => [
  { name: `user:${userId}`, limit: perEmailAndAddress },
]

export const codeBuckets = (userId: string): Bucket[] => [
  { name: `code:${userId}`, limit: codesPerWindow },
  { name: `codes:${userId}`, limit: codesPerDay, windowSeconds: daySeconds },
]

/** Apart from those of codes, so that whoever guesses at codes cannot keep the user from the way around them. */
export const recoveryBuckets = (userId: string): Bucket[] => [
  { name: `recovery:${userId}`, limit: perEmailAndAddress },
]

/** Seconds to wait, or null when no bucket is over its limit. */
export const secondsToWait = (
  buckets: readonly Bucket[],
  counts: readonly { bucket: string; count: number; expiresAt: Date }[],
  now: Date,
): number | null => {
  const over = counts.filter((row) => row.count > (buckets.find((b) => b.name === row.bucket)?.limit ?? 0))
  if (over.length === 0) return null
  const until = Math.max(...over.map((row) => row.expiresAt.getTime()))
  return Math.max(1, Math.ceil((until - now.getTime()) / 1000))
}
