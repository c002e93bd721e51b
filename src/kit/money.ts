/**
 * Money is integers only. Costs are nano-dollars (1 USD = 1,000,000,000), credits are micro-credits
 * (1 credit = 1,000,000).
 */
export const microsPerCredit = 1_000_000n
export const nanoUsdPerUsd = 1_000_000_000n

/** Division that rounds up; for non-negative numerators and positive denominators. */
export const divideUp = (numerator: bigint, denominator: bigint): bigint =>
  (numerator + denominator - 1n) / denominator

/** `1234500n` micro-credits → `"1.2345"`: exact, no exponent, no trailing zeros. */
export const formatMicros = (micros: bigint): string => formatScaled(micros, 6)

/** Nano-dollars as exact decimal dollars, without a currency sign. */
export const formatNanoUsd = (nanoUsd: bigint): string => formatScaled(nanoUsd, 9)

/** A decimal number of credits, at most six places, to micro-credits; null when it is not one. */
export const parseCredits = (text: string): bigint | null => {
  const match = /^(-?)(\d{1,12})(?:\.(\d{1,6}))?$/.exec(text.trim())
  if (!match) return null
  const micros = BigInt(match[2] ?? '0') * microsPerCredit + BigInt((match[3] ?? '').padEnd(6, '0'))
  return match[1] === '-' ? -micros : micros
}

const formatScaled = (value: bigint, places: number): string => {
  const sign = value < 0n ? '-' : ''
  const digits = (value < 0n ? -value : value).toString().padStart(places + 1, '0')
  const fraction = digits.slice(-places).replace(/0+$/, '')
  return `${sign}${digits.slice(0, -places)}${fraction && `.${fraction}`}`
}
