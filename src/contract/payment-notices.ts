import { z } from 'zod'
import { defineEndpoints } from './endpoint.ts'
import * as wire from './wire.ts'

const noticeState = z
  .enum(['waiting', 'processed', 'ignored', 'failed'])
  .describe(
    'ignored: not about a payment of this installation; failed: given up until it is sent round again',
  )

export const paymentNotice = z.object({
  id: z.string().describe('The payment provider’s own'),
  type: z.string(),
  objectId: z.string(),
  occurredAt: wire.time,
  receivedAt: wire.time,
  source: z.enum(['webhook', 'list']).describe('list: no webhook came, the gateway found it itself'),
  deliveries: wire.count,
  state: noticeState,
  attempts: wire.count,
  nextAttemptAt: wire.time.nullable(),
  processedAt: wire.time.nullable(),
  paymentId: wire.id.nullable(),
  outcome: z.string().nullable(),
  error: z.string().nullable(),
})
export type PaymentNotice = z.infer<typeof paymentNotice>

const noticeId = z.string().regex(/^[A-Za-z0-9_]{1,255}$/, 'must be the id of a notice')

export const paymentNoticeEndpoints = defineEndpoints({
  listPaymentNotices: {
    method: 'GET',
    path: '/admin/payment-notices',
    auth: 'administrator',
    group: 'billing',
    summary: 'What the payment provider told, and what became of it',
    query: z.object({
      state: noticeState.optional(),
      paymentId: wire.id.optional(),
      before: noticeId.optional().describe('`next` of the page before'),
      limit: z.coerce.number().int().min(1).max(200).default(50),
    }),
    reply: z.object({ notices: z.array(paymentNotice), next: z.string().nullable() }),
  },
  redeliverPaymentNotice: {
    method: 'POST',
    path: '/admin/payment-notices/:noticeId/redeliver',
    auth: 'administrator',
    stepUp: true,
    group: 'billing',
    summary: 'Process a notice again, as if it had just come',
    params: z.object({ noticeId }),
    reply: z.object({ done: z.literal(true) }),
  },
})
