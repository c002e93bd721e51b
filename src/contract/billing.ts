import { z } from 'zod'
import { defineEndpoints } from './endpoint.ts'
import * as wire from './wire.ts'

/** Money as a decimal integer in a string, in the smallest unit of its currency. */
export const minor = z
  .string()
  .regex(/^-?\d{1,18}$/, 'must be a decimal integer in quotes')
  .describe('In the smallest unit of the currency, such as cents')
export const amount = z.string().regex(/^\d{1,15}$/, 'must be a decimal integer in quotes')
export const currency = z.string().regex(/^[A-Z]{3}$/, 'must be three capital letters')
export const reason = z.string().trim().min(1).max(300)
export const idempotencyKey = z.string().min(8).max(120)
const returnPath = z
  .string()
  .regex(/^\/[A-Za-z0-9/_?=&-]{0,200}$/, 'must be a path of this dashboard')
  .default('/credits')

const rateLimits = z.object({
  requestsPerMinute: z.number().int().positive().nullable(),
  tokensPerMinute: z.number().int().positive().nullable(),
  concurrent: z.number().int().positive().nullable(),
})
export const entitlements = z.object({
  services: z.array(wire.serviceId).max(200).nullable().describe('null: all'),
  groups: z.array(z.string().min(1).max(80)).max(200).nullable().describe('null: all'),
  rateLimits: rateLimits.nullable(),
})

export const tierVersion = z.object({
  tierId: wire.tierId,
  version: wire.count,
  name: z.string(),
  priceMinor: minor,
  currency,
  allocationMicros: wire.micros,
  rolloverCapMicros: wire.micros.describe('The most that is carried into the next period; 0: nothing'),
  entitlements,
  effectiveAt: wire.time,
  createdAt: wire.time,
  createdBy: z.string(),
  reason: z.string(),
})
export type TierVersionOnWire = z.infer<typeof tierVersion>

export const status = z.enum(['active', 'paused', 'past_due', 'canceled'])
export const collection = z
  .enum(['none', 'manual', 'stripe'])
  .describe('none: an administrator gave the tier, nothing is charged')

export const subscription = z.object({
  organizationId: wire.id,
  userId: wire.id,
  accountId: wire.id,
  status,
  tier: tierVersion,
  collection,
  timeZone: z.string(),
  periodStart: wire.time,
  periodEnd: wire.time,
  discountBasisPoints: wire.count.describe('Of this period’s price'),
  pending: z
    .union([
      z.object({ kind: z.literal('change_tier'), tierId: wire.tierId }),
      z.object({ kind: z.literal('cancel') }),
    ])
    .nullable()
    .describe('Takes effect at the end of the period'),
  pausedAt: wire.time.nullable(),
  graceUntil: wire.time.nullable(),
})

export const subscriptionView = subscription.extend({
  next: z
    .object({
      at: wire.time,
      tier: tierVersion,
      allocationMicros: wire.micros,
      priceMinor: minor,
      discountMinor: minor,
      totalMinor: minor,
    })
    .nullable()
    .describe('null: paused'),
  discount: z
    .object({
      basisPoints: wire.count,
      isEarned: z.boolean(),
      hasKeyNow: z.boolean(),
      shareBasisPoints: wire.count.describe('Of this period, with a counting key, so far'),
      neededShareBasisPoints: wire.count,
      continuousDays: wire.count,
      neededContinuousDays: wire.count,
      organizationKeysCount: z.boolean().describe('Or only keys of one’s own'),
      keysOfOthers: wire.count.describe(
        'Valid keys that another subscriber had before in this period, or has',
      ),
      keysElsewhere: wire.count.describe('Valid keys at an address at which keys do not count'),
    })
    .describe('How the own-key rule stands, were this the end of the period'),
})
export type SubscriptionOnWire = z.infer<typeof subscriptionView>

export const change = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('change_tier'), tierId: wire.tierId }),
  z.object({ kind: z.literal('cancel'), when: z.enum(['now', 'period_end']) }),
  z.object({ kind: z.literal('undo_pending') }),
  z.object({ kind: z.literal('pause') }),
  z.object({ kind: z.literal('resume') }),
  z.object({ kind: z.literal('set_time_zone'), timeZone: z.string().min(1).max(60) }),
])

export const changePreview = z.object({
  calculatedAt: wire.time.describe('Given with the command, it is this price that is charged'),
  effectiveAt: wire.time,
  before: z.object({ status, tier: tierVersion }),
  after: z.object({ status, tier: tierVersion }),
  currency,
  lines: z.array(
    z.object({
      kind: z.enum(['proration', 'subscription', 'discount']),
      description: z.string(),
      amountMinor: minor,
    }),
  ),
  chargeNowMinor: minor,
  creditsNowMicros: wire.micros,
  periodEnd: wire.time,
  nextChargeMinor: minor.describe('At the next renewal, with the own-key discount as it stands now'),
  nextAllocationMicros: wire.micros,
})
export type ChangePreviewOnWire = z.infer<typeof changePreview>

