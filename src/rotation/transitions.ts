import type { RotationState } from '../contract/rotation.ts'
import type { AttemptPatch, RotationAttempt } from './attempt.ts'
import type { RefusalReason } from './driver.ts'
import type { EventOf, Facts, Step } from './events.ts'

/** What an event makes of an attempt: the pieces that the machine's table is put together from. */

/** Failures in a row that are put right by trying again; then a person is asked. */
export const patience = 10
export const longestWaitSeconds = 600
/** Between two questions whether a version is still in use, or a new key has arrived. */
export const pollSeconds = 5
export const longestPauseSeconds = 86_400

export const after = (now: Date, seconds: number): Date => new Date(now.getTime() + seconds * 1000)
export const backoffSeconds = (failures: number): number =>
  Math.min(longestWaitSeconds, pollSeconds * 2 ** Math.min(failures, 10))

/** On with it, at once. */
export const go = (state: RotationState, text: string, patch: AttemptPatch = {}): Step => ({
  state,
  text,
  patch: { message: null, nextStep: null, failures: 0, ...patch },
})

export const stay = (
  attempt: RotationAttempt,
  facts: Facts,
  seconds: number,
  message: string | null,
): Step => ({
  state: attempt.state,
  text: message ?? 'Waits.',
  patch: { nextAt: after(facts.now, seconds), message },
})

export const tryAgain = (attempt: RotationAttempt, facts: Facts, message: string, seconds?: number): Step =>
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
export const ask = (
  resume: RotationState,
  message: string,
  nextStep: string,
  patch: AttemptPatch = {},
): Step => ({
  state: 'needs_human',
  text: message,
  patch: { resumeState: resume, message, nextStep, nextAt: null, failures: 0, scope: null, ...patch },
})

export const askForSecret = (message: string, patch: AttemptPatch = {}): Step => ({
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

export const end = (
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
export const clean = (
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
export const dispose = ({ oldIsGone, oldRemote, mode }: RotationAttempt, { abilities, now }: Facts): Step => {
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
export const disposeWithdrawn = (attempt: RotationAttempt, { abilities, now }: Facts): Step => {
  const { oldRemote } = attempt
  if (oldRemote !== null && abilities.revoke)
    return go('revoking', 'Out of use here; it is revoked at the service.', { nextAt: now })
  if (oldRemote !== null && abilities.disable)
    return go('disabling', 'Out of use here; it is switched off at the service.', { nextAt: now })
  return askForSecret('The key is out of use here. Delete it at the service now: we cannot.')
}

export const refusedAtCreation = (
  attempt: RotationAttempt,
  event: EventOf<'refused'>,
  facts: Facts,
): Step => {
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

export const nextOfRefusal: Record<RefusalReason, string> = {
  credential: 'Set a credential that may do this, then retry.',
  cap: 'Delete a key that is not needed at the service, then retry.',
  limited: 'Retry later.',
  not_sent: 'See whether the service can be reached, then retry.',
  invalid: 'See what the service objects to, then retry, or abandon.',
}

export const refusedLater = (attempt: RotationAttempt, event: EventOf<'refused'>, facts: Facts): Step => {
  const { reason, message, seconds } = event
  return reason === 'credential' || reason === 'invalid' || reason === 'cap'
    ? ask(attempt.state, message, nextOfRefusal[reason])
    : tryAgain(attempt, facts, message, seconds)
}

/** The secret was in somebody else's hands. */
export const lostSecret = (attempt: RotationAttempt, { now }: Facts, message: string): Step => {
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

export const startRollBack = (_: RotationAttempt, event: EventOf<'roll_back'>, { now }: Facts): Step =>
  go('rolling_back', 'Goes back to the old version.', { reason: event.reason, nextAt: now })

export const giveUp = (attempt: RotationAttempt, event: EventOf<'abandon'>, { now }: Facts): Step =>
  clean('abandoned', event.reason, 'Given up; what it made is deleted.', {
    reason: event.reason,
    nextAt: attempt.nextAt ?? now,
  })

export const overtaken = (_: RotationAttempt, event: EventOf<'superseded'>, { now }: Facts): Step =>
  clean('abandoned', event.message, event.message, { nextAt: now })

const hurry = (attempt: RotationAttempt, event: EventOf<'breach'>, { now }: Facts): Step => ({
  state: attempt.state,
  text: 'Goes on as after a breach: the old key is revoked at once.',
  patch: { mode: 'breach', reason: event.reason, overlapUntil: now, nextAt: now },
})

/** It still waits for whoever was asked: no worker looks at it before. */
export const hurryPerson = (attempt: RotationAttempt, event: EventOf<'breach'>, facts: Facts): Step => {
  const hurried = hurry(attempt, event, facts)
  return { ...hurried, patch: { ...hurried.patch, nextAt: null } }
}

/** Nothing is in use yet that could take over. */
export const takeOut = (_: RotationAttempt, event: EventOf<'breach'>, { now }: Facts): Step =>
  go('withdrawing', 'The key is taken out of use at once.', {
    mode: 'breach',
    reason: event.reason,
    resumeState: null,
    nextAt: now,
  })

export const urgent = (state: RotationState) => ({ breach: { to: [state], step: hurry } }) as const
export const endText = {
  failed_safe: 'Failed; the old version stays in use and nothing is left behind.',
  abandoned: 'Given up; the old version stays in use.',
} as const

export const earlier = (a: Date, b: Date): Date => (a < b ? a : b)
