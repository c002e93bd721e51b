import type { Actor } from '../audit/audit.ts'
import { recordAudit } from '../audit/audit.ts'
import type { Billing } from '../billing/billing.ts'
import type { PaymentProvider } from '../billing/provider.ts'
import type { Database } from '../db/database.ts'
import type { Clock } from '../kit/clock.ts'
import { failure, type Outcome, success } from '../kit/fault.ts'
import { isId, platformOrganizationId } from '../kit/id.ts'
import type { Log } from '../kit/log.ts'
import type { Outbound } from '../net/outbound.ts'
import { type NoticeFilter, pauseAfter, type ProviderNotice } from './notice.ts'
import * as store from './store.ts'
import { makeStripeProvider, type StripeProvider } from './stripe.ts'
import { type StripeAccount, toldBy } from './stripe-client.ts'

export interface Payments {
  /** Stores what a webhook told, once by its id; it is processed soon afterwards, here or in another process. */
  receive(body: Buffer, signature: string | undefined): Promise<Outcome<void>>
  /** Works through what is due. Gives the number of notices. */
  processDue(now: Date): Promise<number>
  /** Looks through Stripe's own list for what no webhook told us. Gives the number found. */
  catchUp(now: Date): Promise<number>
  notices(filter: NoticeFilter & { limit?: number }): Promise<{
    readonly items: readonly ProviderNotice[]
    readonly next: string | null
  }>
  /** Sends a notice round again, as if it had just come. */
  redeliver(actor: Actor, id: string): Promise<Outcome<void>>
  /** Resolves when what this process began has ended. */
  settled(): Promise<void>
}

export interface PaymentsOptions {
  readonly database: Database
  readonly billing: Pick<Billing, 'applyEvents' | 'payment'>
  /** null: no Stripe account is set up. */
  readonly stripe: StripeProvider | null
  readonly clock: Clock
  readonly log: Log
}

/** For billing's list of providers. It is made first: billing asks it for money, the room below tells billing what came. */
export const makeStripe = (options: {
  account: StripeAccount
  database: Database
  outbound: Outbound
  clock: Clock
  log: Log
}): StripeProvider & PaymentProvider =>
  makeStripeProvider({
    account: options.account,
    outbound: options.outbound,
    log: options.log,
    customersOf: (mode) => store.customerBook(options.database.kysely, mode, options.clock),
  })

/** Above the SDK's own limits for the few requests that one notice takes, repetitions included. */
const leaseMs = 5 * 60_000
const batchSize = 5
/** Events are listed with their time of making, and may become visible a little later. */
const overlapMs = 60 * 60_000
/** So much of the list is read the first time. */
const firstListMs = 24 * 60 * 60_000

export const makePayments = (options: PaymentsOptions): Payments => {
  const { database, billing, stripe, clock, log } = options
  const { kysely } = database
  let underWay: Promise<unknown> = Promise.resolve()

  const processOne = async (provider: StripeProvider, event: store.ClaimedEvent): Promise<void> => {
    const ended = await attempt({ stripe: provider, billing, log }, event)
    const at = clock()
    const pause = ended.state === 'waiting' ? pauseAfter(event.attempts) : null
    const isGivenUp = ended.state === 'waiting' && pause === null
    await store.end(kysely, {
      ...ended,
      state: isGivenUp ? 'failed' : ended.state,
      id: event.id,
      at,
      nextAttemptAt: new Date(at.getTime() + (pause ?? 0) * 1000),
    })
    if (isGivenUp) log.error({ eventId: event.id, attempts: event.attempts }, 'a payment notice was given up')
  }

  const processDue = async (now: Date): Promise<number> => {
    if (!stripe) return 0
    let count = 0
    for (;;) {
      const leaseUntil = new Date(now.getTime() + leaseMs)
      const claimed = await store.claimDue(kysely, { now, leaseUntil, limit: batchSize })
      // One after the other: Stripe allows 25 requests a second in test mode, and nobody waits for these.
      for (const event of claimed) await processOne(stripe, event)
      count += claimed.length
      if (claimed.length < batchSize) return count
    }
  }

  /** At most one round waits behind the one that runs: it finds everything that came meanwhile. */
  let isWaiting = false
  const processSoon = (): void => {
    if (isWaiting) return
    isWaiting = true
    underWay = underWay
      .then(() => {
        isWaiting = false
        return processDue(clock())
      })
      .catch((error: unknown) =>
        log.warn({ err: error }, 'payment notices could not be processed; a job will'),
      )
  }

  return {
    async receive(body, signature) {
      if (!stripe) return failure('unknown_route')
      const at = clock()
      const event = stripe.verify(body, signature, at)
      if (!event.ok) return event
      if (event.value === null) return success(undefined)
      const [added] = await store.insertEvents(kysely, [event.value], 'webhook', at)
      if (added !== undefined) processSoon()
      return success(undefined)
    },

    processDue,

    async catchUp(now) {
      if (!stripe) return 0
      const before = (await store.listedUntil(kysely)) ?? new Date(now.getTime() - firstListMs + overlapMs)
      const events = await stripe.eventsSince(new Date(before.getTime() - overlapMs))
      const added = await store.insertEvents(kysely, events, 'list', now)
      await store.setListedUntil(kysely, now)
      await processDue(now)
      return added.length
    },

    async notices({ limit = 50, ...filter }) {
      const rows = await store.listEvents(kysely, { ...filter, limit: limit + 1 })
      const items = rows.slice(0, limit)
      return { items, next: rows.length > limit ? (items.at(-1)?.id ?? null) : null }
    },

    async redeliver(actor, id) {
      const found = await kysely.transaction().execute(async (transaction) => {
        if (!(await store.wake(transaction, id, clock()))) return false
        await recordAudit(transaction, {
          organizationId: platformOrganizationId,
          actor,
          action: 'payment_notice.redelivered',
          subject: { kind: 'payment_notice', id },
        })
        return true
      })
      if (!found) return failure('not_found')
      processSoon()
      return success(undefined)
    },

    async settled() {
      await underWay
    },
  }
}

type Attempted = Pick<store.Ending, 'state' | 'paymentId' | 'outcome' | 'error'>

const attempt = async (
  { stripe, billing, log }: { stripe: StripeProvider } & Pick<PaymentsOptions, 'billing' | 'log'>,
  event: store.ClaimedEvent,
): Promise<Attempted> => {
  const ignored = (outcome: string): Attempted => ({
    state: 'ignored',
    paymentId: null,
    outcome,
    error: null,
  })
  try {
    const { paymentId, events, remarks } = await stripe.facts(event)
    const payment = paymentId !== null && isId(paymentId) ? await billing.payment(paymentId) : null
    // The Stripe account may sell other things too, or serve another installation.
    if (!payment?.ok) return ignored('not a payment of ours')
    const effects = await billing.applyEvents('stripe', events)
    const outcome = [`${effects} new of ${events.length}`, ...remarks].join('; ')
    return { state: 'processed', paymentId, outcome, error: null }
  } catch (error) {
    const told = toldBy(error)
    if (told.code === 'resource_missing') return ignored('Stripe does not know it any more')
    // Stripe's own errors hold requests and replies; ours are worth their stack.
    log.warn(
      told.type.startsWith('Stripe') ? { ...told, eventId: event.id } : { err: error, eventId: event.id },
      'a payment notice could not be processed',
    )
    const words = [told.type, told.code, told.requestId].filter((word) => word !== null).join(' ')
    return { state: 'waiting', paymentId: null, outcome: null, error: words }
  }
}
