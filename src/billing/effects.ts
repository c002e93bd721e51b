import type { BillingParts } from './parts.ts'
import type { PaymentEvent } from './provider.ts'
import { beginGrace } from './renewals.ts'
import { applyRefund, closeDispute, type Locked, settlePayment } from './settlement.ts'
import type * as store from './store.ts'
import * as payments from './store-payments.ts'

const dayMs = 86_400_000

/** What a provider's word on a payment comes to, under the locks of its subscription and of itself. */
export const makeEffects = (parts: Pick<BillingParts, 'ledger' | 'clock' | 'log'>) => {
  const { clock, log } = parts

  const disputeOf = (t: store.T, { payment }: Locked, { disputeId }: { readonly disputeId: string }) =>
    payments.findRefund(t, { ...payment, paymentId: payment.id }, disputeId)

  const of = async (t: store.T, locked: Locked, event: PaymentEvent): Promise<boolean> => {
    const { payment } = locked
    switch (event.kind) {
      case 'paid':
        if (event.amountMinor !== payment.amountMinor || event.currency !== payment.currency) {
          await payments.changePayment(t, payment, {
            failure_reason: `Paid ${event.amountMinor} ${event.currency}, which is not what was asked for.`,
          })
          log.error({ paymentId: payment.id }, 'a payment has another amount than was asked for')
          return false
        }
        return settlePayment(t, parts, locked, {
          by: payment.provider,
          externalId: event.externalId,
          whenStale: 'refund',
        })
      case 'failed':
        return notPaid(t, locked, 'failed', event.reason)
      case 'abandoned':
        return notPaid(t, locked, 'abandoned', null)
      case 'refunded':
      case 'dispute_opened':
        return moneyWentBack(t, locked, event)
      case 'dispute_closed': {
        const dispute = await disputeOf(t, locked, event)
        if (!dispute) return false
        await closeDispute(t, parts, locked, dispute, event.won)
        return true
      }
    }
  }

  const moneyWentBack = async (
    t: store.T,
    { payment }: Locked,
    event: Extract<PaymentEvent, { kind: 'refunded' | 'dispute_opened' }>,
  ): Promise<boolean> => {
    // The provider may tell of a refund of ours before its own answer has come back.
    if (event.kind === 'refunded' && event.ourRefundId !== undefined) {
      const ours = (await payments.refundsOf(t, payment)).find(({ id }) => id === event.ourRefundId)
      if (ours?.status === 'requested' && ours.kind === 'refund' && payment.status === 'paid') {
        await payments.changeRefund(t, ours, { external_reference: event.refundId })
        await applyRefund(t, parts, payment.id, ours)
        return true
      }
    }
    const { refund: noted, created } = await payments.insertRefund(t, {
      organizationId: payment.organizationId,
      paymentId: payment.id,
      reference: event.kind === 'refunded' ? event.refundId : event.disputeId,
      kind: event.kind === 'refunded' ? 'refund' : 'dispute',
      // Before its payment is known as made, it waits for that.
      status: 'waiting',
      amountMinor: event.amountMinor,
      reason: null,
      createdBy: payment.provider,
      at: clock(),
    })
    if (!created) return false
    if (payment.status === 'paid') await applyRefund(t, parts, payment.id, noted)
    return true
  }

  const notPaid = async (
    t: store.T,
    { payment, subscription }: Locked,
    status: 'failed' | 'abandoned',
    reason: string | null,
  ): Promise<boolean> => {
    if (payment.status !== 'requested') return false
    if (payment.purpose === 'renewal') {
      // Tried again every day until the days of grace are over.
      await payments.changePayment(t, payment, {
        failure_reason: reason,
        charge_after: new Date(clock().getTime() + dayMs),
      })
      await beginGrace(t, subscription, clock())
      return true
    }
    await payments.changePayment(t, payment, {
      status,
      failure_reason: reason,
      decided_at: clock(),
      decided_by: payment.provider,
      charge_after: null,
    })
    return true
  }

  return { of, disputeOf, notPaid }
}
