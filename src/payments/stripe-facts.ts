import type { Stripe } from 'stripe'
import type { PaymentEvent } from '../billing/provider.ts'
import { fromStripe } from './stripe-money.ts'

/** Our ids, on whatever we make at Stripe. */
export const ourMetadata = {
  payment: 'aideon_payment_id',
  refund: 'aideon_refund_id',
  /** `charge`: nobody is there to try another card, so that a decline is final. */
  how: 'aideon_how',
} as const

/** What the event endpoint has to be told about; everything else is ignored. */
export const eventTypes = [
  'checkout.session.completed',
  'checkout.session.async_payment_succeeded',
  'checkout.session.async_payment_failed',
  'checkout.session.expired',
  'payment_intent.succeeded',
  'payment_intent.payment_failed',
  'payment_intent.canceled',
  'charge.refunded',
  'refund.created',
  'refund.updated',
  'refund.failed',
  'charge.dispute.created',
  'charge.dispute.updated',
  'charge.dispute.closed',
] as const

/** Everything that Stripe knows of one payment, as it stands now. */
export interface PaymentStanding {
  readonly session: Stripe.Checkout.Session | null
  readonly intent: Stripe.PaymentIntent | null
  readonly refunds: readonly Stripe.Refund[]
  readonly disputes: readonly Stripe.Dispute[]
}

export interface Facts {
  /** null: not ours. */
  readonly paymentId: string | null
  readonly events: readonly PaymentEvent[]
  /** What no rule covers and an administrator should know. */
  readonly remarks: readonly string[]
}

const secondsToDate = (seconds: number): Date => new Date(seconds * 1000)

/** Inquiries move no money, nor does what was prevented. */
const movesMoney = new Set([
  'needs_response',
  'under_review',
  'won',
  'lost',
  'appeal_needs_response',
  'appeal_under_review',
])

/**
 * What is true of a payment, whatever it was that made us look: always all of it, in the order in which it can be
 * applied. The ids are those of the facts, not of the notices: a fact that is told by three events is one.
 */
export const factsOf = (standing: PaymentStanding): Facts => {
  const { session, intent } = standing
  const paymentId = paymentIdOf(standing)
  if (paymentId === null) return { paymentId, events: [], remarks: [] }
  const isPaid = intent?.status === 'succeeded'
  const events = isPaid
    ? [paidFact(paymentId, intent), ...correctionFacts(paymentId, standing)]
    : unpaidFacts(paymentId, session, intent)
  return { paymentId, events, remarks: remarksOf(standing, isPaid) }
}

export const paymentIdOf = ({
  session,
  intent,
}: Pick<PaymentStanding, 'session' | 'intent'>): string | null =>
  intent?.metadata[ourMetadata.payment] ?? session?.metadata?.[ourMetadata.payment] ?? null

const paidFact = (paymentId: string, intent: Stripe.PaymentIntent): PaymentEvent => ({
  kind: 'paid',
  eventId: `${intent.id}:paid`,
  at: secondsToDate(intent.created),
  paymentId,
  externalId: intent.id,
  amountMinor: fromStripe(BigInt(intent.amount_received), intent.currency),
  currency: intent.currency.toUpperCase(),
})

const correctionFacts = (
  paymentId: string,
  { refunds, disputes }: Pick<PaymentStanding, 'refunds' | 'disputes'>,
): PaymentEvent[] => [
  ...refunds
    .filter((refund) => refund.status === 'succeeded')
    .map(
      (refund): PaymentEvent => ({
        kind: 'refunded',
        eventId: `${refund.id}:refunded`,
        at: secondsToDate(refund.created),
        paymentId,
        refundId: refund.id,
        amountMinor: fromStripe(BigInt(refund.amount), refund.currency),
        ...(refund.metadata?.[ourMetadata.refund]
          ? { ourRefundId: refund.metadata[ourMetadata.refund] }
          : {}),
      }),
    ),
  ...disputes.filter((dispute) => movesMoney.has(dispute.status)).flatMap((d) => disputeFacts(paymentId, d)),
]

const disputeFacts = (paymentId: string, dispute: Stripe.Dispute): PaymentEvent[] => {
  const base = { at: secondsToDate(dispute.created), paymentId, disputeId: dispute.id }
  const opened: PaymentEvent = {
    ...base,
    kind: 'dispute_opened',
    eventId: `${dispute.id}:opened`,
    amountMinor: fromStripe(BigInt(dispute.amount), dispute.currency),
  }
  if (dispute.status !== 'won' && dispute.status !== 'lost') return [opened]
  const won = dispute.status === 'won'
  return [opened, { ...base, kind: 'dispute_closed', eventId: `${dispute.id}:${dispute.status}`, won }]
}

const unpaidFacts = (
  paymentId: string,
  session: Stripe.Checkout.Session | null,
  intent: Stripe.PaymentIntent | null,
): PaymentEvent[] => {
  if (session?.status === 'expired') {
    const at = secondsToDate(session.expires_at)
    return [{ kind: 'abandoned', eventId: `${session.id}:expired`, at, paymentId }]
  }
  if (!intent) return []
  const at = secondsToDate(intent.created)
  const isFinal = intent.metadata[ourMetadata.how] === 'charge' || session?.status === 'complete'
  if (intent.status === 'canceled')
    return [
      {
        kind: 'failed',
        eventId: `${intent.id}:canceled`,
        at,
        paymentId,
        reason: 'The payment was canceled.',
      },
    ]
  // On the checkout page the payer can still take another card.
  if (isFinal && intent.status === 'requires_payment_method' && intent.last_payment_error) {
    const reason = declineWords(intent.last_payment_error)
    return [{ kind: 'failed', eventId: `${attemptOf(intent)}:failed`, at, paymentId, reason }]
  }
  return []
}

/** A renewal that was declined is tried again with the same intent: each attempt is a charge. */
export const attemptOf = ({ id, latest_charge: charge }: Stripe.PaymentIntent): string =>
  (typeof charge === 'string' ? charge : charge?.id) ?? id

/** For the payer. Stripe's own messages are written for them; other texts stay with us. */
export const declineWords = (error: { readonly type?: string; readonly message?: string }): string =>
  error.type === 'card_error' && error.message ? error.message : 'The payment was declined.'

const remarksOf = ({ refunds, disputes }: PaymentStanding, isPaid: boolean): string[] => [
  ...refunds
    .filter(({ status }) => status === 'failed' || status === 'canceled')
    .map(({ id, amount }) => `Refund ${id} of ${amount} did not reach the payer: give it in another way.`),
  ...disputes
    .filter(({ status }) => status.startsWith('warning_') && status !== 'warning_closed')
    .map(({ id }) => `The payer’s bank asks about it (${id}): answer in Stripe’s dashboard.`),
  ...(!isPaid && refunds.length + disputes.length > 0 ? ['Corrected, and yet not paid.'] : []),
]
