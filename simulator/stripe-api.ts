import { expireSession, newPortal } from './stripe-checkout.ts'
import {
  type CheckoutSession,
  type Customer,
  find,
  type LineItem,
  newStripeId,
  pageOf,
  type PaymentMethod,
  type StripeState,
} from './stripe-objects.ts'
import {
  clearable,
  flag,
  hash,
  integer,
  list,
  metadata,
  oneOf,
  type Read,
  readShape,
  refuse,
  required,
  type Shape,
  text,
  type Tree,
  webAddress,
} from './stripe-params.ts'
import { chargeOf, checkAmount, confirmIntent, declined, newIntent, refundCharge } from './stripe-payments.ts'

/** One endpoint: its path with `:id`, what it takes, what it does. */
export interface StripeEndpoint {
  readonly method: 'GET' | 'POST' | 'DELETE'
  readonly path: RegExp
  readonly run: (state: StripeState, tree: { readonly [name: string]: Tree }, id: string) => unknown
}

const endpoint = <S extends Shape>(
  method: StripeEndpoint['method'],
  path: string,
  shape: S,
  run: (state: StripeState, input: Read<S>, id: string) => unknown,
): StripeEndpoint => ({
  method,
  path: new RegExp(`^/v1${path.replace(':id', '([^/]+)')}$`),
  run: (state, tree, id) => run(state, readShape(tree, shape), id),
})

const currency = required(text(3))
const createdRange = hash({ gte: integer(0), gt: integer(0), lte: integer(0), lt: integer(0) })
const pagination = { limit: integer(1), starting_after: text(), ending_before: text() }
/** What may be asked for in full; nothing here nests deeper. */
const expand = (...names: readonly string[]) => list(oneOf(...names))

type Range = ReturnType<typeof createdRange>
const isIn = (range: Range, created: number): boolean =>
  created >= (range?.gte ?? 0) &&
  created > (range?.gt ?? -1) &&
  created <= (range?.lte ?? Infinity) &&
  created < (range?.lt ?? Infinity)

const checkCurrency = (given: string): string => {
  if (!/^[a-z]{3}$/.test(given)) return refuse(`Invalid currency: ${given}.`, { param: 'currency' })
  return given
}

const isEmail = (given: string): boolean => /^[^@\s]+@[^@\s]+\.[^@\s]+$/.test(given)

const customerFields = {
  email: text(512),
  name: text(256),
  description: text(),
  metadata,
  invoice_settings: hash({ default_payment_method: clearable(text()) }),
}

const writeCustomer = (state: StripeState, customer: Customer, input: Read<typeof customerFields>): void => {
  if (input.email !== undefined && !isEmail(input.email))
    refuse(`Invalid email address: ${input.email}`, { code: 'email_invalid', param: 'email' })
  customer.email = input.email ?? customer.email
  customer.name = input.name ?? customer.name
  customer.description = input.description ?? customer.description
  customer.metadata = { ...customer.metadata, ...input.metadata }
  const method = input.invoice_settings?.default_payment_method
  if (method !== undefined && method !== '')
    find(state.paymentMethods, 'PaymentMethod', method, 'payment_method')
  if (method !== undefined) customer.invoice_settings.default_payment_method = method === '' ? null : method
}

const customers = [
  endpoint('POST', '/customers', customerFields, (state, input) => {
    const customer: Customer = {
      id: newStripeId('cus'),
      object: 'customer',
      created: state.now(),
      livemode: false,
      metadata: {},
      email: null,
      name: null,
      description: null,
      invoice_settings: { default_payment_method: null },
    }
    writeCustomer(state, customer, input)
    state.customers.set(customer.id, customer)
    state.emit('customer.created', customer)
    return customer
  }),
  endpoint('GET', '/customers/:id', {}, (state, _, id) => find(state.customers, 'customer', id)),
  endpoint('POST', '/customers/:id', customerFields, (state, input, id) => {
    const customer = find(state.customers, 'customer', id)
    writeCustomer(state, customer, input)
    state.emit('customer.updated', customer)
    return customer
  }),
  endpoint('DELETE', '/customers/:id', {}, (state, _, id) => {
    find(state.customers, 'customer', id)
    state.customers.delete(id)
    for (const card of state.paymentMethods.values()) if (card.customer === id) card.customer = null
    return { id, object: 'customer', deleted: true }
  }),
  endpoint(
    'GET',
    '/customers/:id/payment_methods',
    { ...pagination, type: oneOf('card') },
    (state, input, id) => {
      find(state.customers, 'customer', id)
      const saved = [...state.paymentMethods.values()].filter((card) => card.customer === id)
      return pageOf(saved, input, `/v1/customers/${id}/payment_methods`)
    },
  ),
]

