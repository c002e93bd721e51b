import type { DiscountRule } from './discount.ts'
import type { ProviderId } from './provider.ts'

/** How this installation bills. One row, changed by administrators. */
export interface BillingSettings {
  /** Who collects what users buy and subscribe to from now on. */
  readonly provider: ProviderId
  readonly currency: string
  /** Printed on invoices; their numbers are without gaps for each issuer. */
  readonly issuer: string
  /** Whoever cancels or does not pay gets this tier; null: no allocation at all. */
  readonly freeTierId: string | null
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
