import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { signatureOf } from '../../simulator/stripe-events.ts'
import type { StripeEvent } from '../../simulator/stripe-objects.ts'
import { must } from '../../src/kit/fault.ts'
import { newId } from '../../src/kit/id.ts'
import { makeRandom } from '../simulation/random.ts'
import { administrator, openPaymentScene, type PaymentScene, type Subscriber } from './payment-scene.ts'
import { goodCard, returnUrl, savesButDeclines, stripeSecrets } from './stripe-scene.ts'

let scene: PaymentScene
beforeAll(async () => {
  scene = await openPaymentScene()
})
afterAll(() => scene.close())
// After every test, whatever it did.
afterEach(async () => {
  await scene.settled()
  expect(await scene.problems()).toEqual([])
})

const credits = (n: number): bigint => BigInt(n) * 1_000_000n
const pack = { price: 1_900, credits: credits(2_000) }

const lastEvent = (type: string): StripeEvent => {
  const event = scene.standIn.events.findLast((one) => one.type === type)
  if (!event) throw new Error(`no ${type}`)
  return event
}
const noticeOf = async (id: string) => {
  const { rows } = await scene.database.pool.query('SELECT * FROM provider_events WHERE id = $1', [id])
  return rows[0] as Record<string, unknown> | undefined
}
/** The balance beside what the tier gives. */
const gained = async (owner: Subscriber, before: bigint) => (await scene.available(owner)) - before
const inSeconds = (seconds: number) => new Date(Date.now() + seconds * 1000)

describe('a purchase', () => {
  test('is granted and invoiced when Stripe says that it was paid', async () => {
    const owner = await scene.subscriber()
    const before = await scene.available(owner)
    const payment = await scene.bought(owner)
    expect(payment).toMatchObject({ status: 'paid', amountMinor: 1_900n, provider: 'stripe' })
    expect(await gained(owner, before)).toBe(pack.credits)
    const { items } = await scene.billing.invoices({ owner })
    expect(items).toMatchObject([{ status: 'paid', totalMinor: 1_900n, paymentId: payment.id }])
  })

  test('whose notice comes a hundred times at once is granted once', async () => {
    const owner = await scene.subscriber()
    const before = await scene.available(owner)
    const { checkoutUrl } = await scene.order(owner)
    scene.standIn.webhooks.hold()
    await scene.standIn.pay(checkoutUrl)
    const event = lastEvent('checkout.session.completed')
    scene.standIn.webhooks.lose()
    const sent = await scene.standIn.webhooks.deliver(event, { copies: 100 })
    expect(new Set(sent.map(({ status }) => status))).toEqual(new Set([200]))
    await scene.settled()
    expect(await noticeOf(event.id)).toMatchObject({ deliveries: 100, attempts: 1, state: 'processed' })
    expect(await gained(owner, before)).toBe(pack.credits)
  })

  test('whose notices are worked through by two processes at once is granted once', async () => {
    const owners = await Promise.all(Array.from({ length: 4 }, () => scene.subscriber()))
    const before = await Promise.all(owners.map(scene.available))
    scene.standIn.webhooks.hold()
    for (const owner of owners) await scene.standIn.pay((await scene.order(owner)).checkoutUrl)
    const other = scene.anotherProcess()
    const now = inSeconds(60)
    await Promise.all([
      scene.standIn.webhooks.release({ copies: 5 }),
      ...Array.from({ length: 5 }, () => other.processDue(now)),
    ])
    await scene.settled()
    for (const [index, owner] of owners.entries())
      expect(await gained(owner, before[index] ?? 0n)).toBe(pack.credits)
  })

  test('that is abandoned gives nothing', async () => {
    const owner = await scene.subscriber()
    const { payment } = await scene.order(owner)
    scene.standIn.expire((await scene.payment(payment.id)).externalId ?? '')
    await scene.settled()
    expect(await scene.payment(payment.id)).toMatchObject({ status: 'abandoned' })
  })
})

