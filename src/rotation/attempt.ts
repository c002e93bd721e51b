import type { RotationMode, RotationState } from '../contract/rotation.ts'
import type { CrashClass, RemoteKey } from './driver.ts'

/** One rotation of one key, as its row has it. */
export interface RotationAttempt {
  readonly organizationId: string
  readonly id: string
  readonly serviceKeyId: string
  readonly serviceId: string
  readonly driverId: string
  readonly crashClass: CrashClass
  readonly mode: RotationMode
  readonly trigger: 'schedule' | 'person' | 'breach'
  readonly state: RotationState
  /** Where it goes on after a person has helped, or after what it made has been cleaned away. */
  readonly resumeState: RotationState | null
  readonly stateSince: Date
  readonly fromVersion: number
  readonly toVersion: number | null
  readonly tries: number
  /** In a row, within the state. */
  readonly failures: number
  readonly name: string | null
  readonly prepared: Readonly<Record<string, string>>
  readonly intendedAt: Date | null
  /** The fence under which the intent was recorded, or the secret is in hand: nobody else may go on from there. */
  readonly heldBy: bigint | null
  readonly scope: string | null
  readonly oldRemote: RemoteKey | null
  readonly newRemote: RemoteKey | null
  readonly oldIsGone: boolean
  readonly overlapSeconds: number
  readonly promotedAt: Date | null
  readonly overlapUntil: Date | null
  readonly barrierEpoch: bigint | null
  readonly drainSince: Date | null
  readonly quietAt: Date | null
  readonly inFlight: number | null
  readonly message: string | null
  readonly nextStep: string | null
  readonly reason: string | null
  readonly createdBy: string | null
  readonly createdAt: Date
  readonly endedAt: Date | null
  /** When the worker looks at it again; null: when a person has done something. */
  readonly nextAt: Date | null
  readonly reminders: number
  /** Goes up with every claim and every command. */
  readonly fence: bigint
}

export type AttemptPatch = Partial<
  Omit<RotationAttempt, 'organizationId' | 'id' | 'serviceKeyId' | 'serviceId' | 'fence' | 'createdAt'>
>

/** Unique for ever, and within what every service takes as a name or an id. */
export const nameOfTry = (attemptId: string, tries: number): string =>
  `aideon-${attemptId.replaceAll('-', '')}-${tries}`
