import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'
import { type StripeStandIn, startStripe } from '../../simulator/stripe.ts'
import type { Bookkeeping } from '../processes/bookkeeping.ts'
import { stripeSecrets } from '../payments/stripe-scene.ts'
import { fastClock } from './fast-clock.ts'
import type { Random } from './random.ts'
import type { Answer, News, Owner } from './worker-child.ts'
import type { WorkerProcess } from './worker-process.ts'

/**
 * Users who buy and change, administrators who approve and refund, and a Stripe that nobody kills: they ask until they are
 * answered, and know what was paid and given back.
 */
export interface Payments extends AsyncDisposable {
  readonly stripe: StripeStandIn
  answered(answer: Answer): void
  /** Asks for nothing new, then asks on until all of it is answered. */
  stop(): Promise<void>
  /** Asks for nothing any more. */
  abandon(): void
  /** At any moment: what was answered is done. */
  brokenPromises(books: Bookkeeping): Promise<string[]>
  /** At the end: everything is done, and once; Stripe and the books say the same. */
  problems(books: Bookkeeping): Promise<string[]>
  readonly made: number
}

const pauseMs = 100
/** Orders that wait for an answer at a time: a busy machine is asked for less. */
const mostOpen = 12
const changes = [
  { kind: 'change_tier', tierId: 'pro' },
  { kind: 'change_tier', tierId: 'business' },
  { kind: 'change_tier', tierId: 'free' },
  { kind: 'undo_pending' },
  { kind: 'cancel', when: 'period_end' },
  { kind: 'cancel', when: 'now' },
  { kind: 'pause' },
  { kind: 'resume' },
] as const

export const startPayments = async (
  random: Random,
  people: readonly Owner[],
  workers: readonly WorkerProcess[],
  startMs: number,
): Promise<Payments> => {
  const relay = createServer((request, response) => {
    const forward = async () => {
      const chunks: Buffer[] = []
      for await (const chunk of request) chunks.push(chunk as Buffer)
      const reply = await fetch(`http://127.0.0.1:${random.pick(workers).port}`, {
        method: 'POST',
        headers: { 'stripe-signature': String(request.headers['stripe-signature']) },
        body: Buffer.concat(chunks),
      })
      response.writeHead(reply.status).end()
    }
    // The worker died with it: Stripe tells again, or its list does.
    forward().catch(() => response.writeHead(503).end())
  })
  await new Promise<void>((resolve) => void relay.listen(0, '127.0.0.1', resolve))
  const { port } = relay.address() as AddressInfo
  const stripe = await startStripe({
    secretKey: stripeSecrets.secretKey,
    clock: fastClock(startMs),
    webhook: { url: `http://127.0.0.1:${port}`, secret: stripeSecrets.webhookSecret },
  })
  const asked: News[] = []
  const answers = new Map<string, Answer>()
  const stopping = new AbortController()
  const abandoned = new AbortController()
  const ask = (news: News): void => void asked.push(news)
  let made = 0
  const nextId = (kind: string): string => `${kind}-${String(made++).padStart(6, '0')}`

  const order = (): void => {
    const owner = random.pick(people)
    if (random.chance(0.5)) ask({ id: nextId('buy'), kind: 'buy', owner, packId: 'small' })
    else ask({ id: nextId('change'), kind: 'change', owner, change: random.pick(changes) })
  }

  /** What is done with a payment that somebody ordered. */
  const goOn = async (): Promise<void> => {
    const ordered = [...answers.values()].filter(({ paymentId }) => paymentId !== null)
    if (ordered.length === 0) return
    const { checkoutUrl, paymentId } = random.pick(ordered)
    if (checkoutUrl === null)
      return ask({
        id: nextId('decide'),
        kind: random.chance(0.8) ? 'approve' : 'deny',
        paymentId: paymentId ?? '',
      })
    await stripe.pay(checkoutUrl).catch(() => {})
  }

  const takeBack = (): void => {
    const paid = [...stripe.state.paymentIntents.values()].filter(({ status }) => status === 'succeeded')
    if (paid.length === 0) return
    const intent = random.pick(paid)
    const amount = 1 + random.whole(intent.amount)
    const paymentId = intent.metadata['aideon_payment_id'] ?? ''
    try {
      if (random.chance(0.4))
        ask({ id: nextId('refund'), kind: 'refund', paymentId, amountMinor: String(amount) })
      else if (random.chance(0.5)) stripe.refund(intent.id, amount)
      else stripe.dispute(intent.id)
    } catch {
      // More than is left of it, or disputed already: Stripe refuses.
    }
  }

  const closeDispute = (): void => {
    const open = [...stripe.state.disputes.values()].filter(({ status }) => status === 'needs_response')
    if (open.length > 0) stripe.closeDispute(random.pick(open).id, random.chance(0.5))
  }

  const tell = (): void => {
    const open = asked.filter(({ id }) => !answers.has(id))
    for (let i = 0; i < Math.min(open.length, 4); i++) {
      const news = random.pick(open)
      for (const worker of workers) if (random.chance(0.6)) worker.tell(news)
    }
    // What was answered is asked for again, now and then.
    if (asked.length > 0 && random.chance(0.2)) for (const worker of workers) worker.tell(random.pick(asked))
  }

  const run = async (): Promise<void> => {
    while (!abandoned.signal.aborted && (!stopping.signal.aborted || answers.size < asked.length)) {
      if (!stopping.signal.aborted && asked.length - answers.size < mostOpen) {
        if (random.chance(0.4)) order()
        if (random.chance(0.4)) await goOn()
        if (random.chance(0.2)) takeBack()
        if (random.chance(0.15)) closeDispute()
      }
      tell()
      await wait(pauseMs)
    }
  }
  const running = run()

  /** Until nothing is on its way any more, at most a minute. */
  const settled = async (books: Bookkeeping): Promise<void> => {
    for (let tries = 0; tries < 300; tries++) {
      await stripe.webhooks.settled()
      const problems = await apart(stripe, books)
      const [row] = await books.query(onTheirWay)
      if (problems.length === 0 && Number(row?.['count']) === 0) return
      await wait(200)
    }
  }

  return {
    stripe,
    answered: (answer) => {
      if (!answers.has(answer.id)) answers.set(answer.id, answer)
    },
    stop: async () => {
      stopping.abort()
      await running
    },
    abandon: () => abandoned.abort(),
    brokenPromises: async (books) => broken(asked, answers, books),
    problems: async (books) => {
      await settled(books)
      const [row] = await books.query(onTheirWay)
      const left = Number(row?.['count'])
      return [
        ...(await broken(asked, answers, books)),
        ...(await apart(stripe, books)),
        ...(left === 0 ? [] : [`${left} notices or refunds are not worked through`]),
      ]
    },
    get made() {
      return made
    },
    async [Symbol.asyncDispose]() {
      abandoned.abort()
      await running
      await stripe.close()
      relay.closeAllConnections()
      await new Promise((resolve) => relay.close(resolve))
    },
  }
}

