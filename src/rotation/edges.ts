import type { RotationState } from '../contract/rotation.ts'
import type { RotationAttempt } from './attempt.ts'
import type { Effect, EventKind, EventOf, Facts, Step } from './events.ts'
import { stay, tryAgain, refusedLater, startRollBack, giveUp, overtaken } from './transitions.ts'

export interface Edge<Kind extends EventKind> {
  readonly to: readonly RotationState[]
  readonly step: (attempt: RotationAttempt, event: EventOf<Kind>, facts: Facts) => Step
}
export interface Row {
  readonly effect: Effect | null
  readonly on: { readonly [Kind in EventKind]?: Edge<Kind> }
}

export const waits: Edge<'wait'>['step'] = (attempt, event, facts) =>
  stay(attempt, facts, event.seconds, event.message)
export const again: Edge<'unknown'>['step'] = (attempt, event, facts) =>
  tryAgain(attempt, facts, event.message)

export const abandonable = { abandon: { to: ['cleaning'], step: giveUp } } as const
export const supersedable = { superseded: { to: ['cleaning'], step: overtaken } } as const
export const canRollBack = { roll_back: { to: ['rolling_back'], step: startRollBack } } as const
export const waiting = (state: RotationState) => ({ wait: { to: [state], step: waits } }) as const
export const repeatable = (state: RotationState) =>
  ({
    unknown: { to: [state, 'needs_human'], step: again },
    refused: { to: [state, 'needs_human'], step: refusedLater },
  }) as const
