import { localDate, nextPeriod, type Period } from './calendar.ts'
import type { DiscountStanding } from './discount.ts'
import { renewalLines } from './invoice.ts'
import { lockedSubscription, nextTierOf, settingsOf, standingOf } from './loaded.ts'
import { type BillingParts, inTransaction } from './parts.ts'
import { discountOn, stepOf } from './proration.ts'
import type { BillingSettings } from './settings.ts'
import * as store from './store.ts'
import { issueInvoice, setInvoiceStatus } from './store-invoices.ts'
import { changePayment, insertPayment, unpaidRenewals } from './store-payments.ts'
import { showCurrent } from './store-tiers.ts'
import type { Subscription } from './subscription.ts'

type Parts = Pick<BillingParts, 'ledger'>

const dayMs = 86_400_000
const daysLater = (at: Date, days: number): Date => new Date(at.getTime() + days * dayMs)

/** What the payment of a renewal gives when it is made, where it was not given before. */
export interface RenewalTerms {
  readonly periodStart: Date
  readonly periodEnd: Date
  /** 0n: it was given when the period began. */
  readonly allocationMicros: bigint
  readonly allocationKey: string
}

/** The same key as the ledger's own for accounts without a subscription. */
const allocationKey = (period: { readonly startsAt: Date }, timeZone: string): string =>
  `allocation:${localDate(period.startsAt, timeZone)}`

/**
 * Begins the period that is due, under the subscription's lock: its allocation, what rolls over, its invoice. Of whole
 * periods that were missed, as when nothing ran, none is charged and none is allocated.
 */
export const beginPeriod = async (
  t: store.T,
  parts: Parts,
  before: store.StoredSubscription,
  now: Date,
): Promise<void> => {
  const settings = await settingsOf(t)
  const last = { anchoredAt: before.anchoredAt, number: before.periodNumber, endsAt: before.periodEnd }
  const period = nextPeriod(last, now, before.timeZone)
  const closing = { startsAt: before.periodStart, endsAt: period.startsAt }
  const proof = await standingOf(t, settings, before, closing, period.startsAt)
  const after = await following(t, settings, before, period, proof)
  const priceMinor = after.collection === 'none' ? 0n : after.tier.priceMinor
  const discountMinor = discountOn(priceMinor, after.discountBasisPoints, stepOf(after.tier.currency))
  const key = { organizationId: after.organizationId, accountId: after.accountId }
  await store.writeSubscription(t, after)
  // Locks the account, so that what is left of the last period stands still.
  await parts.ledger.subscribe(t, { ...key, tierId: after.tier.tierId, allocatedUntil: after.periodEnd })
  const rolledOverMicros = await rollOver(t, parts, before, after)
  const allocationMicros = after.tier.allocationMicros
  await store.insertPeriod(t, {
    subscription: after,
    allocationMicros,
    rolledOverMicros,
    priceMinor,
    discountMinor,
    standing: proof,
    at: now,
  })
  const isCharged = priceMinor > discountMinor && after.collection === 'stripe'
  if (!isCharged) await allocate(t, parts, after, allocationKey(period, after.timeZone), allocationMicros)
  if (priceMinor > 0n)
    await invoiceRenewal(t, settings, after, { priceMinor, discountMinor, isCharged, period, now })
}

/** The subscription in its next period. */
const following = async (
  t: store.T,
  settings: BillingSettings,
  before: store.StoredSubscription,
  period: Period,
  proof: DiscountStanding,
): Promise<Subscription> => {
  const { revision: _, accountTierId, ...subscription } = before
  const wasChanged = accountTierId !== before.tier.tierId && before.pending === null
  const ends = before.pending?.kind === 'cancel' || before.status === 'past_due'
  const pending = ends ? ({ kind: 'cancel' } as const) : before.pending
  const tier = await nextTierOf(t, settings, { ...before, pending }, period.startsAt)
  return {
    ...subscription,
    tier,
    status: ends ? 'canceled' : wasChanged ? 'active' : before.status,
    collection: wasChanged ? 'none' : before.collection,
    pending: null,
    graceUntil: null,
    periodNumber: period.number,
    periodStart: period.startsAt,
    periodEnd: period.endsAt,
    discountBasisPoints: proof.isEarned ? proof.basisPoints : 0,
  }
}

