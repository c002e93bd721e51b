import type { OperationRecord, OperationStatus } from '../metering/operation.ts'
import { noUsage, type Usage, usageColumns } from '../metering/usage.ts'
import type { Settlement } from '../ledger/ledger.ts'
import type { LongOperation, LongOperationState } from './long-operation.ts'
import { type Answer, trackers } from './trackers.ts'

/** How long things take; tests hurry. */
export interface Timing {
  /** A look for work that is due. */
  readonly tickMs: number
  /** Between two questions about a task, by its age; and after a question without an answer. */
  readonly askMs: readonly (readonly [upToAgeMs: number, everyMs: number])[]
  readonly longestAskMs: number
  /** From the deadline to the last question. */
  readonly lastAskMs: number
  /** A caller who asks sees what is no older than this. */
  readonly freshMs: number
  /** Instead of the tracker's. */
  readonly deadlineMs?: number
  /** Between the attempts of a webhook delivery. */
  readonly deliveryMs: readonly number[]
}

const second = 1_000
const minute = 60 * second
const hour = 60 * minute

export const usualTiming: Timing = {
  tickMs: second,
  askMs: [
    [20 * second, 2 * second],
    [2 * minute, 4 * second],
    [10 * minute, 10 * second],
    [hour, 30 * second],
  ],
  longestAskMs: 2 * minute,
  lastAskMs: 5 * minute,
  freshMs: second,
  // Two days in all: a receiver that is down over a week-end night is told on the next morning.
  deliveryMs: [
    5 * second,
    30 * second,
    2 * minute,
    10 * minute,
    hour,
    4 * hour,
    8 * hour,
    12 * hour,
    24 * hour,
  ],
}

/** `random` from 0 to 1: what began together is not asked about together for ever. */
export const nextAskMs = (timing: Timing, ageMs: number, failedAsks: number, random: number): number => {
  const byAge = timing.askMs.find(([upTo]) => ageMs < upTo)?.[1] ?? timing.longestAskMs
  const backedOff = Math.min(timing.longestAskMs, byAge * 2 ** Math.min(failedAsks, 16))
  return Math.round(backedOff * (0.85 + 0.3 * random))
}

/** What one answer changes. */
export interface Change
  extends Pick<
    LongOperation,
    'state' | 'progress' | 'failure' | 'said' | 'failedAsks' | 'nextAskAt' | 'endedAt'
  > {
  readonly lastAskedAt: Date
  /** Worth a webhook: another state, or the service calls its status something else. */
  readonly isNews: boolean
  /** As the service counted it at the end. */
  readonly usage: Usage | null
}

/**
 * The state machine of a long operation. Success needs the service's word; so does failure. What the service says
 * neither of until its deadline is `unresolved`, is asked about for a last time, and is then given back.
 */
export const afterAnswer = (
  before: LongOperation,
  answer: Answer,
  timing: Timing,
  now: Date,
  random: number,
): Change => {
  const failedAsks = answer.kind === 'task' ? 0 : before.failedAsks + 1
  const isLast = before.state === 'unresolved' && now.getTime() >= lastAskAt(before, timing)
  const told = answer.kind === 'task' ? answer : null
  const hasEnded = told !== null && told.state !== 'submitted' && told.state !== 'running'
  const state = hasEnded ? told.state : stateUnderWay(before, told?.state ?? null, now)
  return {
    state,
    progress: told?.progress ?? before.progress,
    failure: hasEnded ? told.failure : state === 'unresolved' ? notSeenToEnd(answer) : null,
    said: told?.said ?? before.said,
    failedAsks,
    lastAskedAt: now,
    nextAskAt: nextAskAt(before, state, timing, failedAsks, now, random),
    endedAt: hasEnded || isLast ? now : null,
    isNews:
      state !== before.state || isLast || (told !== null && told.said['status'] !== before.said?.['status']),
    usage: (hasEnded && told.usage) || null,
  }
}

const lastAskAt = ({ deadlineAt }: LongOperation, timing: Timing): number =>
  deadlineAt.getTime() + timing.lastAskMs

