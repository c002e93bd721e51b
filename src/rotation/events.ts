import type { RotationState } from '../contract/rotation.ts'
import type { AttemptPatch } from './attempt.ts'
import type { RefusalReason, RemoteKey } from './driver.ts'

/** What the worker does in a state. */
export type Effect =
  | 'prepare'
  | 'create'
  | 'find'
  | 'store'
  | 'prove'
  | 'promote'
  | 'acknowledge'
  | 'inspect'
  | 'disable'
  | 'pause'
  | 'revoke'
  | 'clean'
  | 'withdraw'
  | 'restore'
  | 'leave'

export type RotationEvent =
  | {
      readonly kind: 'prepared'
      readonly name: string
      readonly scope: string
      readonly prepared: Readonly<Record<string, string>>
      readonly oldRemote: RemoteKey | null
    }
  /** Nothing can be made over an API: a person is asked. */
  | { readonly kind: 'cannot_create'; readonly message: string; readonly oldRemote: RemoteKey | null }
  /** Not now: its lane or its account is busy with another one. */
  | { readonly kind: 'wait'; readonly seconds: number; readonly message: string | null }
  | {
      readonly kind: 'refused'
      readonly reason: RefusalReason
      readonly message: string
      readonly seconds?: number
    }
  | { readonly kind: 'unknown'; readonly message: string }
  | { readonly kind: 'created'; readonly remote: RemoteKey }
  /** Somebody else recorded the intent, or had the secret in hand, and is gone. */
  | { readonly kind: 'taken_over' }
  | { readonly kind: 'recovered'; readonly remote: RemoteKey }
  | { readonly kind: 'orphaned'; readonly count: number }
  | { readonly kind: 'absent' }
  | { readonly kind: 'ambiguous'; readonly message: string }
  | { readonly kind: 'stored'; readonly version: number }
  | { readonly kind: 'not_stored'; readonly message: string }
  | { readonly kind: 'proven' }
  | { readonly kind: 'rejected'; readonly message: string }
  | { readonly kind: 'promoted' }
  | { readonly kind: 'acknowledged'; readonly barrierEpoch: bigint }
  | { readonly kind: 'in_use'; readonly inFlight: number; readonly message: string; readonly quiet: boolean }
  | { readonly kind: 'drained' }
  /** The service refuses the new version in use. */
  | { readonly kind: 'ailing'; readonly message: string }
  | { readonly kind: 'disabled' }
  | { readonly kind: 'paused' }
  | { readonly kind: 'revoked' }
  | { readonly kind: 'cleaned' }
  | { readonly kind: 'withdrawn' }
  | { readonly kind: 'restored' }
  | { readonly kind: 'left' }
  /** The key was revoked or replaced by hand. */
  | { readonly kind: 'superseded'; readonly message: string }
  | { readonly kind: 'new_secret'; readonly version: number }
  | { readonly kind: 'roll_back'; readonly reason: string }
  | { readonly kind: 'retry' }
  | { readonly kind: 'abandon'; readonly reason: string }
  | { readonly kind: 'confirm' }
  /** A rotation that is under way becomes an urgent one. */
  | { readonly kind: 'breach'; readonly reason: string }
export type EventKind = RotationEvent['kind']
export type EventOf<Kind extends EventKind> = Extract<RotationEvent, { kind: Kind }>

/** What the driver and its credential allow. */
export interface Abilities {
  readonly create: boolean
  readonly find: boolean
  readonly disable: boolean
  readonly revoke: boolean
  readonly settleSeconds: number
  readonly propagationSeconds: number
}

export interface Facts {
  readonly abilities: Abilities
  readonly now: Date
  /** Whoever acts. */
  readonly fence: bigint
}

export interface Step {
  readonly state: RotationState
  readonly patch: AttemptPatch
  /** What happened, for a person. */
  readonly text: string
}