const allocate = async (
  t: store.T,
  parts: Parts,
  subscription: Subscription,
  idempotencyKey: string,
  amountMicros: bigint,
): Promise<void> => {
  if (amountMicros === 0n) return
  await parts.ledger.grant(t, {
    organizationId: subscription.organizationId,
    accountId: subscription.accountId,
    kind: 'allocation',
    amountMicros,
    effectiveAt: subscription.periodStart,
    expiresAt: subscription.periodEnd,
    idempotencyKey,
    reason: null,
    createdBy: 'subscription',
  })
}

/** What was left when the last period ended, up to the cap of the tier it had. */
const rollOver = async (
  t: store.T,
  parts: Parts,
  before: Subscription,
  after: Subscription,
): Promise<bigint> => {
  const cap = before.tier.rolloverCapMicros
  if (cap === 0n || before.status === 'past_due' || after.periodStart > before.periodEnd) return 0n
  const left = await store.unspentAllocation(t, after, before.periodEnd)
  const amountMicros = left < cap ? left : cap
  if (amountMicros <= 0n) return 0n
  await parts.ledger.grant(t, {
    organizationId: after.organizationId,
    accountId: after.accountId,
    kind: 'allocation',
    amountMicros,
    effectiveAt: after.periodStart,
    expiresAt: after.periodEnd,
    idempotencyKey: `rollover:${localDate(after.periodStart, after.timeZone)}`,
    reason: 'Rolled over',
    createdBy: 'subscription',
  })
  return amountMicros
}

const invoiceRenewal = async (
  t: store.T,
  settings: BillingSettings,
  subscription: Subscription,
  of: { priceMinor: bigint; discountMinor: bigint; isCharged: boolean; period: Period; now: Date },
): Promise<void> => {
  const { tier, organizationId, accountId, userId } = subscription
  const amountMinor = of.priceMinor - of.discountMinor
  const { name, email, organization } = await store.personOf(t, subscription)
  const payment =
    amountMinor === 0n
      ? null
      : await insertPayment(t, {
          organizationId,
          accountId,
          userId,
          provider: subscription.collection === 'stripe' ? 'stripe' : 'manual',
          purpose: 'renewal',
          amountMinor,
          currency: tier.currency,
          creditMicros: 0n,
          description: `${tier.name}, ${localDate(of.period.startsAt, subscription.timeZone)} to ${localDate(of.period.endsAt, subscription.timeZone)}`,
          tierId: tier.tierId,
          terms: {
            periodStart: of.period.startsAt,
            periodEnd: of.period.endsAt,
            allocationMicros: of.isCharged ? tier.allocationMicros : 0n,
            allocationKey: allocationKey(of.period, subscription.timeZone),
          } satisfies RenewalTerms,
          idempotencyKey: `renewal:${of.period.startsAt.toISOString()}`,
          at: of.now,
          chargeAfter: of.now,
        })
  const invoiceId = await issueInvoice(t, {
    organizationId,
    accountId,
    userId,
    kind: 'invoice',
    issuer: settings.issuer,
    currency: tier.currency,
    lines: renewalLines({
      tierName: tier.name,
      priceMinor: of.priceMinor,
      discountMinor: of.discountMinor,
      discountBasisPoints: subscription.discountBasisPoints,
      period: of.period,
    }),
    correctsId: null,
    paymentId: payment?.id ?? null,
    billedTo: { name, email, organization },
    at: of.now,
    dueAt: daysLater(of.now, settings.dueDays),
    isPaid: payment === null,
  })
  if (payment) await changePayment(t, payment, { invoice_id: invoiceId })
}

/** A payment failed or is overdue: the tier stays for the days of grace. */
export const beginGrace = async (t: store.T, subscription: Subscription, from: Date): Promise<void> => {
  if (subscription.status !== 'active') return
  const { graceDays } = await settingsOf(t)
  await store.writeSubscription(t, {
    ...subscription,
    status: 'past_due',
    graceUntil: daysLater(from, graceDays),
  })
}

