import type { Fault, Outcome } from '../kit/fault.ts'
import type { TokenUsage } from '../metering/usage.ts'
import type { Endpoint } from '../services/service.ts'
import type { InputMeasure } from './estimate.ts'

/** What the gateway must know of a request; the body itself is passed on as it came. */
export interface ParsedRequest {
  readonly endpoint: Endpoint
  readonly body: Buffer
  readonly model: string
  readonly streamed: boolean
  /** The most that a service may produce by the caller's own limits (all choices), or null when there is none. */
  readonly maximumOutputTokens: number | null
  /** False for embeddings: nothing is produced. */
  readonly producesOutput: boolean
  readonly choices: number
  readonly input: InputMeasure
  /** The field that keeps it from running on a system key (unpriced.ts), or null. */
  readonly unpriced: string | null
  /** The caller asked for the usage event of a stream; where we asked in its place, the event is taken out again. */
  readonly wantsUsageEvent: boolean
}

/** What must differ in the body that one attempt sends. */
export interface BodyChanges {
  readonly model: string
  /** Set only where we limit what the caller left open. */
  readonly maximumOutputTokens: number | null
  /** The service's name of that limit. */
  readonly outputLimitField: string
}

/** What one event of a stream means. `end` and `error` are the last; `usage` is left out for callers who did not ask. */
export type EventKind = 'content' | 'other' | 'usage' | 'end' | 'error'

/** Watches a stream in its own dialect; the bytes stay untouched. */
export interface StreamTap {
  /** The kinds of whole events: the first from 0 to `ends[0]`, the next from there, and so on. */
  classify(text: Buffer, ends: readonly number[]): EventKind[]
  /** Null until the service has reported any. */
  reported(): TokenUsage | null
}

export interface Codec {
  parse(endpoint: Endpoint, body: Buffer): Outcome<ParsedRequest>
  bodyFor(request: ParsedRequest, changes: BodyChanges): Buffer
  makeTap(): StreamTap
  /** Usage of a whole JSON reply; null when it reports none. */
  usageOf(reply: Buffer): TokenUsage | null
  /** The dialect's own error shape. */
  errorBody(fault: Fault, operationId: string): string
  /** The same as an event within a stream. */
  errorEvent(fault: Fault, operationId: string): string
}
