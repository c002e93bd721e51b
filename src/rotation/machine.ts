import type { RotationCommand, RotationState } from '../contract/rotation.ts'
import { failure, type Outcome, success } from '../kit/fault.ts'
import type { AttemptPatch, RotationAttempt } from './attempt.ts'
import type { RefusalReason, RemoteKey } from './driver.ts'

/**
 * Rotation as a table: in each state the worker does one thing, its effect, and what came of it is an event that leads
 * to the next state. Pure: nothing here waits, reads or writes. docs/rotation.md draws it; the crash tests stop the
 * worker at every edge of this table.
 */
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
type EventOf<Kind extends EventKind> = Extract<RotationEvent, { kind: Kind }>

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

interface Edge<Kind extends EventKind> {
  readonly to: readonly RotationState[]
  readonly step: (attempt: RotationAttempt, event: EventOf<Kind>, facts: Facts) => Step
}
interface Row {
  readonly effect: Effect | null
  readonly on: { readonly [Kind in EventKind]?: Edge<Kind> }
}

/** Failures in a row that are put right by trying again; then a person is asked. */
const patience = 10
const longestWaitSeconds = 600
/** Between two questions whether a version is still in use, or a new key has arrived. */
const pollSeconds = 5
const longestPauseSeconds = 86_400

const after = (now: Date, seconds: number): Date => new Date(now.getTime() + seconds * 1000)
export const backoffSeconds = (failures: number): number =>
  Math.min(longestWaitSeconds, pollSeconds * 2 ** Math.min(failures, 10))

/** On with it, at once. */
const go = (state: RotationState, text: string, patch: AttemptPatch = {}): Step => ({
  state,
  text,
  patch: { message: null, nextStep: null, failures: 0, ...patch },
})

const stay = (attempt: RotationAttempt, facts: Facts, seconds: number, message: string | null): Step => ({
  state: attempt.state,
  text: message ?? 'Waits.',
  patch: { nextAt: after(facts.now, seconds), message },
})

const tryAgain = (attempt: RotationAttempt, facts: Facts, message: string, seconds?: number): Step =>
  attempt.failures + 1 >= patience
    ? ask(attempt.state, `${message} This went on for ${patience} tries.`, 'Mend what is wrong, then retry.')
    : {
        state: attempt.state,
        text: message,
        patch: {
          failures: attempt.failures + 1,
          nextAt: after(facts.now, Math.max(seconds ?? 0, backoffSeconds(attempt.failures))),
          message,
        },
      }

/** A person has to look. `resume`: where `retry` goes on. */
const ask = (resume: RotationState, message: string, nextStep: string, patch: AttemptPatch = {}): Step => ({
  state: 'needs_human',
  text: message,
  patch: { resumeState: resume, message, nextStep, nextAt: null, failures: 0, scope: null, ...patch },
})

const askForSecret = (message: string, patch: AttemptPatch = {}): Step => ({
  state: 'asked',
  text: message,
  patch: {
    message,
    nextStep: 'Make a new key at the service and paste it here.',
    nextAt: null,
    failures: 0,
    scope: null,
    ...patch,
  },
})

const end = (
  state: 'done' | 'rolled_back' | 'failed_safe' | 'abandoned',
  now: Date,
  text: string,
  patch: AttemptPatch = {},
): Step => ({
  state,
  text,
  patch: {
    endedAt: now,
    nextAt: null,
    nextStep: null,
    message: null,
    inFlight: null,
    scope: null,
    ...patch,
  },
})

/** What has been made goes; then `resume`. */
const clean = (
  resume: RotationState,
  message: string | null,
  text: string,
  patch: AttemptPatch = {},
): Step => ({
  state: 'cleaning',
  text,
  patch: { resumeState: resume, message, nextStep: null, failures: 0, heldBy: null, ...patch },
})

/** The old version is used by nobody: away with it, as far as that can be done from here. */
const dispose = ({ oldIsGone, oldRemote, mode }: RotationAttempt, { abilities, now }: Facts): Step => {
  if (oldIsGone) return end('done', now, 'The old key is gone already.')
  if (oldRemote !== null && abilities.disable && mode === 'normal')
    return go('disabling', 'Nobody uses the old key any more: it is switched off at the service.', {
      nextAt: now,
    })
  if (oldRemote !== null && abilities.revoke)
    return go('revoking', 'The old key is revoked at the service.', { nextAt: now })
  if (oldRemote !== null && abilities.disable)
    return go('disabling', 'The old key is switched off at the service.', { nextAt: now })
  return {
    state: 'confirming',
    text: 'Nobody uses the old key here any more.',
    patch: {
      message: 'The service has no API to delete the old key, or it is not known which one it is.',
      nextStep: 'Delete the old key at the service, then confirm.',
      nextAt: null,
      failures: 0,
    },
  }
}

