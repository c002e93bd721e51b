import type { RateLimits, Subject } from './rate-limits.ts'
import { countedSeconds, type Free, windowSeconds } from './window.ts'

/** Whose limit, what it is, and what is left of it. */
export interface Standing {
  readonly subject: Subject
  readonly limits: RateLimits
  readonly free: Free
}

/** In which words a caller's client reads limits. */
export type HeaderFamily = 'openai' | 'anthropic' | 'other'

interface Quota {
  readonly name: string
  readonly limit: number
  readonly left: number
}

/**
 * The limits that hold for a call, as flat name-value pairs: `ratelimit-policy` and `ratelimit` of the IETF draft for
 * all of them, the three headers of its earlier versions for the tightest one on requests, and what the caller's
 * client looks for. After `reset` seconds without a call everything is there again.
 */
export const limitHeaders = (
  standings: readonly Standing[],
  family: HeaderFamily,
  now: Date,
  resetSeconds: number = countedSeconds,
): readonly string[] => {
  const requests = quotasOf(standings, 'requestsPerMinute', 'requests')
  const tokens = quotasOf(standings, 'tokensPerMinute', 'tokens')
  const all = [...requests, ...tokens]
  if (all.length === 0) return []
  const headers = [
    'ratelimit-policy',
    all.map(({ name, limit }) => `"${name}";q=${limit};w=${windowSeconds}`).join(', '),
    'ratelimit',
    all.map(({ name, left }) => `"${name}";r=${left};t=${resetSeconds}`).join(', '),
  ]
  const tightest = { requests: tightestOf(requests), tokens: tightestOf(tokens) }
  const shown = tightest.requests ?? tightest.tokens
  if (shown !== undefined)
    headers.push('ratelimit-limit', String(shown.limit), 'ratelimit-remaining', String(shown.left))
  headers.push('ratelimit-reset', String(resetSeconds))
  for (const what of ['requests', 'tokens'] as const) {
    const quota = tightest[what]
    if (quota !== undefined) headers.push(...inFamily(family, what, quota, resetSeconds, now))
  }
  return headers
}

const quotasOf = (
  standings: readonly Standing[],
  limit: 'requestsPerMinute' | 'tokensPerMinute',
  what: 'requests' | 'tokens',
): Quota[] =>
  standings.flatMap(({ subject, limits, free }) => {
    const most = limits[limit]
    const name = `${subject.kind.replaceAll('_', '-')}-${what}`
    return most === null
      ? []
      : [{ name, limit: most, left: Math.min(most, Math.max(0, Math.floor(free[what]))) }]
  })

const tightestOf = (quotas: readonly Quota[]): Quota | undefined =>
  quotas.reduce<Quota | undefined>(
    (least, q) => (least === undefined || q.left < least.left ? q : least),
    undefined,
  )

const inFamily = (
  family: HeaderFamily,
  what: 'requests' | 'tokens',
  { limit, left }: Quota,
  resetSeconds: number,
  now: Date,
): string[] => {
  if (family === 'openai')
    return [
      `x-ratelimit-limit-${what}`,
      String(limit),
      `x-ratelimit-remaining-${what}`,
      String(left),
      `x-ratelimit-reset-${what}`,
      durationText(resetSeconds),
    ]
  if (family !== 'anthropic') return []
  const at = `${new Date(now.getTime() + resetSeconds * 1000).toISOString().slice(0, 19)}Z`
  const prefix = `anthropic-ratelimit-${what}`
  return [`${prefix}-limit`, String(limit), `${prefix}-remaining`, String(left), `${prefix}-reset`, at]
}

/** As OpenAI writes them: `1m3s`, `12s`. */
const durationText = (seconds: number): string => {
  const minutes = Math.floor(seconds / 60)
  return minutes > 0 ? `${minutes}m${seconds % 60}s` : `${seconds}s`
}
