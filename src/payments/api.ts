import type { ReplyInput, RequestOutput } from '../contract/endpoint.ts'
import type { paymentNoticeEndpoints } from '../contract/payment-notices.ts'
import type { SessionContext } from '../http/handler.ts'
import { must } from '../kit/fault.ts'
import type { ProviderNotice } from './notice.ts'
import type { Payments } from './payments.ts'

type Table = typeof paymentNoticeEndpoints
type PaymentHandlers = {
  readonly [Name in keyof Table]: (
    received: RequestOutput<Table[Name]>,
    context: SessionContext,
  ) => Promise<ReplyInput<Table[Name]>>
}

export const paymentApi = ({ payments }: { payments: Payments }): PaymentHandlers => ({
  async listPaymentNotices({ query }) {
    const { items, next } = await payments.notices(query)
    return { notices: items.map(noticeOnWire), next }
  },

  async redeliverPaymentNotice({ params }, { actor }) {
    must(await payments.redeliver(actor, params.noticeId))
    return { done: true }
  },
})

const noticeOnWire = (notice: ProviderNotice) => ({
  ...notice,
  occurredAt: notice.occurredAt.toISOString(),
  receivedAt: notice.receivedAt.toISOString(),
  nextAttemptAt: notice.nextAttemptAt?.toISOString() ?? null,
  processedAt: notice.processedAt?.toISOString() ?? null,
})
