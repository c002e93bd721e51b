import type { Dimension, RateLimits } from './rate-limits.ts'
import {
  type Amounts,
  charged,
  emptyWindow,
  type Free,
  freeOf,
  secondOf,
  secondsUntil,
  type Window,
  windowAt,
  withHolder,
} from './window.ts'

/** What an operation asks of one subject: one request, these tokens, one place among the operations under way. */
export interface Need {
  readonly subject: string
  readonly limits: RateLimits
  readonly tokens: number
}

/** One operation: it gets everything that it asks for, or takes nothing. */
export type Ask = readonly Need[]

/** What a process tells of a subject whenever it asks. */
export interface Account {
  readonly limits: RateLimits
  /** Second → what was taken then and not used, or used beyond the estimate: negative gives back. */
  readonly corrections: ReadonlyMap<number, Amounts>
  /** Tokens used beyond the estimates; counted from now. */
  readonly extraTokens: number
  /** Operations under way; places that nobody uses are not among them. */
  readonly underWay: number
  /** How many operations are expected while a lease lasts, and the tokens of one. */
  readonly expected: { readonly operations: number; readonly tokensEach: number }
}

export type Answer =
  | { readonly kind: 'granted' }
  | {
      readonly kind: 'full'
      readonly subject: string
      readonly dimension: Dimension
      /** Null: the call alone asks for more than the limit. Concurrent: unknown, so a guess. */
      readonly waitSeconds: number | null
    }

/** What the process may use by itself until its lease ends. */
export interface Grant {
  readonly second: number
  readonly requests: number
  readonly tokens: number
  readonly places: number
  /** What is left to everybody after it. */
  readonly free: Free
}

export interface Decision {
  readonly answers: readonly Answer[]
  readonly grants: ReadonlyMap<string, Grant>
  readonly windows: ReadonlyMap<string, Window>
}

/** The most of what is left that one process takes ahead: the less is left, the less lies idle with others. */
const aheadShare = 8

export interface Batch {
  readonly asks: readonly Ask[]
  readonly accounts: ReadonlyMap<string, Account>
  readonly windows: ReadonlyMap<string, Window>
  readonly processId: string
  readonly live: ReadonlySet<string>
  readonly nowSeconds: number
}

/** Decides a batch of one process against windows that nobody else can change meanwhile. Pure. */
export const decide = (batch: Batch): Decision => {
  const windows = new Map<string, Window>()
  const underWay = new Map<string, number>()
  for (const [subject, account] of batch.accounts) {
    windows.set(subject, settle(batch.windows.get(subject) ?? emptyWindow, account, batch))
    underWay.set(subject, account.underWay)
  }
  const answers = batch.asks.map((ask) => answer(ask, windows, underWay, batch))
  const grants = new Map<string, Grant>()
  for (const [subject, account] of batch.accounts) {
    const { window, grant } = ahead(
      windows.get(subject) as Window,
      account,
      underWay.get(subject) ?? 0,
      batch,
    )
    windows.set(subject, window)
    grants.set(subject, grant)
  }
  return { answers, grants, windows }
}

/** First what the process has to tell, so that nobody is refused what is given back at the same moment. */
const settle = (before: Window, account: Account, { processId, live, nowSeconds }: Batch): Window => {
  const second = secondOf(before, nowSeconds)
  let window = windowAt(before, second, live)
  for (const [at, amounts] of account.corrections) window = charged(window, at, amounts)
  window = charged(window, second, { requests: 0, tokens: account.extraTokens })
  return withHolder(window, processId, account.limits.concurrent === null ? 0 : account.underWay, second)
}

const answer = (
  ask: Ask,
  windows: Map<string, Window>,
  underWay: Map<string, number>,
  { processId, nowSeconds }: Batch,
): Answer => {
  for (const need of ask) {
    const refusal = refusalOf(windows.get(need.subject) ?? emptyWindow, need, nowSeconds)
    if (refusal !== null) return refusal
  }
  for (const { subject, limits, tokens } of ask) {
    const window = windows.get(subject) ?? emptyWindow
    const second = secondOf(window, nowSeconds)
    const counted = countsCalls(limits) ? charged(window, second, { requests: 1, tokens }) : window
    const running = (underWay.get(subject) ?? 0) + 1
    underWay.set(subject, running)
    windows.set(
      subject,
      limits.concurrent === null ? counted : withHolder(counted, processId, running, second),
    )
  }
  return { kind: 'granted' }
}

const countsCalls = (limits: RateLimits): boolean =>
  limits.requestsPerMinute !== null || limits.tokensPerMinute !== null

/** A place comes free when somebody's operation ends; nobody knows when. */
const placeWaitSeconds = 1

const refusalOf = (window: Window, need: Need, nowSeconds: number): Answer | null => {
  const { subject, limits, tokens } = need
  const free = freeOf(window, limits)
  const full = (dimension: Dimension, waitSeconds: number | null): Answer => ({
    kind: 'full',
    subject,
    dimension,
    waitSeconds,
  })
  if (limits.tokensPerMinute !== null && free.tokens < tokens)
    return full('tokens', secondsUntil(window, 'tokens', limits.tokensPerMinute, tokens, nowSeconds))
  if (limits.requestsPerMinute !== null && free.requests < 1)
    return full('requests', secondsUntil(window, 'requests', limits.requestsPerMinute, 1, nowSeconds))
  if (free.concurrent < 1) return full('concurrent', placeWaitSeconds)
  return null
}

/** What the process may use without asking, as far as it seems to need it. */
const ahead = (
  window: Window,
  { limits, expected }: Account,
  running: number,
  { processId, nowSeconds }: Batch,
): { window: Window; grant: Grant } => {
  const second = secondOf(window, nowSeconds)
  const free = freeOf(window, limits)
  const wanted = Math.ceil(expected.operations)
  const share = (left: number, asked: number) => Math.max(0, Math.min(asked, Math.floor(left / aheadShare)))
  const requests = countsCalls(limits) ? share(free.requests, wanted) : 0
  const tokens =
    limits.tokensPerMinute === null ? 0 : share(free.tokens, Math.ceil(wanted * expected.tokensEach))
  const places = limits.concurrent === null ? 0 : share(free.concurrent, wanted)
  const counted = charged(window, second, { requests, tokens })
  const after =
    limits.concurrent === null ? counted : withHolder(counted, processId, running + places, second)
  return { window: after, grant: { second, requests, tokens, places, free: freeOf(after, limits) } }
}
