import { formatDecimal } from '../kit/money.ts'

/** How many places a currency has: yen none, dollars two, dinars three. */
const placesOf = (currency: string): number =>
  new Intl.NumberFormat('en', { style: 'currency', currency }).resolvedOptions().maximumFractionDigits ?? 2

/** `-123456n` cents → `-1,234.56`. */
export const amountText = (minor: bigint, currency: string): string => {
  const decimal = formatDecimal(minor, placesOf(currency))
  const [whole = '', fraction] = decimal.split('.')
  const grouped = whole.replaceAll(/\B(?=(\d{3})+$)/g, ',')
  return fraction === undefined ? grouped : `${grouped}.${fraction}`
}

/** In UTC, so that a document reads the same wherever it is made. */
export const dayText = (at: Date): string => at.toISOString().slice(0, 10)

/** From its first instant until just before its last. */
export const periodText = (from: Date | null, until: Date | null): string =>
  from === null || until === null ? '' : `${dayText(from)} – ${dayText(until)}`
