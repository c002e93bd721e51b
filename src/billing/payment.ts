import type { ProviderId } from './provider.ts'

export type PaymentPurpose = 'purchase' | 'auto_top_up' | 'tier_change' | 'renewal'

/**
 * requested → paid | failed | denied | abandoned. Only `paid` has an effect: the invoice is paid and the credits are
 * granted in its commit. Refunds and disputes are kept beside it.
 */
export type PaymentStatus = 'requested' | 'paid' | 'failed' | 'denied' | 'abandoned'

export interface Payment {
  readonly organizationId: string
  readonly id: string
  readonly accountId: string
  readonly userId: string
  readonly provider: ProviderId
  readonly purpose: PaymentPurpose
  readonly status: PaymentStatus
  readonly amountMinor: bigint
  readonly currency: string
  /** Bought with it; 0n for a renewal. */
  readonly creditMicros: bigint
  readonly description: string
  readonly packId: string | null
  /** Of a change of tier. */
  readonly tierId: string | null
  readonly invoiceId: string | null
  readonly grantId: string | null
  readonly externalId: string | null
  readonly refundedMinor: bigint
  readonly isDisputed: boolean
  readonly failureReason: string | null
  readonly createdAt: Date
  readonly decidedAt: Date | null
  readonly decidedBy: string | null
}

/** A number of credits for a price, ready to be bought. */
export interface Pack {
  readonly id: string
  readonly name: string
  readonly creditMicros: bigint
  readonly priceMinor: bigint
  readonly currency: string
  readonly position: number
  readonly archivedAt: Date | null
}

export type Purchase =
  | { readonly kind: 'pack'; readonly packId: string }
  /** Any amount between the settings' limits, at the settings' price. */
  | { readonly kind: 'custom'; readonly amountMinor: bigint }

export interface AutoTopUp {
  readonly enabled: boolean
  /** Bought when less than this is available. */
  readonly thresholdMicros: bigint
  readonly packId: string
  /** Of the calendar month in the subscriber's time zone. */
  readonly monthlyCapMinor: bigint
  readonly spentThisMonthMinor: bigint
}