describe('in whatever order notices come, the end is the same', () => {
  test.each([
    ['as they happened', 'given', false],
    ['the other way round', 'reversed', false],
    ['all together, twice', 'reversed', true],
  ] as const)('%s', async (_, order, together) => {
    const owner = await scene.subscriber()
    const before = await scene.available(owner)
    const { payment, checkoutUrl } = await scene.order(owner)
    scene.standIn.webhooks.hold()
    await scene.standIn.pay(checkoutUrl)
    const { payment_intent: intentId } = scene.standIn.sessions().at(-1) ?? {}
    scene.standIn.refund(intentId ?? '', 190)
    scene.standIn.refund(intentId ?? '', 380)
    await scene.standIn.webhooks.release({ order, together, copies: together ? 2 : 1 })
    await scene.settled()
    expect(await scene.payment(payment.id)).toMatchObject({ status: 'paid', refundedMinor: 570n })
    expect(await gained(owner, before)).toBe((pack.credits * 7n) / 10n)
  })

  test('every notice of a purchase, its refunds and its disputes a hundred times in a drawn order, over two processes', async () => {
    const owner = await scene.subscriber()
    const before = await scene.available(owner)
    const { payment, checkoutUrl } = await scene.order(owner)
    const first = scene.standIn.events.length
    scene.standIn.webhooks.hold()
    await scene.standIn.pay(checkoutUrl)
    const intentId = scene.standIn.sessions().at(-1)?.payment_intent ?? ''
    scene.standIn.refund(intentId, 190)
    scene.standIn.refund(intentId, 190)
    const { id } = scene.standIn.dispute(intentId, { amount: 380 })
    scene.standIn.closeDispute(id, true)
    scene.standIn.webhooks.lose()
    const events = scene.standIn.events.slice(first).filter(({ type }) => !type.startsWith('customer.'))
    const random = makeRandom(20_270_401)
    const other = scene.anotherProcess()
    const sent = Array.from({ length: 100 }, async () => {
      const [told] = await scene.standIn.webhooks.deliver(random.pick(events))
      if (random.chance(0.3)) await other.processDue(inSeconds(600))
      return told?.status
    })
    expect(new Set(await Promise.all(sent))).toEqual(new Set([200]))
    for (const event of events) await scene.standIn.webhooks.deliver(event)
    await scene.settled()
    await other.processDue(inSeconds(1_200))
    expect(await scene.payment(payment.id)).toMatchObject({ refundedMinor: 380n, isDisputed: false })
    expect(await gained(owner, before)).toBe((pack.credits * 8n) / 10n)
  })

  test('a refund that is told before its purchase leaves nothing of it', async () => {
    const owner = await scene.subscriber()
    const before = await scene.available(owner)
    const { payment, checkoutUrl } = await scene.order(owner)
    scene.standIn.webhooks.hold()
    await scene.standIn.pay(checkoutUrl)
    scene.standIn.refund(scene.standIn.sessions().at(-1)?.payment_intent ?? '')
    const refunded = lastEvent('charge.refunded')
    await scene.standIn.webhooks.deliver(refunded)
    await scene.payments.settled()
    expect(await scene.payment(payment.id)).toMatchObject({ status: 'paid', refundedMinor: 1_900n })
    await scene.standIn.webhooks.release()
    await scene.settled()
    expect(await gained(owner, before)).toBe(0n)
  })

  test('a dispute that is told before its purchase takes the credits, and a won one gives them back', async () => {
    const owner = await scene.subscriber()
    const before = await scene.available(owner)
    const { payment, checkoutUrl } = await scene.order(owner)
    scene.standIn.webhooks.hold()
    await scene.standIn.pay(checkoutUrl)
    const { id } = scene.standIn.dispute(scene.standIn.sessions().at(-1)?.payment_intent ?? '')
    await scene.standIn.webhooks.deliver(lastEvent('charge.dispute.created'))
    await scene.payments.settled()
    expect(await scene.payment(payment.id)).toMatchObject({ status: 'paid', isDisputed: true })
    expect(await gained(owner, before)).toBe(0n)
    scene.standIn.closeDispute(id, true)
    await scene.standIn.webhooks.release({ order: 'reversed' })
    await scene.settled()
    expect(await scene.payment(payment.id)).toMatchObject({ isDisputed: false, refundedMinor: 0n })
    expect(await gained(owner, before)).toBe(pack.credits)
  })
})

test('a lost dispute takes the credits for good, and a credit note says so', async () => {
  const owner = await scene.subscriber()
  const before = await scene.available(owner)
  const payment = await scene.bought(owner)
  const { id } = scene.standIn.dispute(payment.externalId ?? '')
  scene.standIn.closeDispute(id, false)
  await scene.settled()
  expect(await scene.payment(payment.id)).toMatchObject({ isDisputed: false, refundedMinor: 1_900n })
  expect(await gained(owner, before)).toBe(0n)
  const { items } = await scene.billing.invoices({ owner })
  expect(items.map(({ kind }) => kind).toSorted()).toEqual(['credit_note', 'invoice'])
})

