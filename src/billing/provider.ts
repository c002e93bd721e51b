import type { Outcome } from '../kit/fault.ts'

export type ProviderId = 'manual' | 'stripe'

/** Whoever pays. The provider keeps its own customer for it, by `accountId`. */
export interface Payer {
  readonly organizationId: string
  readonly accountId: string
  readonly userId: string
  readonly email: string
  readonly name: string
}

export interface PaymentRequest {
  /** Ours; it is the idempotency key of everything that is asked of the provider for this payment. */
  readonly paymentId: string
  readonly payer: Payer
  readonly amountMinor: bigint
  /** ISO 4217, upper case. */
  readonly currency: string
  readonly description: string
}

export type CheckoutResult =
  /** The payer goes there. `externalId` is the provider's own name of the payment. */
  | { readonly kind: 'redirect'; readonly url: string; readonly externalId: string }
  /** A person decides: billing.approve or billing.deny. */
  | { readonly kind: 'awaiting_approval' }

export type ChargeResult =
  | { readonly kind: 'paid'; readonly externalId: string }
  /** An event tells later, or a person. */
  | { readonly kind: 'pending'; readonly externalId: string | null }
  /** For good; the words are for the payer. */
  | { readonly kind: 'failed'; readonly reason: string }
  /** Not known: asked again with the same id. */
  | { readonly kind: 'unavailable' }

export type RefundResult =
  | { readonly kind: 'refunded'; readonly externalId: string }
  | { readonly kind: 'pending'; readonly externalId: string | null }
  | { readonly kind: 'failed'; readonly reason: string }
  | { readonly kind: 'unavailable' }

/**
 * What a provider tells us, in our words. Told twice, late or in another order, it has the same effect: `eventId` is
 * recorded in the transaction of the effect, and a refund of a payment that is not known as paid waits for it. Only the
 * end of a dispute that is not known yet has to be told again.
 */
export type PaymentEvent = {
  readonly eventId: string
  readonly at: Date
  readonly paymentId: string
} & (
  | {
      readonly kind: 'paid'
      readonly externalId: string
      readonly amountMinor: bigint
      readonly currency: string
    }
  | { readonly kind: 'failed'; readonly reason: string }
  /** The payer left, or the checkout expired. */
  | { readonly kind: 'abandoned' }
  | {
      readonly kind: 'refunded'
      readonly refundId: string
      readonly amountMinor: bigint
      /** The id under which it was asked for here; a refund that began at the provider has none. */
      readonly ourRefundId?: string
    }
  | { readonly kind: 'dispute_opened'; readonly disputeId: string; readonly amountMinor: bigint }
  | { readonly kind: 'dispute_closed'; readonly disputeId: string; readonly won: boolean }
)

/** Implemented in src/payments (manual here): it only talks to the provider and writes nothing of ours. */
export interface PaymentProvider {
  readonly id: ProviderId
  /** The payer is present. Asked again with the same payment, it gives the same checkout. */
  checkout(request: PaymentRequest & { readonly returnUrl: string }): Promise<Outcome<CheckoutResult>>
  /** The payer is not: renewals and automatic top-ups, by the saved method. */
  charge(request: PaymentRequest): Promise<ChargeResult>
  refund(request: {
    readonly refundId: string
    readonly paymentId: string
    readonly externalId: string | null
    readonly amountMinor: bigint
    readonly currency: string
  }): Promise<RefundResult>
  /** Where the payer changes the saved method; null: there is none. */
  portalLink(payer: Payer, returnUrl: string): Promise<Outcome<string | null>>
  /** Checks the signature on the raw bytes. Events that are not ours are left out. */
  readWebhook(
    body: Buffer,
    headers: Readonly<Record<string, string | undefined>>,
    at: Date,
  ): Promise<Outcome<readonly PaymentEvent[]>>
}

/** An administrator approves; works without any account elsewhere. */
export const manualProvider: PaymentProvider = {
  id: 'manual',
  checkout: async () => ({ ok: true, value: { kind: 'awaiting_approval' } }),
  charge: async () => ({ kind: 'pending', externalId: null }),
  // Whoever records the refund has sent the money back.
  refund: async ({ refundId }) => ({ kind: 'refunded', externalId: `manual:${refundId}` }),
  portalLink: async () => ({ ok: true, value: null }),
  readWebhook: async () => ({ ok: true, value: [] }),
}
