import type { Usage } from '../metering/usage.ts'
import { findService } from '../services/registry.ts'
import type { KeyFailure, Service } from '../services/service.ts'
import { anthropicBatchTracker, openaiBatchTracker } from './batch-task.ts'
import type { LongOperation } from './long-operation.ts'
import { midjourneyTracker } from './midjourney-task.ts'
import { videoTracker } from './video-task.ts'

/** What a service's answer about a task means. */
export type Answer =
  | {
      readonly kind: 'task'
      readonly state: 'submitted' | 'running' | 'succeeded' | 'failed' | 'cancelled'
      /** Per cent. */
      readonly progress: number
      /** In the service's words. */
      readonly failure: string | null
      readonly said: Readonly<Record<string, unknown>>
      /** Where the service counts it at the end. Absent: what was agreed on when it began. */
      readonly usage?: Usage
    }
  /** The service does not know it, or not any more. */
  | { readonly kind: 'unknown_task' }
  /** It could not be asked now. */
  | { readonly kind: 'no_answer'; readonly about: KeyFailure | null }

export interface Question {
  readonly method: 'GET'
  readonly path: string
  readonly headers?: Readonly<Record<string, string>>
}

/** How a service is asked about what it was given to do. */
export interface Tracker {
  readonly ask: (externalId: string, service: Service) => Question
  readonly read: (externalId: string, status: number, body: string) => Answer
  /** Where what a finished one used must be read out of what it made; null: its answer told already, or nothing can. */
  readonly results?: (
    answer: Extract<Answer, { kind: 'task' }>,
    externalId: string,
    service: Service,
  ) => Question | null
  readonly readResults?: (body: string) => Usage | null
  /** Absent: the service cannot stop what it has begun. */
  readonly cancel?: (
    externalId: string,
    service: Service,
  ) => {
    readonly method: 'POST'
    readonly path: string
    readonly headers?: Readonly<Record<string, string>>
  }
  /** From submission on; no task takes longer at this service unless it is lost. */
  readonly deadlineMs: number
  /** What webhooks tell of it. */
  readonly view: (operation: LongOperation) => Record<string, unknown>
}

export type TrackerKind = 'midjourney' | 'video' | 'openai_batch' | 'anthropic_batch'

export const trackers: Readonly<Record<TrackerKind, Tracker>> = {
  midjourney: midjourneyTracker,
  video: videoTracker,
  openai_batch: openaiBatchTracker,
  anthropic_batch: anthropicBatchTracker,
}

export const serviceOf = ({ serviceId }: Pick<LongOperation, 'serviceId'>): Service => {
  const service = findService(serviceId)
  if (service === undefined) throw new Error(`${serviceId} is no service`)
  return service
}
