import type { RotationState } from '../contract/rotation.ts'
import { type Row, abandonable, supersedable, canRollBack, waiting, repeatable } from './edges.ts'
import {
  pollSeconds,
  after,
  go,
  askForSecret,
  end,
  clean,
  disposeWithdrawn,
  startRollBack,
  giveUp,
  hurryPerson,
  takeOut,
  endText,
} from './transitions.ts'

/** Where a person is asked, where it goes back, and where what was made is cleaned away. */
export const sideStates = {
  withdrawing: {
    effect: 'withdraw',
    on: {
      withdrawn: {
        to: ['revoking', 'disabling', 'asked'],
        // What was made and never used is not what takes over any more.
        step: (attempt, _, facts) => {
          const gone = disposeWithdrawn(attempt, facts)
          return { ...gone, patch: { ...gone.patch, toVersion: null, newRemote: null } }
        },
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
          attempt.promotedAt === null ? takeOut(attempt, event, facts) : hurryPerson(attempt, event, facts),
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
} satisfies Partial<Record<RotationState, Row>>
