import { Stripe } from 'stripe'
import type {
  ChargeResult,
  CheckoutResult,
  Payer,
  PaymentProvider,
  PaymentRequest,
  RefundResult,
} from '../billing/provider.ts'
import { failure, type Outcome, success } from '../kit/fault.ts'
import type { Log } from '../kit/log.ts'
import type { Outbound } from '../net/outbound.ts'
import { isPassingTrouble, makeStripeClient, modeOf, type StripeAccount, toldBy } from './stripe-client.ts'
import { attemptOf, declineWords, eventTypes, type Facts, factsOf, ourMetadata } from './stripe-facts.ts'
import { toStripe } from './stripe-money.ts'
import { headOf, intentIdOf, type ProviderEvent, standingOf } from './stripe-standing.ts'

export interface StripeProvider extends PaymentProvider {
  /** null: an event of another kind or mode, of no interest. */
  verify(body: Buffer, signature: string | undefined, at: Date): Outcome<ProviderEvent | null>
  /** Fetches what the event is about and tells all that is true of that payment now. Throws when Stripe does not answer. */
  facts(event: ProviderEvent): Promise<Facts>
  /** Stripe's own list, oldest first; Stripe keeps 30 days. */
  eventsSince(at: Date): Promise<readonly ProviderEvent[]>
}

/** Whose customer at Stripe somebody is. */
export interface CustomerBook {
  find(payer: Payer): Promise<string | null>
  /** The same customer may be written twice at once; the last stays. */
  write(payer: Payer, customerId: string): Promise<void>
}

export interface StripeProviderOptions {
  readonly account: StripeAccount
  readonly outbound: Outbound
  readonly customersOf: (mode: 'test' | 'live') => CustomerBook
  readonly log: Log
}

const toleranceSeconds = 300
/** Far more than one payer's payments within the days in which one payment can be asked for again. */
const recentPayments = 100