/** Nothing was paid: the free tier takes over, what was invoiced is void. Credits that were given stay until they expire. */
const lapse = async (
  t: store.T,
  parts: Parts,
  subscription: store.StoredSubscription,
  now: Date,
): Promise<void> => {
  const settings = await settingsOf(t)
  const tier = await store.versionAt(t, settings.freeTierId, now)
  if (!tier) throw new Error('There is no free tier.')
  const { organizationId, accountId } = subscription
  await store.writeSubscription(t, {
    ...subscription,
    status: 'canceled',
    tier,
    pending: null,
    graceUntil: null,
  })
  await parts.ledger.subscribe(t, {
    organizationId,
    accountId,
    tierId: tier.tierId,
    allocatedUntil: subscription.periodEnd,
  })
  await giveUpRenewals(t, subscription, now)
}

/** Those whose credits were given are owed all the same, unless the tier was lost over them. */
export const giveUpRenewals = async (
  t: store.T,
  key: store.AccountKey,
  now: Date,
  only: { readonly isGiven?: boolean } = {},
): Promise<void> => {
  for (const payment of await unpaidRenewals(t, key)) {
    const isGiven = (payment.terms as RenewalTerms).allocationMicros === 0n
    if (only.isGiven !== undefined && only.isGiven !== isGiven) continue
    await changePayment(t, payment, {
      status: 'failed',
      failure_reason: payment.failureReason ?? 'Not paid in time.',
      decided_at: now,
      charge_after: null,
    })
    if (payment.invoiceId !== null)
      await setInvoiceStatus(
        t,
        { organizationId: payment.organizationId, id: payment.invoiceId },
        'void',
        now,
      )
  }
}

const portion = 200

export const makeRenewals = (parts: BillingParts) => {
  const { database, epoch, log } = parts

  /** Each in its own transaction, decided again under its lock. One that fails does not stop the others. */
  const each = async (
    keys: readonly store.AccountKey[],
    work: (t: store.T, subscription: store.StoredSubscription) => Promise<boolean>,
  ): Promise<number> => {
    let count = 0
    for (const key of keys)
      try {
        // What a tier's version includes may be another from now on, for the gateways too.
        const done = await epoch.announce(key.organizationId, async (t) =>
          work(t, await lockedSubscription(t, parts, key)),
        )
        if (done) count++
      } catch (error) {
        log.error({ err: error, ...key }, 'a subscription could not be renewed; it will be tried again')
      }
    return count
  }

  const untilDone = async (
    find: () => Promise<store.AccountKey[]>,
    work: (t: store.T, subscription: store.StoredSubscription) => Promise<boolean>,
  ): Promise<number> => {
    let count = 0
    for (;;) {
      const found = await find()
      const done = await each(found, work)
      count += done
      // Nothing done: others did it, or it fails; the next run sees.
      if (found.length < portion || done === 0) return count
    }
  }

  return {
    showCurrentTiers: (now: Date) => inTransaction(parts, (t) => showCurrent(t, now)),

    renew: (now: Date): Promise<number> =>
      untilDone(
        () => store.subscriptionsDue(database.kysely, now, portion),
        async (t, subscription) => {
          if (subscription.status === 'paused' || subscription.periodEnd > now) return false
          if (subscription.status === 'past_due') await giveUpRenewals(t, subscription, now)
          await beginPeriod(t, parts, subscription, now)
          return true
        },
      ),

    markOverdue: (now: Date): Promise<number> =>
      untilDone(
        () => store.overdue(database.kysely, now, portion),
        async (t, subscription) => {
          await beginGrace(t, subscription, now)
          return subscription.status === 'active'
        },
      ),

    lapse: (now: Date): Promise<number> =>
      untilDone(
        () => store.graceEnded(database.kysely, now, portion),
        async (t, subscription) => {
          if (subscription.graceUntil === null || subscription.graceUntil > now) return false
          await lapse(t, parts, subscription, now)
          return true
        },
      ),
  }
}

/** What the payment of a renewal does. Gives the allocation that it was for: what a refund takes back. */
export const renewalPaid = async (
  t: store.T,
  parts: Parts,
  subscription: store.StoredSubscription,
  terms: RenewalTerms,
): Promise<{ grantId: string; amountMicros: bigint } | null> => {
  if (subscription.status === 'past_due')
    await store.writeSubscription(t, { ...subscription, status: 'active', graceUntil: null })
  await allocate(
    t,
    parts,
    { ...subscription, periodStart: terms.periodStart, periodEnd: terms.periodEnd },
    terms.allocationKey,
    terms.allocationMicros,
  )
  return (await store.grantByKey(t, subscription, terms.allocationKey)) ?? null
}
