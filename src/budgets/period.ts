import { isTimeZone, nextPeriod, periodAt, startOfCalendarMonth } from '../billing/calendar.ts'
import type { BudgetPeriod } from '../contract/budgets.ts'

/** From its start until just before its end. */
export interface Span {
  readonly startsAt: Date
  readonly endsAt: Date
}

/** The last period of a subscription that is known; it may be over. */
export interface SubscriptionAnchor extends Span {
  readonly anchoredAt: Date
  readonly number: number
  readonly timeZone: string
}

/** The period that an instant belongs to. */
export const spanAt = (
  budget: {
    readonly period: BudgetPeriod
    readonly timeZone: string
    readonly anchor: SubscriptionAnchor | null
  },
  at: Date,
): Span => {
  const { anchor } = budget
  if (budget.period === 'calendar_month' || anchor === null) return calendarMonthAt(at, budget.timeZone)
  if (at >= anchor.startsAt && at < anchor.endsAt) return { startsAt: anchor.startsAt, endsAt: anchor.endsAt }
  // Not renewed yet, or longer ago: as the renewal counts, from the anchor.
  const { startsAt, endsAt } =
    at >= anchor.endsAt
      ? nextPeriod(anchor, at, anchor.timeZone)
      : periodAt(anchor.anchoredAt, at, anchor.timeZone)
  return { startsAt, endsAt }
}

const calendarMonthAt = (at: Date, timeZone: string): Span => {
  const startsAt = startOfCalendarMonth(at, timeZone)
  return { startsAt, endsAt: startOfCalendarMonth(new Date(startsAt.getTime() + overAMonthMs), timeZone) }
}

/** Beyond the end of every month, whatever its clocks do, and before the end of the next. */
const overAMonthMs = 40 * 86_400_000

/** `2026-12-01 00:00 (Europe/Berlin)`. */
export const instantText = (at: Date, timeZone: string): string => {
  const zone = isTimeZone(timeZone) ? timeZone : 'UTC'
  const text = new Intl.DateTimeFormat('sv-SE', {
    timeZone: zone,
    dateStyle: 'short',
    timeStyle: 'short',
  }).format(at)
  return `${text} (${zone})`
}
