/** A part of a whole, as whole milliseconds of a period. */
export interface Fraction {
  readonly part: bigint
  readonly whole: bigint
}

/** What is left of a period at an instant. */
export const remainingOf = (
  period: { readonly startsAt: Date; readonly endsAt: Date },
  at: Date,
): Fraction => {
  const whole = BigInt(period.endsAt.getTime() - period.startsAt.getTime())
  const left = BigInt(period.endsAt.getTime() - at.getTime())
  const part = left < 0n ? 0n : left > whole ? whole : left
  return { part, whole: whole > 0n ? whole : 1n }
}

/** Division to the nearest, halves to the even neighbour, so that many roundings do not add up to either side. */
export const divideHalfEven = (numerator: bigint, denominator: bigint): bigint => {
  if (denominator <= 0n) throw new RangeError('A denominator must be positive.')
  const negative = numerator < 0n
  const magnitude = negative ? -numerator : numerator
  const quotient = magnitude / denominator
  const twice = (magnitude % denominator) * 2n
  const roundsUp = twice > denominator || (twice === denominator && quotient % 2n === 1n)
  const rounded = roundsUp ? quotient + 1n : quotient
  return negative ? -rounded : rounded
}

/** Of currencies with three decimals nobody charges the last one: their amounts are whole tens of the smallest unit. */
const inTens = new Set(['BHD', 'IQD', 'JOD', 'KWD', 'LYD', 'OMR', 'TND'])
export const stepOf = (currency: string): bigint => (inTens.has(currency) ? 10n : 1n)

/** Money: a part of a price in minor units. */
export const moneyPart = (amountMinor: bigint, { part, whole }: Fraction, step = 1n): bigint =>
  divideHalfEven(amountMinor * part, whole * step) * step

/** Credits: a part of an allocation, rounded down. */
export const creditPart = (micros: bigint, { part, whole }: Fraction): bigint =>
  micros <= 0n ? 0n : (micros * part) / whole

const oneHundredPercent = 10_000n

/** The discount on an amount; it never exceeds it. */
export const discountOn = (amountMinor: bigint, basisPoints: number, step = 1n): bigint =>
  amountMinor <= 0n ? 0n : divideHalfEven(amountMinor * BigInt(basisPoints), oneHundredPercent * step) * step

/**
 * The credits that a refund takes back: the part that was refunded in all, rounded up, less what was taken before. So
 * refunds in many steps take back as much as one.
 */
export const creditsToTakeBack = (
  payment: { readonly amountMinor: bigint; readonly creditMicros: bigint },
  refundedBeforeMinor: bigint,
  refundMinor: bigint,
): bigint => {
  const inAll = (refunded: bigint): bigint =>
    (payment.creditMicros * (refunded < payment.amountMinor ? refunded : payment.amountMinor) +
      payment.amountMinor -
      1n) /
    payment.amountMinor
  return inAll(refundedBeforeMinor + refundMinor) - inAll(refundedBeforeMinor)
}
