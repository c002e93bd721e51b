import type { RateLimits } from './rate-limits.ts'

/**
 * What was used of a subject's limits: a sliding window, counted in whole seconds of the database's clock. Pure.
 *
 * Whoever takes from it may use what they took for `leaseSeconds` after. So a charge counts for a minute, and for the
 * time of the lease, and for the second that its own second is cut off at: whatever 60 seconds one looks at, all that
 * was admitted in them was counted together when the last of it was taken. The price is 3 seconds in 63.
 */
export const windowSeconds = 60
export const leaseSeconds = 2
export const countedSeconds = windowSeconds + leaseSeconds + 1

/** A process that wrote of late is alive, whatever its lease says. Longer than it may use what it took. */
const freshSeconds = 5

/** Second, requests, tokens. */
export type Charge = readonly [second: number, requests: number, tokens: number]
/** Process, operations under way, second of the last change. */
export type Holder = readonly [processId: string, operations: number, second: number]

/** Oldest charge first; at most one charge for each second, and one holder for each process. */
export interface Window {
  readonly charges: readonly Charge[]
  readonly holders: readonly Holder[]
}

export interface Amounts {
  readonly requests: number
  readonly tokens: number
}

export const emptyWindow: Window = { charges: [], holders: [] }

/** Without what no longer counts. */
export const windowAt = (window: Window, second: number, live: ReadonlySet<string>): Window => ({
  charges: window.charges.filter(([at]) => at > second - countedSeconds),
  holders: window.holders.filter(([processId, , at]) => live.has(processId) || at >= second - freshSeconds),
})

/** The clock of a database may be set back; a window never goes back. */
export const secondOf = (window: Window, nowSeconds: number): number =>
  Math.max(Math.floor(nowSeconds), window.charges.at(-1)?.[0] ?? 0)

export const used = ({ charges }: Window): Amounts => {
  let requests = 0
  let tokens = 0
  for (const charge of charges) {
    requests += charge[1]
    tokens += charge[2]
  }
  return { requests, tokens }
}

export const underWay = ({ holders }: Window): number => holders.reduce((sum, holder) => sum + holder[1], 0)

/** Adds to a second's charge, or takes from it; what is no longer there cannot be taken back. */
export const charged = (window: Window, second: number, amounts: Amounts): Window => {
  if (amounts.requests === 0 && amounts.tokens === 0) return window
  const index = window.charges.findIndex(([at]) => at === second)
  if (index < 0) {
    if (amounts.requests < 0 || amounts.tokens < 0) return window
    const charges = [...window.charges, [second, amounts.requests, amounts.tokens] as const]
    return { ...window, charges: charges.sort((a, b) => a[0] - b[0]) }
  }
  const charges = [...window.charges]
  const [, requests, tokens] = charges[index] as Charge
  charges[index] = [second, Math.max(0, requests + amounts.requests), Math.max(0, tokens + amounts.tokens)]
  return { ...window, charges }
}

/** A process says how many operations it has under way; what it said before no longer counts. */
export const withHolder = (window: Window, processId: string, operations: number, second: number): Window => {
  const others = window.holders.filter((holder) => holder[0] !== processId)
  return {
    ...window,
    holders: operations > 0 ? [...others, [processId, operations, second] as const] : others,
  }
}

export interface Free {
  readonly requests: number
  readonly tokens: number
  readonly concurrent: number
}

/** What is left; without a limit there is always enough. */
export const freeOf = (window: Window, limits: RateLimits): Free => {
  const { requests, tokens } = used(window)
  const left = (limit: number | null, amount: number) =>
    limit === null ? Infinity : Math.max(0, limit - amount)
  return {
    requests: left(limits.requestsPerMinute, requests),
    tokens: left(limits.tokensPerMinute, tokens),
    concurrent: left(limits.concurrent, underWay(window)),
  }
}

/**
 * How many seconds until `wanted` fits, if nobody takes more meanwhile: from the oldest on, charges fall out. Null:
 * more than the limit, so it never will.
 */
export const secondsUntil = (
  window: Window,
  which: 'requests' | 'tokens',
  limit: number,
  wanted: number,
  nowSeconds: number,
): number | null => {
  if (wanted > limit) return null
  let left = limit - used(window)[which]
  for (const charge of window.charges) {
    if (left >= wanted) break
    left += which === 'requests' ? charge[1] : charge[2]
    if (left >= wanted) return Math.max(0, charge[0] + countedSeconds - nowSeconds)
  }
  return 0
}