describe('a refund by an administrator', () => {
  const refund = (paymentId: string, amountMinor: bigint, idempotencyKey = newId()) =>
    scene.billing.refund(administrator, paymentId, { amountMinor, reason: 'Asked for', idempotencyKey })

  test('in parts is made and taken back once each, with the webhooks of it on their way', async () => {
    const owner = await scene.subscriber()
    const before = await scene.available(owner)
    const payment = await scene.bought(owner)
    must(await refund(payment.id, 190n))
    must(await refund(payment.id, 190n))
    await scene.settled()
    expect(await scene.payment(payment.id)).toMatchObject({ refundedMinor: 380n })
    expect(await gained(owner, before)).toBe((pack.credits * 8n) / 10n)
  })

  test('whose answer is lost is made once', async () => {
    const owner = await scene.subscriber()
    const payment = await scene.bought(owner)
    scene.standIn.failNext('POST /v1/refunds', 'lost', 3)
    must(await refund(payment.id, 190n))
    await scene.settled()
    await scene.billing.renewDue(new Date())
    await scene.settled()
    expect(await scene.payment(payment.id)).toMatchObject({ refundedMinor: 190n })
    const made = [...scene.standIn.state.refunds.values()]
    expect(made.filter((one) => one.payment_intent === payment.externalId)).toHaveLength(1)
  })
})

describe('what is not from Stripe', () => {
  const post = (body: string, headers: Record<string, string>) =>
    fetch(scene.webhookUrl, {
      method: 'POST',
      body,
      headers: { 'content-type': 'application/json', ...headers },
    })
  const paidEvent = async () => {
    const owner = await scene.subscriber()
    const { checkoutUrl, payment } = await scene.order(owner)
    scene.standIn.webhooks.hold()
    await scene.standIn.pay(checkoutUrl)
    scene.standIn.webhooks.lose()
    return { event: lastEvent('checkout.session.completed'), payment }
  }
  // The checker wants Stripe and us to agree, so what was lost is found at the end.
  afterEach(async () => {
    await scene.payments.catchUp(new Date())
  })

  test.each([
    ['signed with another secret', { secret: 'whsec_forged' }],
    ['changed after it was signed', { body: '{"id":"evt_forged","object":"event"}' }],
    ['replayed after ten minutes', { signedAt: new Date(Date.now() - 600_000) }],
  ])('%s is refused, and nothing is stored', async (_, how) => {
    const { event, payment } = await paidEvent()
    const [sent] = await scene.standIn.webhooks.deliver(event, how)
    expect(sent?.status).toBe(400)
    await scene.settled()
    expect(await noticeOf(event.id)).toBeUndefined()
    expect(await scene.payment(payment.id)).toMatchObject({ status: 'requested' })
  })

  test('without a signature is refused', async () => {
    const reply = await post('{}', {})
    expect(reply.status).toBe(400)
    expect(await reply.json()).toMatchObject({ error: { code: 'webhook_refused' } })
  })

  test('a body that is too large is refused before it is read', async () => {
    const body = JSON.stringify({ id: 'evt', padding: 'x'.repeat(300_000) })
    const signature = signatureOf(body, stripeSecrets.webhookSecret, new Date())
    expect((await post(body, { 'stripe-signature': signature })).status).toBe(413)
  })

  test('a true notice that is replayed within its time changes nothing', async () => {
    const owner = await scene.subscriber()
    await scene.bought(owner)
    const before = await scene.available(owner)
    const event = lastEvent('checkout.session.completed')
    const [sent] = await scene.standIn.webhooks.deliver(event)
    expect(sent?.status).toBe(200)
    await scene.settled()
    expect(await scene.available(owner)).toBe(before)
  })

  test('events of other kinds are answered and forgotten', async () => {
    const sent = await scene.standIn.webhooks.deliver(lastEvent('customer.created'))
    expect(sent).toMatchObject([{ status: 200 }])
    expect(await noticeOf(lastEvent('customer.created').id)).toBeUndefined()
  })
})

