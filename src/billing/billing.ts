import type { Actor } from '../audit/audit.ts'
import type { Outcome } from '../kit/fault.ts'
import type { Adjustment, AdjustmentRequest } from './adjustment.ts'
import type { Invoice } from './invoice.ts'
import type { AutoTopUp, Pack, Payment, PaymentStatus, Purchase } from './payment.ts'
import type { PaymentEvent, ProviderId } from './provider.ts'
import type { BillingSettings } from './settings.ts'
import type {
  ChangePreview,
  ChangeResult,
  Collection,
  Owner,
  Subscription,
  SubscriptionChange,
  SubscriptionStatus,
  SubscriptionView,
} from './subscription.ts'
import type { Tier, TierDraft, TierPreview, TierVersion } from './tier.ts'

export interface Page<Item> {
  readonly items: readonly Item[]
  /** Give it as `before` for the next page; null on the last. */
  readonly next: string | null
}

export interface PageRequest {
  readonly before?: string | null
  readonly limit?: number
}

/** What is to be paid, and where. */
export interface Ordered {
  readonly payment: Payment
  /** Null: an administrator approves, or it is paid already. */
  readonly checkoutUrl: string | null
}

export interface Renewed {
  readonly adopted: number
  readonly renewed: number
  readonly lapsed: number
  readonly charged: number
}

/**
 * Subscriptions and what is bought. Every command takes an idempotency key where a second execution would do something:
 * the same key is the same command. Money is in minor units, credits in micro-credits.
 */
export interface Billing {
  // Tiers
  tiers(): Promise<readonly Tier[]>
  tierVersions(tierId: string): Promise<readonly TierVersion[]>
  previewTier(draft: TierDraft): Promise<Outcome<TierPreview>>
  saveTier(actor: Actor, draft: TierDraft): Promise<Outcome<TierVersion>>
  archiveTier(actor: Actor, tierId: string, reason: string): Promise<Outcome<void>>

  // Subscriptions
  /** Not found: the user has no credit account. */
  subscription(owner: Owner): Promise<Outcome<SubscriptionView>>
  previewChange(owner: Owner, change: SubscriptionChange): Promise<Outcome<ChangePreview>>
  change(
    actor: Actor,
    owner: Owner,
    change: SubscriptionChange,
    options: { idempotencyKey: string; returnUrl: string },
  ): Promise<Outcome<ChangeResult>>
  subscriptions(
    filter: { status?: SubscriptionStatus; tierId?: string } & PageRequest,
  ): Promise<Page<Subscription>>
  /** Who pays for it: administrators only. */
  setCollection(
    actor: Actor,
    owner: Owner,
    collection: Collection,
    reason: string,
  ): Promise<Outcome<Subscription>>
  /** Begins the periods that are due, once each; ends what was not paid; asks for what is to be charged. */
  renewDue(now: Date): Promise<Renewed>

  // Purchases
  packs(options?: { archived?: boolean }): Promise<readonly Pack[]>
  savePack(actor: Actor, pack: Omit<Pack, 'archivedAt'>): Promise<Outcome<Pack>>
  archivePack(actor: Actor, packId: string): Promise<Outcome<void>>
  buy(
    actor: Actor,
    owner: Owner,
    purchase: Purchase,
    options: { idempotencyKey: string; returnUrl: string },
  ): Promise<Outcome<Ordered>>
  payments(filter: { owner?: Owner; status?: PaymentStatus } & PageRequest): Promise<Page<Payment>>
  payment(paymentId: string): Promise<Outcome<Payment>>
  /** Payments of the manual provider: an administrator has the money, or says no. */
  approve(actor: Actor, paymentId: string, reason: string): Promise<Outcome<Payment>>
  deny(actor: Actor, paymentId: string, reason: string): Promise<Outcome<Payment>>
  /** Gives money back through the provider: a credit note, and the credits are taken back. */
  refund(
    actor: Actor,
    paymentId: string,
    refund: { amountMinor: bigint; reason: string; idempotencyKey: string },
  ): Promise<Outcome<Payment>>
  /** What a provider told us: once each, in any order. Gives the number that had an effect now. */
  applyEvents(provider: ProviderId, events: readonly PaymentEvent[]): Promise<number>
  autoTopUp(owner: Owner): Promise<Outcome<AutoTopUp | null>>
  setAutoTopUp(
    actor: Actor,
    owner: Owner,
    wanted: Omit<AutoTopUp, 'spentThisMonthMinor'> | null,
  ): Promise<Outcome<AutoTopUp | null>>
  topUpDue(now: Date): Promise<number>
  portalLink(owner: Owner, returnUrl: string): Promise<Outcome<string | null>>

  // Invoices
  invoices(filter: { owner?: Owner } & PageRequest): Promise<Page<Invoice>>
  /** With an owner: theirs only. */
  invoice(invoiceId: string, owner?: Owner): Promise<Outcome<Invoice>>

  // Adjustments
  adjust(actor: Actor, request: AdjustmentRequest): Promise<Outcome<Adjustment>>
  adjustments(filter: { waiting?: boolean } & PageRequest): Promise<Page<Adjustment>>
  approveAdjustment(actor: Actor, adjustmentId: string): Promise<Outcome<Adjustment>>
  denyAdjustment(actor: Actor, adjustmentId: string, reason: string): Promise<Outcome<Adjustment>>

  // Settings
  settings(): Promise<BillingSettings>
  saveSettings(actor: Actor, settings: BillingSettings, reason: string): Promise<Outcome<BillingSettings>>
}