export const makeStripeProvider = (options: StripeProviderOptions): StripeProvider => {
  const { account, outbound, log } = options
  const stripe = makeStripeClient(account, outbound)
  const mode = modeOf(account)
  const customers = options.customersOf(mode)

  /** Stripe's errors as faults; what nobody expected goes on. */
  const asOutcome = async <T>(what: string, work: () => Promise<T>): Promise<Outcome<T>> => {
    try {
      return success(await work())
    } catch (error) {
      if (!(error instanceof Stripe.errors.StripeError)) throw error
      log.warn({ ...toldBy(error), what }, 'Stripe refused or did not answer')
      return failure(isPassingTrouble(error) ? 'payments_unavailable' : 'payments_refused')
    }
  }

  const newCustomer = async (payer: Payer): Promise<string> => {
    const metadata = { aideon_account_id: payer.accountId, aideon_organization_id: payer.organizationId }
    // Only what never changes goes under the idempotency key; two processes at once get the same customer.
    const made = await stripe.customers.create(
      { metadata },
      { idempotencyKey: `customer:${payer.accountId}` },
    )
    await stripe.customers.update(made.id, { email: payer.email, name: payer.name })
    await customers.write(payer, made.id)
    return made.id
  }

  const customerOf = async (payer: Payer): Promise<string> =>
    (await customers.find(payer)) ?? (await newCustomer(payer))

  /** Somebody may have deleted the customer in Stripe's dashboard. */
  const withCustomer = async <T>(payer: Payer, work: (customerId: string) => Promise<T>): Promise<T> => {
    const customerId = await customerOf(payer)
    try {
      return await work(customerId)
    } catch (error) {
      if (!isGoneCustomer(error)) throw error
      const again = await stripe.customers.create({
        email: payer.email,
        name: payer.name,
        metadata: { aideon_account_id: payer.accountId, aideon_organization_id: payer.organizationId },
      })
      await customers.write(payer, again.id)
      return work(again.id)
    }
  }

  const openCheckout = async (
    request: PaymentRequest & { returnUrl: string },
    customer: string,
  ): Promise<Stripe.Checkout.Session> => {
    const metadata = { [ourMetadata.payment]: request.paymentId }
    const before = await sessionOf(request.paymentId, customer)
    if (before) return before
    return stripe.checkout.sessions.create(
      {
        mode: 'payment',
        customer,
        client_reference_id: request.paymentId,
        line_items: [
          {
            quantity: 1,
            price_data: {
              currency: request.currency.toLowerCase(),
              unit_amount: toStripe(request.amountMinor, request.currency),
              product_data: { name: request.description.slice(0, 250) },
            },
          },
        ],
        metadata,
        payment_intent_data: {
          description: request.description.slice(0, 1_000),
          metadata: { ...metadata, [ourMetadata.how]: 'checkout' },
          // Renewals and automatic top-ups charge it while the payer is away.
          setup_future_usage: 'off_session',
        },
        success_url: backFrom(request, 'done'),
        cancel_url: backFrom(request, 'left'),
      },
      { idempotencyKey: `checkout:${request.paymentId}` },
    )
  }

  /** Asked for again, perhaps with another return address, which the idempotency key would refuse. */
  const sessionOf = async (paymentId: string, customer: string): Promise<Stripe.Checkout.Session | null> => {
    const { data } = await stripe.checkout.sessions.list({ customer, limit: recentPayments })
    return data.find((session) => session.client_reference_id === paymentId) ?? null
  }

  const checkout: PaymentProvider['checkout'] = (request) =>
    asOutcome('checkout', () =>
      withCustomer(request.payer, async (customer): Promise<CheckoutResult> => {
        const session = await openCheckout(request, customer)
        // Once paid or expired there is no page any more; the return address shows how it ended.
        return { kind: 'redirect', url: session.url ?? backFrom(request, 'done'), externalId: session.id }
      }),
    )

  const savedMethod = async (customerId: string): Promise<string | null> => {
    const customer = await stripe.customers.retrieve(customerId)
    const chosen = customer.deleted ? null : customer.invoice_settings.default_payment_method
    if (chosen) return typeof chosen === 'string' ? chosen : chosen.id
    const { data } = await stripe.customers.listPaymentMethods(customerId, { limit: 1 })
    return data[0]?.id ?? null
  }

  const intentOf = async (paymentId: string, customer: string): Promise<Stripe.PaymentIntent | null> => {
    const { data } = await stripe.paymentIntents.list({ customer, limit: recentPayments })
    return data.find((intent) => intent.metadata[ourMetadata.payment] === paymentId) ?? null
  }

  const chargeSaved = async (request: PaymentRequest, customer: string): Promise<ChargeResult> => {
    // Looked for first: Stripe forgets idempotency keys after a day, and a charge is for ever.
    const before = await intentOf(request.paymentId, customer)
    if (before && before.status !== 'requires_payment_method') return chargeResultOf(before)
    const method = await savedMethod(customer)
    if (method === null) return { kind: 'failed', reason: 'There is no saved payment method.' }
    return chargeResultOf(await (before ? tryAgain(before, method) : firstTry(request, customer, method)))
  }

  const firstTry = (
    request: PaymentRequest,
    customer: string,
    method: string,
  ): Promise<Stripe.PaymentIntent> =>
    stripe.paymentIntents.create(
      {
        amount: toStripe(request.amountMinor, request.currency),
        currency: request.currency.toLowerCase(),
        customer,
        payment_method: method,
        off_session: true,
        confirm: true,
        automatic_payment_methods: { enabled: true, allow_redirects: 'never' },
        description: request.description.slice(0, 1_000),
        metadata: { [ourMetadata.payment]: request.paymentId, [ourMetadata.how]: 'charge' },
      },
      { idempotencyKey: `charge:${request.paymentId}` },
    )

  /** With the same intent, which can be paid once at most. */
  const tryAgain = (intent: Stripe.PaymentIntent, method: string): Promise<Stripe.PaymentIntent> =>
    stripe.paymentIntents.confirm(
      intent.id,
      { payment_method: method, off_session: true },
      { idempotencyKey: `confirm:${attemptOf(intent)}:${method}` },
    )

  const charge: PaymentProvider['charge'] = async (request) => {
    try {
      return await withCustomer(request.payer, (customer) => chargeSaved(request, customer))
    } catch (error) {
      if (error instanceof Stripe.errors.StripeCardError)
        return { kind: 'failed', reason: declineWords(cardErrorOf(error)) }
      if (!(error instanceof Stripe.errors.StripeError)) throw error
      log.warn({ ...toldBy(error), paymentId: request.paymentId }, 'a charge got no clear answer')
      // Never for good: another process may have charged under the same key, or the operator mends the settings.
      return { kind: 'unavailable' }
    }
  }

  const refund: PaymentProvider['refund'] = async (request) => {
    try {
      const intentId = await intentIdOf(stripe, request.externalId)
      if (intentId === null) return { kind: 'failed', reason: 'Stripe has no payment to refund.' }
      const { data } = await stripe.refunds.list({ payment_intent: intentId, limit: recentPayments })
      const before = data.find((made) => made.metadata?.[ourMetadata.refund] === request.refundId)
      if (before) return refundResultOf(before)
      const made = await stripe.refunds.create(
        {
          payment_intent: intentId,
          amount: toStripe(request.amountMinor, request.currency),
          metadata: {
            [ourMetadata.refund]: request.refundId,
            [ourMetadata.payment]: request.paymentId,
          },
        },
        { idempotencyKey: `refund:${request.refundId}` },
      )
      return refundResultOf(made)
    } catch (error) {
      if (!(error instanceof Stripe.errors.StripeError)) throw error
      log.warn({ ...toldBy(error), refundId: request.refundId }, 'a refund was refused or got no answer')
      if (error instanceof Stripe.errors.StripeInvalidRequestError)
        return { kind: 'failed', reason: refusalWords[error.code ?? ''] ?? 'Stripe refuses the refund.' }
      return { kind: 'unavailable' }
    }
  }

  const verify: StripeProvider['verify'] = (body, signature, at) => {
    try {
      const event = stripe.webhooks.constructEvent(
        body,
        signature ?? '',
        account.webhookSecret,
        toleranceSeconds,
        undefined,
        at.getTime(),
      )
      return success(headOf(event, mode))
    } catch (error) {
      // Signed, and no JSON: not from Stripe either.
      if (error instanceof Stripe.errors.StripeError || error instanceof SyntaxError)
        return failure('webhook_refused')
      throw error
    }
  }

  const facts: StripeProvider['facts'] = async (event) => factsOf(await standingOf(stripe, event))

  return {
    id: 'stripe',
    checkout,
    charge,
    refund,
    portalLink: (payer, returnUrl) =>
      asOutcome('portal', () =>
        withCustomer(payer, async (customer) => {
          const { url } = await stripe.billingPortal.sessions.create({ customer, return_url: returnUrl })
          return url
        }),
      ),
    verify,
    facts,
    async readWebhook(body, headers, at) {
      const event = verify(body, headers['stripe-signature'], at)
      if (!event.ok) return event
      const { value } = event
      if (value === null) return success([])
      const told = await asOutcome('webhook', () => facts(value))
      return told.ok ? success(told.value.events) : told
    },
    async eventsSince(at) {
      const found: ProviderEvent[] = []
      const created = { gte: Math.floor(at.getTime() / 1000) }
      for await (const event of stripe.events.list({ types: [...eventTypes], created, limit: 100 })) {
        const head = headOf(event, mode)
        if (head) found.push(head)
      }
      return found.toReversed()
    },
  }
}

