import { type Actor, recordAudit } from '../audit/audit.ts'
import type { Role } from '../contract/permissions.ts'
import { failure, FaultError, fault, type Outcome, success } from '../kit/fault.ts'
import { platformOrganizationId } from '../kit/id.ts'
import { type Account, makeAccounts, type RefundPreview } from './accounts.ts'
import type { Adjustment, AdjustmentRequest, Gift, Given } from './adjustment.ts'
import { makeAdjustments } from './adjustments.ts'
import type { Invoice } from './invoice.ts'
import { settingsOf } from './loaded.ts'
import { type BillingParts, inTransaction, outcomeOf } from './parts.ts'
import type { AutoTopUp, Pack, Payment, PaymentStatus, Purchase } from './payment.ts'
import type { Payer } from './payer.ts'
import { makePayments } from './payments.ts'
import { manualProvider, type PaymentEvent, type PaymentProvider, type ProviderId } from './provider.ts'
import { makeRenewals } from './renewals.ts'
import { type BillingSettings, problemWith } from './settings.ts'
import * as store from './store.ts'
import { listAdjustments } from './store-adjustments.ts'
import { listInvoices } from './store-invoices.ts'
import { payersOf } from './store-payer.ts'
import * as paymentStore from './store-payments.ts'
import { toStoredJson } from './stored-json.ts'
import type {
  ChangePreview,
  ChangeResult,
  Collection,
  Owner,
  Seen,
  Subscription,
  SubscriptionChange,
  SubscriptionStatus,
  SubscriptionView,
} from './subscription.ts'
import { makeSubscriptions } from './subscriptions.ts'
import { makeTiers } from './tiers.ts'
import { makeTopUps } from './top-ups.ts'
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
  /** Of whoever is signed in: their own account, or their organisation's where that pays and they manage it. */
  payer(who: Owner & { readonly role: Role }): Promise<Payer>
  /** That one and, after it, the other account that they see, where central billing was switched on or off. */
  payers(who: Owner & { readonly role: Role }): Promise<readonly Payer[]>

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
    /** `calculatedAt`: of the preview that was agreed to, so that what was shown is what is charged. */
    options: { idempotencyKey: string; returnUrl: string; calculatedAt?: Date },
  ): Promise<Outcome<ChangeResult>>
  /** Ends, with their period, the paid subscriptions of accounts that nothing is taken from any more. Gives their number. */
  endIdle(
    transaction: store.T,
    actor: Actor,
    organizationId: string,
    idle: 'members' | 'organization',
  ): Promise<number>
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
  payments(
    filter: { owner?: Seen; userId?: string; status?: PaymentStatus } & PageRequest,
  ): Promise<Page<Payment>>
  /** With an owner: theirs only. */
  payment(paymentId: string, owner?: Seen): Promise<Outcome<Payment>>
  /** For a payer who left the provider's page, or never got there. */
  continuePayment(owner: Seen, paymentId: string, returnUrl: string): Promise<Outcome<Ordered>>
  /** A request to the manual provider that nobody has decided. */
  takeBackPayment(actor: Actor, owner: Seen, paymentId: string): Promise<Outcome<Payment>>
  /** Payments of the manual provider: an administrator has the money, or says no. */
  approve(actor: Actor, paymentId: string, reason: string): Promise<Outcome<Payment>>
  deny(actor: Actor, paymentId: string, reason: string): Promise<Outcome<Payment>>
  previewRefund(paymentId: string, amountMinor: bigint): Promise<Outcome<RefundPreview>>
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
  invoices(filter: { owner?: Seen } & PageRequest): Promise<Page<Invoice>>
  /** With an owner: theirs only. */
  invoice(invoiceId: string, owner?: Seen): Promise<Outcome<Invoice>>

  // Adjustments
  adjust(actor: Actor, request: AdjustmentRequest): Promise<Outcome<Adjustment>>
  /** An adjustment that gives credits at once; refused where a second administrator is needed. */
  giveNow(actor: Actor, gift: Gift): Promise<Outcome<Given>>
  adjustments(filter: { waiting?: boolean; accountId?: string } & PageRequest): Promise<Page<Adjustment>>
  /** Not found: the user has no credit account. */
  account(owner: Owner): Promise<Outcome<Account>>
  approveAdjustment(actor: Actor, adjustmentId: string): Promise<Outcome<Adjustment>>
  denyAdjustment(actor: Actor, adjustmentId: string, reason: string): Promise<Outcome<Adjustment>>

  // Settings
  settings(): Promise<BillingSettings>
  saveSettings(actor: Actor, settings: BillingSettings, reason: string): Promise<Outcome<BillingSettings>>
}

export interface BillingOptions extends Omit<BillingParts, 'providers'> {
  /** Beside the manual one, which is always there. */
  readonly providers?: readonly PaymentProvider[]
}

const largestPage = 200
const pageOf = ({ before, limit }: PageRequest) => ({
  before: before ?? null,
  limit: Math.min(Math.max(limit ?? 50, 1), largestPage) + 1,
})
const paged = <Item>(items: readonly Item[], limit: number, idOf: (item: Item) => string): Page<Item> => {
  const shown = items.slice(0, limit - 1)
  const last = shown.at(-1)
  return { items: shown, next: items.length >= limit && last !== undefined ? idOf(last) : null }
}

