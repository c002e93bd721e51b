import type { Account, Grant } from './decide.ts'
import type { Dimension, RateLimits, Subject } from './rate-limits.ts'
import { type Amounts, type Free, leaseSeconds } from './window.ts'

/**
 * What this process may use of a subject's limits without asking, and what it has to tell at the next asking. All times
 * are monotonic milliseconds, so that no clock that is set can make a lease longer.
 */
export interface Allowance {
  readonly subject: Subject
  limits: RateLimits
  lease: { second: number; requests: number; tokens: number; until: number } | null
  /** Places taken ahead or given back by operations that ended here. */
  places: { count: number; until: number }
  underWay: number
  /** Operations that wait for an answer of the database. */
  waiting: number
  corrections: Map<number, Amounts>
  extraTokens: number
  free: Free
  blocked: Blocked | null
  /** For guessing how many operations are coming. */
  recent: { since: number; operations: number; tokens: number }
  /** The places that the database counts for this process may differ from what it uses. */
  isDirty: boolean
}

export interface Blocked {
  readonly until: number
  readonly dimension: Dimension
  /** Less than this may still fit. */
  readonly tokens: number
  /** When it fits, as far as is known; null: never. */
  readonly fitsAt: number | null
}

/** A tenth is left for clocks that run at different speeds, and for the step from asking to using. */
export const leaseMs = leaseSeconds * 1000 * 0.9

const unlimited: Free = { requests: Infinity, tokens: Infinity, concurrent: Infinity }

export const newAllowance = (subject: Subject, limits: RateLimits, now: number): Allowance => ({
  subject,
  limits,
  lease: null,
  places: { count: 0, until: 0 },
  underWay: 0,
  waiting: 0,
  corrections: new Map(),
  extraTokens: 0,
  free: unlimited,
  blocked: null,
  recent: { since: now, operations: 0, tokens: 0 },
  isDirty: false,
})

const leaseAt = (allowance: Allowance, now: number) =>
  allowance.lease !== null && now < allowance.lease.until ? allowance.lease : null
const placesAt = ({ places }: Allowance, now: number): number => (now < places.until ? places.count : 0)

export const canTake = (allowance: Allowance, limits: RateLimits, tokens: number, now: number): boolean => {
  const lease = leaseAt(allowance, now)
  if (limits.requestsPerMinute !== null && (lease?.requests ?? 0) < 1) return false
  if (limits.tokensPerMinute !== null && (lease?.tokens ?? -1) < tokens) return false
  return limits.concurrent === null || placesAt(allowance, now) > 0
}

/** Takes what `canTake` found; gives the second that it is charged to. */
export const take = (allowance: Allowance, limits: RateLimits, tokens: number, now: number): number => {
  const lease = leaseAt(allowance, now)
  if (lease !== null && limits.requestsPerMinute !== null) lease.requests--
  if (lease !== null && limits.tokensPerMinute !== null) lease.tokens -= tokens
  if (limits.concurrent !== null) allowance.places.count--
  noteUse(allowance, tokens)
  allowance.free = {
    requests: Math.max(0, allowance.free.requests - 1),
    tokens: Math.max(0, allowance.free.tokens - tokens),
    concurrent: Math.max(0, allowance.free.concurrent - 1),
  }
  return lease?.second ?? 0
}

/** One more under way, whichever way it was granted. */
export const noteUse = (allowance: Allowance, tokens: number): void => {
  allowance.underWay++
  allowance.recent.operations++
  allowance.recent.tokens += tokens
}

/** A place is kept for the next operation here as long as others have plenty. */
const keepShare = 8

/**
 * An operation has ended. Gives how soon the database has to hear of it: a place that others may be waiting for at
 * once, a correction with the next write.
 */