/** What the page that payers come back to is told; only a webhook's word counts. */
const backFrom = (request: PaymentRequest & { returnUrl: string }, how: 'done' | 'left'): string => {
  const url = new URL(request.returnUrl)
  url.searchParams.set('payment', request.paymentId)
  url.searchParams.set('checkout', how)
  return url.href
}

const isGoneCustomer = (error: unknown): boolean =>
  error instanceof Stripe.errors.StripeInvalidRequestError &&
  error.code === 'resource_missing' &&
  (error.param === 'customer' || /No such customer/.test(error.message))

const cardErrorOf = (error: { message: string }) => ({ type: 'card_error', message: error.message })

const chargeResultOf = (intent: Stripe.PaymentIntent): ChargeResult => {
  if (intent.status === 'succeeded') return { kind: 'paid', externalId: intent.id }
  if (intent.status === 'processing') return { kind: 'pending', externalId: intent.id }
  return {
    kind: 'failed',
    reason: intent.last_payment_error
      ? declineWords(intent.last_payment_error)
      : 'The payment was not completed.',
  }
}

const refundResultOf = ({ id, status }: Stripe.Refund): RefundResult => {
  if (status === 'succeeded') return { kind: 'refunded', externalId: id }
  if (status === 'failed' || status === 'canceled')
    return { kind: 'failed', reason: 'The payer’s bank did not take the refund.' }
  return { kind: 'pending', externalId: id }
}

const refusalWords: Readonly<Record<string, string>> = {
  charge_already_refunded: 'The payment has been refunded already.',
  charge_disputed: 'The payment is disputed: the bank has the money.',
}
