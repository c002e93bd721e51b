import { type CheckoutSession, find, newStripeId, type StripeState } from './stripe-objects.ts'
import { page, paragraph } from './stripe-page.ts'
import { confirmIntent, failAuthentication, newCard, newIntent, testCards } from './stripe-payments.ts'

export type PageReply =
  | { readonly kind: 'html'; readonly status: number; readonly html: string }
  | { readonly kind: 'redirect'; readonly location: string }

const html = (text: string, status = 200): PageReply => ({ kind: 'html', status, html: text })

export const expireSession = (state: StripeState, session: CheckoutSession): void => {
  session.status = 'expired'
  session.url = null
  state.emit('checkout.session.expired', session)
}

/** The page that Stripe hosts: a card number, Pay and Cancel; for some cards the question of their bank. */
export const checkoutPage = (
  state: StripeState,
  sessionId: string,
  form: Readonly<Record<string, string>> | null,
): PageReply => {
  const session = find(state.sessions, 'checkout.session', sessionId)
  if (session.status === 'open' && session.expires_at <= state.now()) expireSession(state, session)
  if (session.status === 'complete') return { kind: 'redirect', location: successUrlOf(session) }
  if (session.status === 'expired') return html(page('Expired', paragraph('This checkout has expired.')), 410)
  if (form === null) return html(payPage(state, session, null))
  return form['answer'] === undefined ? pay(state, session, form) : answer(state, session, form['answer'])
}

const successUrlOf = (session: CheckoutSession): string =>
  session.success_url.replaceAll('{CHECKOUT_SESSION_ID}', session.id)

const orderOf = (state: StripeState, session: CheckoutSession) => find(state.orders, 'order', session.id)

const pay = (
  state: StripeState,
  session: CheckoutSession,
  form: Readonly<Record<string, string>>,
): PageReply => {
  const card = newCard(state, form['card'] ?? '', null)
  if (!card) return html(payPage(state, session, 'Your card number is invalid.'), 402)
  const order = orderOf(state, session)
  const intent =
    session.payment_intent === null
      ? newIntent(state, {
          amount: session.amount_total,
          currency: session.currency,
          customer: session.customer,
          description: order.description,
          metadata: order.intentMetadata,
          savesMethod: order.saves,
        })
      : find(state.paymentIntents, 'payment_intent', session.payment_intent)
  session.payment_intent = intent.id
  confirmIntent(state, intent, card, { isOffSession: false })
  if (intent.status === 'requires_action') return html(bankPage(session))
  if (intent.status !== 'succeeded')
    return html(payPage(state, session, intent.last_payment_error?.message ?? 'Declined.'), 402)
  return complete(state, session)
}

const answer = (state: StripeState, session: CheckoutSession, given: string): PageReply => {
  const intent = find(state.paymentIntents, 'payment_intent', session.payment_intent ?? '')
  const card = find(state.paymentMethods, 'payment_method', intent.payment_method ?? '')
  if (given === 'complete') {
    confirmIntent(state, intent, card, { isOffSession: false, isAuthenticated: true })
    return complete(state, session)
  }
  failAuthentication(state, intent)
  return html(payPage(state, session, intent.last_payment_error?.message ?? null), 402)
}

const complete = (state: StripeState, session: CheckoutSession): PageReply => {
  session.status = 'complete'
  session.payment_status = 'paid'
  session.url = null
  state.emit('checkout.session.completed', session)
  return { kind: 'redirect', location: successUrlOf(session) }
}

const payPage = (state: StripeState, session: CheckoutSession, problem: string | null): string => {
  const { items } = orderOf(state, session)
  const amount = `${(session.amount_total / 100).toFixed(2)} ${session.currency.toUpperCase()}`
  return page(
    `Pay ${amount}`,
    ...items.map((item) => paragraph(`${item.quantity} × ${item.description}`)),
    ...(problem === null ? [] : [paragraph(problem, 'alert')]),
    `<form method="post">
      <label>Card number <input name="card" value="4242 4242 4242 4242" inputmode="numeric" autocomplete="off"></label>
      <button>Pay ${amount}</button>
    </form>`,
    session.cancel_url === null ? '' : `<p><a href="${encodeURI(session.cancel_url)}">Cancel</a></p>`,
    paragraph(`Test cards: ${testCards.join(', ')}`),
  )
}

const bankPage = (session: CheckoutSession): string =>
  page(
    'Your bank asks',
    paragraph(`Do you pay ${(session.amount_total / 100).toFixed(2)} ${session.currency.toUpperCase()}?`),
    `<form method="post">
      <button name="answer" value="complete">Complete authentication</button>
      <button name="answer" value="fail">Fail authentication</button>
    </form>`,
  )

/** The customer portal: the saved card can be replaced. */
export const portalPage = (
  state: StripeState,
  portalId: string,
  form: Readonly<Record<string, string>> | null,
): PageReply => {
  const portal = find(state.portals, 'billing_portal.session', portalId)
  const customer = find(state.customers, 'customer', portal.customer)
  if (form !== null) {
    const card = newCard(state, form['card'] ?? '', customer.id)
    if (!card) return html(page('Payment method', paragraph('Your card number is invalid.', 'alert')), 402)
    customer.invoice_settings.default_payment_method = card.id
    state.emit('payment_method.attached', card)
    state.emit('customer.updated', customer)
  }
  const saved = [...state.paymentMethods.values()].filter((card) => card.customer === customer.id)
  return html(
    page(
      'Payment methods',
      ...saved.map((card) =>
        paragraph(
          `Visa •••• ${card.card.last4}${card.id === customer.invoice_settings.default_payment_method ? ' (default)' : ''}`,
        ),
      ),
      `<form method="post">
        <label>Card number <input name="card" value="4242 4242 4242 4242" autocomplete="off"></label>
        <button>Use this card</button>
      </form>`,
      portal.return_url === null ? '' : `<p><a href="${encodeURI(portal.return_url)}">Return</a></p>`,
    ),
  )
}

export const newPortal = (state: StripeState, customer: string, returnUrl: string | null) => {
  const id = newStripeId('bps')
  const portal = {
    id,
    object: 'billing_portal.session',
    created: state.now(),
    livemode: false,
    metadata: {},
    customer,
    return_url: returnUrl,
    url: `${state.url()}/p/session/${id}`,
  } as const
  state.portals.set(id, portal)
  return portal
}
