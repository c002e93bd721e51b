import { mostUsageDays } from '../../src/contract/usage.ts'

/** Calendar days, both included: `2026-11-03`. */
export interface Period {
  readonly from: string
  readonly to: string
}

export const presets = [
  { value: '7d', label: 'Last 7 days' },
  { value: '30d', label: 'Last 30 days' },
  { value: '90d', label: 'Last 90 days' },
  { value: 'month', label: 'This month' },
  { value: 'last_month', label: 'Last month' },
] as const
export type Preset = (typeof presets)[number]['value']

const dayMs = 86_400_000
const at = (date: string): number => Date.parse(`${date}T00:00:00Z`)
const dateOf = (ms: number): string => new Date(ms).toISOString().slice(0, 10)

/** The date on the calendar of a time zone. */
export const dateIn = (moment: Date, timeZone: string): string =>
  new Intl.DateTimeFormat('en-CA', { timeZone, year: 'numeric', month: '2-digit', day: '2-digit' }).format(
    moment,
  )

export const daysLater = (date: string, days: number): string => dateOf(at(date) + days * dayMs)
export const daysIn = ({ from, to }: Period): number => Math.round((at(to) - at(from)) / dayMs) + 1

const firstOfMonth = (date: string): string => `${date.slice(0, 7)}-01`
const lastOfMonth = (date: string): string => daysLater(firstOfMonth(daysLater(firstOfMonth(date), 31)), -1)

/** The same day a month earlier, or that month's last. */
const monthEarlier = (date: string): string => {
  const last = daysLater(firstOfMonth(date), -1)
  return Number(date.slice(8)) > Number(last.slice(8)) ? last : `${last.slice(0, 8)}${date.slice(8)}`
}

export const presetPeriod = (preset: Preset, today: string): Period => {
  if (preset === 'month') return { from: firstOfMonth(today), to: today }
  if (preset !== 'last_month') return { from: daysLater(today, 1 - Number.parseInt(preset, 10)), to: today }
  const to = daysLater(firstOfMonth(today), -1)
  return { from: firstOfMonth(to), to }
}

/** What it is compared with: a month with the month before, as far as it has gone; else as many days just before. */
export const formerPeriod = (period: Period): Period => {
  const { from, to } = period
  if (from === firstOfMonth(from) && to.slice(0, 7) === from.slice(0, 7)) {
    const former = monthEarlier(from)
    return { from: former, to: to === lastOfMonth(to) ? lastOfMonth(former) : monthEarlier(to) }
  }
  return { from: daysLater(from, -daysIn(period)), to: daysLater(from, -1) }
}

/** The first day of the month before a date's. */
export const monthBefore = (date: string): string => firstOfMonth(daysLater(firstOfMonth(date), -1))

/** Why two dates are no period, or null. */
export const periodFault = ({ from, to }: Period): string | null => {
  if (from === '' || to === '') return 'Both days are needed.'
  if (to < from) return 'This must not be before “From”.'
  return daysIn({ from, to }) > mostUsageDays ? `At most ${mostUsageDays} days.` : null
}

const format = (date: string, options: Intl.DateTimeFormatOptions): string =>
  new Intl.DateTimeFormat('en-GB', { ...options, timeZone: 'UTC' }).format(at(date))

/** `1 to 22 Nov 2026`, `28 Oct to 3 Nov 2026`. */
export const periodWords = ({ from, to }: Period): string => {
  const end = format(to, { day: 'numeric', month: 'short', year: 'numeric' })
  if (from === to) return end
  if (from.slice(0, 7) === to.slice(0, 7)) return `${Number(from.slice(8))} to ${end}`
  const isSameYear = from.slice(0, 4) === to.slice(0, 4)
  const start = format(from, { day: 'numeric', month: 'short', ...(!isSameYear && { year: 'numeric' }) })
  return `${start} to ${end}`
}
