import type { billingAdministrationEndpoints } from '../contract/billing-administration.ts'
import type { billingEndpoints } from '../contract/billing.ts'
import type { ReplyInput, RequestOutput } from '../contract/endpoint.ts'
import type { SessionContext } from '../http/handler.ts'
import { decodeCursor, encodeCursor } from '../kit/cursor.ts'
import { FaultError, fault, must } from '../kit/fault.ts'
import type { Billing, Page } from './billing.ts'
import { mayBuy, mayChange, mayEnd, type Payer } from './payer.ts'
import type { ChangeResult } from './subscription.ts'
import type { TierDraft } from './tier.ts'
import * as views from './views.ts'

type Table = typeof billingEndpoints & typeof billingAdministrationEndpoints
type BillingHandlers = {
  readonly [Name in keyof Table]: (
    received: RequestOutput<Table[Name]>,
    context: SessionContext,
  ) => Promise<ReplyInput<Table[Name]>>
}

const whoOf = ({ signedIn: { organization, userId, role } }: SessionContext) => ({
  organizationId: organization.id,
  userId,
  role,
})
const payerOf = ({ billing }: BillingApiParts, context: SessionContext): Promise<Payer> =>
  billing.payer(whoOf(context))
/** Of one payment: whichever of the accounts that they see it is of. */
const payerOfPayment = async ({ billing }: BillingApiParts, context: SessionContext, id: string) => {
  const payers = await billing.payers(whoOf(context))
  const { userId } = must(await billing.payment(id, payers[0]))
  return payers.find((payer) => payer.userId === userId) as Payer
}
/** The other account that they see, while something is paid for it. */
const idleOf = async ({ billing }: BillingApiParts, context: SessionContext) => {
  const [, idle] = await billing.payers(whoOf(context))
  if (idle === undefined || idle.accountId === null) return null
  const subscription = must(await billing.subscription(idle))
  const { status, tier, collection } = subscription
  const isPaid = status !== 'canceled' && tier.priceMinor > 0n && collection !== 'none'
  return isPaid ? { payer: idle, subscription } : null
}
const memberOf = (params: { organization: string; id: string }) => ({
  organizationId: params.organization,
  userId: params.id,
})

const pageOf = (query: { cursor?: string; limit: number }) => ({
  before: decodeCursor(query.cursor),
  limit: query.limit,
})
const pageOnWire = <Item, Shown>({ items, next }: Page<Item>, show: (item: Item) => Shown) => ({
  items: items.map(show),
  nextCursor: next === null ? null : encodeCursor(next),
})

const draftOf = (tierId: string, body: RequestOutput<Table['saveTier']>['body']): TierDraft => ({
  ...body,
  tierId,
  priceMinor: BigInt(body.priceMinor),
  allocationMicros: BigInt(body.allocationMicros),
  rolloverCapMicros: BigInt(body.rolloverCapMicros),
  effectiveAt: body.effectiveAt === undefined ? undefined : new Date(body.effectiveAt),
})

const resultOnWire = (result: ChangeResult) => ({
  ...result,
  preview: views.previewOnWire(result.preview),
  subscription: views.subscriptionOnWire(result.subscription),
})

export interface BillingApiParts {
  readonly billing: Billing
}

export const billingApi = (parts: BillingApiParts): BillingHandlers => ({
  ...subscriptionApi(parts),
  ...purchaseApi(parts),
  ...tierApi(parts),
  ...administrationApi(parts),
})

const changeOf = (context: SessionContext, body: RequestOutput<Table['changeSubscription']>['body']) => ({
  ...commandOf(context, body),
  ...(body.calculatedAt === undefined ? {} : { calculatedAt: new Date(body.calculatedAt) }),
})
const commandOf = (context: SessionContext, body: { idempotencyKey: string; returnPath: string }) => ({
  idempotencyKey: body.idempotencyKey,
  returnUrl: returnUrlOf(context, body.returnPath),
})
/** Payers come back to the address at which they see us. */
const returnUrlOf = ({ baseUrl }: SessionContext, path: string): string => new URL(path, baseUrl).href

