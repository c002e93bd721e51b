import type { Database } from '../db/database.ts'
import type { Outcome } from '../kit/fault.ts'
import { usualTiming } from '../long-operations/progress.ts'
import { webhookHeaders } from '../long-operations/signature.ts'
import type { Clock } from '../kit/clock.ts'
import type { Outbound } from '../net/outbound.ts'
import type { Mail } from './mail.ts'
import { type Alert, type Delivery, findAlert, type Owner } from './store.ts'

export type SigningSecret = (owner: Owner) => Promise<Outcome<string>>

/** What came of one attempt. */
interface Attempt {
  readonly isDelivered: boolean
  readonly status: number | null
  readonly fault: string | null
  /** No further attempt would come to anything else. */
  readonly isFinal: boolean
}

const callTimeoutMs = 10_000
/** Of the receiver's reply only the status counts. */
const maximumReplyBytes = 64 * 1024

export const makeDeliver = (parts: {
  readonly database: Database
  readonly mail: Mail
  readonly signingSecret: SigningSecret
  readonly callbacks: Pick<Outbound, 'request'>
  readonly publicUrl: string | null
  readonly clock: Clock
  readonly deliveryMs?: readonly number[]
}) => {
  const { database, mail, signingSecret, callbacks, publicUrl, clock } = parts
  const waits = parts.deliveryMs ?? usualTiming.deliveryMs

  const linkOf = ({ path }: Alert): string | null =>
    path === null || publicUrl === null ? null : publicUrl + path

  const byEmail = async (delivery: Delivery, alert: Alert): Promise<Attempt> => {
    const link = linkOf(alert)
    const sent = await mail.send({
      id: delivery.id,
      to: delivery.target,
      subject: alert.title,
      text: `${alert.text}\n${link === null ? '' : `\n${link}\n`}\n-- \nAideon Keys. Which alerts come by e-mail is set on the dashboard under Alerts.\n`,
    })
    return sent.kind === 'sent'
      ? { isDelivered: true, status: sent.status, fault: null, isFinal: true }
      : { isDelivered: false, status: sent.status, fault: sent.fault, isFinal: sent.isFinal }
  }

  const byWebhook = async (delivery: Delivery, alert: Alert): Promise<Attempt> => {
    const secret = await signingSecret(delivery)
    if (!secret.ok) return { isDelivered: false, status: null, fault: secret.fault.code, isFinal: false }
    const { id, kind, severity, title, text, createdAt } = alert
    const body = JSON.stringify({
      type: `alert.${kind}`,
      timestamp: createdAt.toISOString(),
      data: { id, kind, severity, title, text, url: linkOf(alert) },
    })
    const reply = await callbacks.request({
      method: 'POST',
      url: delivery.target,
      headers: webhookHeaders(secret.value, delivery.id, Math.floor(clock().getTime() / 1000), body),
      body,
      timeoutMs: callTimeoutMs,
      maximumBytes: maximumReplyBytes,
    })
    if (!reply.ok) return { isDelivered: false, status: null, fault: reply.fault.code, isFinal: false }
    const { status } = reply.value
    return { isDelivered: status >= 200 && status < 300, status, fault: null, isFinal: false }
  }

  const attempt = async (delivery: Delivery): Promise<Attempt> => {
    const alert = await findAlert(database.kysely, delivery.organizationId, delivery.alertId)
    if (alert === null) return { isDelivered: false, status: null, fault: 'not_found', isFinal: true }
    return delivery.channel === 'email' ? byEmail(delivery, alert) : byWebhook(delivery, alert)
  }

  /** Tried again, ever more rarely, until the list is at its end. */
  const afterAttempt = (delivery: Delivery, outcome: Attempt, now: Date, once = false): Delivery => {
    const { status, fault, isDelivered, isFinal } = outcome
    const ended = { ...delivery, lastStatus: status, lastFault: fault, endedAt: now }
    if (isDelivered) return { ...ended, state: 'delivered' }
    const waitMs = waits[delivery.attempts - 1]
    if (once || isFinal || waitMs === undefined) return { ...ended, state: 'failed' }
    return { ...ended, endedAt: null, nextAttemptAt: new Date(now.getTime() + waitMs) }
  }

  return { attempt, afterAttempt }
}
