import type { Fault, Outcome } from '../kit/fault.ts'
import type { Units, Usage } from '../metering/usage.ts'
import type { Endpoint } from '../services/service.ts'
import type { InputMeasure } from './estimate.ts'

/** A request as it came in. */
export interface RequestSource {
  readonly endpoint: Endpoint
  readonly body: Buffer
  /** The header's whole value; multipart bodies need the boundary in it. */
  readonly contentType: string
  /** Of dialects that name the model in the path. */
  readonly pathModel: string | null
}

/** What the gateway must know of a request; the body itself is passed on as it came. */
export interface ParsedRequest {
  readonly endpoint: Endpoint
  readonly body: Buffer
  /** What the body is sent on as. */
  readonly contentType: string
  readonly model: string
  readonly streamed: boolean
  /** The most that a service may produce by the caller's own limits (all choices), or null when there is none. */
  readonly maximumOutputTokens: number | null
  /** False where no text is produced: embeddings, images, speech, … */
  readonly producesOutput: boolean
  readonly choices: number
  readonly input: InputMeasure
  /** The most it can cost beside text tokens; null: nothing. A hold covers them. */
  readonly mostUnits: Units | null
  /** About what it uses beside text tokens, for where the service does not come to say so. Absent: nothing. */
  readonly likelyUnits?: Units
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
  /** The service knows no request for usage on streams. */
  readonly noStreamOptions: boolean
}

/** What one event of a stream means. `end` and `error` are the last; `usage` is left out for callers who did not ask. */
export type EventKind = 'content' | 'other' | 'usage' | 'end' | 'error'

/** Watches a stream in its own dialect; the bytes stay untouched. */
export interface StreamTap {
  /** The kinds of whole events: the first from 0 to `ends[0]`, the next from there, and so on. */
  classify(text: Buffer, ends: readonly number[]): EventKind[]
  /** Null until the service has reported any. */
  reported(): Usage | null
  /**
   * The dialect marks no end: a connection that closes cleanly after this event kind is whole. Absent: a stream without an
   * `end` event was cut.
   */
  endsWithConnection?(): boolean
}

/** A whole reply. */
export interface WholeReply {
  readonly body: Buffer
  readonly contentType: string
}

/** What the gateway must understand of one endpoint. */
export interface Codec {
  parse(source: RequestSource): Outcome<ParsedRequest>
  bodyFor(request: ParsedRequest, changes: BodyChanges): Buffer
  /** What a whole reply may be, by its content type. */
  readonly reply: 'json' | 'audio' | 'json_or_text' | 'any'
  makeTap(request: ParsedRequest): StreamTap
  /** Usage of a whole reply; null when it reports none and the request does not tell either. */
  usageOf(reply: WholeReply, request: ParsedRequest): Usage | null
  /** A failure as an event within a stream. */
  errorEvent(fault: Fault, operationId: string): string
}