const productData = hash({ name: required(text(250)), description: text() })
const lineItem = hash({
  quantity: required(integer(1)),
  price_data: required(
    hash({
      currency,
      unit_amount: required(integer(0)),
      product_data: required(productData),
    }),
  ),
})
const sessionFields = {
  mode: required(oneOf('payment')),
  line_items: required(list(lineItem)),
  success_url: required(webAddress),
  cancel_url: webAddress,
  customer: text(),
  client_reference_id: text(200),
  metadata,
  expires_at: integer(0),
  payment_intent_data: hash({
    description: text(),
    metadata,
    setup_future_usage: oneOf('off_session', 'on_session'),
  }),
}

const newSession = (state: StripeState, input: Read<typeof sessionFields>): CheckoutSession => {
  if (input.customer !== undefined) find(state.customers, 'customer', input.customer, 'customer')
  const items = input.line_items.map(
    ({ quantity, price_data: price }): LineItem => ({
      id: newStripeId('li'),
      object: 'item',
      amount_total: quantity * price.unit_amount,
      currency: checkCurrency(price.currency),
      description: price.product_data.name,
      quantity,
    }),
  )
  const [first] = items
  if (!first)
    return refuse('Missing required param: line_items.', { code: 'parameter_missing', param: 'line_items' })
  if (items.some((item) => item.currency !== first.currency))
    return refuse('You must use the same currency for all line items.', { param: 'line_items' })
  const amount = items.reduce((sum, item) => sum + item.amount_total, 0)
  checkAmount(amount, 'line_items', first.currency)
  const day = 86_400
  const expiresAt = input.expires_at ?? state.now() + day
  if (expiresAt < state.now() + 1_800 || expiresAt > state.now() + day)
    return refuse(
      'The `expires_at` timestamp must be between 30 minutes and 24 hours from Checkout Session creation.',
      {
        param: 'expires_at',
      },
    )
  const id = newStripeId('cs_test')
  const session: CheckoutSession = {
    id,
    object: 'checkout.session',
    created: state.now(),
    livemode: false,
    metadata: input.metadata ?? {},
    mode: input.mode,
    amount_subtotal: amount,
    amount_total: amount,
    currency: first.currency,
    customer: input.customer ?? null,
    client_reference_id: input.client_reference_id ?? null,
    success_url: input.success_url,
    cancel_url: input.cancel_url ?? null,
    expires_at: expiresAt,
    status: 'open',
    payment_status: 'unpaid',
    payment_intent: null,
    url: `${state.url()}/c/pay/${id}`,
  }
  state.sessions.set(id, session)
  state.orders.set(id, {
    items,
    intentMetadata: input.payment_intent_data?.metadata ?? {},
    saves: input.payment_intent_data?.setup_future_usage !== undefined,
    description: input.payment_intent_data?.description ?? null,
  })
  return session
}

