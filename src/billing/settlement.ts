import { FaultError, fault } from '../kit/fault.ts'

import { monthsLater } from './calendar.ts'
import { changeLines, purchaseLines, refundLines } from './invoice.ts'
import { lockedSubscription, settingsOf } from './loaded.ts'
import type { BillingParts } from './parts.ts'
import { creditsToTakeBack } from './proration.ts'
import { type RenewalTerms, renewalPaid } from './renewals.ts'
import * as store from './store.ts'
import { issueInvoice, setInvoiceStatus } from './store-invoices.ts'
import {
  changePayment,
  changeRefund,
  grantsOfPayment,
  insertRefund,
  lockPayment,
  readPayment,
  type Refund,
  refundsOf,
  type StoredPayment,
  wonKey,
} from './store-payments.ts'
import { apply, type ChangeTerms } from './subscriptions.ts'

/** What a payment does when it is made, refunded or disputed: always under the locks of its subscription and of itself. */

type Parts = Pick<BillingParts, 'ledger' | 'clock'>

export interface Locked {
  readonly payment: StoredPayment
  readonly subscription: store.StoredSubscription
}

/** The subscription first: renewals lock it before its payments, too. */
export const lockedPayment = async (t: store.T, parts: Parts, paymentId: string): Promise<Locked | null> => {
  const found = await readPayment(t, paymentId)
  if (!found) return null
  const key = { organizationId: found.organizationId, accountId: found.accountId }
  const subscription = await lockedSubscription(t, parts, key)
  return { subscription, payment: (await lockPayment(t, paymentId)) as StoredPayment }
}

export interface Decision {
  readonly by: string
  readonly externalId: string | null
  /** A change that no longer fits its subscription, or what nobody could use: refused before money moved, given back after. */
  readonly whenStale: 'refuse' | 'refund'
}

/** Gives what was paid for. A second time does nothing. */
export const settlePayment = async (
  t: store.T,
  parts: Parts,
  { payment, subscription }: Locked,
  decision: Decision,
): Promise<boolean> => {
  if (payment.status === 'paid') return false
  const at = parts.clock()
  const wasGivenUp = payment.status !== 'requested'
  await changePayment(t, payment, {
    status: 'paid',
    decided_at: at,
    decided_by: decision.by,
    external_id: decision.externalId ?? payment.externalId,
    failure_reason: null,
    charge_after: null,
  })
  if (payment.purpose === 'renewal' && wasGivenUp) await renewalTooLate(t, parts, payment)
  else if (payment.purpose === 'renewal') {
    const given = await renewalPaid(t, parts, subscription, payment.terms as RenewalTerms)
    if (given) await changePayment(t, payment, { grant_id: given.grantId, credit_micros: given.amountMicros })
    if (payment.invoiceId !== null)
      await setInvoiceStatus(t, { organizationId: payment.organizationId, id: payment.invoiceId }, 'paid', at)
  } else if (payment.purpose === 'tier_change')
    await changePaid(t, parts, { payment, subscription }, decision)
  else await purchasePaid(t, parts, { payment, subscription }, decision)
  await applyWaitingRefunds(t, parts, payment.id)
  return true
}

const invoicePaid = async (
  t: store.T,
  parts: Parts,
  payment: StoredPayment,
  lines: ReturnType<typeof purchaseLines>,
): Promise<string> => {
  const settings = await settingsOf(t)
  const { name, email, organization } = await store.personOf(t, payment)
  return issueInvoice(t, {
    organizationId: payment.organizationId,
    accountId: payment.accountId,
    userId: payment.userId,
    kind: 'invoice',
    issuer: settings.issuer,
    currency: payment.currency,
    lines,
    correctsId: null,
    paymentId: payment.id,
    billedTo: { name, email, organization },
    at: parts.clock(),
    dueAt: null,
    isPaid: true,
  })
}

const purchasePaid = async (
  t: store.T,
  parts: Parts,
  { payment, subscription }: Locked,
  decision: Decision,
): Promise<void> => {
  const { purchaseExpiryMonths } = await settingsOf(t)
  const at = parts.clock()
  const lines = purchaseLines(payment.description, payment.amountMinor)
  if (!(await store.isAccountOfSomebody(t, payment))) {
    if (decision.whenStale === 'refuse') throw new FaultError(ofNobody)
    await changePayment(t, payment, { invoice_id: await invoicePaid(t, parts, payment, lines) })
    await giveBack(t, payment, ofNobody.message, at)
    return
  }
  const { grantId } = await parts.ledger.grant(t, {
    organizationId: payment.organizationId,
    accountId: payment.accountId,
    kind: 'purchase',
    amountMicros: payment.creditMicros,
    effectiveAt: at,
    expiresAt:
      purchaseExpiryMonths === null ? null : monthsLater(at, purchaseExpiryMonths, subscription.timeZone),
    idempotencyKey: `payment:${payment.id}`,
    reason: payment.description,
    createdBy: payment.provider,
  })
  const invoiceId = await invoicePaid(t, parts, payment, lines)
  await changePayment(t, payment, { grant_id: grantId, invoice_id: invoiceId })
}

