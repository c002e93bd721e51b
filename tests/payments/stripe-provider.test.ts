import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Stripe } from 'stripe'
import { signatureOf } from '../../simulator/stripe-events.ts'
import { must } from '../../src/kit/fault.ts'
import { newId } from '../../src/kit/id.ts'
import {
  asksItsBank,
  declinedCard,
  goodCard,
  makePayer,
  makeRequest,
  openProviderScene,
  type ProviderScene,
  returnUrl,
  savesButDeclines,
  stripeSecrets,
} from './stripe-scene.ts'

let scene: ProviderScene
beforeAll(async () => {
  scene = await openProviderScene()
})
afterAll(() => scene[Symbol.asyncDispose]())

const openCheckout = async (request = makeRequest(makePayer())) => {
  const result = must(await scene.provider.checkout({ ...request, returnUrl }))
  if (result.kind !== 'redirect') throw new Error(result.kind)
  return { ...result, request }
}

/** What the provider tells of the last event of that type. */
const factsOfLast = (type: string) => {
  const event = scene.standIn.events.findLast((one) => one.type === type)
  if (!event) throw new Error(`no ${type}`)
  const { id } = event.data.object as { id: string }
  return scene.provider.facts({ id: event.id, type, objectId: id, at: new Date(event.created * 1000) })
}

const paidIntent = async () => {
  const { url, request } = await openCheckout()
  await scene.standIn.pay(url)
  const { events } = await factsOfLast('checkout.session.completed')
  const [paid] = events
  if (paid?.kind !== 'paid') throw new Error('not paid')
  return { intentId: paid.externalId, request }
}

describe('the stand-in is strict', () => {
  const client = (secretKey = stripeSecrets.secretKey) =>
    new Stripe(secretKey, { host: '127.0.0.1', port: scene.standIn.port, protocol: 'http', telemetry: false })

  test.each([
    ['an unknown parameter', { email: 'a@example.com', colour: 'red' }, 'parameter_unknown'],
    ['an unknown nested parameter', { invoice_settings: { colour: 'red' } }, 'parameter_unknown'],
    ['an empty value', { name: '' }, 'parameter_invalid_empty'],
  ])('%s is refused', async (_, params, code) => {
    await expect(client().customers.create(params as object)).rejects.toMatchObject({ code, statusCode: 400 })
  })

  test('another secret key is refused', async () => {
    await expect(client('sk_test_wrong').customers.create({})).rejects.toMatchObject({
      type: 'StripeAuthenticationError',
    })
  })

  test('another API version is refused', async () => {
    const params = { apiVersion: '2024-06-20' as never }
    await expect(client().customers.create({}, params)).rejects.toMatchObject({ statusCode: 400 })
  })

  test('an idempotency key is the same answer again, and an error with other parameters', async () => {
    const key = { idempotencyKey: 'one' }
    const first = await client().customers.create({ name: 'Ada' }, key)
    expect(await client().customers.create({ name: 'Ada' }, key)).toMatchObject({ id: first.id })
    await expect(client().customers.create({ name: 'Bob' }, key)).rejects.toMatchObject({
      type: 'StripeIdempotencyError',
    })
  })

  test('its signature is what the SDK makes and checks', () => {
    const payload = '{"id":"evt_1"}'
    const at = new Date('2026-11-22T12:00:00Z')
    const timestamp = at.getTime() / 1000
    const secret = stripeSecrets.webhookSecret
    const sdk = client().webhooks.generateTestHeaderString({ payload, secret, timestamp })
    expect(signatureOf(payload, secret, at)).toBe(sdk)
  })
})

