/**
 * Amounts as Stripe counts them. Nearly always that is the smallest unit of ISO 4217, as here; the exceptions are in
 * https://docs.stripe.com/currencies#special-cases.
 */

/** Without decimals, and yet with two at Stripe: 5 ISK are 500 there, and the last two digits have to be 00. */
const countedInHundredths = new Set(['ISK', 'UGX'])
/** The SDK takes numbers only; a payment above 2^53 is none. */
export const toStripe = (amountMinor: bigint, currency: string): number => {
  const amount = countedInHundredths.has(currency.toUpperCase()) ? amountMinor * 100n : amountMinor
  const units = Number(amount)
  if (!Number.isSafeInteger(units)) throw new RangeError('The amount is too large for Stripe.')
  return units
}

export const fromStripe = (amount: bigint, currency: string): bigint =>
  countedInHundredths.has(currency.toUpperCase()) ? amount / 100n : amount
