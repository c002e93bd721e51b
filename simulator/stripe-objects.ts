import { randomInt } from 'node:crypto'
import type { Metadata } from './stripe-params.ts'
import { refuse } from './stripe-params.ts'

/** Stripe's objects with the fields that a buyer of one thing meets, named as in API version `apiVersion`. */
export const apiVersion = '2026-10-28.endive'

interface Base<Name extends string> {
  readonly id: string
  readonly object: Name
  readonly created: number
  readonly livemode: false
  metadata: Metadata
}

export interface Customer extends Base<'customer'> {
  email: string | null
  name: string | null
  description: string | null
  invoice_settings: { default_payment_method: string | null }
}

/** How a test card behaves: https://docs.stripe.com/testing */
export type CardBehaviour =
  | 'pays'
  | 'declined'
  | 'insufficient_funds'
  /** Can be saved; every charge is declined. */
  | 'declined_when_charged'
  /** Asks its owner each time, so it fails where the owner is away. */
  | 'authenticates'

export interface PaymentMethod extends Base<'payment_method'> {
  readonly type: 'card'
  customer: string | null
  readonly card: {
    readonly brand: 'visa'
    readonly last4: string
    readonly exp_month: 12
    readonly exp_year: 2034
  }
}

export interface PaymentIntent extends Base<'payment_intent'> {
  readonly amount: number
  amount_received: number
  readonly currency: string
  readonly customer: string | null
  readonly description: string | null
  payment_method: string | null
  latest_charge: string | null
  status: 'requires_payment_method' | 'requires_action' | 'succeeded' | 'canceled'
  last_payment_error: { type: 'card_error'; code: string; decline_code: string; message: string } | null
  next_action: { type: 'use_stripe_sdk' } | null
  readonly setup_future_usage: 'off_session' | 'on_session' | null
  readonly capture_method: 'automatic_async'
  canceled_at: number | null
}

export interface Charge extends Base<'charge'> {
  readonly amount: number
  readonly amount_captured: number
  amount_refunded: number
  readonly currency: string
  readonly customer: string | null
  readonly payment_intent: string
  readonly payment_method: string
  readonly paid: boolean
  readonly status: 'succeeded' | 'failed'
  readonly failure_code: string | null
  refunded: boolean
  disputed: boolean
}

export interface Refund extends Base<'refund'> {
  readonly amount: number
  readonly currency: string
  readonly charge: string
  readonly payment_intent: string
  readonly reason: string | null
  status: 'succeeded' | 'pending' | 'failed'
  failure_reason?: string
}

export interface Dispute extends Base<'dispute'> {
  readonly amount: number
  readonly currency: string
  readonly charge: string
  readonly payment_intent: string
  readonly reason: string
  status: 'warning_needs_response' | 'warning_closed' | 'needs_response' | 'won' | 'lost'
  readonly is_charge_refundable: boolean
}

export interface LineItem {
  readonly id: string
  readonly object: 'item'
  readonly amount_total: number
  readonly currency: string
  readonly description: string
  readonly quantity: number
}

export interface CheckoutSession extends Base<'checkout.session'> {
  readonly mode: 'payment'
  readonly amount_subtotal: number
  readonly amount_total: number
  readonly currency: string
  readonly customer: string | null
  readonly client_reference_id: string | null
  readonly success_url: string
  readonly cancel_url: string | null
  readonly expires_at: number
  status: 'open' | 'complete' | 'expired'
  payment_status: 'unpaid' | 'paid'
  payment_intent: string | null
  url: string | null
}

export interface PortalSession extends Base<'billing_portal.session'> {
  readonly customer: string
  readonly return_url: string | null
  readonly url: string
}

export type StripeObject =
  | Customer
  | PaymentMethod
  | PaymentIntent
  | Charge
  | Refund
  | Dispute
  | CheckoutSession
  | PortalSession

export interface StripeEvent {
  readonly id: string
  readonly object: 'event'
  readonly api_version: string
  readonly created: number
  readonly data: { readonly object: unknown }
  readonly livemode: false
  readonly pending_webhooks: number
  readonly request: { readonly id: string | null; readonly idempotency_key: string | null }
  readonly type: string
}

export interface StripeState {
  /** Seconds. */
  readonly now: () => number
  /** Without a slash at the end. */
  readonly url: () => string
  readonly customers: Map<string, Customer>
  readonly paymentMethods: Map<string, PaymentMethod>
  readonly behaviours: Map<string, CardBehaviour>
  readonly paymentIntents: Map<string, PaymentIntent>
  readonly charges: Map<string, Charge>
  readonly refunds: Map<string, Refund>
  readonly disputes: Map<string, Dispute>
  readonly sessions: Map<string, CheckoutSession>
  /** What the hosted page needs and the session does not tell. */
  readonly orders: Map<
    string,
    { items: LineItem[]; intentMetadata: Metadata; saves: boolean; description: string | null }
  >
  readonly portals: Map<string, PortalSession>
  readonly events: StripeEvent[]
  readonly emit: (type: string, object: StripeObject) => void
}

const letters = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'

export const newStripeId = (prefix: string): string =>
  `${prefix}_1${Array.from({ length: 23 }, () => letters[randomInt(letters.length)]).join('')}`

export const find = <T>(map: ReadonlyMap<string, T>, name: string, id: string, param = 'id'): T =>
  map.get(id) ??
  refuse(`No such ${name}: '${id}'`, { code: 'resource_missing', param }, param === 'id' ? 404 : 400)

export interface PageInput {
  readonly limit?: number | undefined
  readonly starting_after?: string | undefined
  readonly ending_before?: string | undefined
}

/** Newest first, as every list of Stripe. */
export const pageOf = <T extends { id: string }>(all: readonly T[], input: PageInput, url: string) => {
  const newest = all.toReversed()
  const { limit = 10, starting_after: after, ending_before: before } = input
  if (limit < 1 || limit > 100)
    return refuse('This value must be less than or equal to 100.', {
      code: 'parameter_invalid_integer',
      param: 'limit',
    })
  const from = after === undefined ? 0 : newest.findIndex((item) => item.id === after) + 1
  const until = before === undefined ? newest.length : newest.findIndex((item) => item.id === before)
  const rest = newest.slice(from, until)
  return { object: 'list', data: rest.slice(0, limit), has_more: rest.length > limit, url }
}
