import type { Outcome } from '../kit/fault.ts'
import type { StreamRecord } from './record.ts'

/** A place that the audit trail is streamed to. */
export interface Sink {
  /** What it is known by, also to the next process: its reference without what may be secret. */
  readonly name: string
  readonly kind: 'file' | 'stdout' | 'syslog' | 'webhook'
  /** The most records of a delivery. */
  readonly batchSize: number
  /**
   * Resolves with success when whoever is at the other end has all of them, as far as its protocol can tell. They are of
   * one organization and in order. Nothing is thrown.
   */
  deliver(records: readonly StreamRecord[]): Promise<Outcome<void>>
}
