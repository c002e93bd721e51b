import type { Account, RefundPreview } from './accounts.ts'
import type { Adjustment } from './adjustment.ts'
import type { Invoice } from './invoice.ts'
import type { AutoTopUp, Pack, Payment } from './payment.ts'
import type { BillingSettings } from './settings.ts'
import type { ChangePreview, Subscription, SubscriptionView } from './subscription.ts'
import type { Entitlements, Tier, TierVersion } from './tier.ts'

const time = (at: Date): string => at.toISOString()
const maybe = (at: Date | null): string | null => at?.toISOString() ?? null

/** Lists that the contract's types want to own. */
const entitlementsOnWire = (entitlements: Entitlements) => ({
  services: entitlements.services && [...entitlements.services],
  groups: entitlements.groups && [...entitlements.groups],
  rateLimits: entitlements.rateLimits,
})

export const tierVersionOnWire = (version: TierVersion) => ({
  ...version,
  priceMinor: String(version.priceMinor),
  allocationMicros: String(version.allocationMicros),
  rolloverCapMicros: String(version.rolloverCapMicros),
  entitlements: entitlementsOnWire(version.entitlements),
  effectiveAt: time(version.effectiveAt),
  createdAt: time(version.createdAt),
})

export const tierOnWire = (tier: Tier) => ({
  ...tier,
  archivedAt: maybe(tier.archivedAt),
  current: tierVersionOnWire(tier.current),
  next: tier.next && tierVersionOnWire(tier.next),
})

export const subscriptionOnWire = (subscription: Subscription) => ({
  organizationId: subscription.organizationId,
  userId: subscription.userId,
  accountId: subscription.accountId,
  status: subscription.status,
  tier: tierVersionOnWire(subscription.tier),
  collection: subscription.collection,
  timeZone: subscription.timeZone,
  periodStart: time(subscription.periodStart),
  periodEnd: time(subscription.periodEnd),
  discountBasisPoints: subscription.discountBasisPoints,
  pending: subscription.pending,
  pausedAt: maybe(subscription.pausedAt),
  graceUntil: maybe(subscription.graceUntil),
})

export const subscriptionViewOnWire = (view: SubscriptionView) => ({
  ...subscriptionOnWire(view),
  next: view.next && {
    at: time(view.next.at),
    tier: tierVersionOnWire(view.next.tier),
    allocationMicros: String(view.next.allocationMicros),
    priceMinor: String(view.next.priceMinor),
    discountMinor: String(view.next.discountMinor),
    totalMinor: String(view.next.totalMinor),
  },
  discount: view.discount,
})

export const previewOnWire = (preview: ChangePreview) => ({
  // Commands of before it was kept.
  calculatedAt: time(preview.calculatedAt ?? preview.effectiveAt),
  effectiveAt: time(preview.effectiveAt),
  before: { status: preview.before.status, tier: tierVersionOnWire(preview.before.tier) },
  after: { status: preview.after.status, tier: tierVersionOnWire(preview.after.tier) },
  currency: preview.currency,
  lines: preview.lines.map((line) => ({ ...line, amountMinor: String(line.amountMinor) })),
  chargeNowMinor: String(preview.chargeNowMinor),
  creditsNowMicros: String(preview.creditsNowMicros),
  periodEnd: time(preview.periodEnd),
  nextChargeMinor: String(preview.nextChargeMinor),
  nextAllocationMicros: String(preview.nextAllocationMicros),
})

export const packOnWire = (pack: Pack) => ({
  ...pack,
  creditMicros: String(pack.creditMicros),
  priceMinor: String(pack.priceMinor),
  archivedAt: maybe(pack.archivedAt),
})

export const paymentOnWire = (payment: Payment) => ({
  organizationId: payment.organizationId,
  id: payment.id,
  userId: payment.userId,
  provider: payment.provider,
  purpose: payment.purpose,
  status: payment.status,
  amountMinor: String(payment.amountMinor),
  currency: payment.currency,
  creditMicros: String(payment.creditMicros),
  description: payment.description,
  invoiceId: payment.invoiceId,
  refundedMinor: String(payment.refundedMinor),
  isDisputed: payment.isDisputed,
  failureReason: payment.failureReason,
  createdAt: time(payment.createdAt),
  decidedAt: maybe(payment.decidedAt),
  decidedBy: payment.decidedBy,
})

export const invoiceOnWire = (invoice: Invoice) => ({
  organizationId: invoice.organizationId,
  id: invoice.id,
  userId: invoice.userId,
  kind: invoice.kind,
  number: invoice.numberText,
  issuer: invoice.issuer,
  status: invoice.status,
  currency: invoice.currency,
  totalMinor: String(invoice.totalMinor),
  taxMinor: String(invoice.taxMinor),
  lines: invoice.lines.map((line) => ({
    ...line,
    amountMinor: String(line.amountMinor),
    from: maybe(line.from),
    until: maybe(line.until),
  })),
  correctsId: invoice.correctsId,
  paymentId: invoice.paymentId,
  billedTo: invoice.billedTo,
  issuedAt: maybe(invoice.issuedAt),
  dueAt: maybe(invoice.dueAt),
  paidAt: maybe(invoice.paidAt),
})

export const autoTopUpOnWire = (autoTopUp: AutoTopUp) => ({
  enabled: autoTopUp.enabled,
  thresholdMicros: String(autoTopUp.thresholdMicros),
  packId: autoTopUp.packId,
  monthlyCapMinor: String(autoTopUp.monthlyCapMinor),
  spentThisMonthMinor: String(autoTopUp.spentThisMonthMinor),
})

export const adjustmentOnWire = (adjustment: Adjustment) => ({
  ...adjustment,
  amountMicros: String(adjustment.amountMicros),
  expiresAt: maybe(adjustment.expiresAt),
  createdAt: time(adjustment.createdAt),
  decidedAt: maybe(adjustment.decidedAt),
})

export const accountOnWire = ({ balance, grants, ...account }: Account) => ({
  ...account,
  availableMicros: String(balance.availableMicros),
  heldMicros: String(balance.heldMicros),
  debtMicros: String(balance.debtMicros),
  grants: grants.map((grant) => ({
    ...grant,
    amountMicros: String(grant.amountMicros),
    remainingMicros: String(grant.remainingMicros),
    expiredMicros: String(grant.expiredMicros),
    reversibleMicros: String(grant.issuedMicros - grant.waitingMicros),
    effectiveAt: time(grant.effectiveAt),
    expiresAt: maybe(grant.expiresAt),
  })),
})

export const refundPreviewOnWire = (preview: RefundPreview) => ({
  leftMinor: String(preview.leftMinor),
  creditMicros: String(preview.creditMicros),
  unspentMicros: String(preview.unspentMicros),
  expiredMicros: String(preview.expiredMicros),
  owedMicros: String(preview.owedMicros),
})

export const settingsOnWire = (settings: BillingSettings) => ({
  ...settings,
  discount: { ...settings.discount, addresses: [...settings.discount.addresses] },
  microsPerMinor: String(settings.microsPerMinor),
  customMinimumMinor: String(settings.customMinimumMinor),
  customMaximumMinor: String(settings.customMaximumMinor),
  secondApproverAboveMicros: String(settings.secondApproverAboveMicros),
})
