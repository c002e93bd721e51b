import type { AuditAction } from '../audit/actions.ts'
import { type Actor, recordAudit } from '../audit/audit.ts'
import { failure, FaultError, fault, type Outcome } from '../kit/fault.ts'
import { newId } from '../kit/id.ts'
import { formatMicros } from '../kit/money.ts'
import type { Ordered } from './billing.ts'
import { startOfCalendarMonth } from './calendar.ts'
import { makeEffects } from './effects.ts'
import { accountKeyOf, lockedSubscription, settingsOf } from './loaded.ts'
import { type BillingParts, inTransaction, outcomeOf } from './parts.ts'
import type { Payment, Purchase } from './payment.ts'
import type { Payer, PaymentEvent, PaymentProvider, PaymentRequest, ProviderId } from './provider.ts'
import { stepOf } from './proration.ts'
import { beginGrace } from './renewals.ts'
import type { BillingSettings } from './settings.ts'
import { applyRefund, type Locked, lockedPayment, settlePayment } from './settlement.ts'
import * as store from './store.ts'
import { setInvoiceStatus } from './store-invoices.ts'
import * as payments from './store-payments.ts'
import { type Owner, type Seen, userIdsOf } from './subscription.ts'

const dayMs = 86_400_000
const largestReply = 200

const isOf = (payment: Payment, owner: Seen): boolean =>
  payment.organizationId === owner.organizationId && userIdsOf(owner).includes(payment.userId)

const isSamePurchase = (payment: Payment, purchase: Purchase): boolean =>
  purchase.kind === 'pack'
    ? payment.packId === purchase.packId
    : payment.packId === null && payment.amountMinor === purchase.amountMinor

/** Why a payer cannot take a request back; null: they can. */
const takingBackProblem = ({
  status,
  purpose,
  provider,
}: Payment): { message: string; next?: string } | null => {
  if (status !== 'requested') return { message: `This payment is ${status} already.` }
  if (purpose === 'renewal')
    return {
      message: 'A renewal is due for a period that has begun.',
      next: 'Cancel the subscription, or ask an administrator.',
    }
  if (provider !== 'manual')
    return {
      message: 'Its provider decides about this payment.',
      next: 'Leave its page: it expires by itself.',
    }
  return null
}