describe('checkout', () => {
  test('a paid checkout is one paid fact with the amount and currency of the request', async () => {
    const { url, request, externalId } = await openCheckout()
    expect(await factsOfLastSession(externalId)).toMatchObject({ paymentId: request.paymentId, events: [] })
    expect(await scene.standIn.pay(url)).toMatchObject({ status: 303, location: backFrom(request, 'done') })
    const told = await factsOfLast('checkout.session.completed')
    expect(told).toMatchObject({ paymentId: request.paymentId, remarks: [] })
    expect(told.events).toMatchObject([{ kind: 'paid', amountMinor: 1_900n, currency: 'USD' }])
  })

  const backFrom = (request: { paymentId: string }, how: string) =>
    `${returnUrl}?payment=${request.paymentId}&checkout=${how}`

  test('whoever leaves the page comes back to the same address, told apart from who has paid', async () => {
    const { url, request } = await openCheckout()
    const page = await (await fetch(url)).text()
    expect(page).toContain(backFrom(request, 'left'))
  })

  const factsOfLastSession = (sessionId: string) =>
    scene.provider.facts({
      id: 'evt_x',
      type: 'checkout.session.completed',
      objectId: sessionId,
      at: new Date(),
    })

  test('asked for again with another return address, it is the same checkout', async () => {
    const { url, request } = await openCheckout()
    const again = await scene.provider.checkout({ ...request, returnUrl: `${returnUrl}?again` })
    expect(again).toMatchObject({ value: { url } })
  })

  test('a declined card leaves the checkout open: another card may follow, so nothing is told', async () => {
    const { url } = await openCheckout()
    expect(await scene.standIn.pay(url, declinedCard)).toMatchObject({ status: 402 })
    expect((await factsOfLast('payment_intent.payment_failed')).events).toEqual([])
    await scene.standIn.pay(url, goodCard)
    expect((await factsOfLast('checkout.session.completed')).events).toMatchObject([{ kind: 'paid' }])
  })

  test('a card whose bank asks is paid when its owner agrees, and not before', async () => {
    const { url } = await openCheckout()
    await scene.standIn.pay(url, asksItsBank, 'fail')
    expect((await factsOfLast('payment_intent.payment_failed')).events).toEqual([])
    await scene.standIn.pay(url, asksItsBank, 'complete')
    expect((await factsOfLast('checkout.session.completed')).events).toMatchObject([{ kind: 'paid' }])
  })

  test('an expired checkout was abandoned', async () => {
    const { externalId, request } = await openCheckout()
    scene.standIn.expire(externalId)
    const told = await factsOfLast('checkout.session.expired')
    expect(told.events).toMatchObject([{ kind: 'abandoned', paymentId: request.paymentId }])
  })

  test('a customer deleted at Stripe is made anew', async () => {
    const payer = makePayer()
    await openCheckout(makeRequest(payer))
    const [customerId] = [...scene.standIn.state.customers.keys()].slice(-1)
    scene.standIn.state.customers.delete(customerId ?? '')
    await openCheckout(makeRequest(payer))
    const customers = [...scene.standIn.state.customers.values()]
    expect(
      customers.filter(({ metadata }) => metadata['aideon_account_id'] === payer.accountId),
    ).toHaveLength(1)
  })

  test('Stripe away is a fault that says so and may be tried again', async () => {
    const payer = makePayer()
    await openCheckout(makeRequest(payer))
    scene.standIn.failNext('GET /v1/checkout/sessions', 503, 3)
    const result = await scene.provider.checkout({ ...makeRequest(payer), returnUrl })
    expect(result).toMatchObject({ ok: false, fault: { code: 'payments_unavailable' } })
    expect(must(await scene.provider.checkout({ ...makeRequest(payer), returnUrl })).kind).toBe('redirect')
  })
})