const subscriptionApi = (parts: BillingApiParts) => {
  const { billing } = parts
  const ownerOf = (context: SessionContext) => payerOf(parts, context)
  return {
    readSubscription: async (_, context) =>
      views.subscriptionViewOnWire(must(await billing.subscription(await ownerOf(context)))),
    listTierChoices: async () => ({
      items: (await billing.tiers())
        .filter((tier) => tier.archivedAt === null)
        .map((tier) => views.tierVersionOnWire(tier.current)),
    }),
    previewSubscriptionChange: async ({ body }, context) =>
      views.previewOnWire(
        must(await billing.previewChange(must(mayChange(await ownerOf(context), body.change)), body.change)),
      ),
    changeSubscription: async ({ body }, context) =>
      resultOnWire(
        must(
          await billing.change(
            context.actor,
            must(mayChange(await ownerOf(context), body.change)),
            body.change,
            changeOf(context, body),
          ),
        ),
      ),
    readIdleSubscription: async (_, context) => {
      const found = await idleOf(parts, context)
      return {
        idle: found && {
          account: found.payer.kind,
          subscription: views.subscriptionOnWire(found.subscription),
        },
      }
    },
    cancelIdleSubscription: async ({ body }, context) => {
      const found = await idleOf(parts, context)
      if (found === null) throw new FaultError(fault('not_found'))
      const change = { kind: 'cancel', when: body.when } as const
      const command = commandOf(context, body)
      return resultOnWire(
        must(await billing.change(context.actor, must(mayEnd(found.payer)), change, command)),
      )
    },
    listSubscriptions: async ({ query }) =>
      pageOnWire(
        await billing.subscriptions({ ...pageOf(query), status: query.status, tierId: query.tier }),
        views.subscriptionOnWire,
      ),
    readUserSubscription: async ({ params }) =>
      views.subscriptionViewOnWire(must(await billing.subscription(memberOf(params)))),
    previewUserSubscriptionChange: async ({ params, body }) =>
      views.previewOnWire(must(await billing.previewChange(memberOf(params), body.change))),
    changeUserSubscription: async ({ params, body }, context) =>
      resultOnWire(
        must(await billing.change(context.actor, memberOf(params), body.change, changeOf(context, body))),
      ),
    setCollection: async ({ params, body }, { actor }) =>
      views.subscriptionOnWire(
        must(await billing.setCollection(actor, memberOf(params), body.collection, body.reason)),
      ),
  } satisfies Partial<BillingHandlers>
}

const purchaseApi = (parts: BillingApiParts) => {
  const { billing } = parts
  const ownerOf = (context: SessionContext) => payerOf(parts, context)
  return {
    listPacks: async () => {
      const [packs, settings] = await Promise.all([billing.packs(), billing.settings()])
      return {
        items: packs.map(views.packOnWire),
        custom: {
          currency: settings.currency,
          minimumMinor: String(settings.customMinimumMinor),
          maximumMinor: String(settings.customMaximumMinor),
          microsPerMinor: String(settings.microsPerMinor),
        },
        expiryMonths: settings.purchaseExpiryMonths,
        provider: settings.provider,
      }
    },
    buyCredits: async ({ body }, context) => {
      const { purchase } = body
      const wanted =
        purchase.kind === 'pack'
          ? purchase
          : ({ kind: 'custom', amountMinor: BigInt(purchase.amountMinor) } as const)
      const { payment, checkoutUrl } = must(
        await billing.buy(
          context.actor,
          must(mayBuy(await ownerOf(context))),
          wanted,
          commandOf(context, body),
        ),
      )
      return { payment: views.paymentOnWire(payment), checkoutUrl }
    },
    listPayments: async ({ query }, context) =>
      pageOnWire(
        await billing.payments({ ...pageOf(query), owner: await ownerOf(context) }),
        views.paymentOnWire,
      ),
    readPayment: async ({ params }, context) =>
      views.paymentOnWire(must(await billing.payment(params.id, await ownerOf(context)))),
    continuePayment: async ({ params, body }, context) => {
      const returnUrl = returnUrlOf(context, body.returnPath)
      const { payment, checkoutUrl } = must(
        await billing.continuePayment(
          must(mayBuy(await payerOfPayment(parts, context, params.id))),
          params.id,
          returnUrl,
        ),
      )
      return { payment: views.paymentOnWire(payment), checkoutUrl }
    },
    takeBackPayment: async ({ params }, context) =>
      views.paymentOnWire(
        must(
          await billing.takeBackPayment(
            context.actor,
            must(mayEnd(await payerOfPayment(parts, context, params.id))),
            params.id,
          ),
        ),
      ),
    openPaymentPortal: async ({ body }, context) => ({
      url: must(
        await billing.portalLink(must(mayEnd(await ownerOf(context))), returnUrlOf(context, body.returnPath)),
      ),
    }),
    readAutoTopUp: async (_, context) => {
      const found = must(await billing.autoTopUp(await ownerOf(context)))
      return { autoTopUp: found && views.autoTopUpOnWire(found) }
    },
    setAutoTopUp: async ({ body }, context) => {
      const payer = await ownerOf(context)
      const owner = must(body.autoTopUp ? mayBuy(payer) : mayEnd(payer))
      const wanted = body.autoTopUp && {
        ...body.autoTopUp,
        thresholdMicros: BigInt(body.autoTopUp.thresholdMicros),
        monthlyCapMinor: BigInt(body.autoTopUp.monthlyCapMinor),
      }
      const set = must(await billing.setAutoTopUp(context.actor, owner, wanted))
      return { autoTopUp: set && views.autoTopUpOnWire(set) }
    },
    listInvoices: async ({ query }, context) =>
      pageOnWire(
        await billing.invoices({ ...pageOf(query), owner: await ownerOf(context) }),
        views.invoiceOnWire,
      ),
    readInvoice: async ({ params }, context) =>
      views.invoiceOnWire(must(await billing.invoice(params.id, await ownerOf(context)))),
  } satisfies Partial<BillingHandlers>
}