test('what the Stripe account sells beside us is ignored', async () => {
  const request = { paymentId: newId(), payer: { ...(await scene.subscriber()), email: 'b@c.de', name: 'B' } }
  const result = must(
    await scene.stripe.checkout({
      ...request,
      amountMinor: 700n,
      currency: 'USD',
      description: 'A cup',
      returnUrl,
    }),
  )
  if (result.kind !== 'redirect') throw new Error(result.kind)
  scene.standIn.expire(result.externalId)
  await scene.settled()
  expect(await noticeOf(lastEvent('checkout.session.expired').id)).toMatchObject({ state: 'ignored' })
})

describe('when something is away', () => {
  test('a notice that cannot be processed is tried again, later each time', async () => {
    const owner = await scene.subscriber()
    const { payment, checkoutUrl } = await scene.order(owner)
    scene.standIn.failNext('GET /v1/checkout/sessions/', 500, 6)
    scene.standIn.webhooks.hold()
    await scene.standIn.pay(checkoutUrl)
    const event = lastEvent('checkout.session.completed')
    scene.standIn.webhooks.lose()
    await scene.standIn.webhooks.deliver(event)
    await scene.settled()
    expect(await noticeOf(event.id)).toMatchObject({
      state: 'waiting',
      attempts: 1,
      error: expect.any(String),
    })
    expect(await scene.payments.processDue(new Date())).toBe(0)
    expect(await scene.payments.processDue(inSeconds(11))).toBe(1)
    expect(await noticeOf(event.id)).toMatchObject({ state: 'waiting', attempts: 2 })
    await scene.payments.processDue(inSeconds(120))
    expect(await noticeOf(event.id)).toMatchObject({ state: 'processed', attempts: 3, error: null })
    expect(await scene.payment(payment.id)).toMatchObject({ status: 'paid' })
  })

  test('a notice that was given up is shown to administrators, who send it round again', async () => {
    const owner = await scene.subscriber()
    const { payment, checkoutUrl } = await scene.order(owner)
    scene.standIn.webhooks.hold()
    await scene.standIn.pay(checkoutUrl)
    const event = lastEvent('checkout.session.completed')
    scene.standIn.webhooks.lose()
    scene.standIn.failNext('GET /v1/checkout/sessions/', 400, 1)
    await scene.standIn.webhooks.deliver(event)
    await scene.settled()
    await scene.database.pool.query('UPDATE provider_events SET attempts = 9 WHERE id = $1', [event.id])
    scene.standIn.failNext('GET /v1/checkout/sessions/', 400, 1)
    await scene.payments.processDue(inSeconds(120))
    const { items } = await scene.payments.notices({ state: 'failed' })
    expect(items).toMatchObject([{ id: event.id, attempts: 10, type: 'checkout.session.completed' }])
    must(await scene.payments.redeliver(administrator, event.id))
    await scene.settled()
    expect(await scene.payment(payment.id)).toMatchObject({ status: 'paid' })
    expect((await scene.payments.notices({ state: 'failed' })).items).toEqual([])
    expect(await scene.payments.redeliver(administrator, 'evt_unknown')).toMatchObject({ ok: false })
  })

  test('a notice whose process died is taken by another one when its lease is over', async () => {
    const owner = await scene.subscriber()
    const { payment, checkoutUrl } = await scene.order(owner)
    await scene.payments.catchUp(new Date())
    scene.standIn.webhooks.hold()
    await scene.standIn.pay(checkoutUrl)
    const event = lastEvent('checkout.session.completed')
    scene.standIn.webhooks.lose()
    // As a process leaves it that is killed right after it has taken the notice.
    await scene.database.pool.query(
      `INSERT INTO provider_events (provider, id, type, object_id, occurred_at, received_at, source, attempts, next_attempt_at)
       VALUES ('stripe', $1, $2, $3, now(), now(), 'webhook', 1, now() + interval '5 minutes')`,
      [event.id, event.type, (event.data.object as { id: string }).id],
    )
    const other = scene.anotherProcess()
    expect(await other.processDue(new Date())).toBe(0)
    expect(await other.processDue(inSeconds(301))).toBe(1)
    expect(await scene.payment(payment.id)).toMatchObject({ status: 'paid' })
  })

  test('a notice that never came is found in Stripe’s own list, once', async () => {
    const owner = await scene.subscriber()
    const { payment, checkoutUrl } = await scene.order(owner)
    await scene.payments.catchUp(new Date())
    scene.standIn.webhooks.hold()
    await scene.standIn.pay(checkoutUrl)
    scene.standIn.webhooks.lose()
    expect(await scene.payments.catchUp(new Date())).toBeGreaterThan(0)
    expect(await scene.payment(payment.id)).toMatchObject({ status: 'paid' })
    expect(await scene.payments.catchUp(new Date())).toBe(0)
  })
})

