import type { KeyOwner } from '../policy/control.ts'
import type { OperationRecord } from '../metering/operation.ts'
import type { Units } from '../metering/usage.ts'
import type { TrackerKind } from './trackers.ts'

/** `unresolved`: not seen to end in time. It is asked about once more, then given back and left to reconciliation. */
export type LongOperationState = 'submitted' | 'running' | 'succeeded' | 'failed' | 'unresolved' | 'cancelled'

/** What the record needs and is known from the beginning. */
export interface Draft
  extends Pick<
    OperationRecord,
    'endpoint' | 'requestedModel' | 'model' | 'keyPriority' | 'reason' | 'decision' | 'priceBookVersion'
  > {
  /** Null on own keys of users who have no credit account. */
  readonly accountId: string | null
  /** Left out by those that began before there were teams. */
  readonly teamId?: string | null
  readonly attempts: readonly unknown[]
  readonly startedAt: string
  readonly firstByteMs: number | null
}

/** An operation that its service goes on with after it has answered. */
export interface LongOperation {
  readonly organizationId: string
  /** The operation's, and the hold's. */
  readonly id: string
  readonly userId: string
  readonly accessTokenId: string
  readonly serviceId: string
  readonly serviceKeyId: string
  readonly keyOwner: KeyOwner
  /** The service's name of it. */
  readonly externalId: string
  /** The caller's: the same, unless two servers gave this caller the same. */
  readonly publicId: string
  readonly kind: TrackerKind
  readonly action: string
  readonly parentId: string | null
  readonly state: LongOperationState
  readonly progress: number
  readonly failure: string | null
  /** What the service last said of it. */
  readonly said: Readonly<Record<string, unknown>> | null
  readonly webhookUrl: string | null
  readonly draft: Draft
  readonly units: Units
  /** The price that was agreed on when it began. */
  readonly costNanoUsd: bigint | null
  readonly chargeMicros: bigint
  readonly heldMicros: bigint
  readonly submittedAt: Date
  readonly deadlineAt: Date
  readonly lastAskedAt: Date | null
  readonly failedAsks: number
  readonly nextAskAt: Date
  readonly endedAt: Date | null
}

/** Who reads or follows up. Another's operation is not found. */
export interface Owner {
  readonly organizationId: string
  readonly userId: string
}

export const isOver = ({ endedAt }: Pick<LongOperation, 'endedAt'>): boolean => endedAt !== null
