/** A subscriber's month: from `startsAt` until just before `endsAt`. */
export interface Period {
  readonly startsAt: Date
  readonly endsAt: Date
}

/**
 * The month of a subscription that contains `at`, in UTC. Months are counted from the anchor itself, never from the
 * month before: someone who subscribed on 31 January renews on 28 February and again on 31 March.
 */
export const periodAt = (anchoredAt: Date, at: Date): Period => {
  let months = monthsBetween(anchoredAt, at)
  if (addMonths(anchoredAt, months) > at) months--
  return { startsAt: addMonths(anchoredAt, months), endsAt: addMonths(anchoredAt, months + 1) }
}

/** The same day and time of another month, or that month's last day where it has no such day. */
export const addMonths = (at: Date, months: number): Date => {
  const month = at.getUTCMonth() + months
  const lastDay = new Date(Date.UTC(at.getUTCFullYear(), month + 1, 0)).getUTCDate()
  const moved = new Date(at)
  // The day first goes to 1, for otherwise 31 January plus a month would overflow into March.
  moved.setUTCDate(1)
  moved.setUTCMonth(month)
  moved.setUTCDate(Math.min(at.getUTCDate(), lastDay))
  return moved
}

const monthsBetween = (from: Date, to: Date): number =>
  (to.getUTCFullYear() - from.getUTCFullYear()) * 12 + to.getUTCMonth() - from.getUTCMonth()

/** The same for every process that gives this period's allocation, so it is given once. */
export const allocationKey = (period: Period): string =>
  `allocation:${period.startsAt.toISOString().slice(0, 10)}`
