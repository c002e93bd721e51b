import { parseObject } from '../dialects/request.ts'
import type { Endpoint, KeySettings, Service } from '../services/service.ts'
import { chatSides, translateChat } from './chat.ts'
import { type Unsuccessful, unsuccessful } from './failure.ts'
import { makeNotes } from './notes.ts'

export interface TranslationRequest {
  readonly endpoint: Endpoint
  readonly body: Buffer
  readonly contentType: string
  readonly streamed: boolean
  readonly wantsUsageEvent: boolean
  readonly service: Service
  /** The service's own name. */
  readonly model: string
  /** As the caller wrote it. */
  readonly requestedModel: string
  readonly baseUrl: string
  readonly settings: KeySettings
  /** Of ours, where the caller left it open or asked for more than is set aside. */
  readonly maximumOutputTokens: number | null
  readonly operationId: string
  /** Adds credentials, guards and timeouts. */
  readonly fetch: typeof globalThis.fetch
  readonly signal: AbortSignal
  readonly maximumBytes: number
}

/** A reply in the caller's dialect, as a service that speaks it would send it. */
export interface Translated {
  readonly contentType: string
  /** An iterable that throws is a stream that broke. */
  readonly body: Buffer | AsyncIterable<Buffer>
  /**
   * Once the body has ended: the service reported no usage. What the reply says of it then, in dialects that cannot say
   * nothing, is an estimate.
   */
  readonly usageUnknown?: () => boolean
}

export type TranslationResult =
  | ({ readonly kind: 'reply'; readonly notCarried: readonly string[] } & Translated)
  | Unsuccessful

export const canTranslate = (endpoint: Endpoint, { translation }: Service): boolean =>
  translation?.language !== undefined && chatSides[endpoint] !== undefined

/** Serves a request at a service that does not speak its dialect. */
export const translate = async (request: TranslationRequest): Promise<TranslationResult> => {
  const notes = makeNotes()
  try {
    const body = parseObject(request.body)
    if (!body.ok) return { kind: 'refused', fault: body.fault }
    const reply = await translateChat(request, body.value, notes)
    return { kind: 'reply', notCarried: [...notes.listed], ...reply }
  } catch (error) {
    return unsuccessful(error)
  }
}
