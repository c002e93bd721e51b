import { isTimeZone, startOfDate } from '../billing/calendar.ts'
import { mostUsageDays } from '../contract/usage.ts'
import { failure, type Outcome, success } from '../kit/fault.ts'

export interface UsageDay {
  readonly day: string
  readonly since: Date
  readonly until: Date
}

const dayMs = 86_400_000

const nextDate = (date: string): string =>
  new Date(Date.parse(`${date}T00:00:00Z`) + dayMs).toISOString().slice(0, 10)

const wrong = (field: string, message: string) => failure('invalid_request', { field, message })

/** Each day from midnight to midnight on the clock of the time zone: 23 or 25 hours where clocks change. */
export const usageDays = (period: {
  readonly from: string
  readonly to: string
  readonly timeZone: string
}): Outcome<readonly UsageDay[]> => {
  if (!isTimeZone(period.timeZone)) return wrong('timeZone', 'There is no such time zone.')
  if (period.to < period.from) return wrong('to', 'The period ends before it begins.')
  const days: UsageDay[] = []
  let since = startOfDate(period.from, period.timeZone)
  for (let day = period.from; day <= period.to; day = nextDate(day)) {
    if (days.length === mostUsageDays) return wrong('to', `A period is at most ${mostUsageDays} days.`)
    const until = startOfDate(nextDate(day), period.timeZone)
    days.push({ day, since, until })
    since = until
  }
  return success(days)
}
