/** Downwards, also below zero: `/` of bigint goes towards zero. */
const floorDivided = (dividend: bigint, divisor: bigint): bigint => {
  const quotient = dividend / divisor
  return dividend % divisor < 0n ? quotient - 1n : quotient
}

/**
 * An amount shared in proportion to weights, in whole units that add up to it: everyone gets what is theirs rounded down, the
 * units left over go to the largest remainders, the first of equals. Whoever weighs more never gets less. A weight below zero
 * (more refunded than charged) gets money back from the others. null: nothing weighs anything.
 */
export const sharesOf = (amount: bigint, weights: readonly bigint[]): readonly bigint[] | null => {
  const total = weights.reduce((sum, weight) => sum + weight, 0n)
  if (total <= 0n) return null
  const shares = weights.map((weight) => floorDivided(amount * weight, total))
  const left = Number(amount - shares.reduce((sum, share) => sum + share, 0n))
  const byRemainder = weights
    .map((weight, index) => ({ index, remainder: amount * weight - (shares[index] as bigint) * total }))
    .toSorted((a, b) =>
      a.remainder === b.remainder ? a.index - b.index : a.remainder < b.remainder ? 1 : -1,
    )
  for (const { index } of byRemainder.slice(0, left)) shares[index] = (shares[index] as bigint) + 1n
  return shares
}