const checkout = [
  endpoint('POST', '/checkout/sessions', sessionFields, newSession),
  endpoint('GET', '/checkout/sessions/:id', {}, (state, _, id) =>
    find(state.sessions, 'checkout.session', id),
  ),
  endpoint('POST', '/checkout/sessions/:id/expire', {}, (state, _, id) => {
    const session = find(state.sessions, 'checkout.session', id)
    if (session.status !== 'open')
      return refuse(
        `Only Checkout Sessions with a status in ["open"] can be expired. This Checkout Session has a status of \`${session.status}\`.`,
      )
    expireSession(state, session)
    return session
  }),
  endpoint(
    'GET',
    '/checkout/sessions',
    {
      ...pagination,
      customer: text(),
      payment_intent: text(),
      status: oneOf('open', 'complete', 'expired'),
      created: createdRange,
    },
    (state, input) =>
      pageOf(
        [...state.sessions.values()].filter(
          (session) =>
            (input.customer === undefined || session.customer === input.customer) &&
            (input.payment_intent === undefined || session.payment_intent === input.payment_intent) &&
            (input.status === undefined || session.status === input.status) &&
            isIn(input.created, session.created),
        ),
        input,
        '/v1/checkout/sessions',
      ),
  ),
  endpoint(
    'POST',
    '/billing_portal/sessions',
    { customer: required(text()), return_url: webAddress },
    (state, input) => {
      find(state.customers, 'customer', input.customer, 'customer')
      return newPortal(state, input.customer, input.return_url ?? null)
    },
  ),
]

const intentFields = {
  amount: required(integer(1)),
  currency,
  customer: text(),
  payment_method: text(),
  description: text(1_000),
  metadata,
  confirm: flag,
  off_session: flag,
  return_url: webAddress,
  automatic_payment_methods: hash({
    enabled: required(flag),
    allow_redirects: oneOf('always', 'never'),
  }),
}

const checkOwner = (card: PaymentMethod, customer: string | null): void => {
  if (card.customer !== customer)
    refuse('The customer does not have a payment method with the ID you gave.', {
      code: 'resource_missing',
      param: 'payment_method',
    })
}

const createIntent = (state: StripeState, input: Read<typeof intentFields>) => {
  checkAmount(input.amount, 'amount', checkCurrency(input.currency))
  if (input.customer !== undefined) find(state.customers, 'customer', input.customer, 'customer')
  if (input.off_session === true && input.confirm !== true)
    return refuse('`off_session` can only be used with `confirm=true`.', { param: 'off_session' })
  const intentDraft = {
    amount: input.amount,
    currency: checkCurrency(input.currency),
    customer: input.customer ?? null,
    description: input.description ?? null,
    metadata: input.metadata ?? {},
    savesMethod: false,
  }
  if (input.confirm !== true) return newIntent(state, intentDraft)
  if (input.automatic_payment_methods?.allow_redirects !== 'never' && input.return_url === undefined)
    return refuse(
      'This PaymentIntent is configured to accept payment methods enabled in your Dashboard. Because some of these payment methods might redirect your customer off of your page, you must provide a `return_url`.',
      { param: 'return_url' },
    )
  if (input.payment_method === undefined)
    return refuse('You cannot confirm this PaymentIntent because it’s missing a payment method.', {
      code: 'payment_intent_unexpected_state',
    })
  const card = find(state.paymentMethods, 'PaymentMethod', input.payment_method, 'payment_method')
  checkOwner(card, input.customer ?? null)
  const intent = newIntent(state, intentDraft)
  confirmIntent(state, intent, card, { isOffSession: input.off_session === true })
  return intent.status === 'requires_payment_method' ? declined(intent) : intent
}

