import type { RotationCommand, RotationState } from '../contract/rotation.ts'
import { failure, type Outcome, success } from '../kit/fault.ts'
import type { RotationAttempt } from './attempt.ts'
import {
  type Edge,
  type Row,
  again,
  abandonable,
  supersedable,
  canRollBack,
  waiting,
  repeatable,
} from './edges.ts'
import type { Effect, EventKind, Facts, RotationEvent, Step } from './events.ts'
import { sideStates } from './side-states.ts'
import {
  pollSeconds,
  longestPauseSeconds,
  after,
  go,
  ask,
  askForSecret,
  end,
  clean,
  dispose,
  refusedAtCreation,
  lostSecret,
  urgent,
  earlier,
} from './transitions.ts'

export type { Abilities, Effect, EventKind, RotationEvent } from './events.ts'

/**
 * Rotation as a table: in each state the worker does one thing, its effect, and what came of it is an event that leads
 * to the next state. Pure: nothing here waits, reads or writes. docs/rotation.md draws it; the crash tests stop the
 * worker at every edge of this table.
 */
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
  ...sideStates,
}

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
