/**
 * Circuit breakers of services and of service keys (architecture §3.5). Pure, but for tallies, which count in place.
 *
 * Each process counts what it sees itself, for a minute; a breaker that it opens is everybody's. What counts as a
 * failure is no answer, or one that says the service is in trouble. A service's breaker opens only when two keys fail:
 * one caller's key, or what one caller asks, must not take a service away from all others.
 */
export type SubjectKind = 'service' | 'service_key'

const sliceMs = 10_000
const slices = 6
const leastCalls = 20
const failingShare = 0.5
/** With little traffic: as many in a row. */
const failuresInRow = 5

export const leastKeys: Record<SubjectKind, number> = { service: 2, service_key: 1 }

interface Slice {
  readonly number: number
  calls: number
  failures: number
}

export interface Tally {
  readonly organizationId: string
  slices: Slice[]
  inRow: number
  /** Which keys failed, and when last. */
  readonly failing: Map<string, number>
  /** Counted since it was written down last. */
  isNew: boolean
}

export const newTally = (organizationId: string): Tally => ({
  organizationId,
  slices: [],
  inRow: 0,
  failing: new Map(),
  isNew: false,
})

export const count = (tally: Tally, serviceKeyId: string, failed: boolean, nowMs: number): void => {
  const slice = sliceAt(tally, nowMs)
  slice.calls++
  tally.isNew = true
  if (failed) {
    slice.failures++
    tally.inRow++
    tally.failing.set(serviceKeyId, nowMs)
  } else tally.inRow = 0
}

const sliceAt = (tally: Tally, nowMs: number): Slice => {
  const number = Math.floor(nowMs / sliceMs)
  const last = tally.slices.at(-1)
  if (last !== undefined && last.number >= number) return last
  const slice = { number, calls: 0, failures: 0 }
  tally.slices = [...tally.slices.filter((s) => s.number > number - slices), slice]
  for (const [key, at] of tally.failing) if (at < nowMs - sliceMs * slices) tally.failing.delete(key)
  return slice
}

/** Of the last minute. */
export const sumOf = (tally: Tally, nowMs: number): { calls: number; failures: number } => {
  const oldest = Math.floor(nowMs / sliceMs) - slices
  let [calls, failures] = [0, 0]
  for (const slice of tally.slices) {
    if (slice.number <= oldest) continue
    calls += slice.calls
    failures += slice.failures
  }
  return { calls, failures }
}

export const mustOpen = (tally: Tally, kind: SubjectKind, nowMs: number): boolean => {
  if (tally.failing.size < leastKeys[kind]) return false
  if (tally.inRow >= failuresInRow) return true
  const { calls, failures } = sumOf(tally, nowMs)
  return calls >= leastCalls && failures >= calls * failingShare
}

/** As it is in the database. */
export interface Breaker {
  readonly organizationId: string
  readonly subject: string
  readonly kind: SubjectKind
  readonly state: 'open' | 'closed'
  readonly since: Date
  readonly probeAfter: Date | null
  readonly openings: number
  readonly probeProcess: string | null
  readonly probeUntil: Date | null
}

export type BreakerEvent =
  | { readonly kind: 'failing' }
  /** What the operation found out that was let through. Only the process that was chosen to may say it. */
  | { readonly kind: 'probed'; readonly ok: boolean; readonly processId: string }
  | { readonly kind: 'reset' }

const firstWaitMs = 5_000
const longestWaitMs = 5 * 60_000
/** Failing again so soon after a probe that went well is the same trouble still. */
const relapseMs = 60_000

/** `random` from 0 to 1: a fifth more or less, so that breakers that opened together do not probe together. */
export const waitMs = (openings: number, random: number): number =>
  Math.round(Math.min(longestWaitMs, firstWaitMs * 2 ** Math.min(openings - 1, 20)) * (0.8 + 0.4 * random))

/** The breaker after an event, or null where it changes nothing. */
export const breakerAfter = (
  before: Breaker | null,
  event: BreakerEvent,
  named: Pick<Breaker, 'organizationId' | 'subject' | 'kind'>,
  now: Date,
  random: number,
): Breaker | null => {
  const open = (openings: number, since: Date): Breaker => ({
    ...named,
    state: 'open',
    since,
    probeAfter: new Date(now.getTime() + waitMs(openings, random)),
    openings,
    probeProcess: null,
    probeUntil: null,
  })
  if (event.kind === 'failing') {
    if (before?.state === 'open') return null
    const isRelapse = before !== null && now.getTime() - before.since.getTime() < relapseMs
    return open(isRelapse ? before.openings + 1 : 1, now)
  }
  if (before?.state !== 'open') return null
  if (event.kind === 'probed') {
    if (before.probeProcess !== event.processId) return null
    if (!event.ok) return open(before.openings + 1, before.since)
  }
  return { ...before, state: 'closed', since: now, probeAfter: null, probeProcess: null, probeUntil: null }
}

/** A process that was chosen to probe and is alive has this long; a dead one is replaced at once. */
export const probeLeaseMs = 60_000
/** How long others believe that a probe is under way without looking again. */
export const lookAgainMs = 5_000

export type BreakerState =
  | { readonly state: 'open'; readonly until: Date }
  /** One operation may try: whoever `claimProbe` lets. */
  | { readonly state: 'half_open' }

export const stateOf = (
  breaker: Breaker,
  readAt: Date,
  processId: string,
  now: Date,
): BreakerState | null => {
  const { state, probeAfter, probeProcess, probeUntil } = breaker
  if (state === 'closed' || probeAfter === null) return null
  if (now < probeAfter) return { state: 'open', until: probeAfter }
  if (probeProcess === null || probeProcess === processId || probeUntil === null)
    return { state: 'half_open' }
  const until = new Date(Math.min(probeUntil.getTime(), readAt.getTime() + lookAgainMs))
  return now < until ? { state: 'open', until } : { state: 'half_open' }
}

export const worseOf = (a: BreakerState | null, b: BreakerState | null): BreakerState | null => {
  if (a === null || b === null) return a ?? b
  if (a.state === 'half_open') return b
  if (b.state === 'half_open') return a
  return a.until > b.until ? a : b
}
