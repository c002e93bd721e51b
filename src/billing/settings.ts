import type { DiscountRule } from './discount.ts'
import type { ProviderId } from './provider.ts'
import type { TierVersion } from './tier.ts'

/** How this installation bills. One row, changed by administrators. */
export interface BillingSettings {
  /** Who collects what users buy and subscribe to from now on. */
  readonly provider: ProviderId
  readonly currency: string
  /** Printed on invoices; their numbers are without gaps for each issuer. */
  readonly issuer: string
  /** Whoever cancels or does not pay gets this tier. */
  readonly freeTierId: string
  /** From the invoice of a renewal on, where the payer is not charged at once. */
  readonly dueDays: number
  /** From the failure of a payment, or from its due day, until the free tier takes over. */
  readonly graceDays: number
  readonly discount: DiscountRule
  /** Credits a custom amount buys: micro-credits for one minor unit of the currency. */
  readonly microsPerMinor: bigint
  readonly customMinimumMinor: bigint
  readonly customMaximumMinor: bigint
  /** Purchased credits expire after so many months; null: never. */
  readonly purchaseExpiryMonths: number | null
  /** Reversals and other adjustments of more than this need a second administrator. */
  readonly secondApproverAboveMicros: bigint
}

export const defaultSettings: BillingSettings = {
  provider: 'manual',
  currency: 'USD',
  issuer: 'main',
  freeTierId: 'free',
  dueDays: 14,
  graceDays: 7,
  discount: {
    basisPoints: 1000,
    minimumShareBasisPoints: 5000,
    minimumContinuousDays: 0,
    organizationKeysCount: false,
    addresses: [],
  },
  // One credit for one cent.
  microsPerMinor: 1_000_000n,
  customMinimumMinor: 500n,
  customMaximumMinor: 100_000n,
  purchaseExpiryMonths: 12,
  secondApproverAboveMicros: 10_000_000_000n,
}

/** Of the database's bigint, which an amount of credits has to fit in. */
const largestMicros = 2n ** 63n - 1n

/** What could not be billed by: said when it is set, and not when somebody has paid. */
export const problemWith = (
  settings: BillingSettings,
  freeTier: TierVersion | undefined,
): { readonly field: string; readonly message: string } | null => {
  const { customMinimumMinor: least, customMaximumMinor: most, microsPerMinor } = settings
  if (!freeTier) return { field: 'freeTierId', message: 'There is no such tier.' }
  if (freeTier.priceMinor > 0n)
    return { field: 'freeTierId', message: 'Whoever cancels gets this tier, so it has no price.' }
  if (microsPerMinor <= 0n)
    return { field: 'microsPerMinor', message: 'Whoever pays gets credits: more than none.' }
  if (least <= 0n) return { field: 'customMinimumMinor', message: 'The least amount is above zero.' }
  if (most < least) return { field: 'customMaximumMinor', message: 'The largest amount is below the least.' }
  if (most * microsPerMinor > largestMicros)
    return {
      field: 'customMaximumMinor',
      message: 'The largest amount buys more credits than can be counted.',
    }
  return null
}