export const makePayments = (parts: BillingParts) => {
  const { database, epoch, clock, log } = parts
  const effects = makeEffects(parts)

  const providerOf = (id: ProviderId): PaymentProvider => {
    const provider = parts.providers[id]
    if (!provider)
      throw new FaultError(fault('conflict', { message: `The payment provider ${id} is not set up here.` }))
    return provider
  }

  const payerOf = async (owner: Owner & { accountId: string }): Promise<Payer> => {
    const { organizationId, userId, accountId } = owner
    const { name, email } = await store.personOf(database.kysely, owner)
    return { organizationId, userId, accountId, name, email }
  }

  const requestOf = async (payment: payments.StoredPayment): Promise<PaymentRequest> => ({
    paymentId: payment.id,
    payer: await payerOf(payment),
    amountMinor: payment.amountMinor,
    currency: payment.currency,
    description: payment.description,
  })

  /** Where the payer pays: asked for once more when the answer was lost. */
  const checkout = async (paymentId: string, returnUrl: string): Promise<Ordered> => {
    const payment = (await payments.readPayment(database.kysely, paymentId)) as payments.StoredPayment
    if (payment.status !== 'requested' || payment.checkoutUrl !== null)
      return { payment, checkoutUrl: payment.status === 'requested' ? payment.checkoutUrl : null }
    const answer = await providerOf(payment.provider).checkout({ ...(await requestOf(payment)), returnUrl })
    if (!answer.ok) throw new FaultError(answer.fault)
    if (answer.value.kind === 'awaiting_approval') return { payment, checkoutUrl: null }
    const { url, externalId } = answer.value
    await payments.changePayment(database.kysely, payment, { checkout_url: url, external_id: externalId })
    return { payment: { ...payment, externalId }, checkoutUrl: url }
  }

  const priceOf = async (
    t: store.T,
    settings: BillingSettings,
    purchase: Purchase,
  ): Promise<{
    amountMinor: bigint
    currency: string
    creditMicros: bigint
    description: string
    packId?: string
  }> => {
    if (purchase.kind === 'pack') {
      const pack = await payments.readPack(t, purchase.packId)
      if (!pack)
        throw new FaultError(fault('invalid_request', { message: 'There is no such pack.', field: 'packId' }))
      const { priceMinor: amountMinor, currency, creditMicros, name } = pack
      return { amountMinor, currency, creditMicros, description: name, packId: pack.id }
    }
    const { amountMinor } = purchase
    const { customMinimumMinor: least, customMaximumMinor: most, currency } = settings
    if (amountMinor < least || amountMinor > most)
      throw new FaultError(
        fault('invalid_request', {
          message: `An amount is between ${least} and ${most} (in the smallest unit of ${currency}).`,
          field: 'amountMinor',
        }),
      )
    if (amountMinor % stepOf(currency) !== 0n)
      throw new FaultError(
        fault('invalid_request', {
          message: `Amounts in ${currency} are whole tens of the smallest unit.`,
          field: 'amountMinor',
        }),
      )
    const creditMicros = amountMinor * settings.microsPerMinor
    return { amountMinor, currency, creditMicros, description: `${formatMicros(creditMicros)} credits` }
  }

  const buy = async (
    actor: Actor,
    owner: Owner,
    purchase: Purchase,
    options: { idempotencyKey: string; returnUrl: string },
  ): Promise<Outcome<Ordered>> =>
    outcomeOf(async () => {
      const key = await accountKeyOf(database.kysely, owner)
      const id = await inTransaction(parts, async (t) => {
        await lockedSubscription(t, parts, key)
        const idempotencyKey = `buy:${options.idempotencyKey}`
        const before = await payments.paymentByKey(t, key, idempotencyKey)
        if (before && !isSamePurchase(before, purchase))
          throw new FaultError(
            fault('conflict', { message: 'This idempotency key was used for another purchase.' }),
          )
        if (before) return before.id
        const settings = await settingsOf(t)
        const price = await priceOf(t, settings, purchase)
        providerOf(settings.provider)
        const payment = await payments.insertPayment(t, {
          ...owner,
          ...price,
          accountId: key.accountId,
          provider: settings.provider,
          purpose: 'purchase',
          idempotencyKey,
          at: clock(),
          chargeAfter: null,
        })
        await audit(t, actor, 'payment.requested', payment)
        return payment.id
      })
      return checkout(id, options.returnUrl)
    })

  const audit = (t: store.T, actor: Actor, action: AuditAction, payment: Payment, reason?: string) =>
    recordAudit(t, {
      organizationId: payment.organizationId,
      actor,
      action,
      subject: { kind: 'payment', id: payment.id },
      after: {
        userId: payment.userId,
        purpose: payment.purpose,
        amountMinor: String(payment.amountMinor),
        currency: payment.currency,
        creditMicros: String(payment.creditMicros),
      },
      ...(reason === undefined ? {} : { reason }),
    })

  const withPayment = async <T>(
    paymentId: string,
    work: (t: store.T, locked: Locked) => Promise<T>,
  ): Promise<T> => {
    const found = await payments.readPayment(database.kysely, paymentId)
    if (!found) throw new FaultError(fault('not_found'))
    return epoch.announce(found.organizationId, async (t) =>
      work(t, (await lockedPayment(t, parts, paymentId)) as Locked),
    )
  }

  /** Of a renewal: the days of grace begin; where there is no tier left to lose, it is not collected. */
  const deny = async (t: store.T, { payment, subscription }: Locked, by: string, reason: string) => {
    const isAwaited = subscription.status === 'active' || subscription.status === 'past_due'
    if (payment.purpose === 'renewal' && isAwaited) {
      await payments.changePayment(t, payment, { failure_reason: reason, charge_after: null })
      await beginGrace(t, subscription, clock())
      return
    }
    await payments.changePayment(t, payment, {
      status: 'denied',
      decided_at: clock(),
      decided_by: by,
      failure_reason: reason,
      charge_after: null,
    })
    if (payment.purpose === 'renewal' && payment.invoiceId !== null)
      await setInvoiceStatus(
        t,
        { organizationId: payment.organizationId, id: payment.invoiceId },
        'void',
        clock(),
      )
  }

  /** An administrator's word on a payment of the manual provider. */
  const decide = async (
    actor: Actor,
    paymentId: string,
    decision: 'approve' | 'deny',
    reason: string,
  ): Promise<Outcome<Payment>> =>
    outcomeOf(() =>
      withPayment(paymentId, async (t, locked) => {
        const { payment } = locked
        const wanted = decision === 'approve' ? 'paid' : 'denied'
        if (payment.provider !== 'manual')
          throw new FaultError(fault('conflict', { message: 'Its provider decides about this payment.' }))
        if (payment.status !== wanted) {
          if (payment.status !== 'requested')
            throw new FaultError(fault('conflict', { message: `This payment is ${payment.status} already.` }))
          const by = actor.id ?? actor.kind
          if (decision === 'approve')
            await settlePayment(t, parts, locked, { by, externalId: null, whenStale: 'refuse' })
          else await deny(t, locked, by, reason)
          await audit(
            t,
            actor,
            decision === 'approve' ? 'payment.approved' : 'payment.denied',
            payment,
            reason,
          )
        }
        return (await payments.readPayment(t, paymentId)) as Payment
      }),
    )

  /** The payer's own word on what an administrator would decide; it was a wish and nothing had come of it. */
  const takeBack = async (actor: Actor, owner: Seen, paymentId: string): Promise<Outcome<Payment>> =>
    outcomeOf(async () => {
      const found = await payments.readPayment(database.kysely, paymentId)
      if (!found || !isOf(found, owner)) throw new FaultError(fault('not_found'))
      return withPayment(paymentId, async (t, { payment }) => {
        if (payment.status === 'abandoned' && payment.decidedBy === owner.userId) return payment
        const problem = takingBackProblem(payment)
        if (problem) throw new FaultError(fault('conflict', problem))
        await payments.changePayment(t, payment, {
          status: 'abandoned',
          decided_at: clock(),
          decided_by: owner.userId,
          failure_reason: 'Taken back.',
          charge_after: null,
        })
        await audit(t, actor, 'payment.taken_back', payment)
        return (await payments.readPayment(t, paymentId)) as Payment
      })
    })

  const refund = async (
    actor: Actor,
    paymentId: string,
    wanted: { amountMinor: bigint; reason: string; idempotencyKey: string },
  ): Promise<Outcome<Payment>> =>
    outcomeOf(async () => {
      await withPayment(paymentId, async (t, { payment }) => {
        const reference = `ours:${wanted.idempotencyKey}`
        const open = (await payments.refundsOf(t, payment)).filter(
          (other) => other.status === 'requested' || other.status === 'waiting',
        )
        if (await payments.findRefund(t, { ...payment, paymentId }, reference)) return
        if (payment.status !== 'paid')
          throw new FaultError(fault('conflict', { message: 'Only what was paid can be refunded.' }))
        const left =
          payment.amountMinor -
          payment.refundedMinor -
          open.reduce((sum, other) => sum + other.amountMinor, 0n)
        if (wanted.amountMinor <= 0n || wanted.amountMinor > left)
          throw new FaultError(
            fault('invalid_request', { message: `At most ${left} can be refunded.`, field: 'amountMinor' }),
          )
        await payments.insertRefund(t, {
          organizationId: payment.organizationId,
          paymentId,
          reference,
          kind: 'refund',
          status: 'requested',
          amountMinor: wanted.amountMinor,
          reason: wanted.reason,
          createdBy: actor.id ?? actor.kind,
          at: clock(),
        })
        await audit(t, actor, 'payment.refund_requested', payment, wanted.reason)
      })
      await sendRefunds()
      return (await payments.readPayment(database.kysely, paymentId)) as Payment
    })

  /** Asks providers for the refunds that were decided here; asked again with the same id until they answer. */
  const sendRefunds = async (): Promise<void> => {
    for (const asked of await payments.requestedRefunds(database.kysely, largestReply))
      try {
        await sendRefund(asked)
      } catch (error) {
        log.error({ err: error, refundId: asked.id }, 'a refund could not be made; it will be tried again')
      }
  }

  const sendRefund = async (asked: payments.Refund): Promise<void> => {
    const payment = (await payments.readPayment(database.kysely, asked.paymentId)) as payments.StoredPayment
    const answer = await providerOf(payment.provider).refund({
      refundId: asked.id,
      paymentId: payment.id,
      externalId: payment.externalId,
      amountMinor: asked.amountMinor,
      currency: payment.currency,
    })
    if (answer.kind === 'pending' || answer.kind === 'unavailable') return
    await withPayment(payment.id, async (t) => {
      const now = (await payments.refundsOf(t, payment)).find((other) => other.id === asked.id)
      if (now?.status !== 'requested') return
      if (answer.kind === 'failed') {
        await payments.changeRefund(t, asked, { status: 'failed', reason: answer.reason, done_at: clock() })
        return
      }
      // The provider's event of the same refund finds it by this name.
      const told = await payments.findRefund(t, asked, answer.externalId)
      if (told) await payments.changeRefund(t, asked, { status: 'failed', done_at: clock() })
      else {
        await payments.changeRefund(t, asked, { external_reference: answer.externalId })
        await applyRefund(t, parts, payment.id, now)
      }
    })
  }

  const applyEvent = async (provider: ProviderId, event: PaymentEvent): Promise<boolean> => {
    const found = await payments.readPayment(database.kysely, event.paymentId)
    if (!found || found.provider !== provider) {
      log.warn({ provider, eventId: event.eventId }, 'a payment event names no payment of ours')
      return false
    }
    return withPayment(event.paymentId, async (t, locked) => {
      // Of a dispute that has not been heard of: not noted, so that it counts when it is told again.
      if (event.kind === 'dispute_closed' && !(await effects.disputeOf(t, locked, event))) return false
      if (!(await payments.noteEvent(t, provider, event, clock()))) return false
      return effects.of(t, locked, event)
    })
  }

  /** What is charged without the payer. Gives the number asked for. */
  const chargeDue = async (now: Date): Promise<number> => {
    const due = await payments.claimCharges(database.kysely, now, largestReply)
    for (const payment of due)
      try {
        await charge(payment)
      } catch (error) {
        log.error(
          { err: error, paymentId: payment.id },
          'a payment could not be charged; it will be tried again',
        )
      }
    return due.length
  }

  const charge = async (payment: payments.StoredPayment): Promise<void> => {
    const answer = await providerOf(payment.provider).charge(await requestOf(payment))
    if (answer.kind === 'unavailable') return
    await withPayment(payment.id, async (t, locked) => {
      if (answer.kind === 'paid')
        await settlePayment(t, parts, locked, {
          by: payment.provider,
          externalId: answer.externalId,
          whenStale: 'refund',
        })
      else if (answer.kind === 'failed') await effects.notPaid(t, locked, 'failed', answer.reason)
      else if (locked.payment.status === 'requested')
        await payments.changePayment(t, payment, {
          charge_after: null,
          ...(answer.externalId === null ? {} : { external_id: answer.externalId }),
        })
    })
  }

  /** One at a time for an account, within its month's cap, and not for a day after one that failed. */
  const topUp = (key: store.AccountKey, now: Date): Promise<boolean> =>
    inTransaction(parts, async (t) => {
      const subscription = await lockedSubscription(t, parts, key)
      const wanted = await payments.readTopUp(t, key)
      const pack = wanted?.enabled ? await payments.readPack(t, wanted.packId) : undefined
      if (!wanted || !pack || subscription.status === 'past_due') return false
      const since = startOfCalendarMonth(now, subscription.timeZone)
      const state = await payments.topUpState(t, key, since)
      const failedLately = state.lastFailedAt !== null && state.lastFailedAt.getTime() > now.getTime() - dayMs
      if (state.isWaiting || failedLately || state.spent + pack.priceMinor > wanted.monthlyCapMinor)
        return false
      if ((await payments.availableOf(t, key, now)) >= wanted.thresholdMicros) return false
      const { provider } = await settingsOf(t)
      await payments.insertPayment(t, {
        ...key,
        userId: subscription.userId,
        provider,
        purpose: 'auto_top_up',
        amountMinor: pack.priceMinor,
        currency: pack.currency,
        creditMicros: pack.creditMicros,
        description: `${pack.name} (automatic)`,
        packId: pack.id,
        idempotencyKey: `auto:${newId()}`,
        at: now,
        chargeAfter: now,
      })
      return true
    })

  return {
    buy,
    checkout,
    approve: (actor: Actor, id: string, reason: string) => decide(actor, id, 'approve', reason),
    deny: (actor: Actor, id: string, reason: string) => decide(actor, id, 'deny', reason),
    takeBack,
    refund,
    sendRefunds,
    chargeDue,

    applyEvents: async (provider: ProviderId, events: readonly PaymentEvent[]): Promise<number> => {
      let count = 0
      for (const event of events) if (await applyEvent(provider, event)) count++
      return count
    },

    topUpDue: async (now: Date): Promise<number> => {
      let count = 0
      let found: store.AccountKey[] = []
      do {
        // From where the last portion ended: accounts that may not buy, as at their cap, are found every time.
        found = await payments.topUpsDue(database.kysely, now, found.at(-1) ?? null, largestReply)
        for (const key of found) if (await topUp(key, now)) count++
      } while (found.length === largestReply)
      if (count > 0) await chargeDue(now)
      return count
    },

    portalLink: async (owner: Owner, returnUrl: string): Promise<Outcome<string | null>> =>
      outcomeOf(async () => {
        const { accountId } = await accountKeyOf(database.kysely, owner)
        const { provider } = await settingsOf(database.kysely)
        const link = await providerOf(provider).portalLink(await payerOf({ ...owner, accountId }), returnUrl)
        if (!link.ok) throw new FaultError(link.fault)
        return link.value
      }),

    find: async (paymentId: string, owner?: Seen): Promise<Outcome<Payment>> => {
      const payment = await payments.readPayment(database.kysely, paymentId)
      return payment && (owner === undefined || isOf(payment, owner))
        ? { ok: true, value: payment }
        : failure('not_found')
    },

    goOn: (owner: Seen, paymentId: string, returnUrl: string): Promise<Outcome<Ordered>> =>
      outcomeOf(async () => {
        const payment = await payments.readPayment(database.kysely, paymentId)
        if (!payment || !isOf(payment, owner)) throw new FaultError(fault('not_found'))
        // The others are charged, or made by an administrator; nobody is sent anywhere for them.
        const isMadeByPayer = payment.purpose === 'purchase' || payment.purpose === 'tier_change'
        return isMadeByPayer ? checkout(paymentId, returnUrl) : { payment, checkoutUrl: null }
      }),
  }
}