describe('a charge without the payer', () => {
  const savedPayer = async (card = goodCard) => {
    const payer = makePayer()
    const { url } = await openCheckout(makeRequest(payer))
    await scene.standIn.pay(url)
    const session = scene.standIn.sessions().at(-1)
    if (card !== goodCard) scene.standIn.saveCard(session?.customer ?? '', card)
    return payer
  }
  const intentsOf = (paymentId: string) =>
    [...scene.standIn.state.paymentIntents.values()].filter(
      ({ metadata }) => metadata['aideon_payment_id'] === paymentId,
    )

  test('is paid by the card of the last checkout', async () => {
    const request = makeRequest(await savedPayer(), { amountMinor: 500n })
    expect(await scene.provider.charge(request)).toMatchObject({ kind: 'paid' })
    expect(intentsOf(request.paymentId)).toMatchObject([{ amount: 500, status: 'succeeded' }])
  })

  test.each([
    ['is declined', savesButDeclines, 'Your card was declined.'],
    [
      'whose bank asks is declined',
      asksItsBank,
      'Your card was declined. This transaction requires authentication.',
    ],
  ])('of a card %s', async (_, card, reason) => {
    const request = makeRequest(await savedPayer(card))
    expect(await scene.provider.charge(request)).toEqual({ kind: 'failed', reason })
    expect((await factsOfLast('payment_intent.payment_failed')).events).toMatchObject([
      { kind: 'failed', reason },
    ])
    // Asked again it is another attempt, with the same intent: it cannot be paid twice.
    expect(await scene.provider.charge(request)).toEqual({ kind: 'failed', reason })
    const [intent, ...others] = intentsOf(request.paymentId)
    expect(others).toEqual([])
    scene.standIn.saveCard(intent?.customer ?? '', goodCard)
    const paid = { kind: 'paid', externalId: intent?.id }
    expect(await scene.provider.charge(request)).toEqual(paid)
    expect(await scene.provider.charge(request)).toEqual(paid)
  })

  test('without a saved method fails', async () => {
    expect(await scene.provider.charge(makeRequest(makePayer()))).toMatchObject({ kind: 'failed' })
  })

  test('whose answer is lost is charged once, also when it is asked for again after Stripe forgot the key', async () => {
    const request = makeRequest(await savedPayer())
    scene.standIn.failNext('POST /v1/payment_intents', 'lost', 3)
    expect(await scene.provider.charge(request)).toEqual({ kind: 'unavailable' })
    scene.standIn.forgetIdempotencyKeys()
    expect(await scene.provider.charge(request)).toMatchObject({ kind: 'paid' })
    expect(intentsOf(request.paymentId)).toHaveLength(1)
  })

  test('asked for ten times at once is one charge', async () => {
    const request = makeRequest(await savedPayer())
    const results = await Promise.all(Array.from({ length: 10 }, () => scene.provider.charge(request)))
    expect(new Set(results.map(({ kind }) => kind))).toEqual(new Set(['paid']))
    expect(intentsOf(request.paymentId)).toHaveLength(1)
  })
})

describe('corrections', () => {
  const refundRequest = (intentId: string, paymentId: string, amountMinor: bigint, refundId: string) => ({
    refundId,
    paymentId,
    externalId: intentId,
    amountMinor,
    currency: 'USD',
  })

  test('a refund of ours is made once and told under the name that the answer gave', async () => {
    const { intentId, request } = await paidIntent()
    const asked = refundRequest(intentId, request.paymentId, 400n, 'refund-1')
    scene.standIn.failNext('POST /v1/refunds', 'lost', 3)
    expect(await scene.provider.refund(asked)).toEqual({ kind: 'unavailable' })
    scene.standIn.forgetIdempotencyKeys()
    const made = await scene.provider.refund(asked)
    if (made.kind !== 'refunded') throw new Error(made.kind)
    const { events } = await factsOfLast('charge.refunded')
    expect(events.slice(1)).toMatchObject([
      { kind: 'refunded', refundId: made.externalId, amountMinor: 400n },
    ])
  })

  // Currency, amount here, amount at Stripe.
  test.each([
    ['USD', 1_900n, 1_900],
    ['JPY', 1_900n, 1_900],
    ['ISK', 1_900n, 190_000],
    ['KWD', 1_900n, 1_900],
  ])(
    'an amount in %s is the same here and at Stripe, paid, refunded and disputed',
    async (currency, here, there) => {
      const { url, request } = await openCheckout(makeRequest(makePayer(), { currency, amountMinor: here }))
      await scene.standIn.pay(url)
      const [paid] = (await factsOfLast('checkout.session.completed')).events
      if (paid?.kind !== 'paid') throw new Error('not paid')
      expect(paid).toMatchObject({ amountMinor: here, currency })
      expect(scene.standIn.state.paymentIntents.get(paid.externalId)?.amount).toBe(there)
      const refundId = newId()
      const asked = { ...refundRequest(paid.externalId, request.paymentId, 400n, refundId), currency }
      expect(await scene.provider.refund(asked)).toMatchObject({ kind: 'refunded' })
      scene.standIn.dispute(paid.externalId)
      const { events } = await factsOfLast('charge.dispute.created')
      expect(events.slice(1)).toMatchObject([
        { kind: 'refunded', amountMinor: 400n, ourRefundId: refundId },
        { kind: 'dispute_opened' },
      ])
    },
  )

  test('a refund of more than is left fails and says why', async () => {
    const { intentId, request } = await paidIntent()
    scene.standIn.refund(intentId)
    expect(await scene.provider.refund(refundRequest(intentId, request.paymentId, 1n, 'r2'))).toEqual({
      kind: 'failed',
      reason: 'The payment has been refunded already.',
    })
  })

  test('refunds made at Stripe are told each, after the payment, whichever event brings us there', async () => {
    const { intentId } = await paidIntent()
    scene.standIn.refund(intentId, 100)
    scene.standIn.refund(intentId, 250)
    const told = await factsOfLast('refund.created')
    expect(
      told.events.map((event) => [event.kind, 'amountMinor' in event ? event.amountMinor : null]),
    ).toEqual([
      ['paid', 1_900n],
      ['refunded', 100n],
      ['refunded', 250n],
    ])
    expect(await factsOfLast('payment_intent.succeeded')).toEqual(told)
  })

  test('a refund that the bank sends back is a remark, not a correction', async () => {
    const { intentId } = await paidIntent()
    const { id } = scene.standIn.refund(intentId, 100)
    scene.standIn.failRefund(id)
    const told = await factsOfLast('refund.failed')
    expect(told.events.map(({ kind }) => kind)).toEqual(['paid'])
    expect(told.remarks).toEqual([expect.stringContaining(id)])
  })

  test.each([
    ['won', true],
    ['lost', false],
  ])('a dispute that is %s is opened and closed', async (_, won) => {
    const { intentId } = await paidIntent()
    const { id } = scene.standIn.dispute(intentId)
    expect((await factsOfLast('charge.dispute.created')).events.slice(1)).toMatchObject([
      { kind: 'dispute_opened', disputeId: id, amountMinor: 1_900n },
    ])
    scene.standIn.closeDispute(id, won)
    expect((await factsOfLast('charge.dispute.closed')).events.slice(1)).toMatchObject([
      { kind: 'dispute_opened', disputeId: id },
      { kind: 'dispute_closed', disputeId: id, won },
    ])
  })

  test('an inquiry moves no money', async () => {
    const { intentId } = await paidIntent()
    scene.standIn.dispute(intentId, { isInquiry: true })
    expect(await factsOfLast('charge.dispute.created')).toMatchObject({
      events: [{ kind: 'paid' }],
      remarks: [expect.any(String)],
    })
  })
})