const changePaid = async (
  t: store.T,
  parts: Parts,
  { payment, subscription }: Locked,
  decision: Decision,
): Promise<void> => {
  const terms = payment.terms as ChangeTerms
  const at = parts.clock()
  const isOfNobody = !(await store.isAccountOfSomebody(t, payment))
  const isStale = isOfNobody || terms.revision !== subscription.revision || at >= subscription.periodEnd
  if (isOfNobody && decision.whenStale === 'refuse') throw new FaultError(ofNobody)
  if (isStale && decision.whenStale === 'refuse')
    throw new FaultError(
      fault('conflict', {
        message: 'The subscription has changed since this was calculated.',
        next: 'Deny this payment and ask for the change again.',
      }),
    )
  const period = { startsAt: subscription.periodStart, endsAt: subscription.periodEnd }
  const preview = { change: terms.change, creditsNowMicros: payment.creditMicros }
  // Before the invoice: the counter of invoices is the last lock of all.
  const plan = { after: terms.after, beginsPeriod: false, preview }
  const grantId = isStale ? null : await apply(t, parts, subscription, plan, payment.id)
  const invoiceId = await invoicePaid(t, parts, payment, changeLines(terms.lines, period))
  await changePayment(t, payment, { invoice_id: invoiceId, grant_id: grantId })
  const why = isOfNobody ? ofNobody.message : 'The subscription had changed before this was paid.'
  if (isStale) await giveBack(t, payment, why, at)
}

const ofNobody = fault('conflict', {
  message: 'Whoever this was for is no member any more, or their company was deleted.',
  next: 'Deny this payment.',
})

/** The tier was lost over it, its invoice is void: the money is invoiced as it came and given back. */
const renewalTooLate = async (t: store.T, parts: Parts, payment: StoredPayment): Promise<void> => {
  const { periodStart, periodEnd } = payment.terms as RenewalTerms
  const line = {
    kind: 'subscription',
    description: payment.description,
    amountMinor: payment.amountMinor,
  } as const
  const lines = changeLines([line], { startsAt: periodStart, endsAt: periodEnd })
  await changePayment(t, payment, { invoice_id: await invoicePaid(t, parts, payment, lines) })
  await giveBack(t, payment, 'It was paid after the subscription had ended without it.', parts.clock())
}

/** All of a payment that has no effect any more, as soon as its provider is asked. */
const giveBack = async (t: store.T, payment: StoredPayment, reason: string, at: Date): Promise<void> => {
  await insertRefund(t, {
    organizationId: payment.organizationId,
    paymentId: payment.id,
    reference: 'stale',
    kind: 'refund',
    status: 'requested',
    amountMinor: payment.amountMinor,
    reason,
    createdBy: 'subscription',
    at,
  })
}

/** Money that went back before the payment was known as made. */
const applyWaitingRefunds = async (t: store.T, parts: Parts, paymentId: string): Promise<void> => {
  const payment = (await readPayment(t, paymentId)) as StoredPayment
  for (const refund of await refundsOf(t, payment))
    if (refund.status === 'waiting') await applyRefund(t, parts, paymentId, refund)
}

/**
 * The credits that were bought go back: what is unspent of their grant first, the spent part is owed and paid by the next
 * credits of any kind. A dispute takes them when it is opened; its credit note follows when it is lost.
 */
export const applyRefund = async (
  t: store.T,
  parts: Parts,
  paymentId: string,
  refund: Refund,
): Promise<void> => {
  const payment = (await readPayment(t, paymentId)) as StoredPayment
  const at = parts.clock()
  const left = payment.amountMinor - payment.refundedMinor
  const amountMinor = refund.amountMinor < left ? refund.amountMinor : left
  const taken = await takeCredits(t, parts, payment, refund, amountMinor)
  if (refund.kind === 'dispute') {
    await changePayment(t, payment, { disputed_at: at })
    await changeRefund(t, refund, { status: 'requested', ...taken })
    return
  }
  await moneyBack(t, parts, payment, refund, amountMinor)
  await changeRefund(t, refund, { status: 'done', done_at: at, ...taken })
}

const takeCredits = async (
  t: store.T,
  parts: Parts,
  payment: StoredPayment,
  refund: Refund,
  amountMinor: bigint,
): Promise<{ credit_micros: bigint; owed_micros: bigint }> => {
  const disputed = (await refundsOf(t, payment)).filter(
    (other) => other.kind === 'dispute' && other.status === 'requested' && other.creditMicros !== null,
  )
  const before = disputed.reduce((sum, other) => sum + other.amountMinor, payment.refundedMinor)
  const wanted = creditsToTakeBack(payment, before, amountMinor)
  let taken = 0n
  let owed = 0n
  // What was bought, then what came back of it when disputes were won.
  for (const grantId of await grantsOfPayment(t, payment)) {
    if (taken === wanted) break
    const { amountMicros, debtMicros } = await parts.ledger.reverse(t, {
      organizationId: payment.organizationId,
      accountId: payment.accountId,
      grantId,
      amountMicros: wanted - taken,
      idempotencyKey: `payment_refund:${refund.id}${grantId === payment.grantId ? '' : `:${grantId}`}`,
      reason: refund.reason ?? (refund.kind === 'dispute' ? 'Payment disputed' : 'Payment refunded'),
      createdBy: refund.createdBy,
    })
    taken += amountMicros
    owed += debtMicros
  }
  return { credit_micros: taken, owed_micros: owed }
}

