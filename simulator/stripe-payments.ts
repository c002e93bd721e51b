import {
  type CardBehaviour,
  type Charge,
  type Dispute,
  find,
  newStripeId,
  type PaymentIntent,
  type PaymentMethod,
  type Refund,
  type StripeState,
} from './stripe-objects.ts'
import { type Metadata, refuse, StripeRefusal } from './stripe-params.ts'

const behaviourOfNumber: Readonly<Record<string, CardBehaviour>> = {
  '4242424242424242': 'pays',
  '4000000000000002': 'declined',
  '4000000000009995': 'insufficient_funds',
  '4000000000000341': 'declined_when_charged',
  '4000002760003184': 'authenticates',
}

export const testCards = Object.keys(behaviourOfNumber)

/** null: not a number that this stand-in knows. */
export const newCard = (
  state: StripeState,
  number: string,
  customer: string | null,
): PaymentMethod | null => {
  const digits = number.replaceAll(/\s/g, '')
  const behaviour = behaviourOfNumber[digits]
  if (behaviour === undefined) return null
  const card: PaymentMethod = {
    id: newStripeId('pm'),
    object: 'payment_method',
    created: state.now(),
    livemode: false,
    metadata: {},
    type: 'card',
    customer,
    card: { brand: 'visa', last4: digits.slice(-4), exp_month: 12, exp_year: 2034 },
  }
  state.paymentMethods.set(card.id, card)
  state.behaviours.set(card.id, behaviour)
  return card
}

export interface IntentDraft {
  readonly amount: number
  readonly currency: string
  readonly customer: string | null
  readonly description: string | null
  readonly metadata: Metadata
  readonly savesMethod: boolean
}

/** Stripe's least charge in US dollars, kept for every currency here. */
const leastAmount = 50

/** https://docs.stripe.com/currencies#special-cases: what is to be sent with zeros at its end. */
const endings: Readonly<Record<string, number>> = {
  isk: 100,
  ugx: 100,
  bhd: 10,
  jod: 10,
  kwd: 10,
  omr: 10,
  tnd: 10,
}

export const checkAmount = (amount: number, param: string, currency: string): void => {
  if (amount % (endings[currency] ?? 1) !== 0)
    refuse(`Invalid amount for ${currency}: the last digits have to be 0.`, { param })
  if (amount < leastAmount) refuse('Amount must be at least $0.50 usd', { code: 'amount_too_small', param })
  if (amount > 99_999_999)
    refuse('Amount must be no more than $999,999.99', { code: 'amount_too_large', param })
}

export const newIntent = (state: StripeState, draft: IntentDraft): PaymentIntent => {
  const intent: PaymentIntent = {
    id: newStripeId('pi'),
    object: 'payment_intent',
    created: state.now(),
    livemode: false,
    metadata: draft.metadata,
    amount: draft.amount,
    amount_received: 0,
    currency: draft.currency,
    customer: draft.customer,
    description: draft.description,
    payment_method: null,
    latest_charge: null,
    status: 'requires_payment_method',
    last_payment_error: null,
    next_action: null,
    setup_future_usage: draft.savesMethod ? 'off_session' : null,
    capture_method: 'automatic_async',
    canceled_at: null,
  }
  state.paymentIntents.set(intent.id, intent)
  state.emit('payment_intent.created', intent)
  return intent
}

type Decline = NonNullable<PaymentIntent['last_payment_error']>

const declineOf = (behaviour: CardBehaviour, isOffSession: boolean): Decline | null => {
  const decline = (code: string, decline_code: string, message: string): Decline => ({
    type: 'card_error',
    code,
    decline_code,
    message,
  })
  if (behaviour === 'declined' || behaviour === 'declined_when_charged')
    return decline('card_declined', 'generic_decline', 'Your card was declined.')
  if (behaviour === 'insufficient_funds')
    return decline('card_declined', 'insufficient_funds', 'Your card has insufficient funds.')
  if (behaviour === 'authenticates' && isOffSession)
    return decline(
      'authentication_required',
      'authentication_required',
      'Your card was declined. This transaction requires authentication.',
    )
  return null
}

/** Charges the card. `isAuthenticated`: its owner has just said yes to the bank. */
export const confirmIntent = (
  state: StripeState,
  intent: PaymentIntent,
  card: PaymentMethod,
  how: { isOffSession: boolean; isAuthenticated?: boolean },
): void => {
  const behaviour = state.behaviours.get(card.id) ?? 'pays'
  intent.payment_method = card.id
  const decline = declineOf(behaviour, how.isOffSession)
  if (behaviour === 'authenticates' && !how.isOffSession && how.isAuthenticated !== true) {
    intent.status = 'requires_action'
    intent.next_action = { type: 'use_stripe_sdk' }
    state.emit('payment_intent.requires_action', intent)
    return
  }
  intent.next_action = null
  const charge = newCharge(state, intent, card, decline)
  intent.latest_charge = charge.id
  if (decline) {
    intent.status = 'requires_payment_method'
    intent.payment_method = null
    intent.last_payment_error = decline
    state.emit('charge.failed', charge)
    state.emit('payment_intent.payment_failed', intent)
    return
  }
  intent.status = 'succeeded'
  intent.last_payment_error = null
  intent.amount_received = intent.amount
  if (intent.setup_future_usage !== null) card.customer = intent.customer
  state.emit('charge.succeeded', charge)
  state.emit('payment_intent.succeeded', intent)
}