describe('webhooks', () => {
  const now = new Date('2026-11-22T12:00:00Z')
  const event = (more: object = {}) =>
    Buffer.from(
      JSON.stringify({
        id: 'evt_1',
        object: 'event',
        type: 'payment_intent.succeeded',
        created: 1_795_000_000,
        livemode: false,
        data: { object: { id: 'pi_1' } },
        ...more,
      }),
    )
  const sign = (body: Buffer, at = now, secret = stripeSecrets.webhookSecret) =>
    signatureOf(body.toString(), secret, at)
  const seconds = (count: number) => new Date(now.getTime() - count * 1000)

  test('a signed event is read: its id, type and object, nothing else', () => {
    expect(scene.provider.verify(event(), sign(event()), now)).toEqual({
      ok: true,
      value: {
        id: 'evt_1',
        type: 'payment_intent.succeeded',
        objectId: 'pi_1',
        at: new Date(1_795_000_000_000),
      },
    })
  })

  test('a signature of five minutes ago is good, one of an instant more is not', () => {
    expect(scene.provider.verify(event(), sign(event(), seconds(300)), now).ok).toBe(true)
    expect(scene.provider.verify(event(), sign(event(), seconds(301)), now)).toMatchObject({
      fault: { code: 'webhook_refused' },
    })
  })

  test.each([
    ['none', undefined],
    ['an empty one', ''],
    ['nonsense', 'v1=abc'],
    ['one of another secret', sign(event(), now, 'whsec_other')],
    ['one of another body', sign(event({ id: 'evt_2' }))],
    ['one of an older scheme', sign(event()).replace('v1=', 'v0=')],
  ])('with %s for a signature it is refused', (_, signature) => {
    expect(scene.provider.verify(event(), signature, now)).toMatchObject({
      ok: false,
      fault: { code: 'webhook_refused' },
    })
  })

  test.each([
    ['an event type that nobody asked for', event({ type: 'customer.created' })],
    ['an event of live mode at a key of test mode', event({ livemode: true })],
  ])('%s is taken and has no effect', (_, body) => {
    expect(scene.provider.verify(body, sign(body), now)).toEqual({ ok: true, value: null })
  })
})

test('what leads to an address that is not allowed does not leave', async () => {
  scene.outbound.allow([])
  const result = await scene.provider.portalLink(makePayer(), returnUrl)
  scene.outbound.allow([`127.0.0.1:${scene.standIn.port}`])
  expect(result).toMatchObject({ ok: false, fault: { code: 'payments_unavailable' } })
})