export const changeResult = z.object({
  preview: changePreview,
  subscription,
  state: z.enum(['done', 'awaiting_payment']),
  paymentId: wire.id.nullable(),
  checkoutUrl: z.string().nullable().describe('null: nothing to pay, or an administrator approves'),
})

export const pack = z.object({
  id: wire.tierId,
  name: z.string(),
  creditMicros: wire.micros,
  priceMinor: minor,
  currency,
  position: z.number().int(),
  archivedAt: wire.time.nullable(),
})

export const payment = z.object({
  organizationId: wire.id,
  id: wire.id,
  userId: wire.id,
  provider: z.enum(['manual', 'stripe']),
  purpose: z.enum(['purchase', 'auto_top_up', 'tier_change', 'renewal']),
  status: z.enum(['requested', 'paid', 'failed', 'denied', 'abandoned']),
  amountMinor: minor,
  currency,
  creditMicros: wire.micros,
  description: z.string(),
  invoiceId: wire.id.nullable(),
  refundedMinor: minor,
  isDisputed: z.boolean(),
  failureReason: z.string().nullable(),
  createdAt: wire.time,
  decidedAt: wire.time.nullable(),
  decidedBy: z.string().nullable(),
})
export type PaymentOnWire = z.infer<typeof payment>

export const invoice = z.object({
  organizationId: wire.id,
  id: wire.id,
  userId: wire.id,
  kind: z.enum(['invoice', 'credit_note']),
  number: z.string().nullable(),
  issuer: z.string(),
  status: z.enum(['draft', 'open', 'paid', 'void', 'refunded']),
  currency,
  totalMinor: minor,
  taxMinor: minor,
  lines: z.array(
    z.object({
      kind: z.enum(['subscription', 'proration', 'discount', 'credits', 'tax', 'refund']),
      description: z.string(),
      quantity: wire.count,
      amountMinor: minor,
      from: wire.time.nullable(),
      until: wire.time.nullable(),
    }),
  ),
  correctsId: wire.id.nullable(),
  paymentId: wire.id.nullable(),
  billedTo: z.object({ name: z.string(), email: z.string(), organization: z.string() }),
  issuedAt: wire.time.nullable(),
  dueAt: wire.time.nullable(),
  paidAt: wire.time.nullable(),
})
export type InvoiceOnWire = z.infer<typeof invoice>

const autoTopUp = z.object({
  enabled: z.boolean(),
  thresholdMicros: amount.describe('Bought when less than this is available'),
  packId: wire.tierId,
  monthlyCapMinor: amount.describe('Of the calendar month in the subscriber’s time zone'),
})

export const commanded = { idempotencyKey, returnPath }
const calculatedAt = wire.time
  .optional()
  .describe('Of the preview that was shown, at most ten minutes ago; left out: calculated now')
export const changeCommand = z.object({ change, calculatedAt, ...commanded })

