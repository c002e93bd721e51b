/** What came of one attempt to deliver. */
export interface Attempt {
  readonly isDelivered: boolean
  readonly status: number | null
  readonly fault: string | null
}

export interface AfterAttempt {
  readonly state: 'pending' | 'delivered' | 'failed'
  readonly nextAttemptAt: Date
  readonly endedAt: Date | null
}

/** Any 2xx is a receipt. Everything else is tried again, ever more rarely, until the list is at its end. */
export const afterAttempt = (
  attempts: number,
  { isDelivered }: Attempt,
  waitsMs: readonly number[],
  now: Date,
): AfterAttempt => {
  if (isDelivered) return { state: 'delivered', nextAttemptAt: now, endedAt: now }
  const waitMs = waitsMs[attempts - 1]
  return waitMs === undefined
    ? { state: 'failed', nextAttemptAt: now, endedAt: now }
    : { state: 'pending', nextAttemptAt: new Date(now.getTime() + waitMs), endedAt: null }
}

/** Not one success for so long, however many events that were; a busy endpoint that fails for an hour is not given up. */
export const disabledAfterMs = 3 * 24 * 3600 * 1000
export const leastFailedAttempts = 10

export const isGivenUp = (failing: { since: Date | null; attempts: number }, now: Date): boolean =>
  failing.since !== null &&
  failing.attempts >= leastFailedAttempts &&
  now.getTime() - failing.since.getTime() >= disabledAfterMs
