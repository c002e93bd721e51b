/**
 * What users and administrators ask for of billing, what Stripe tells, and what time asks for. Everything is asked for more
 * than once, of several workers at a time, in any order; what is answered must be done, and done once.
 */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'
import { makeBilling } from '../../src/billing/billing.ts'
import type { PaymentProvider } from '../../src/billing/provider.ts'
import type { SubscriptionChange } from '../../src/billing/subscription.ts'
import { openDatabase } from '../../src/db/database.ts'
import { makeEpoch } from '../../src/db/epoch.ts'
import { faults, type Outcome } from '../../src/kit/fault.ts'
import { newId } from '../../src/kit/id.ts'
import { silentLog } from '../../src/kit/log.ts'
import { makeLedger } from '../../src/ledger/ledger.ts'
import { makeOutbound } from '../../src/net/outbound.ts'
import { makePayments, makeStripe } from '../../src/payments/payments.ts'
import { returnUrl, stripeSecrets } from '../payments/stripe-scene.ts'
import { armEdge, pass } from './edges.ts'
import { fastClock } from './fast-clock.ts'

export type News = { readonly id: string } & (
  | { readonly kind: 'buy'; readonly owner: Owner; readonly packId: string }
  | { readonly kind: 'change'; readonly owner: Owner; readonly change: SubscriptionChange }
  /** Buys by itself from then on: nobody has enough. */
  | { readonly kind: 'top_up'; readonly owner: Owner }
  | { readonly kind: 'approve' | 'deny'; readonly paymentId: string }
  | { readonly kind: 'refund'; readonly paymentId: string; readonly amountMinor: string }
)
export interface Owner {
  readonly organizationId: string
  readonly userId: string
}
export interface Answer {
  readonly id: string
  /** False: it was refused, and for good. */
  readonly ok: boolean
  readonly paymentId: string | null
  readonly checkoutUrl: string | null
}

process.once('disconnect', () => process.exit(0))
const clock = () => new Date()
const fast = fastClock(Number(process.env['AIDEON_SIMULATION_START']))
const database = openDatabase({ url: process.env['DATABASE_URL'] ?? '', maximumConnections: 6 })
const common = { database, log: silentLog }
const ledger = makeLedger({ ...common, clock, processId: newId(), graceSeconds: 1 })
const apiUrl = process.env['AIDEON_SIMULATION_STRIPE'] ?? ''
const outbound = makeOutbound()
outbound.allow([new URL(apiUrl).host])
const stripe = makeStripe({ ...common, clock: fast, account: { ...stripeSecrets, apiUrl }, outbound })

/** With the edges of what is asked of Stripe. */
const edged =
  <Parameters extends unknown[], Result>(
    name: string,
    work: (...parameters: Parameters) => Promise<Result>,
  ) =>
  async (...parameters: Parameters): Promise<Result> => {
    pass('before', name)
    const answer = work(...parameters)
    setImmediate(() => pass('sent', name))
    const result = await answer
    pass('after', name)
    return result
  }
const provider: PaymentProvider = {
  ...stripe,
  checkout: edged('stripe checkout', stripe.checkout),
  charge: edged('stripe charge', stripe.charge),
  refund: edged('stripe refund', stripe.refund),
}
const epoch = makeEpoch({ ...common, clock })
const billing = makeBilling({ ...common, clock, ledger, epoch, providers: [provider] })
const told = { ...stripe, facts: edged('stripe facts', stripe.facts) }
const payments = makePayments({ ...common, clock: fast, billing, stripe: told })

const administrator = { kind: 'user', id: '00000000-0000-7000-8000-00000000ad01' } as const

const answered = (news: News, outcome: Outcome<unknown>): Answer => {
  // What passes by itself is asked for again.
  if (!outcome.ok && faults[outcome.fault.code].retryable) throw new Error(outcome.fault.code)
  const value = (outcome.ok ? outcome.value : {}) as Record<string, unknown>
  const paymentId = (value['payment'] as { id: string } | undefined)?.id ?? value['paymentId'] ?? null
  const checkoutUrl = value['checkoutUrl'] ?? null
  return { id: news.id, ok: outcome.ok, paymentId, checkoutUrl } as Answer
}

const take = async (news: News): Promise<Answer> => {
  const once = { idempotencyKey: news.id, returnUrl }
  switch (news.kind) {
    case 'buy': {
      const actor = { kind: 'user', id: news.owner.userId } as const
      return answered(news, await billing.buy(actor, news.owner, { kind: 'pack', packId: news.packId }, once))
    }
    case 'change': {
      const actor = { kind: 'user', id: news.owner.userId } as const
      return answered(news, await billing.change(actor, news.owner, news.change, once))
    }
    case 'top_up': {
      const actor = { kind: 'user', id: news.owner.userId } as const
      const wanted = { enabled: true, thresholdMicros: 10n ** 15n, packId: 'small', monthlyCapMinor: 10_000n }
      return answered(news, await billing.setAutoTopUp(actor, news.owner, wanted))
    }
    case 'approve':
    case 'deny':
      return answered(news, await billing[news.kind](administrator, news.paymentId, 'Simulated'))
    case 'refund': {
      const wanted = { amountMinor: BigInt(news.amountMinor), reason: 'Simulated', idempotencyKey: news.id }
      return answered(news, await billing.refund(administrator, news.paymentId, wanted))
    }
  }
}

const acknowledge = (answer: Answer): void => {
  pass('before', 'acknowledge')
  process.send?.(answer)
  setImmediate(() => pass('sent', 'acknowledge'))
}

// A planted defect: what the simulation proves is that it finds it out.
const acknowledgesFirst = process.env['AIDEON_SIMULATION_DEFECT'] === 'acknowledges_first'

process.on('message', (news: News) => {
  pass('before', 'news')
  if (acknowledgesFirst) acknowledge({ id: news.id, ok: true, paymentId: null, checkoutUrl: null })
  take(news)
    .then((answer) => {
      pass('after', 'news')
      if (!acknowledgesFirst) acknowledge(answer)
    })
    // Asked for again later.
    .catch(() => {})
  setImmediate(() => pass('sent', 'news'))
})

const webhooks = createServer((request, response) => {
  const receive = async () => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    pass('before', 'webhook')
    const signature = request.headers['stripe-signature']
    const { ok } = await payments.receive(
      Buffer.concat(chunks),
      typeof signature === 'string' ? signature : undefined,
    )
    pass('after', 'webhook')
    response.writeHead(ok ? 200 : 400).end()
    setImmediate(() => pass('sent', 'webhook'))
  }
  receive().catch(() => response.destroy())
})
await new Promise<void>((resolve) => void webhooks.listen(0, '127.0.0.1', resolve))

armEdge()
process.send?.((webhooks.address() as AddressInfo).port)
const listedEvery = process.env['AIDEON_SIMULATION_EDGE'] ? 8 : 2
/** Apart, so that the gateways do not always come first. */
const recover = async (): Promise<never> => {
  for (;;) {
    await ledger.recoverHolds(clock()).catch(() => {})
    await wait(50)
  }
}
void recover()
for (let turn = 0; ; turn++) {
  await billing.renewDue(fast()).catch(() => {})
  await ledger.expireGrants(clock()).catch(() => {})
  await ledger.ensureAllocations(clock()).catch(() => {})
  await billing.topUpDue(fast()).catch(() => {})
  // Stripe's list is long; notices come by themselves, nearly always. The last processes look at it more often.
  await (turn % listedEvery === listedEvery - 1
    ? payments.catchUp(fast())
    : payments.processDue(fast())
  ).catch(() => {})
  await wait(100)
}