/** Of a key that could not be replaced at once in breach mode: it is out of use here, now at the service. */
const disposeWithdrawn = (attempt: RotationAttempt, { abilities, now }: Facts): Step => {
  const { oldRemote } = attempt
  if (oldRemote !== null && abilities.revoke)
    return go('revoking', 'Out of use here; it is revoked at the service.', { nextAt: now })
  if (oldRemote !== null && abilities.disable)
    return go('disabling', 'Out of use here; it is switched off at the service.', { nextAt: now })
  return askForSecret('The key is out of use here. Delete it at the service now: we cannot.')
}

const refusedAtCreation = (attempt: RotationAttempt, event: EventOf<'refused'>, facts: Facts): Step => {
  const { reason, message, seconds } = event
  const fresh = { scope: null, heldBy: null }
  if (attempt.mode === 'breach' && reason !== 'limited' && reason !== 'not_sent')
    return go('withdrawing', `${message} The key is taken out of use at once.`, {
      nextAt: facts.now,
      ...fresh,
    })
  if (reason === 'limited' || reason === 'not_sent') {
    const again = tryAgain(attempt, facts, message, seconds)
    return again.state === 'needs_human'
      ? { ...again, patch: { ...again.patch, resumeState: 'scheduled', heldBy: null } }
      : { ...again, state: 'scheduled', patch: { ...again.patch, ...fresh } }
  }
  return ask('scheduled', message, nextOfRefusal[reason], fresh)
}

const nextOfRefusal: Record<RefusalReason, string> = {
  credential: 'Set a credential that may do this, then retry.',
  cap: 'Delete a key that is not needed at the service, then retry.',
  limited: 'Retry later.',
  not_sent: 'See whether the service can be reached, then retry.',
  invalid: 'See what the service objects to, then retry, or abandon.',
}

const refusedLater = (attempt: RotationAttempt, event: EventOf<'refused'>, facts: Facts): Step => {
  const { reason, message, seconds } = event
  return reason === 'credential' || reason === 'invalid' || reason === 'cap'
    ? ask(attempt.state, message, nextOfRefusal[reason])
    : tryAgain(attempt, facts, message, seconds)
}

/** The secret was in somebody else's hands. */
const lostSecret = (attempt: RotationAttempt, { now }: Facts, message: string): Step => {
  if (attempt.crashClass === 'recoverable')
    return go('recovering', `${message} It is read again.`, { nextAt: now, heldBy: null })
  if (attempt.crashClass === 'orphan_detectable')
    return clean('scheduled', message, `${message} The key is deleted and another one made.`, { nextAt: now })
  return ask(
    'scheduled',
    `${message} A key exists at the service that nobody has the secret of.`,
    'Delete that key at the service, then retry.',
    { heldBy: null },
  )
}

const startRollBack = (_: RotationAttempt, event: EventOf<'roll_back'>, { now }: Facts): Step =>
  go('rolling_back', 'Goes back to the old version.', { reason: event.reason, nextAt: now })

const giveUp = (attempt: RotationAttempt, event: EventOf<'abandon'>, { now }: Facts): Step =>
  clean('abandoned', event.reason, 'Given up; what it made is deleted.', {
    reason: event.reason,
    nextAt: attempt.nextAt ?? now,
  })

const overtaken = (_: RotationAttempt, event: EventOf<'superseded'>, { now }: Facts): Step =>
  clean('abandoned', event.message, event.message, { nextAt: now })

const waits: Edge<'wait'>['step'] = (attempt, event, facts) =>
  stay(attempt, facts, event.seconds, event.message)
const again: Edge<'unknown'>['step'] = (attempt, event, facts) => tryAgain(attempt, facts, event.message)

const hurry = (attempt: RotationAttempt, event: EventOf<'breach'>, { now }: Facts): Step => ({
  state: attempt.state,
  text: 'Goes on as after a breach: the old key is revoked at once.',
  patch: { mode: 'breach', reason: event.reason, overlapUntil: now, nextAt: now },
})

/** Nothing has been made yet that could take over. */
const takeOut = (_: RotationAttempt, event: EventOf<'breach'>, { now }: Facts): Step =>
  go('withdrawing', 'The key is taken out of use at once.', {
    mode: 'breach',
    reason: event.reason,
    nextAt: now,
  })

