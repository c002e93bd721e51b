import { success } from '../kit/fault.ts'
import type { Clock } from '../kit/clock.ts'
import { webhookHeaders } from '../long-operations/signature.ts'
import type { Outbound } from '../net/outbound.ts'
import { sinkFailure } from './file-sink.ts'
import type { Sink } from './sink.ts'

const timeoutMs = 10_000
/** Of the receiver's reply only the status counts. */
const maximumReplyBytes = 64 * 1024

/**
 * Signed like all our webhooks (https://www.standardwebhooks.com). The id names the records, so it is the same when they are
 * sent again: a receiver that has seen it may drop the delivery.
 */
export const makeWebhookSink = (parts: {
  readonly url: URL
  readonly name: string
  readonly signingSecret: string
  readonly outbound: Pick<Outbound, 'request'>
  readonly clock: Clock
}): Sink => ({
  name: parts.name,
  kind: 'webhook',
  batchSize: 100,
  async deliver(records) {
    const [first, last] = [records[0], records.at(-1)]
    if (first === undefined || last === undefined) return success(undefined)
    const id = `audit_${first.organizationId}_${first.kind}_${first.sequence}_${last.sequence}`
    const body = `{"type":"audit.records","data":{"records":[${records.map(({ line }) => line).join(',')}]}}`
    const reply = await parts.outbound.request({
      method: 'POST',
      url: parts.url.href,
      headers: webhookHeaders(parts.signingSecret, id, Math.floor(parts.clock().getTime() / 1000), body),
      body,
      timeoutMs,
      maximumBytes: maximumReplyBytes,
    })
    if (!reply.ok) return sinkFailure(`${parts.name}: ${reply.fault.message}`)
    const { status } = reply.value
    return status >= 200 && status < 300
      ? success(undefined)
      : sinkFailure(`${parts.name} answered with HTTP status ${status}.`)
  },
})
