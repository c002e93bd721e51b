import type { Budget } from '../budgets/budgets.ts'
import { newId } from '../kit/id.ts'
import type { OperationRecord, OperationStatus } from '../metering/operation.ts'
import type { PriceBook } from '../metering/price-book.ts'
import { redactSecrets } from '../kit/redact.ts'
import { noUsage, type Usage, usageColumns } from '../metering/usage.ts'
import type { Pass } from '../limits/limits.ts'
import type { Candidate } from '../routing/route.ts'
import type { Use } from '../keys/uses.ts'
import type { Fault, FaultCode } from '../kit/fault.ts'
import type { ParsedRequest } from '../dialects/dialect.ts'
import type { Caller } from './callers.ts'
import type { Target } from './endpoints.ts'

/** What one attempt came to, as the receipt keeps it. */
export interface AttemptRecord {
  readonly serviceId: string
  readonly model: string
  readonly keyOwner: string
  readonly serviceKeyId: string
  readonly keyPriority: number | null
  readonly reason: string
  readonly outcome:
    | 'ok'
    | 'refused'
    | 'unauthorized'
    | 'exhausted'
    | 'limited'
    | 'service'
    | 'timeout'
    | 'unreachable'
    | 'unreadable'
    | 'cancelled'
  readonly httpStatus: number | null
  readonly durationMs: number
}

/** One call as it goes through the gateway. Stages fill it in; `toRecord` turns it into the row that stays. */
export interface Operation {
  readonly id: string
  readonly startedAt: Date
  /** Monotonic, for durations. */
  readonly startedMs: number
  readonly target: Target
  /** The configuration epoch it began at: what it sees is not older. */
  readonly epoch: bigint
  /** Its attempts are over: it uses the key of `candidate` and no other one any more. */
  isAnswered: boolean
  caller: Caller | null
  request: ParsedRequest | null
  candidate: Candidate | null
  reason: string
  readonly attempts: AttemptRecord[]
  priceBook: PriceBook | null
  firstByteMs: number | null
  heldMicros: bigint
  /** Set where the caller left the reply's length open and credits, or our default, limit it. */
  outputLimit: number | null
  /** Fields of the request that a translation could not carry over and that change nothing that matters. */
  notCarried: readonly string[]
  /** The route as it is kept (routing/decision.ts). */
  decision: string | null
  /** What it may count towards; null: nothing. Set before the first attempt. */
  budgets: readonly Budget[] | null
  /** The hard budgets that what is held was reserved of, by the text of their claims. */
  claimed: ReadonlySet<string>
  /** Places taken within rate limits; given back when the operation ends. */
  readonly passes: Pass[]
  /** What is left within them, as flat name-value pairs. */
  limitHeaders: readonly string[]
  creditMicros: bigint
  faultCode: FaultCode | null
}

const noClaims = new Set<string>()

export const beginOperation = (target: Target, epoch: bigint): Operation => {
  const now = Date.now()
  return {
    id: newId(now),
    startedAt: new Date(now),
    startedMs: performance.now(),
    target,
    epoch,
    isAnswered: false,
    caller: null,
    request: null,
    candidate: null,
    reason: 'refused',
    attempts: [],
    priceBook: null,
    firstByteMs: null,
    heldMicros: 0n,
    outputLimit: null,
    notCarried: [],
    decision: null,
    budgets: null,
    claimed: noClaims,
    passes: [],
    limitHeaders: [],
    creditMicros: 0n,
    faultCode: null,
  }
}

/** For whoever wants to revoke a version of a key. */
export const useOf = (operation: Operation): Use => ({
  epoch: operation.epoch,
  using: () => {
    if (!operation.isAnswered) return 'any'
    const serviceKey = operation.candidate?.serviceKey
    return serviceKey === undefined ? null : { serviceKeyId: serviceKey.id, version: serviceKey.version }
  },
})

/** Of an operation that has come as far as an attempt. */
export const requestOf = ({ request }: Operation): ParsedRequest => {
  if (request === null) throw new Error('an attempt needs a parsed request')
  return request
}

export interface Ending {
  readonly status: OperationStatus
  readonly httpStatus: number
  readonly fault: Fault | null
  readonly usage: Usage | null
  readonly usageSource: 'reported' | 'estimated' | 'none'
}

/** The row of an operation whose caller is known. */
export const toRecord = (
  operation: Operation,
  caller: Caller,
  ending: Ending,
  costNanoUsd: bigint | null,
): OperationRecord => {
  const { candidate, request } = operation
  return {
    organizationId: caller.person.organizationId,
    id: operation.id,
    userId: caller.person.userId,
    accessTokenId: caller.token.id,
    teamId: caller.token.teamId,
    startedAt: operation.startedAt,
    durationMs: Math.round(performance.now() - operation.startedMs),
    firstByteMs: operation.firstByteMs,
    endpoint: operation.target.kind === 'operation' ? operation.target.endpoint : operation.target.kind,
    streamed: request?.streamed ?? false,
    status: ending.status,
    httpStatus: ending.httpStatus,
    faultCode: ending.fault?.code ?? null,
    requestedModel: requestedModel(operation),
    serviceId: candidate?.service.id ?? null,
    model: candidate?.model ?? null,
    keyOwner: candidate?.serviceKey.owner ?? null,
    serviceKeyId: candidate?.serviceKey.id ?? null,
    keyPriority: candidate?.serviceKey.priority ?? null,
    reason: operation.reason,
    attempts: operation.attempts,
    ...usageColumns(ending.usage ?? noUsage),
    units: ending.usage?.units ?? null,
    decision: operation.decision,
    usageSource: ending.usageSource,
    priceBookVersion: operation.priceBook?.version ?? null,
    costNanoUsd,
    heldMicros: operation.heldMicros,
    creditMicros: operation.creditMicros,
  }
}

/** Without a route it is anything at all, also a key in the wrong field. */
const requestedModel = ({ candidate, request }: Operation): string | null =>
  request === null ? null : candidate === null ? redactSecrets(request.model) : request.model