const tierApi = ({ billing }: BillingApiParts) =>
  ({
    listAdminTiers: async () => ({ items: (await billing.tiers()).map(views.tierOnWire) }),
    listTierVersions: async ({ params }) => ({
      items: (await billing.tierVersions(params.tier)).map(views.tierVersionOnWire),
    }),
    previewTier: async ({ params, body }) => {
      const preview = must(await billing.previewTier(draftOf(params.tier, body)))
      return {
        before: preview.before && views.tierVersionOnWire(preview.before),
        subscribers: preview.subscribers,
        firstRenewalAt: preview.firstRenewalAt?.toISOString() ?? null,
        lastRenewalAt: preview.lastRenewalAt?.toISOString() ?? null,
        monthlyDifferenceMinor: String(preview.monthlyDifferenceMinor),
        monthlyDifferenceMicros: String(preview.monthlyDifferenceMicros),
      }
    },
    saveTier: async ({ params, body }, { actor }) =>
      views.tierVersionOnWire(must(await billing.saveTier(actor, draftOf(params.tier, body)))),
    archiveTier: async ({ params, body }, { actor }) => {
      must(await billing.archiveTier(actor, params.tier, body.reason))
      return { done: true }
    },
    listAllPacks: async () => ({ items: (await billing.packs({ archived: true })).map(views.packOnWire) }),
    savePack: async ({ params, body }, { actor }) =>
      views.packOnWire(
        must(
          await billing.savePack(actor, {
            ...body,
            id: params.pack,
            creditMicros: BigInt(body.creditMicros),
            priceMinor: BigInt(body.priceMinor),
          }),
        ),
      ),
    archivePack: async ({ params }, { actor }) => {
      must(await billing.archivePack(actor, params.pack))
      return { done: true }
    },
  }) satisfies Partial<BillingHandlers>

const administrationApi = ({ billing }: BillingApiParts) =>
  ({
    listAllPayments: async ({ query }) =>
      pageOnWire(
        await billing.payments({ ...pageOf(query), status: query.status, userId: query.user }),
        views.paymentOnWire,
      ),
    readAnyPayment: async ({ params }) => views.paymentOnWire(must(await billing.payment(params.id))),
    previewRefund: async ({ params, body }) =>
      views.refundPreviewOnWire(must(await billing.previewRefund(params.id, BigInt(body.amountMinor)))),
    approvePayment: async ({ params, body }, { actor }) =>
      views.paymentOnWire(must(await billing.approve(actor, params.id, body.reason))),
    denyPayment: async ({ params, body }, { actor }) =>
      views.paymentOnWire(must(await billing.deny(actor, params.id, body.reason))),
    refundPayment: async ({ params, body }, { actor }) =>
      views.paymentOnWire(
        must(await billing.refund(actor, params.id, { ...body, amountMinor: BigInt(body.amountMinor) })),
      ),
    listAllInvoices: async ({ query }) =>
      pageOnWire(await billing.invoices(pageOf(query)), views.invoiceOnWire),
    readAnyInvoice: async ({ params }) => views.invoiceOnWire(must(await billing.invoice(params.id))),
    readAccount: async ({ params }) => views.accountOnWire(must(await billing.account(memberOf(params)))),
    listAdjustments: async ({ query }) =>
      pageOnWire(
        await billing.adjustments({
          ...pageOf(query),
          waiting: query.waiting === 'true',
          accountId: query.account,
        }),
        views.adjustmentOnWire,
      ),
    adjust: async ({ body }, { actor }) =>
      views.adjustmentOnWire(
        must(
          await billing.adjust(actor, {
            ...body,
            amountMicros: body.amountMicros === undefined ? undefined : BigInt(body.amountMicros),
            expiresAt: body.expiresAt == null ? null : new Date(body.expiresAt),
          }),
        ),
      ),
    approveAdjustment: async ({ params }, { actor }) =>
      views.adjustmentOnWire(must(await billing.approveAdjustment(actor, params.id))),
    denyAdjustment: async ({ params, body }, { actor }) =>
      views.adjustmentOnWire(must(await billing.denyAdjustment(actor, params.id, body.reason))),
    readBillingSettings: async () => views.settingsOnWire(await billing.settings()),
    saveBillingSettings: async ({ body }, { actor }) =>
      views.settingsOnWire(
        must(
          await billing.saveSettings(
            actor,
            {
              ...body.settings,
              microsPerMinor: BigInt(body.settings.microsPerMinor),
              customMinimumMinor: BigInt(body.settings.customMinimumMinor),
              customMaximumMinor: BigInt(body.settings.customMaximumMinor),
              secondApproverAboveMicros: BigInt(body.settings.secondApproverAboveMicros),
            },
            body.reason,
          ),
        ),
      ),
  }) satisfies Partial<BillingHandlers>