const payments = [
  endpoint('POST', '/payment_intents', intentFields, createIntent),
  endpoint('GET', '/payment_intents/:id', { expand: expand('latest_charge') }, (state, input, id) => {
    const intent = find(state.paymentIntents, 'payment_intent', id)
    const charge = state.charges.get(intent.latest_charge ?? '')
    return input.expand && charge ? { ...intent, latest_charge: charge } : intent
  }),
  endpoint(
    'POST',
    '/payment_intents/:id/confirm',
    { payment_method: text(), off_session: flag, return_url: webAddress },
    (state, input, id) => {
      const intent = find(state.paymentIntents, 'payment_intent', id)
      if (intent.status !== 'requires_payment_method')
        return refuse(`You cannot confirm this PaymentIntent because it has a status of ${intent.status}.`, {
          code: 'payment_intent_unexpected_state',
        })
      const methodId = input.payment_method ?? intent.payment_method ?? ''
      const card = find(state.paymentMethods, 'PaymentMethod', methodId, 'payment_method')
      checkOwner(card, intent.customer)
      confirmIntent(state, intent, card, { isOffSession: input.off_session === true })
      return intent.last_payment_error ? declined(intent) : intent
    },
  ),
  endpoint('POST', '/payment_intents/:id/cancel', {}, (state, _, id) => {
    const intent = find(state.paymentIntents, 'payment_intent', id)
    if (intent.status === 'succeeded')
      return refuse('You cannot cancel this PaymentIntent because it has a status of succeeded.', {
        code: 'payment_intent_unexpected_state',
      })
    intent.status = 'canceled'
    intent.canceled_at = state.now()
    state.emit('payment_intent.canceled', intent)
    return intent
  }),
  endpoint(
    'GET',
    '/payment_intents',
    { ...pagination, customer: text(), created: createdRange },
    (state, input) =>
      pageOf(
        [...state.paymentIntents.values()].filter(
          (intent) =>
            (input.customer === undefined || intent.customer === input.customer) &&
            isIn(input.created, intent.created),
        ),
        input,
        '/v1/payment_intents',
      ),
  ),
  endpoint('GET', '/charges/:id', {}, (state, _, id) => find(state.charges, 'charge', id)),
]

const ofPayment = { ...pagination, charge: text(), payment_intent: text(), created: createdRange }
const isOfPayment = (
  input: { charge?: string | undefined; payment_intent?: string | undefined },
  item: { charge: string; payment_intent: string },
): boolean =>
  (input.charge === undefined || item.charge === input.charge) &&
  (input.payment_intent === undefined || item.payment_intent === input.payment_intent)

const corrections = [
  endpoint(
    'POST',
    '/refunds',
    {
      payment_intent: required(text()),
      amount: integer(1),
      reason: oneOf('duplicate', 'fraudulent', 'requested_by_customer'),
      metadata,
    },
    (state, input) => {
      const intent = find(state.paymentIntents, 'payment_intent', input.payment_intent, 'payment_intent')
      return refundCharge(state, chargeOf(state, intent), {
        amount: input.amount,
        reason: input.reason ?? null,
        metadata: input.metadata ?? {},
      })
    },
  ),
  endpoint('GET', '/refunds/:id', {}, (state, _, id) => find(state.refunds, 'refund', id)),
  endpoint('GET', '/refunds', ofPayment, (state, input) =>
    pageOf(
      [...state.refunds.values()].filter((refund) => isOfPayment(input, refund)),
      input,
      '/v1/refunds',
    ),
  ),
  endpoint('GET', '/disputes/:id', {}, (state, _, id) => find(state.disputes, 'dispute', id)),
  endpoint('GET', '/disputes', ofPayment, (state, input) =>
    pageOf(
      [...state.disputes.values()].filter((dispute) => isOfPayment(input, dispute)),
      input,
      '/v1/disputes',
    ),
  ),
]

const events = [
  endpoint('GET', '/events/:id', {}, (state, _, id) =>
    find(new Map(state.events.map((event) => [event.id, event])), 'event', id),
  ),
  endpoint(
    'GET',
    '/events',
    { ...pagination, types: list(text()), type: text(), created: createdRange },
    (state, input) => {
      if (input.types && input.types.length > 20)
        return refuse('You may only specify up to 20 types.', { param: 'types' })
      return pageOf(
        state.events.filter(
          (event) => (input.types?.includes(event.type) ?? true) && isIn(input.created, event.created),
        ),
        input,
        '/v1/events',
      )
    },
  ),
]

export const stripeEndpoints: readonly StripeEndpoint[] = [
  ...customers,
  ...checkout,
  ...payments,
  ...corrections,
  ...events,
]
