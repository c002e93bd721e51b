/** How the dashboards write numbers and times. Money arrives as integers in text and stays exact: no floats. */

const group = (digits: string): string => digits.replace(/\B(?=(\d{3})+(?!\d))/g, ',')

const scaled = (value: bigint, places: number, minimumPlaces: number): string => {
  const digits = (value < 0n ? -value : value).toString().padStart(places + 1, '0')
  const fraction = digits.slice(-places).replace(/0+$/, '').padEnd(minimumPlaces, '0')
  return `${value < 0n ? '−' : ''}${group(digits.slice(0, -places))}${fraction && `.${fraction}`}`
}

const roundTo = (value: bigint, places: number, keep: number): bigint => {
  const unit = 10n ** BigInt(places - keep)
  const half = unit / 2n
  return ((value + (value < 0n ? -half : half)) / unit) * unit
}

/** Every digit: `1234500` micro-credits → `1.2345`. */
export const exactCredits = (micros: string | bigint): string => scaled(BigInt(micros), 6, 0)

/**
 * Two places from one credit on, every place below it. `aligned` writes all six of those, so that the digits of a column
 * stand under each other.
 */
export const shortCredits = (micros: string | bigint, aligned = false): string => {
  const value = BigInt(micros)
  const size = value < 0n ? -value : value
  if (size === 0n) return '0'
  if (size >= 1_000_000n) return scaled(roundTo(value, 6, 2), 6, 2)
  return scaled(value, 6, aligned ? 6 : 2)
}

/** With its sign, for statements: `+100`, `−0.0421`. */
export const signedCredits = (micros: string | bigint): string =>
  `${BigInt(micros) > 0n ? '+' : ''}${shortCredits(micros, true)}`

/** Every digit: `210500` nano-dollars → `$0.0002105`. */
export const exactUsd = (nanoUsd: string | bigint): string => withDollar(scaled(BigInt(nanoUsd), 9, 2))

/** For lists and headlines: cents from one dollar on, six places below it; never an exponent. */
export const shortUsd = (nanoUsd: string | bigint): string => {
  const value = BigInt(nanoUsd)
  const size = value < 0n ? -value : value
  if (size === 0n) return '$0.00'
  if (size < 1_000n) return '< $0.000001'
  const places = size >= 1_000_000_000n ? 2 : 6
  return withDollar(scaled(roundTo(value, 9, places), 9, places))
}

const withDollar = (text: string): string => (text.startsWith('−') ? `−$${text.slice(1)}` : `$${text}`)

export const count = (value: number): string => `${value < 0 ? '−' : ''}${group(String(Math.abs(value)))}`

/** `1 operation`, `2 operations`. */
export const counted = (value: number, one: string, many = `${one}s`): string =>
  `${count(value)} ${value === 1 ? one : many}`

export const duration = (milliseconds: number): string =>
  milliseconds < 1000
    ? `${milliseconds} ms`
    : `${(milliseconds / 1000).toFixed(milliseconds < 10_000 ? 2 : 1)} s`

export const browserTimeZone = (): string => Intl.DateTimeFormat().resolvedOptions().timeZone

/** `Europe/Berlin (UTC+1)`; shown wherever times are. */
export const timeZoneLabel = (at: Date): string => {
  const zone = browserTimeZone()
  const parts = new Intl.DateTimeFormat('en', { timeZone: zone, timeZoneName: 'shortOffset' }).formatToParts(
    at,
  )
  const offset = (parts.find((part) => part.type === 'timeZoneName')?.value ?? '').replace('GMT', 'UTC')
  return zone === 'UTC' || offset === '' || zone === offset
    ? 'UTC'
    : `${zone.replaceAll('_', ' ')} (${offset})`
}

const dayFormat = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short' })
const dayYearFormat = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short', year: 'numeric' })
const clockFormat = new Intl.DateTimeFormat('en-GB', {
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
})

export const day = (at: string, now: Date): string =>
  (new Date(at).getFullYear() === now.getFullYear() ? dayFormat : dayYearFormat).format(new Date(at))

export const dayWithYear = (at: string): string => dayYearFormat.format(new Date(at))

/** A calendar day of the API (`2026-11-03`, UTC), without shifting it into the browser's zone. */
export const utcDay = (date: string): string =>
  new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short', timeZone: 'UTC' }).format(
    new Date(`${date}T00:00:00Z`),
  )

export const moment = (at: string, now: Date): string =>
  `${day(at, now)}, ${clockFormat.format(new Date(at))}`

export const fullMoment = (at: string): string =>
  `${dayYearFormat.format(new Date(at))}, ${clockFormat.format(new Date(at))} ${timeZoneLabel(new Date(at))}`

const steps = [
  { limitSeconds: 60, unitSeconds: 1, unit: 'second' },
  { limitSeconds: 3600, unitSeconds: 60, unit: 'minute' },
  { limitSeconds: 86_400, unitSeconds: 3600, unit: 'hour' },
  { limitSeconds: 86_400 * 45, unitSeconds: 86_400, unit: 'day' },
  { limitSeconds: 86_400 * 545, unitSeconds: 86_400 * 30.44, unit: 'month' },
] as const
const relativeFormat = new Intl.RelativeTimeFormat('en', { numeric: 'always', style: 'long' })

/** `3 minutes ago`, `in 12 days`; within ten seconds `just now`. */
export const relative = (at: string, now: Date): string => {
  const seconds = (new Date(at).getTime() - now.getTime()) / 1000
  if (Math.abs(seconds) < 10) return 'just now'
  const step = steps.find((candidate) => Math.abs(seconds) < candidate.limitSeconds)
  if (!step) return relativeFormat.format(Math.round(seconds / (86_400 * 365.25)), 'year')
  return relativeFormat.format(Math.trunc(seconds / step.unitSeconds), step.unit)
}
