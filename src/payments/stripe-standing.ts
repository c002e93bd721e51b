import type { Stripe } from 'stripe'
import { eventTypes, type PaymentStanding } from './stripe-facts.ts'

/** The head of an event. What it says about its object is not kept: that may be old when we come to read it. */
export interface ProviderEvent {
  readonly id: string
  readonly type: string
  readonly objectId: string
  readonly at: Date
}

const idOf = (given: string | { readonly id: string } | null | undefined): string | null =>
  typeof given === 'string' ? given : (given?.id ?? null)

/** Payments are known by their checkout until they are paid. */
export const intentIdOf = async (stripe: Stripe, externalId: string | null): Promise<string | null> => {
  if (!externalId?.startsWith('cs_')) return externalId
  return idOf((await stripe.checkout.sessions.retrieve(externalId)).payment_intent)
}

export const headOf = (event: Stripe.Event, mode: 'test' | 'live'): ProviderEvent | null => {
  if (!(eventTypes as readonly string[]).includes(event.type)) return null
  if (event.livemode !== (mode === 'live')) return null
  const { id } = event.data.object as { id?: string }
  return id === undefined
    ? null
    : { id: event.id, type: event.type, objectId: id, at: new Date(event.created * 1000) }
}

/** From whatever the event is about to the payment, and everything that is known of it now. */
export const standingOf = async (stripe: Stripe, event: ProviderEvent): Promise<PaymentStanding> => {
  const { type, objectId } = event
  const session = type.startsWith('checkout.session.')
    ? await stripe.checkout.sessions.retrieve(objectId)
    : null
  const intentId = session ? idOf(session.payment_intent) : await intentIdOfEvent(stripe, type, objectId)
  if (intentId === null) return { session, intent: null, refunds: [], disputes: [] }
  const of = { payment_intent: intentId, limit: 100 }
  const [intent, refunds, disputes] = await Promise.all([
    stripe.paymentIntents.retrieve(intentId),
    stripe.refunds.list(of),
    stripe.disputes.list(of),
  ])
  // Oldest first, as they happened.
  return { session, intent, refunds: refunds.data.toReversed(), disputes: disputes.data.toReversed() }
}

const intentIdOfEvent = async (stripe: Stripe, type: string, objectId: string): Promise<string | null> => {
  if (type.startsWith('payment_intent.')) return objectId
  if (type.startsWith('refund.')) return idOf((await stripe.refunds.retrieve(objectId)).payment_intent)
  if (type.startsWith('charge.dispute.'))
    return idOf((await stripe.disputes.retrieve(objectId)).payment_intent)
  return idOf((await stripe.charges.retrieve(objectId)).payment_intent)
}