/** The card's owner told the bank that it was not them. */
export const failAuthentication = (state: StripeState, intent: PaymentIntent): void => {
  intent.status = 'requires_payment_method'
  intent.payment_method = null
  intent.next_action = null
  intent.last_payment_error = {
    type: 'card_error',
    code: 'payment_intent_authentication_failure',
    decline_code: 'authentication_required',
    message: 'We are unable to authenticate your payment method.',
  }
  state.emit('payment_intent.payment_failed', intent)
}

const newCharge = (
  state: StripeState,
  intent: PaymentIntent,
  card: PaymentMethod,
  decline: Decline | null,
): Charge => {
  const charge: Charge = {
    id: newStripeId('ch'),
    object: 'charge',
    created: state.now(),
    livemode: false,
    metadata: intent.metadata,
    amount: intent.amount,
    amount_captured: decline ? 0 : intent.amount,
    amount_refunded: 0,
    currency: intent.currency,
    customer: intent.customer,
    payment_intent: intent.id,
    payment_method: card.id,
    paid: decline === null,
    status: decline ? 'failed' : 'succeeded',
    failure_code: decline?.code ?? null,
    refunded: false,
    disputed: false,
  }
  state.charges.set(charge.id, charge)
  return charge
}

/** 402 as Stripe answers a confirmation that was declined, with the intent inside. */
export const declined = (intent: PaymentIntent): never => {
  const {
    code = 'card_declined',
    decline_code = 'generic_decline',
    message = 'Your card was declined.',
  } = intent.last_payment_error ?? {}
  throw new StripeRefusal(402, { type: 'card_error', code, decline_code, message, payment_intent: intent })
}

export const chargeOf = (state: StripeState, intent: PaymentIntent): Charge => {
  const charge = intent.latest_charge === null ? undefined : state.charges.get(intent.latest_charge)
  if (!charge || !charge.paid)
    return refuse(`This PaymentIntent (${intent.id}) does not have a successful charge to refund.`, {
      param: 'payment_intent',
    })
  return charge
}

export const refundCharge = (
  state: StripeState,
  charge: Charge,
  refund: {
    amount?: number | undefined
    reason: string | null
    metadata: Metadata
    status?: Refund['status']
  },
): Refund => {
  const left = charge.amount - charge.amount_refunded
  if (left === 0)
    return refuse(`Charge ${charge.id} has already been refunded.`, { code: 'charge_already_refunded' })
  if (charge.disputed)
    return refuse(`Charge ${charge.id} has been charged back; cannot issue a refund.`, {
      code: 'charge_disputed',
    })
  const amount = refund.amount ?? left
  if (amount > left)
    return refuse(
      `Refund amount ($${(amount / 100).toFixed(2)}) is greater than unrefunded amount on charge ($${(left / 100).toFixed(2)})`,
      { param: 'amount' },
    )
  const made: Refund = {
    id: newStripeId('re'),
    object: 'refund',
    created: state.now(),
    livemode: false,
    metadata: refund.metadata,
    amount,
    currency: charge.currency,
    charge: charge.id,
    payment_intent: charge.payment_intent,
    reason: refund.reason,
    status: refund.status ?? 'succeeded',
  }
  charge.amount_refunded += amount
  charge.refunded = charge.amount_refunded === charge.amount
  state.refunds.set(made.id, made)
  state.emit('refund.created', made)
  state.emit('charge.refunded', charge)
  return made
}

/** The bank sends the money of a refund back: it was not given. */
export const failRefund = (state: StripeState, refundId: string): void => {
  const refund = find(state.refunds, 'refund', refundId)
  const charge = find(state.charges, 'charge', refund.charge)
  refund.status = 'failed'
  refund.failure_reason = 'lost_or_stolen_card'
  charge.amount_refunded -= refund.amount
  charge.refunded = false
  state.emit('refund.failed', refund)
}

export const openDispute = (
  state: StripeState,
  intentId: string,
  options: { amount?: number; isInquiry?: boolean } = {},
): Dispute => {
  const charge = chargeOf(state, find(state.paymentIntents, 'payment_intent', intentId))
  const dispute: Dispute = {
    id: newStripeId('dp'),
    object: 'dispute',
    created: state.now(),
    livemode: false,
    metadata: {},
    amount: options.amount ?? charge.amount,
    currency: charge.currency,
    charge: charge.id,
    payment_intent: charge.payment_intent,
    reason: 'fraudulent',
    status: options.isInquiry === true ? 'warning_needs_response' : 'needs_response',
    is_charge_refundable: options.isInquiry === true,
  }
  charge.disputed = options.isInquiry !== true
  state.disputes.set(dispute.id, dispute)
  state.emit('charge.dispute.created', dispute)
  if (options.isInquiry !== true) state.emit('charge.dispute.funds_withdrawn', dispute)
  return dispute
}

export const closeDispute = (state: StripeState, disputeId: string, isWon: boolean): void => {
  const dispute = find(state.disputes, 'dispute', disputeId)
  const isInquiry = dispute.status === 'warning_needs_response'
  dispute.status = isInquiry ? 'warning_closed' : isWon ? 'won' : 'lost'
  if (isWon && !isInquiry) state.emit('charge.dispute.funds_reinstated', dispute)
  state.emit('charge.dispute.closed', dispute)
}