export const giveBack = (
  allowance: Allowance,
  taken: { readonly limits: RateLimits; readonly tokens: number; readonly second: number },
  tokensUsed: number | null,
  now: number,
): 'now' | 'soon' | 'never' => {
  allowance.underWay--
  // Something is free again.
  if (allowance.blocked !== null && allowance.blocked.dimension !== 'requests') allowance.blocked = null
  const { limits } = taken
  let urgency: 'now' | 'soon' | 'never' = 'never'
  const difference = tokensUsed === null ? 0 : tokensUsed - taken.tokens
  if (limits.tokensPerMinute !== null && difference !== 0) {
    urgency = 'soon'
    if (difference > 0) allowance.extraTokens += difference
    else correct(allowance, taken.second, { requests: 0, tokens: difference })
  }
  if (limits.concurrent === null) return urgency
  const known = now < allowance.places.until
  if (known && allowance.free.concurrent >= (allowance.places.count + 1) * keepShare) {
    allowance.places.count++
    return 'soon'
  }
  allowance.isDirty = true
  return 'now'
}

const correct = (allowance: Allowance, second: number, by: Amounts): void => {
  const before = allowance.corrections.get(second) ?? { requests: 0, tokens: 0 }
  allowance.corrections.set(second, {
    requests: before.requests + by.requests,
    tokens: before.tokens + by.tokens,
  })
}

/**
 * Everything to tell at an asking. What is told is forgotten here at once: from now on nothing is used of the lease,
 * so what was left of it can be given back. Only who asks takes something ahead.
 */
export const accountOf = (allowance: Allowance, now: number, isAsking: boolean): Account => {
  const { lease, corrections, extraTokens, underWay, recent, limits } = allowance
  if (lease !== null && (lease.requests > 0 || lease.tokens > 0))
    correct(allowance, lease.second, { requests: -lease.requests, tokens: -lease.tokens })
  const seconds = Math.max(minimumSample, (now - recent.since) / 1000)
  const operations = recent.operations < 2 || !isAsking ? 0 : (recent.operations / seconds) * leaseSeconds
  const tokensEach = recent.operations === 0 ? 0 : recent.tokens / recent.operations
  allowance.lease = null
  allowance.places = { count: 0, until: 0 }
  allowance.corrections = new Map()
  allowance.extraTokens = 0
  allowance.isDirty = false
  if (now - recent.since > longestSampleMs) allowance.recent = { since: now, operations: 0, tokens: 0 }
  return { limits, corrections, extraTokens, underWay, expected: { operations, tokensEach } }
}

/** Two calls within a millisecond are not two thousand a second. */
const minimumSample = 0.1
const longestSampleMs = leaseSeconds * 1000

/** The telling failed, maybe after it was heard: what was given back stays lost, what is owed is told again. */
export const accountLost = (allowance: Allowance, account: Account): void => {
  allowance.extraTokens += account.extraTokens
}

export const install = (allowance: Allowance, grant: Grant, askedAt: number): void => {
  const until = askedAt + leaseMs
  allowance.lease = { second: grant.second, requests: grant.requests, tokens: grant.tokens, until }
  allowance.places = { count: grant.places, until }
  // What lies in the lease is left too, for callers of this process.
  allowance.free = {
    requests: grant.free.requests + grant.requests,
    tokens: grant.free.tokens + grant.tokens,
    concurrent: grant.free.concurrent + grant.places,
  }
}

/** Something that the database should hear of though nobody asks. */
export const hasNews = (allowance: Allowance, now: number): boolean => {
  const { lease, places, corrections, extraTokens, isDirty } = allowance
  const isLeftOver = lease !== null && now >= lease.until && (lease.requests > 0 || lease.tokens > 0)
  return (
    isDirty ||
    isLeftOver ||
    corrections.size > 0 ||
    extraTokens > 0 ||
    (places.count > 0 && now >= places.until)
  )
}

/** Nothing of it would be missed. */
export const isIdle = (allowance: Allowance, now: number): boolean =>
  allowance.underWay === 0 &&
  allowance.waiting === 0 &&
  !hasNews(allowance, now) &&
  (allowance.lease === null || now >= allowance.lease.until) &&
  (allowance.blocked === null || now >= allowance.blocked.until)