const stateUnderWay = (
  before: LongOperation,
  said: 'submitted' | 'running' | LongOperationState | null,
  now: Date,
): LongOperationState => {
  if (before.state === 'unresolved' || now >= before.deadlineAt) return 'unresolved'
  return said === 'submitted' || said === 'running' ? said : before.state
}

const notSeenToEnd = (answer: Answer): string => {
  if (answer.kind === 'task') return 'It did not end in time.'
  return answer.kind === 'unknown_task'
    ? 'The service does not know it any more.'
    : 'The service could not be asked how it ended.'
}

const nextAskAt = (
  before: LongOperation,
  state: LongOperationState,
  timing: Timing,
  failedAsks: number,
  now: Date,
  random: number,
): Date => {
  const ageMs = now.getTime() - before.submittedAt.getTime()
  const next = now.getTime() + nextAskMs(timing, ageMs, failedAsks, random)
  return new Date(
    state === 'unresolved' ? lastAskAt(before, timing) : Math.min(next, before.deadlineAt.getTime()),
  )
}

/** The key is gone for good, so nobody can ask any more: nothing is charged without proof. */
export const withoutKey = (before: LongOperation, now: Date): Change => ({
  state: 'unresolved',
  progress: before.progress,
  failure: 'The service key is gone, so the service cannot be asked how it ended.',
  said: before.said,
  failedAsks: before.failedAsks,
  lastAskedAt: now,
  nextAskAt: now,
  endedAt: now,
  isNews: true,
  usage: null,
})

const statuses = {
  submitted: 'interrupted',
  running: 'interrupted',
  succeeded: 'succeeded',
  failed: 'failed',
  unresolved: 'interrupted',
  cancelled: 'cancelled',
} as const satisfies Record<LongOperationState, OperationStatus>

/** Only what succeeded is charged, at the price that was agreed on. */
export const chargeOf = (operation: LongOperation, state: LongOperationState): bigint =>
  state === 'succeeded' && operation.heldMicros > 0n ? operation.chargeMicros : 0n

export const settlementOf = (operation: LongOperation, change: Change): Settlement | null => {
  const { organizationId, id, draft, heldMicros } = operation
  return heldMicros > 0n && draft.accountId !== null
    ? {
        organizationId,
        accountId: draft.accountId,
        operationId: id,
        chargeMicros: chargeOf(operation, change.state),
      }
    : null
}

/** The record of one that has ended. */
export const recordOf = (operation: LongOperation, change: Change): OperationRecord => {
  const { draft } = operation
  const { accountId: _, ...kept } = draft
  const succeeded = change.state === 'succeeded'
  const isCounted = trackers[operation.kind].readResults !== undefined
  return {
    ...kept,
    teamId: draft.teamId ?? null,
    organizationId: operation.organizationId,
    id: operation.id,
    userId: operation.userId,
    accessTokenId: operation.accessTokenId,
    startedAt: new Date(draft.startedAt),
    durationMs: Math.max(0, (change.endedAt ?? change.lastAskedAt).getTime() - Date.parse(draft.startedAt)),
    streamed: false,
    status: statuses[change.state],
    httpStatus: succeeded ? 200 : change.state === 'unresolved' ? 504 : 502,
    faultCode: faultCodes[change.state] ?? null,
    serviceId: operation.serviceId,
    keyOwner: operation.keyOwner,
    serviceKeyId: operation.serviceKeyId,
    ...usageColumns(change.usage ?? noUsage),
    units:
      change.usage?.units ?? (succeeded && Object.keys(operation.units).length > 0 ? operation.units : null),
    usageSource: change.usage !== null || (succeeded && !isCounted) ? 'reported' : 'none',
    costNanoUsd: succeeded ? operation.costNanoUsd : null,
    heldMicros: operation.heldMicros,
    creditMicros: chargeOf(operation, change.state),
  }
}

const faultCodes: Readonly<Partial<Record<LongOperationState, string>>> = {
  failed: 'service_error',
  unresolved: 'service_timeout',
}
