import type { Clock } from '../kit/clock.ts'
import { failure, type Outcome, success } from '../kit/fault.ts'
import { hashOfSecretToken } from './secret-token.ts'
import type { Origin } from './session.ts'
import type { IdentityStore } from './store.ts'
import {
  type Bucket,
  knownBrowserBuckets,
  secondsToWait,
  signInBuckets,
  throttleWindowSeconds,
} from './throttle.ts'

export interface Attempts {
  /** Counted before the attempt, by all processes together. */
  count(buckets: readonly Bucket[]): Promise<Outcome<void>>
  /** After a right guess at what only its user can know. */
  forget(buckets: readonly Bucket[]): Promise<void>
  /** Strangers share what is allowed to an e-mail address; a browser that signed the user in before has its own. */
  bucketsOf(email: string, origin: Origin): Promise<Bucket[]>
}

export const makeAttempts = (store: IdentityStore, clock: Clock): Attempts => ({
  async count(buckets) {
    const now = clock()
    const counted = buckets.map(({ name, windowSeconds = throttleWindowSeconds }) => ({
      name,
      expiresAt: new Date(now.getTime() + windowSeconds * 1000),
    }))
    const retryAfterSeconds = secondsToWait(buckets, await store.countUp(counted, now), now)
    return retryAfterSeconds === null ? success(undefined) : failure('rate_limited', { retryAfterSeconds })
  },

  forget: (buckets) => store.resetCounts(buckets.map(({ name }) => name)),

  async bucketsOf(email, { address, browserToken }) {
    if (typeof browserToken === 'string') {
      const browserHash = hashOfSecretToken(browserToken)
      if (await store.knowsBrowser(browserHash, clock(), email))
        return knownBrowserBuckets(browserHash, email)
    }
    return signInBuckets(address, email)
  },
})