const urgent = (state: RotationState) => ({ breach: { to: [state], step: hurry } }) as const
const abandonable = { abandon: { to: ['cleaning'], step: giveUp } } as const
const supersedable = { superseded: { to: ['cleaning'], step: overtaken } } as const
const canRollBack = { roll_back: { to: ['rolling_back'], step: startRollBack } } as const
const waiting = (state: RotationState) => ({ wait: { to: [state], step: waits } }) as const
const repeatable = (state: RotationState) =>
  ({
    unknown: { to: [state, 'needs_human'], step: again },
    refused: { to: [state, 'needs_human'], step: refusedLater },
  }) as const

export const machine: Record<RotationState, Row> = {
  scheduled: {
    effect: 'prepare',
    on: {
      prepared: {
        to: ['intended'],
        step: (attempt, event, { now, fence }) =>
          go('intended', `Intends to make a key named ${event.name}.`, {
            name: event.name,
            scope: event.scope,
            prepared: event.prepared,
            oldRemote: event.oldRemote ?? attempt.oldRemote,
            newRemote: null,
            tries: attempt.tries + 1,
            failures: attempt.failures,
            intendedAt: now,
            heldBy: fence,
            nextAt: now,
          }),
      },
      cannot_create: {
        to: ['asked', 'withdrawing'],
        step: (attempt, event, { now }) => {
          const known = { oldRemote: event.oldRemote ?? attempt.oldRemote }
          return attempt.mode === 'breach'
            ? go('withdrawing', `${event.message} The key is taken out of use at once.`, {
                ...known,
                nextAt: now,
              })
            : askForSecret(event.message, known)
        },
      },
      refused: { to: ['scheduled', 'needs_human', 'withdrawing'], step: refusedAtCreation },
      unknown: { to: ['scheduled', 'needs_human'], step: again },
      ...waiting('scheduled'),
      ...urgent('scheduled'),
      ...abandonable,
      ...supersedable,
    },
  },
  intended: {
    effect: 'create',
    on: {
      created: {
        to: ['created'],
        step: (_, event, { now }) =>
          go('created', `The service made the key ${event.remote.id}.`, {
            newRemote: event.remote,
            scope: null,
            nextAt: now,
          }),
      },
      unknown: {
        to: ['recovering'],
        step: (_, event, { now }) =>
          go('recovering', `${event.message} Whether a key was made is found out.`, {
            nextAt: now,
            heldBy: null,
          }),
      },
      taken_over: {
        to: ['recovering'],
        step: (_, __, { now }) =>
          go('recovering', 'The worker that was to make the key is gone. Whether it did is found out.', {
            nextAt: now,
            heldBy: null,
          }),
      },
      refused: { to: ['scheduled', 'needs_human', 'withdrawing'], step: refusedAtCreation },
      ...abandonable,
    },
  },
  recovering: {
    effect: 'find',
    on: {
      recovered: {
        to: ['created'],
        step: (_, event, { now, fence }) =>
          go('created', `The key ${event.remote.id} was found, and its secret read.`, {
            newRemote: event.remote,
            scope: null,
            heldBy: fence,
            nextAt: now,
          }),
      },
      orphaned: {
        to: ['cleaning'],
        step: (_, event, { now }) =>
          clean('scheduled', null, `${event.count} key(s) of this attempt exist whose secret is lost.`, {
            nextAt: now,
          }),
      },
      absent: {
        to: ['recovering', 'scheduled'],
        step: (attempt, _, { abilities, now }) => {
          const sureAt = after(attempt.stateSince, abilities.settleSeconds)
          return now < sureAt
            ? {
                state: 'recovering',
                text: 'Nothing was found yet.',
                patch: {
                  nextAt: earlier(after(now, pollSeconds), sureAt),
                  message: 'Nothing was found so far; the service may lag behind.',
                },
              }
            : go('scheduled', 'No key was made. Another one is tried.', {
                nextAt: now,
                scope: null,
                failures: attempt.failures,
              })
        },
      },
      ambiguous: {
        to: ['needs_human'],
        step: (_, event) =>
          ask('scheduled', event.message, 'Delete what should not exist at the service, then retry.'),
      },
      ...repeatable('recovering'),
      ...abandonable,
    },
  },
  created: {
    effect: 'store',
    on: {
      stored: {
        to: ['stored'],
        step: (_, event, { now }) =>
          go('stored', `Sealed as version ${event.version}.`, {
            toVersion: event.version,
            heldBy: null,
            nextAt: now,
          }),
      },
      not_stored: {
        to: ['recovering', 'cleaning', 'needs_human'],
        step: (attempt, event, facts) => {
          const lost = lostSecret(attempt, facts, event.message)
          return {
            ...lost,
            patch: { ...lost.patch, nextAt: lost.patch.nextAt ? after(facts.now, 60) : null },
          }
        },
      },
      taken_over: {
        to: ['recovering', 'cleaning', 'needs_human'],
        step: (attempt, _, facts) =>
          lostSecret(attempt, facts, 'The worker that had the secret in hand is gone.'),
      },
      rejected: {
        to: ['cleaning'],
        step: (_, event, { now }) => clean('failed_safe', event.message, event.message, { nextAt: now }),
      },
      ...abandonable,
      ...supersedable,
    },
  },
  stored: {
    effect: 'prove',
    on: {
      proven: {
        to: ['proven'],
        step: (_, __, { now }) => go('proven', 'The service accepts the new key.', { nextAt: now }),
      },
      rejected: {
        to: ['stored', 'cleaning'],
        step: (attempt, event, { abilities, now }) => {
          const until = after(attempt.stateSince, abilities.propagationSeconds)
          if (now < until)
            return {
              state: 'stored',
              text: event.message,
              patch: { nextAt: earlier(after(now, pollSeconds), until), message: event.message },
            }
          const resume =
            attempt.crashClass === 'assisted' || attempt.newRemote === null
              ? 'asked'
              : attempt.mode === 'breach'
                ? 'withdrawing'
                : 'failed_safe'
          return clean(resume, event.message, `${event.message} It is not used.`, { nextAt: now })
        },
      },
      ...repeatable('stored'),
      ...waiting('stored'),
      ...urgent('stored'),
      ...abandonable,
      ...supersedable,
    },
  },
  proven: {
    effect: 'promote',
    on: {
      ...urgent('proven'),
      promoted: {
        to: ['promoted'],
        step: (attempt, _, { now }) =>
          go('promoted', `Version ${attempt.toVersion} is in use.`, {
            promotedAt: now,
            overlapUntil: after(now, attempt.mode === 'breach' ? 0 : attempt.overlapSeconds),
            nextAt: now,
          }),
      },
      rejected: {
        to: ['cleaning'],
        step: (_, event, { now }) => clean('failed_safe', event.message, event.message, { nextAt: now }),
      },
      ...abandonable,
      ...supersedable,
    },
  },
  promoted: {
    effect: 'acknowledge',
    on: {
      ...urgent('promoted'),
      acknowledged: {
        to: ['draining', 'disabling', 'revoking', 'confirming', 'done'],
        step: (attempt, event, facts) => {
          const known = { barrierEpoch: event.barrierEpoch, drainSince: facts.now }
          if (attempt.mode === 'breach') {
            const gone = dispose(attempt, facts)
            return { ...gone, patch: { ...known, ...gone.patch } }
          }
          return go('draining', 'Every process uses the new version; the old one stays for the overlap.', {
            ...known,
            nextAt: facts.now,
          })
        },
      },
      ...waiting('promoted'),
      ...canRollBack,
    },
  },
  draining: {
    effect: 'inspect',
    on: {
      ...urgent('draining'),
      in_use: {
        to: ['draining'],
        step: (attempt, event, { now }) => {
          const overlap = attempt.overlapUntil ?? now
          const nextAt =
            event.inFlight === 0 && overlap > now ? earlier(after(now, 60), overlap) : after(now, pollSeconds)
          return {
            state: 'draining',
            text: event.message,
            patch: {
              inFlight: event.inFlight,
              message: event.message,
              nextAt,
              quietAt: event.quiet ? (attempt.quietAt ?? now) : null,
            },
          }
        },
      },
      drained: {
        to: ['disabling', 'revoking', 'confirming', 'done'],
        step: (attempt, _, facts) => {
          const gone = dispose(attempt, facts)
          return { ...gone, patch: { inFlight: 0, ...gone.patch } }
        },
      },
      ailing: {
        to: ['rolling_back'],
        step: (_, event, { now }) =>
          go('rolling_back', event.message, { reason: event.message, message: event.message, nextAt: now }),
      },
      ...canRollBack,
    },
  },
  disabling: {
    effect: 'disable',
    on: {
      disabled: {
        to: ['disabled', 'revoking', 'asked', 'done'],
        step: (attempt, _, { abilities, now }) => {
          if (attempt.toVersion === null)
            return abilities.revoke
              ? go('revoking', 'Switched off; it is revoked.', { nextAt: now })
              : askForSecret('The key is out of use here and switched off at the service.', {
                  oldIsGone: true,
                })
          const seconds =
            attempt.mode === 'breach' ? 0 : Math.min(attempt.overlapSeconds, longestPauseSeconds)
          if (!abilities.revoke && seconds === 0) return end('done', now, 'The old key is switched off.')
          return go('disabled', 'The old key is switched off; it could be switched on again.', {
            nextAt: after(now, seconds),
          })
        },
      },
      ...repeatable('disabling'),
      ...canRollBack,
    },
  },
  disabled: {
    effect: 'pause',
    on: {
      ...urgent('disabled'),
      paused: {
        to: ['revoking', 'done'],
        step: (_, __, { abilities, now }) =>
          abilities.revoke
            ? go('revoking', 'The old key is revoked at the service.', { nextAt: now })
            : end('done', now, 'The old key stays switched off.'),
      },
      ...waiting('disabled'),
      ...canRollBack,
    },
  },
  revoking: {
    effect: 'revoke',
    on: {
      revoked: {
        to: ['done', 'asked'],
        step: (attempt, _, { now }) =>
          attempt.toVersion === null
            ? askForSecret('The key is revoked at the service and out of use here.', { oldIsGone: true })
            : end('done', now, 'The old key is revoked.', { oldIsGone: true }),
      },
      ...repeatable('revoking'),
    },
  },
  done: { effect: null, on: {} },
  withdrawing: {
    effect: 'withdraw',
    on: {
      withdrawn: {
        to: ['revoking', 'disabling', 'asked'],
        step: (attempt, _, facts) => disposeWithdrawn(attempt, facts),
      },
    },
  },
  asked: {
    effect: null,
    on: {
      breach: { to: ['withdrawing'], step: takeOut },
      new_secret: {
        to: ['stored'],
        step: (_, event, { now }) =>
          go('stored', `A new key was entered, and sealed as version ${event.version}.`, {
            toVersion: event.version,
            newRemote: null,
            nextAt: now,
          }),
      },
      ...abandonable,
      ...supersedable,
    },
  },
  confirming: {
    effect: null,
    on: {
      confirm: {
        to: ['done'],
        step: (_, __, { now }) =>
          end('done', now, 'Confirmed: the old key was deleted by hand.', { oldIsGone: true }),
      },
      ...canRollBack,
    },
  },
  cleaning: {
    effect: 'clean',
    on: {
      cleaned: {
        to: ['scheduled', 'asked', 'withdrawing', 'failed_safe', 'abandoned', 'rolled_back'],
        step: (attempt, _, { now }) => {
          const resume = attempt.resumeState ?? 'failed_safe'
          const fresh = { newRemote: null, scope: null, resumeState: null, heldBy: null }
          if (resume === 'rolled_back')
            return end('rolled_back', now, 'The old version is in use again.', fresh)
          if (resume === 'failed_safe' || resume === 'abandoned')
            return end(resume, now, endText[resume], { ...fresh, message: attempt.message })
          if (resume === 'asked')
            return askForSecret(attempt.message ?? 'A new key is needed.', { ...fresh, toVersion: null })
          return go(resume, 'Cleaned up.', { ...fresh, toVersion: null, nextAt: attempt.nextAt ?? now })
        },
      },
      ...repeatable('cleaning'),
      ...waiting('cleaning'),
    },
  },
  needs_human: {
    effect: null,
    on: {
      breach: {
        to: ['withdrawing', 'needs_human'],
        step: (attempt, event, facts) =>
          attempt.promotedAt === null ? takeOut(attempt, event, facts) : hurry(attempt, event, facts),
      },
      retry: {
        to: ['scheduled', 'recovering', 'stored', 'disabling', 'revoking', 'cleaning', 'rolling_back'],
        step: (attempt, _, { now }) =>
          go(attempt.resumeState ?? 'scheduled', 'Goes on.', { nextAt: now, resumeState: null }),
      },
      new_secret: {
        to: ['stored'],
        step: (_, event, { now }) =>
          go('stored', `A new key was entered, and sealed as version ${event.version}.`, {
            toVersion: event.version,
            newRemote: null,
            resumeState: null,
            nextAt: now,
          }),
      },
      abandon: { to: ['cleaning'], step: giveUp },
      roll_back: { to: ['rolling_back'], step: startRollBack },
    },
  },
  rolling_back: {
    effect: 'restore',
    on: {
      restored: {
        to: ['leaving'],
        step: (attempt, _, { now }) =>
          go('leaving', `Version ${attempt.fromVersion} is in use again.`, {
            nextAt: now,
            quietAt: null,
            barrierEpoch: null,
            drainSince: null,
          }),
      },
      ...repeatable('rolling_back'),
    },
  },
  leaving: {
    effect: 'leave',
    on: {
      acknowledged: {
        to: ['leaving'],
        step: (_, event, { now }) =>
          go('leaving', 'Every process uses the old version again.', {
            barrierEpoch: event.barrierEpoch,
            drainSince: now,
            nextAt: now,
          }),
      },
      in_use: {
        to: ['leaving'],
        step: (attempt, event, { now }) => ({
          state: 'leaving',
          text: event.message,
          patch: {
            inFlight: event.inFlight,
            message: event.message,
            nextAt: after(now, pollSeconds),
            quietAt: event.quiet ? (attempt.quietAt ?? now) : null,
          },
        }),
      },
      left: {
        to: ['cleaning'],
        step: (_, __, { now }) =>
          clean('rolled_back', null, 'Nobody uses the new key any more; it is deleted.', { nextAt: now }),
      },
      ...waiting('leaving'),
    },
  },
  rolled_back: { effect: null, on: {} },
  failed_safe: { effect: null, on: {} },
  abandoned: { effect: null, on: {} },
}

