import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'
import { type StripeStandIn, startStripe } from '../../simulator/stripe.ts'
import type { Bookkeeping } from '../processes/bookkeeping.ts'
import { stripeSecrets } from '../payments/stripe-scene.ts'
import { fastClock } from './fast-clock.ts'
import type { Action } from './lives.ts'
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
  /** Does more of these until it is disposed of. */
  favour(actions: readonly Action[]): Disposable
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
  buyers: readonly Owner[],
  workers: readonly WorkerProcess[],
  { startMs, newcomer }: { readonly startMs: number; readonly newcomer: () => Promise<Owner | null> },
): Promise<Payments> => {
  const people = [...buyers]
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

  const buy = (owner: Owner): void => ask({ id: nextId('buy'), kind: 'buy', owner, packId: 'small' })
  const change = (): void =>
    ask({ id: nextId('change'), kind: 'change', owner: random.pick(people), change: random.pick(changes) })

  /** The last ones rather than any: of those before nearly all is done. */
  const pickLate = <T>(items: readonly T[]): T | undefined =>
    items.length === 0 ? undefined : random.pick(random.chance(0.7) ? items.slice(-8) : items)

  const ordered = (isPaidThere: boolean): Answer[] =>
    [...answers.values()].filter(
      ({ paymentId, checkoutUrl }) => paymentId !== null && (checkoutUrl !== null) === isPaidThere,
    )
  const pay = async (): Promise<void> => {
    const url = pickLate(ordered(true))?.checkoutUrl
    if (url) await stripe.pay(url).catch(() => {})
  }
  const decide = (): void => {
    const paymentId = pickLate(ordered(false))?.paymentId
    if (paymentId) ask({ id: nextId('decide'), kind: random.chance(0.8) ? 'approve' : 'deny', paymentId })
  }

  const paidThere = () =>
    pickLate([...stripe.state.paymentIntents.values()].filter(({ status }) => status === 'succeeded'))
  /** Of what was paid; more than is left of it, or disputed already: Stripe refuses. */
  const takeBack = (how: 'refund' | 'refund_there' | 'dispute'): void => {
    const intent = paidThere()
    if (!intent) return
    const amount = 1 + random.whole(intent.amount)
    const paymentId = intent.metadata['aideon_payment_id'] ?? ''
    try {
      if (how === 'refund')
        ask({ id: nextId('refund'), kind: 'refund', paymentId, amountMinor: String(amount) })
      else if (how === 'refund_there') stripe.refund(intent.id, amount)
      else stripe.dispute(intent.id)
    } catch {
      // Refused.
    }
  }
  const closeDispute = (): void => {
    const open = [...stripe.state.disputes.values()].filter(({ status }) => status === 'needs_response')
    if (open.length > 0) stripe.closeDispute(random.pick(open).id, random.chance(0.5))
  }

  const monthEnds = async (): Promise<void> => {
    const owner = await newcomer()
    if (!owner) return
    people.push(owner)
    // Whose card is there when the month ends, if it is paid in time.
    if (random.chance(0.7)) buy(owner)
  }
  /** Somebody who has a card there. */
  const topUp = (): void => {
    const paymentId = paidThere()?.metadata['aideon_payment_id']
    const owner = asked.find((news) => answers.get(news.id)?.paymentId === paymentId)
    if (owner && 'owner' in owner) ask({ id: nextId('top-up'), kind: 'top_up', owner: owner.owner })
  }

  const actions: Readonly<Record<Action, () => void | Promise<void>>> = {
    buy: () => buy(random.pick(people)),
    buy_first: async () => {
      const owner = await newcomer()
      if (owner) {
        people.push(owner)
        buy(owner)
      }
    },
    change,
    pay,
    decide,
    refund: () => takeBack('refund'),
    refund_there: () => takeBack('refund_there'),
    dispute: () => takeBack('dispute'),
    close_dispute: closeDispute,
    month_ends: monthEnds,
    top_up: topUp,
  }
  const favoured = new Set<{ readonly actions: readonly Action[] }>()

  /** What happens anyway, and more of what the workers live to see. */
  const draw = async (): Promise<void> => {
    const drawn: (Action | false)[] = [
      random.chance(0.2) && 'buy',
      random.chance(0.2) && 'change',
      random.chance(0.4) && (random.chance(0.6) ? 'pay' : 'decide'),
      random.chance(0.2) && random.pick(['refund', 'refund_there', 'dispute'] as const),
      random.chance(0.15) && 'close_dispute',
      random.chance(0.05) && 'month_ends',
      random.chance(0.02) && 'top_up',
      ...[...favoured].map(
        ({ actions: wanted }) => wanted.length > 0 && random.chance(0.6) && random.pick(wanted),
      ),
    ]
    for (const action of drawn) if (action) await actions[action]()
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
      if (!stopping.signal.aborted && asked.length - answers.size < mostOpen) await draw()
      tell()
      await wait(pauseMs)
    }
  }
  const running = run()

  /**
   * What is left when nothing is on its way any more, after three minutes at most: a busy machine takes long over a list of
   * notices. One and the same look finds that all is quiet and agrees: top-ups and renewals go on, and a later look may fall
   * between what Stripe was paid and what the books say of it.
   */
  const settled = async (books: Bookkeeping): Promise<string[]> => {
    for (let tries = 0; ; tries++) {
      await stripe.webhooks.settled()
      const [row] = await books.query(onTheirWay)
      const left = Number(row?.['count'])
      const problems = [
        ...(await apart(stripe, books)),
        ...(left === 0 ? [] : [`${left} notices or refunds are not worked through`]),
      ]
      if (problems.length === 0 || tries === 900) return problems
      await wait(200)
    }
  }

  return {
    stripe,
    answered: (answer) => {
      if (!answers.has(answer.id)) answers.set(answer.id, answer)
    },
    favour: (wanted) => {
      const one = { actions: wanted }
      favoured.add(one)
      return { [Symbol.dispose]: () => void favoured.delete(one) }
    },
    stop: async () => {
      stopping.abort()
      await running
    },
    abandon: () => abandoned.abort(),
    brokenPromises: async (books) => broken(asked, answers, books),
    problems: async (books) => [...(await settled(books)), ...(await broken(asked, answers, books))],
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

const nameOf = (news: News): string => {
  if (news.kind === 'top_up') return `top_up ${news.owner.userId}`
  return news.kind === 'approve' || news.kind === 'deny'
    ? `decided ${news.paymentId}`
    : `${news.kind} ${news.id}`
}

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
    UNION ALL SELECT 'top_up', a.user_id::text, '1' FROM auto_top_ups t JOIN credit_accounts a ON a.organization_id = t.organization_id AND a.id = t.account_id
    UNION ALL SELECT 'decided', id::text, status FROM payments`)
  const there = new Map(rows.map(({ kind, key, value }) => [`${kind} ${key}`, String(value)]))
  return heard.flatMap(({ news }) => {
    const name = nameOf(news)
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
  const others = await books.query(
    `SELECT p.id::text, concat_ws(' ', p.purpose, p.status, 'to be charged', p.charge_after, 'told of by',
       (SELECT string_agg(concat_ws(' ', e.type, e.state), ', ') FROM provider_events e WHERE e.payment_id = p.id)) AS standing
     FROM payments p WHERE p.provider = 'stripe' AND p.status <> 'paid'`,
  )
  const standing = new Map(others.map((row) => [String(row['id']), String(row['standing'])]))
  const ours = new Map(rows.map((row) => [String(row['external_id']), row]))
  const paid = [...stripe.state.paymentIntents.values()].filter(({ status }) => status === 'succeeded')
  const of = <Item extends { payment_intent: string | null }>(items: Map<string, Item>, id: string) =>
    [...items.values()].filter((item) => item.payment_intent === id)
  const problems = paid.flatMap((intent) => {
    const row = ours.get(intent.id)
    if (!row)
      return [
        `paid at Stripe only: ${intent.id}, here ${standing.get(intent.metadata['aideon_payment_id'] ?? '') ?? 'unknown'}`,
      ]
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
