/**
 * Money is integers only. Costs are nano-dollars (1 USD = 1,000,000,000), credits are micro-credits
 * (1 credit = 1,000,000).
 */
export const microsPerCredit = 1_000_000n

/** Division that rounds up; for non-negative numerators and positive denominators. */
export const divideUp = (numerator: bigint, denominator: bigint): bigint =>
  (numerator + denominator - 1n) / denominator

/** `1234500n` micro-credits → `"1.2345"`: exact, no exponent, no trailing zeros. */
export const formatMicros = (micros: bigint): string => {
  const sign = micros < 0n ? '-' : ''
  const digits = (micros < 0n ? -micros : micros).toString().padStart(7, '0')
  const fraction = digits.slice(-6).replace(/0+$/, '')
  return `${sign}${digits.slice(0, -6)}${fraction && `.${fraction}`}`
}

/** An integer as a decimal with all its places: `formatDecimal(1500000n, 6)` → `"1.500000"`. */
export const formatDecimal = (value: bigint, places: number): string => {
  const digits = (value < 0n ? -value : value).toString().padStart(places + 1, '0')
  const whole = digits.slice(0, digits.length - places)
  return `${value < 0n ? '-' : ''}${whole}${places > 0 ? `.${digits.slice(-places)}` : ''}`
}

/** A decimal number of credits, at most six places, to micro-credits; null when it is not one. */
export const parseCredits = (text: string): bigint | null => {
  const match = /^(-?)(\d{1,12})(?:\.(\d{1,6}))?$/.exec(text.trim())
  if (!match) return null
  const micros = BigInt(match[2] ?? '0') * microsPerCredit + BigInt((match[3] ?? '').padEnd(6, '0'))
  return match[1] === '-' ? -micros : micros
}