export const makeBilling = (options: BillingOptions): Billing => {
  const { database, clock } = options
  const providers = Object.fromEntries(
    [manualProvider, ...(options.providers ?? [])].map((provider) => [provider.id, provider]),
  )
  const parts: BillingParts = { ...options, providers }
  const tiers = makeTiers(parts)
  const subscriptions = makeSubscriptions(parts)
  const renewals = makeRenewals(parts)
  const payments = makePayments(parts)
  const adjustments = makeAdjustments(parts)
  const accounts = makeAccounts(parts)
  const topUps = makeTopUps(parts)

  return {
    tiers: tiers.list,
    tierVersions: tiers.versions,
    previewTier: tiers.preview,
    saveTier: tiers.save,
    archiveTier: tiers.archive,

    payer: async (who) => (await payersOf(database.kysely, who))[0],
    payers: (who) => payersOf(database.kysely, who),

    subscription: subscriptions.view,
    previewChange: subscriptions.preview,
    endIdle: subscriptions.endIdle,
    change: async (actor, owner, change, { returnUrl, ...once }) => {
      const changed = await subscriptions.change(actor, owner, change, once)
      if (!changed.ok) return changed
      const { preview, subscription, paymentId } = changed.value
      if (paymentId === null)
        return success({ preview, subscription, state: 'done', paymentId, checkoutUrl: null })
      return outcomeOf(async () => {
        const { payment, checkoutUrl } = await payments.checkout(paymentId, returnUrl)
        const state = payment.status === 'requested' ? 'awaiting_payment' : 'done'
        return { preview, subscription, state, paymentId, checkoutUrl } as const
      })
    },
    subscriptions: async (filter) => {
      const page = pageOf(filter)
      const found = await store.listSubscriptions(database.kysely, { ...filter, ...page })
      return paged(found, page.limit, (subscription) => subscription.accountId)
    },
    setCollection: subscriptions.setCollection,
    renewDue: async (now) => {
      await renewals.showCurrentTiers(now)
      const adopted = await subscriptions.adoptAll()
      const renewed = await renewals.renew(now)
      await renewals.markOverdue(now)
      const lapsed = await renewals.lapse(now)
      const charged = await payments.chargeDue(now)
      await payments.sendRefunds()
      return { adopted, renewed, lapsed, charged }
    },

    packs: (wanted) => paymentStore.listPacks(database.kysely, wanted?.archived ?? false),
    savePack: topUps.savePack,
    archivePack: topUps.archivePack,
    buy: payments.buy,
    payments: async (filter) => {
      const page = pageOf(filter)
      const found = await paymentStore.listPayments(database.kysely, { ...filter, ...page })
      return paged(found, page.limit, (payment) => payment.id)
    },
    payment: payments.find,
    continuePayment: payments.goOn,
    takeBackPayment: payments.takeBack,
    approve: payments.approve,
    deny: payments.deny,
    previewRefund: accounts.previewRefund,
    refund: payments.refund,
    applyEvents: payments.applyEvents,
    autoTopUp: topUps.read,
    setAutoTopUp: topUps.set,
    topUpDue: payments.topUpDue,
    portalLink: payments.portalLink,

    invoices: async (filter) => {
      const page = pageOf(filter)
      const found = await listInvoices(database.kysely, { ...filter, ...page })
      return paged(found, page.limit, (invoice) => invoice.id)
    },
    invoice: async (id, owner) => {
      const [found] = await listInvoices(database.kysely, { id, owner, before: null, limit: 1 })
      return found ? success(found) : failure('not_found')
    },

    account: accounts.read,
    adjust: adjustments.request,
    giveNow: adjustments.giveNow,
    adjustments: async (filter) => {
      const page = pageOf(filter)
      const found = await listAdjustments(database.kysely, { ...filter, ...page })
      return paged(found, page.limit, (adjustment) => adjustment.id)
    },
    approveAdjustment: adjustments.approve,
    denyAdjustment: adjustments.deny,

    settings: () => settingsOf(database.kysely),
    saveSettings: (actor, settings, reason) =>
      outcomeOf(() =>
        inTransaction(parts, async (t) => {
          const problem = problemWith(settings, await store.versionAt(t, settings.freeTierId, clock()))
          if (problem) throw new FaultError(fault('invalid_request', problem))
          if (!providers[settings.provider])
            throw new FaultError(
              fault('conflict', { message: `The payment provider ${settings.provider} is not set up here.` }),
            )
          const before = await settingsOf(t)
          await store.writeSettings(t, settings)
          await recordAudit(t, {
            organizationId: platformOrganizationId,
            actor,
            action: 'billing_settings.changed',
            subject: { kind: 'installation', id: 'billing' },
            before: JSON.parse(toStoredJson(before)),
            after: JSON.parse(toStoredJson(settings)),
            reason,
          })
          return settings
        }),
      ),
  }
}