export const billingEndpoints = defineEndpoints({
  readSubscription: {
    method: 'GET',
    path: '/subscription',
    auth: 'session',
    permission: 'own.read',
    group: 'billing',
    summary: 'Your subscription, its next renewal and how the own-key discount stands',
    reply: subscriptionView,
  },
  listTierChoices: {
    method: 'GET',
    path: '/subscription/tiers',
    auth: 'session',
    permission: 'own.read',
    group: 'billing',
    summary: 'Tiers that you can change to',
    reply: z.object({ items: z.array(tierVersion) }),
  },
  previewSubscriptionChange: {
    method: 'POST',
    path: '/subscription/preview',
    auth: 'session',
    permission: 'own.use',
    group: 'billing',
    summary: 'The exact money and credits of a change, before it is made',
    body: z.object({ change }),
    reply: changePreview,
  },
  changeSubscription: {
    method: 'POST',
    path: '/subscription/change',
    auth: 'session',
    permission: 'own.use',
    stepUp: true,
    group: 'billing',
    summary: 'Change tier, cancel, pause, resume, undo; the same idempotency key is the same change',
    body: changeCommand,
    reply: changeResult,
  },
  readIdleSubscription: {
    method: 'GET',
    path: '/subscription/idle',
    auth: 'session',
    permission: 'own.read',
    group: 'billing',
    summary:
      'What is still paid for an account that nothing is taken from, since central billing was switched',
    reply: z.object({
      idle: z
        .object({
          account: z.enum(['own', 'organization']).describe('Yours, or that of your organisation'),
          subscription,
        })
        .nullable(),
    }),
  },
  cancelIdleSubscription: {
    method: 'POST',
    path: '/subscription/idle/cancel',
    auth: 'session',
    permission: 'own.use',
    stepUp: true,
    group: 'billing',
    summary: 'End it, now or at the end of its period',
    body: z.object({ when: z.enum(['now', 'period_end']), ...commanded }),
    reply: changeResult,
  },
  listPacks: {
    method: 'GET',
    path: '/credits/packs',
    auth: 'session',
    permission: 'own.read',
    group: 'billing',
    summary: 'What can be bought',
    reply: z.object({
      items: z.array(pack),
      custom: z.object({
        currency,
        minimumMinor: minor,
        maximumMinor: minor,
        microsPerMinor: wire.micros,
      }),
      expiryMonths: z.number().int().nullable().describe('Purchased credits expire after these; null: never'),
      provider: z.enum(['manual', 'stripe']).describe('manual: an administrator approves'),
    }),
  },
  buyCredits: {
    method: 'POST',
    path: '/credits/purchases',
    auth: 'session',
    permission: 'own.use',
    group: 'billing',
    status: 201,
    summary: 'Buy a pack or an amount; the same idempotency key is the same purchase',
    body: z.object({
      purchase: z.discriminatedUnion('kind', [
        z.object({ kind: z.literal('pack'), packId: wire.tierId }),
        z.object({ kind: z.literal('custom'), amountMinor: amount }),
      ]),
      ...commanded,
    }),
    reply: z.object({ payment, checkoutUrl: z.string().nullable() }),
  },
  listPayments: {
    method: 'GET',
    path: '/credits/purchases',
    auth: 'session',
    permission: 'own.read',
    group: 'billing',
    summary: 'What you paid and are to pay',
    query: wire.pageQuery,
    reply: wire.page(payment),
  },
  readPayment: {
    method: 'GET',
    path: '/credits/purchases/:id',
    auth: 'session',
    permission: 'own.read',
    group: 'billing',
    summary: 'One of your payments, such as to see whether it has arrived',
    params: wire.idParams,
    reply: payment,
  },
  continuePayment: {
    method: 'POST',
    path: '/credits/purchases/:id/checkout',
    auth: 'session',
    permission: 'own.use',
    group: 'billing',
    summary: 'Where a payment that waits for you is made; null: it does not wait for you',
    params: wire.idParams,
    body: z.object({ returnPath }),
    reply: z.object({ payment, checkoutUrl: z.string().nullable() }),
  },
  takeBackPayment: {
    method: 'POST',
    path: '/credits/purchases/:id/take-back',
    auth: 'session',
    permission: 'own.use',
    group: 'billing',
    summary: 'Take back what you asked an administrator for, as long as nobody has decided it',
    params: wire.idParams,
    reply: payment,
  },
  openPaymentPortal: {
    method: 'POST',
    path: '/credits/payment-portal',
    auth: 'session',
    permission: 'own.use',
    stepUp: true,
    group: 'billing',
    summary: 'Where the saved payment method is changed; null: the provider has no such page',
    body: z.object({ returnPath }),
    reply: z.object({ url: z.string().nullable() }),
  },
  readAutoTopUp: {
    method: 'GET',
    path: '/credits/auto-top-up',
    auth: 'session',
    permission: 'own.read',
    group: 'billing',
    summary: 'Credits that are bought by themselves',
    reply: z.object({ autoTopUp: autoTopUp.extend({ spentThisMonthMinor: minor }).nullable() }),
  },
  setAutoTopUp: {
    method: 'PUT',
    path: '/credits/auto-top-up',
    auth: 'session',
    permission: 'own.use',
    stepUp: true,
    group: 'billing',
    summary: 'Set or, with null, remove automatic top-up',
    body: z.object({ autoTopUp: autoTopUp.nullable() }),
    reply: z.object({ autoTopUp: autoTopUp.extend({ spentThisMonthMinor: minor }).nullable() }),
  },
  listInvoices: {
    method: 'GET',
    path: '/invoices',
    auth: 'session',
    permission: 'own.read',
    group: 'billing',
    summary: 'Your invoices and credit notes, newest first',
    query: wire.pageQuery,
    reply: wire.page(invoice),
  },
  readInvoice: {
    method: 'GET',
    path: '/invoices/:id',
    auth: 'session',
    permission: 'own.read',
    group: 'billing',
    summary: 'One of your invoices',
    params: wire.idParams,
    reply: invoice,
  },
})