const onTheirWay = `
  SELECT (SELECT count(*) FROM provider_events WHERE state = 'waiting')
    + (SELECT count(*) FROM payment_refunds WHERE kind = 'refund' AND status IN ('requested', 'waiting')) AS count`

/** What was answered and is not there, or not as it was answered. */
const broken = async (
  asked: readonly News[],
  answers: ReadonlyMap<string, Answer>,
  books: Bookkeeping,
): Promise<string[]> => {
  const heard = asked.flatMap((news) => {
    const answer = answers.get(news.id)
    return answer?.ok ? [{ news, answer }] : []
  })
  const rows = await books.query(`
    SELECT 'buy' AS kind, substr(idempotency_key, 5) AS key, count(*)::text AS value FROM payments
      WHERE idempotency_key LIKE 'buy:%' GROUP BY 2
    UNION ALL SELECT 'change', idempotency_key, count(*)::text FROM billing_commands GROUP BY 2
    UNION ALL SELECT 'refund', substr(reference, 6), count(*)::text FROM payment_refunds WHERE reference LIKE 'ours:%' GROUP BY 2
    UNION ALL SELECT 'decided', id::text, status FROM payments`)
  const there = new Map(rows.map(({ kind, key, value }) => [`${kind} ${key}`, String(value)]))
  return heard.flatMap(({ news }) => {
    const name =
      'paymentId' in news && news.kind !== 'refund' ? `decided ${news.paymentId}` : `${news.kind} ${news.id}`
    const wanted = news.kind === 'approve' ? 'paid' : news.kind === 'deny' ? 'denied' : '1'
    const found = there.get(name)
    // A denied renewal stays to be paid within the days of grace.
    const isGood = found === wanted || (news.kind === 'deny' && found !== 'paid' && found !== undefined)
    return isGood ? [] : [`${news.kind} ${news.id} was answered and is ${found ?? 'not there'}`]
  })
}

/** What Stripe and the books say differently. */
const apart = async (stripe: StripeStandIn, books: Bookkeeping): Promise<string[]> => {
  const rows = await books.query(
    `SELECT p.id::text, p.external_id, p.refunded_minor::text AS refunded, p.disputed_at IS NOT NULL AS disputed
     FROM payments p WHERE p.provider = 'stripe' AND p.status = 'paid'`,
  )
  const ours = new Map(rows.map((row) => [String(row['external_id']), row]))
  const paid = [...stripe.state.paymentIntents.values()].filter(({ status }) => status === 'succeeded')
  const of = <Item extends { payment_intent: string | null }>(items: Map<string, Item>, id: string) =>
    [...items.values()].filter((item) => item.payment_intent === id)
  const problems = paid.flatMap((intent) => {
    const row = ours.get(intent.id)
    if (!row) return [`paid at Stripe only: ${intent.id}`]
    const refunds = of(stripe.state.refunds, intent.id).filter(({ status }) => status === 'succeeded')
    const disputes = of(stripe.state.disputes, intent.id)
    const lost = disputes.filter(({ status }) => status === 'lost')
    const back = [...refunds, ...lost].reduce((sum, { amount }) => sum + amount, 0)
    const wanted = Math.min(back, intent.amount)
    const isDisputed = disputes.some(({ status }) => status === 'needs_response')
    return [
      ...(Number(row['refunded']) === wanted
        ? []
        : [`of ${intent.id} ${wanted} went back at Stripe, ${row['refunded']} here`]),
      ...(String(row['disputed']) === String(isDisputed)
        ? []
        : [`${intent.id} is disputed: ${isDisputed}, here not so`]),
    ]
  })
  const known = new Set(paid.map(({ id }) => id))
  return [
    ...problems,
    ...[...ours.keys()].filter((id) => !known.has(id)).map((id) => `paid here only: ${id}`),
  ]
}
