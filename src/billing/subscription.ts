import type { DiscountStanding } from './discount.ts'
import type { TierVersion } from './tier.ts'

/** Whose account: a member of an organisation. */
export interface Owner {
  readonly organizationId: string
  readonly userId: string
}

/** Whose payments and invoices somebody sees: an owner's, or those of several holders of accounts. */
export interface Seen extends Owner {
  readonly userIds?: readonly string[]
}
export const userIdsOf = ({ userId, userIds }: Seen): readonly string[] => userIds ?? [userId]

/**
 * - `past_due`: a payment failed or is overdue; until `graceUntil` the tier stays, then the free tier takes its place.
 * - `paused`: nothing is charged or allocated; what is left may be used until the end of the period.
 * - `canceled`: on the free tier, by the subscriber's wish or because nothing was paid.
 */
export type SubscriptionStatus = 'active' | 'paused' | 'past_due' | 'canceled'

/** How a subscription's price is collected. `none`: an administrator gave the tier, nothing is charged. */
export type Collection = 'none' | 'manual' | 'stripe'

export interface Subscription {
  readonly organizationId: string
  readonly accountId: string
  readonly userId: string
  readonly status: SubscriptionStatus
  readonly tier: TierVersion
  readonly collection: Collection
  readonly timeZone: string
  readonly anchoredAt: Date
  /** Months since the anchor. */
  readonly periodNumber: number
  readonly periodStart: Date
  readonly periodEnd: Date
  /** Of this period's price, by the own-key rule as it stood when the period began. */
  readonly discountBasisPoints: number
  /** Takes effect at the end of the period. */
  readonly pending:
    | { readonly kind: 'change_tier'; readonly tierId: string }
    | { readonly kind: 'cancel' }
    | null
  readonly pausedAt: Date | null
  readonly graceUntil: Date | null
}

export interface SubscriptionView extends Subscription {
  /** Null while paused. */
  readonly next: {
    readonly at: Date
    readonly tier: TierVersion
    readonly allocationMicros: bigint
    readonly priceMinor: bigint
    readonly discountMinor: bigint
    readonly totalMinor: bigint
  } | null
  /** How the own-key rule stands now, were this the end of the period. */
  readonly discount: DiscountStanding
}

export type SubscriptionChange =
  /** To a dearer tier now, with proration; to a cheaper one at the end of the period. */
  | { readonly kind: 'change_tier'; readonly tierId: string }
  | { readonly kind: 'cancel'; readonly when: 'now' | 'period_end' }
  /** Takes a change that waits for the end of the period back. */
  | { readonly kind: 'undo_pending' }
  | { readonly kind: 'pause' }
  | { readonly kind: 'resume' }
  /** From the next period on. */
  | { readonly kind: 'set_time_zone'; readonly timeZone: string }

/** Exactly what a change would do; made by the same function that makes the change. */
export interface ChangePreview {
  readonly change: SubscriptionChange
  /** What is left of the period is counted from then. */
  readonly calculatedAt: Date
  readonly effectiveAt: Date
  readonly before: { readonly status: SubscriptionStatus; readonly tier: TierVersion }
  readonly after: { readonly status: SubscriptionStatus; readonly tier: TierVersion }
  readonly currency: string
  /** Charged now. */
  readonly lines: readonly {
    readonly kind: 'proration' | 'subscription' | 'discount'
    readonly description: string
    readonly amountMinor: bigint
  }[]
  readonly chargeNowMinor: bigint
  /** Given now; until the end of the period. */
  readonly creditsNowMicros: bigint
  readonly periodEnd: Date
  /** At the next renewal, after the discount as it stands now. */
  readonly nextChargeMinor: bigint
  readonly nextAllocationMicros: bigint
  /** The part of the period that is left, as it was used for proration. */
  readonly remainingMs: bigint
  readonly periodMs: bigint
}

export interface ChangeResult {
  readonly preview: ChangePreview
  readonly subscription: Subscription
  /** `awaiting_payment`: it takes effect when the payment has been made or approved. */
  readonly state: 'done' | 'awaiting_payment'
  readonly paymentId: string | null
  /** Where the subscriber pays; null where nothing is to be paid or an administrator approves. */
  readonly checkoutUrl: string | null
}