describe('automatic top-up', () => {
  const actorOf = (owner: Subscriber) => ({ kind: 'user', id: owner.userId }) as const
  const withTopUp = async (card = goodCard) => {
    const owner = await scene.subscriber()
    const payment = await scene.bought(owner, { kind: 'pack', packId: 'small' })
    const customer = scene.standIn.state.paymentIntents.get(payment.externalId ?? '')?.customer ?? ''
    if (card !== goodCard) scene.standIn.saveCard(customer, card)
    const wanted = {
      enabled: true,
      thresholdMicros: credits(1_000),
      packId: 'medium',
      monthlyCapMinor: 4_000n,
    }
    must(await scene.billing.setAutoTopUp(actorOf(owner), owner, wanted))
    return { owner, customer, before: await scene.available(owner) }
  }
  const topUpsOf = async (owner: Subscriber) =>
    (await scene.billing.payments({ owner })).items.filter(({ purpose }) => purpose === 'auto_top_up')

  test('charges the saved card once and grants the pack', async () => {
    const { owner, before } = await withTopUp()
    expect(await scene.billing.topUpDue(new Date())).toBe(1)
    await scene.settled()
    expect(await topUpsOf(owner)).toMatchObject([{ status: 'paid', amountMinor: 1_900n }])
    expect(await gained(owner, before)).toBe(pack.credits)
    expect(await scene.billing.topUpDue(new Date())).toBe(0)
  })

  test('of a declined card fails, gives nothing and is not tried again at once', async () => {
    const { owner, before } = await withTopUp(savesButDeclines)
    await scene.billing.topUpDue(new Date())
    await scene.settled()
    expect(await topUpsOf(owner)).toMatchObject([
      { status: 'failed', failureReason: 'Your card was declined.' },
    ])
    expect(await gained(owner, before)).toBe(0n)
    expect(await scene.billing.topUpDue(new Date())).toBe(0)
  })

  test.each([
    ['its notice', true],
    ['Stripe’s list', false],
  ])('killed between charge and grant is granted once, by %s', async (_, isTold) => {
    const { owner, before } = await withTopUp()
    scene.standIn.webhooks.hold()
    scene.standIn.failNext('POST /v1/payment_intents', 'lost', 3)
    await scene.billing.topUpDue(new Date())
    expect(await topUpsOf(owner)).toMatchObject([{ status: 'requested' }])
    scene.standIn.forgetIdempotencyKeys()
    if (isTold) await scene.standIn.webhooks.release()
    else {
      scene.standIn.webhooks.lose()
      await scene.payments.catchUp(new Date())
    }
    await scene.settled()
    expect(await topUpsOf(owner)).toMatchObject([{ status: 'paid' }])
    await scene.billing.renewDue(inSeconds(3_600))
    await scene.settled()
    expect(await gained(owner, before)).toBe(pack.credits)
  })

  test('killed between charge and grant, and asked for again before anybody told, is charged once', async () => {
    const { owner, before, customer } = await withTopUp()
    scene.standIn.webhooks.hold()
    scene.standIn.failNext('POST /v1/payment_intents', 'lost', 3)
    await scene.billing.topUpDue(new Date())
    scene.standIn.forgetIdempotencyKeys()
    await scene.billing.renewDue(inSeconds(3_600))
    expect(await topUpsOf(owner)).toMatchObject([{ status: 'paid' }])
    await scene.standIn.webhooks.release()
    await scene.settled()
    expect(await gained(owner, before)).toBe(pack.credits)
    const charges = [...scene.standIn.state.charges.values()].filter((one) => one.customer === customer)
    expect(charges.filter(({ paid, amount }) => paid && amount === pack.price)).toHaveLength(1)
  })
})

test('the list of notices has pages that hold every one of them, the newest first', async () => {
  const { items: all } = await scene.payments.notices({ limit: 200 })
  const seen: string[] = []
  for (let before: string | null = null; ; ) {
    const page = await scene.payments.notices({ before, limit: 3 })
    seen.push(...page.items.map(({ id }) => id))
    before = page.next
    if (before === null) break
  }
  expect(seen).toEqual(all.map(({ id }) => id))
  expect(seen.length).toBeGreaterThan(10)
})
