import type { Transaction } from 'kysely'
import type { Schema } from '../db/schema.ts'
import type { RotationAttempt } from './attempt.ts'
import type { DriverReply } from './driver.ts'
import type { RotationEvent } from './machine.ts'

/** What an effect came to; `within` belongs to the transaction that moves the attempt on. */
export interface Performed {
  readonly event: RotationEvent
  readonly within?: (transaction: Transaction<Schema>, next: RotationAttempt) => Promise<void>
  /** It changes what gateways know. */
  readonly isChange?: true
}

/** A key that was not found, although its making may have been asked for, is looked for again after this. */
export const lookAgainAfterMs = 5 * 60_000

export const actor = { kind: 'gateway', id: null } as const

/** A driver that throws has told nothing. */
export const called = async <T>(call: () => Promise<DriverReply<T>>): Promise<DriverReply<T>> => {
  try {
    return await call()
  } catch {
    return { kind: 'unknown', message: 'The call failed here before its outcome was known.' }
  }
}

/** The events that every call may come to but a good one. */
export const failed = (reply: Exclude<DriverReply<unknown>, { kind: 'done' }>): RotationEvent =>
  reply.kind === 'unknown'
    ? { kind: 'unknown', message: reply.message }
    : {
        kind: 'refused',
        reason: reply.reason,
        message: reply.message,
        ...(reply.retryAfterSeconds === undefined ? {} : { seconds: reply.retryAfterSeconds }),
      }
