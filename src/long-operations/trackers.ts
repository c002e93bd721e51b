import type { KeyFailure } from '../services/service.ts'
import { midjourneyTracker } from './midjourney-task.ts'

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
    }
  /** The service does not know it, or not any more. */
  | { readonly kind: 'unknown_task' }
  /** It could not be asked now. */
  | { readonly kind: 'no_answer'; readonly about: KeyFailure | null }

/** How a service is asked about what it was given to do. */
export interface Tracker {
  readonly ask: (externalId: string) => { readonly method: 'GET'; readonly path: string }
  readonly read: (externalId: string, status: number, body: string) => Answer
  /** Absent: the service cannot stop what it has begun. */
  readonly cancel?: (externalId: string) => { readonly method: 'POST'; readonly path: string }
  /** From submission on; no task takes longer at this service unless it is lost. */
  readonly deadlineMs: number
}

export type TrackerKind = 'midjourney'

export const trackers: Readonly<Record<TrackerKind, Tracker>> = { midjourney: midjourneyTracker }
