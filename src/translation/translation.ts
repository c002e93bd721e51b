import { type Fault, fault } from '../kit/fault.ts'
import type { Endpoint, KeySettings, Service } from '../services/service.ts'

export interface TranslationRequest {
  readonly endpoint: Endpoint
  readonly body: Buffer
  readonly contentType: string
  readonly streamed: boolean
  readonly wantsUsageEvent: boolean
  readonly service: Service
  /** The service's own name. */
  readonly model: string
  readonly requestedModel: string
  readonly baseUrl: string
  readonly settings: KeySettings
  readonly maximumOutputTokens: number | null
  readonly operationId: string
  /** Adds the credentials, guards the way out. */
  readonly fetch: typeof globalThis.fetch
  readonly signal: AbortSignal
  readonly maximumBytes: number
}

export type TranslationResult =
  /** In the caller's dialect. An iterable that throws is a broken stream. */
  | {
      readonly kind: 'reply'
      readonly contentType: string
      readonly notCarried: readonly string[]
      readonly body: Buffer | AsyncIterable<Buffer>
    }
  | { readonly kind: 'refused'; readonly fault: Fault }
  /** What the service said, for its own reader of failures; a null status: nothing came back. */
  | {
      readonly kind: 'failed'
      readonly status: number | null
      readonly headers: Readonly<Record<string, string>>
      readonly body: string
    }

export const canTranslate = (_endpoint: Endpoint, _service: Service): boolean => false

export const translate = async (_request: TranslationRequest): Promise<TranslationResult> => ({
  kind: 'refused',
  fault: fault('unknown_route'),
})
