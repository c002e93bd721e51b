import { dayWithYear } from '../ui/format.ts'

const clockFormat = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit' })

/** `5 Dec 2026, 14:00`: renewals are at a time of day, to which a second adds nothing. */
export const dayAndTime = (at: string): string => `${dayWithYear(at)}, ${clockFormat.format(new Date(at))}`

/** `10 %`, `7.5 %`, of basis points. */
export const percent = (basisPoints: number): string =>
  `${(basisPoints / 100).toFixed(2).replace(/\.?0+$/, '')} %`

/** `valid for 12 months`, of what is bought. */
export const validity = (months: number | null): string => {
  if (months === null) return 'they do not expire'
  if (months % 12 === 0) return months === 12 ? 'valid for a year' : `valid for ${months / 12} years`
  return months === 1 ? 'valid for a month' : `valid for ${months} months`
}

/** What a pack saves against a custom amount with as many credits, in whole percent rounded down; 0: nothing. */
export const savingPercent = (
  pack: { readonly creditMicros: string; readonly priceMinor: string },
  microsPerMinor: string,
): number => {
  const rate = BigInt(microsPerMinor)
  const full = rate > 0n ? BigInt(pack.creditMicros) / rate : 0n
  const saved = full - BigInt(pack.priceMinor)
  return full > 0n && saved > 0n ? Number((saved * 100n) / full) : 0
}

interface Standing {
  readonly shareBasisPoints: number
  readonly neededShareBasisPoints: number
}

/**
 * When the needed part of the period is reached, if a key stays from now on; null: it is already, or not within this
 * period.
 */
export const shareReachedAt = (
  standing: Standing,
  period: { readonly periodStart: string; readonly periodEnd: string },
  now: Date,
): string | null => {
  const missing = standing.neededShareBasisPoints - standing.shareBasisPoints
  if (missing <= 0) return null
  const [start, end] = [Date.parse(period.periodStart), Date.parse(period.periodEnd)]
  const at = now.getTime() + Math.ceil(((end - start) * missing) / 10_000)
  return at <= end ? new Date(at).toISOString() : null
}