const endText = {
  failed_safe: 'Failed; the old version stays in use and nothing is left behind.',
  abandoned: 'Given up; the old version stays in use.',
} as const

const earlier = (a: Date, b: Date): Date => (a < b ? a : b)

export const isOver = (state: RotationState): boolean =>
  state === 'done' || state === 'rolled_back' || state === 'failed_safe' || state === 'abandoned'

/** What the worker does now; `taken_over`: it must not, because only whoever held the fence knew how far it had come. */
export const effectOf = (attempt: RotationAttempt, fence: bigint): Effect | 'taken_over' | null => {
  const { state, heldBy } = attempt
  if ((state === 'intended' || state === 'created') && heldBy !== fence) return 'taken_over'
  return machine[state].effect
}

/** The state after an event, and what changes with it. A fault: the state does not know the event. */
export const step = (attempt: RotationAttempt, event: RotationEvent, facts: Facts): Outcome<Step> => {
  const edge = machine[attempt.state].on[event.kind] as Edge<EventKind> | undefined
  if (edge === undefined || (isCommand(event.kind) && !commandsOf(attempt).includes(event.kind)))
    return failure('conflict', {
      message: `A rotation that is ${attempt.state.replaceAll('_', ' ')} cannot do this.`,
      next: 'Reload to see where it stands.',
    })
  const taken = edge.step(attempt, event, facts)
  if (!edge.to.includes(taken.state))
    throw new Error(`${attempt.state} does not lead to ${taken.state} by ${event.kind}`)
  const entered = taken.state === attempt.state ? {} : { stateSince: facts.now }
  return success({ ...taken, patch: { ...taken.patch, ...entered, state: taken.state } })
}