/** The credit note, and what it leaves of the payment. */
const moneyBack = async (
  t: store.T,
  parts: Parts,
  payment: StoredPayment,
  refund: Refund,
  amountMinor: bigint,
): Promise<void> => {
  if (amountMinor === 0n) return
  const at = parts.clock()
  const refundedMinor = payment.refundedMinor + amountMinor
  await changePayment(t, payment, { refunded_minor: refundedMinor })
  if (payment.invoiceId === null) return
  const settings = await settingsOf(t)
  const { name, email, organization } = await store.personOf(t, payment)
  const creditNoteId = await issueInvoice(t, {
    organizationId: payment.organizationId,
    accountId: payment.accountId,
    userId: payment.userId,
    kind: 'credit_note',
    issuer: settings.issuer,
    currency: payment.currency,
    lines: refundLines(
      `${refund.kind === 'dispute' ? 'Dispute' : 'Refund'}: ${payment.description}`,
      amountMinor,
    ),
    correctsId: payment.invoiceId,
    paymentId: payment.id,
    billedTo: { name, email, organization },
    at,
    dueAt: null,
    isPaid: true,
  })
  await changeRefund(t, refund, { credit_note_id: creditNoteId })
  if (refundedMinor === payment.amountMinor)
    await setInvoiceStatus(
      t,
      { organizationId: payment.organizationId, id: payment.invoiceId },
      'refunded',
      at,
    )
}

/**
 * Won: the credits come back as they were; of those that would have expired meanwhile, what had been spent in time. Lost:
 * the money is gone, and the credit note says so.
 */
export const closeDispute = async (
  t: store.T,
  parts: Parts,
  { payment, subscription }: Locked,
  dispute: Refund,
  won: boolean,
): Promise<void> => {
  const at = parts.clock()
  if (dispute.status === 'waiting') {
    // Before its payment: won, nothing came of it; lost, it is a refund once the payment is known.
    await changeRefund(t, dispute, won ? { status: 'failed', done_at: at } : { kind: 'refund' })
    return
  }
  if (dispute.status !== 'requested') return
  const left = payment.amountMinor - payment.refundedMinor
  if (!won)
    await moneyBack(t, parts, payment, dispute, dispute.amountMinor < left ? dispute.amountMinor : left)
  else await creditsBack(t, parts, { payment, subscription }, dispute)
  await changeRefund(t, dispute, { status: won ? 'failed' : 'done', done_at: at })
  const others = (await refundsOf(t, payment)).some(
    (other) => other.kind === 'dispute' && other.status === 'requested',
  )
  if (!others) await changePayment(t, payment, { disputed_at: null })
}

const least = (a: bigint, b: bigint): bigint => (a < b ? a : b)

/** What a dispute took of the credits whose money went back by a refund meanwhile: they stay away, whoever won. */
const takenForMoney = async (t: store.T, payment: StoredPayment, dispute: Refund): Promise<bigint> => {
  const others = (await refundsOf(t, payment)).filter(({ id }) => id !== dispute.id)
  const open = others.filter(({ kind, status }) => kind === 'dispute' && status === 'requested')
  const taken = [...open, ...others.filter(({ status }) => status === 'done')]
  const money = open.reduce((sum, { amountMinor }) => sum + amountMinor, payment.refundedMinor)
  const missing =
    creditsToTakeBack(payment, 0n, money) - taken.reduce((sum, other) => sum + (other.creditMicros ?? 0n), 0n)
  return missing > 0n ? missing : 0n
}

const creditsBack = async (t: store.T, parts: Parts, { payment }: Locked, dispute: Refund): Promise<void> => {
  if (payment.grantId === null) return
  const at = parts.clock()
  const end = await store.expiryOf(t, payment, payment.grantId)
  const isOver = end !== null && end <= at
  const unpaidFor = await takenForMoney(t, payment, dispute)
  const most = (dispute.creditMicros ?? 0n) - unpaidFor
  const amountMicros = isOver ? least(most, dispute.owedMicros ?? 0n) : most
  if (amountMicros <= 0n) return
  await parts.ledger.grant(t, {
    organizationId: payment.organizationId,
    accountId: payment.accountId,
    kind: 'purchase',
    amountMicros,
    effectiveAt: at,
    expiresAt: isOver ? null : end,
    idempotencyKey: wonKey(dispute),
    reason: 'Dispute won',
    createdBy: payment.provider,
  })
}
