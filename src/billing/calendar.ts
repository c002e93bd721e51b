/**
 * Months on the subscriber's own calendar. Everything is counted from the anchor, the instant of subscription: its day
 * and time of day on the clock of the subscriber's time zone. A month without that day ends on its last; a time that a
 * change of clocks skips is as much later as was skipped, of one that comes twice the first is meant (the rules of
 * RFC 5545 and of Temporal's `compatible`, which a test compares this with).
 */
export interface Period {
  readonly startsAt: Date
  readonly endsAt: Date
  /** Months since the anchor. */
  readonly number: number
}

interface LocalTime {
  readonly year: number
  /** 1 to 12. */
  readonly month: number
  readonly day: number
  readonly timeOfDayMs: number
}

const dayMs = 86_400_000

const formats = new Map<string, Intl.DateTimeFormat>()
const formatOf = (timeZone: string): Intl.DateTimeFormat => {
  let format = formats.get(timeZone)
  if (!format) {
    format = new Intl.DateTimeFormat('en-US', {
      timeZone,
      calendar: 'gregory',
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    })
    formats.set(timeZone, format)
  }
  return format
}

/** An IANA name that this system knows, such as `Europe/Berlin`. */
export const isTimeZone = (timeZone: string): boolean => {
  if (!/^[A-Za-z][A-Za-z0-9_+\-/]{0,59}$/.test(timeZone)) return false
  try {
    formatOf(timeZone)
    return true
  } catch {
    return false
  }
}

/** The wall clock at an instant, written as if it were UTC. */
const wallClockMs = (at: number, timeZone: string): number => {
  if (timeZone === 'UTC') return at
  const field: Record<string, number> = {}
  for (const { type, value } of formatOf(timeZone).formatToParts(at)) field[type] = Number(value)
  const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = field
  return Date.UTC(year, month - 1, day, hour, minute, second) + (((at % 1000) + 1000) % 1000)
}

const localOf = (at: Date, timeZone: string): LocalTime => {
  const wall = new Date(wallClockMs(at.getTime(), timeZone))
  return {
    year: wall.getUTCFullYear(),
    month: wall.getUTCMonth() + 1,
    day: wall.getUTCDate(),
    timeOfDayMs: ((wall.getTime() % dayMs) + dayMs) % dayMs,
  }
}

/** The instant at which the clocks of the time zone show this. No zone changes its clocks twice within two days. */
const instantOf = (wallMs: number, timeZone: string): Date => {
  const before = wallMs - (wallClockMs(wallMs - dayMs, timeZone) - (wallMs - dayMs))
  if (wallClockMs(before, timeZone) === wallMs) return new Date(before)
  const after = wallMs - (wallClockMs(wallMs + dayMs, timeZone) - (wallMs + dayMs))
  if (wallClockMs(after, timeZone) === wallMs) return new Date(after)
  // Skipped: the offset of before the change makes it later by what was skipped.
  return new Date(before)
}

const lastDayOf = (year: number, month: number): number => new Date(Date.UTC(year, month, 0)).getUTCDate()

/** The start of the period with this number. */
export const boundary = (anchoredAt: Date, number: number, timeZone: string): Date => {
  if (number === 0) return anchoredAt
  const anchor = localOf(anchoredAt, timeZone)
  const months = anchor.year * 12 + (anchor.month - 1) + number
  const year = Math.floor(months / 12)
  const month = (months % 12) + 1
  const day = Math.min(anchor.day, lastDayOf(year, month))
  return instantOf(Date.UTC(year, month - 1, day) + anchor.timeOfDayMs, timeZone)
}

/** The period that contains `at`: from its start until just before its end. */
export const periodAt = (anchoredAt: Date, at: Date, timeZone: string): Period => {
  const [from, to] = [localOf(anchoredAt, timeZone), localOf(at, timeZone)]
  let number = (to.year - from.year) * 12 + to.month - from.month
  while (boundary(anchoredAt, number, timeZone) > at) number--
  while (boundary(anchoredAt, number + 1, timeZone) <= at) number++
  return {
    startsAt: boundary(anchoredAt, number, timeZone),
    endsAt: boundary(anchoredAt, number + 1, timeZone),
    number,
  }
}

/**
 * The period to begin at `now`, when the one before it has ended. It follows without a gap; only where whole periods
 * were missed does it begin later. After a change of time zone it is about a month long, whatever the clocks say.
 */
export const nextPeriod = (
  last: { readonly anchoredAt: Date; readonly number: number; readonly endsAt: Date },
  now: Date,
  timeZone: string,
): Period => {
  const number = Math.max(last.number + 1, periodAt(last.anchoredAt, now, timeZone).number)
  return {
    startsAt: number === last.number + 1 ? last.endsAt : boundary(last.anchoredAt, number, timeZone),
    endsAt: boundary(last.anchoredAt, number + 1, timeZone),
    number,
  }
}

/** `2027-03-28` on the subscriber's calendar. */
export const localDate = (at: Date, timeZone: string): string =>
  new Date(wallClockMs(at.getTime(), timeZone)).toISOString().slice(0, 10)

/** The instant at which a date (`2027-03-28`) begins on the clock of the time zone. */
export const startOfDate = (date: string, timeZone: string): Date =>
  instantOf(Date.parse(`${date}T00:00:00Z`), timeZone)

/** Midnight of the first day of the month, on the subscriber's clock. */
export const startOfCalendarMonth = (at: Date, timeZone: string): Date => {
  const { year, month } = localOf(at, timeZone)
  return instantOf(Date.UTC(year, month - 1, 1), timeZone)
}

/** So many months later on the subscriber's clock. */
export const monthsLater = (at: Date, months: number, timeZone: string): Date =>
  boundary(at, months, timeZone)