const commands = ['roll_back', 'retry', 'abandon', 'confirm', 'new_secret'] as const
const isCommand = (kind: string): kind is RotationCommand => (commands as readonly string[]).includes(kind)

/** What a person may ask for now. */
export const commandsOf = (attempt: RotationAttempt): RotationCommand[] =>
  commands.filter((command) => {
    if (machine[attempt.state].on[command] === undefined) return false
    if (attempt.state !== 'needs_human') return command !== 'roll_back' || mayGoBack(attempt)
    if (command === 'abandon') return attempt.promotedAt === null
    if (command === 'new_secret') return attempt.promotedAt === null && attempt.resumeState === 'scheduled'
    return command !== 'roll_back' || (mayGoBack(attempt) && attempt.resumeState === 'disabling')
  })

/** The old version is there, and was in use before. */
const mayGoBack = ({ promotedAt, oldIsGone }: RotationAttempt): boolean => promotedAt !== null && !oldIsGone

/** Every edge there is: what tests walk and docs/rotation.md draws. */
export const edges = (): { from: RotationState; event: EventKind; to: RotationState }[] =>
  Object.entries(machine).flatMap(([from, { on }]) =>
    Object.entries(on).flatMap(([event, edge]) =>
      edge.to.map((to) => ({ from: from as RotationState, event: event as EventKind, to })),
    ),
  )
