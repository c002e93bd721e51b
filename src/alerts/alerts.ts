import type { Transaction } from 'kysely'
import { type Actor, recordAudit } from '../audit/audit.ts'
import type { AlertChannel, AlertKind } from '../contract/alerts.ts'
import type { EventType } from '../contract/event-types.ts'
import type { Database } from '../db/database.ts'
import type { Schema } from '../db/schema.ts'
import { beyondTenants, beyondTenantsIn } from '../db/tenant-scope.ts'
import type { Clock } from '../kit/clock.ts'
import { failure, type Outcome, success } from '../kit/fault.ts'
import { newId } from '../kit/id.ts'
import type { Log } from '../kit/log.ts'
import { makeLoop } from '../long-operations/loop.ts'
import type { Outbound } from '../net/outbound.ts'
import { makeDeliver, type SigningSecret } from './deliver.ts'
import type { Mail } from './mail.ts'
import { emit } from '../webhooks/events.ts'
import { type Channels, type Notice, oneLine, targetsOf } from './notice.ts'
import * as store from './store.ts'
import * as deliveries from './store-deliveries.ts'

export type { Audience, Channels, Notice } from './notice.ts'
export type { Alert, Delivery, Owner } from './store.ts'

/** What is told to people and to webhooks of the organisation alike. */
export const eventOfAlert: Partial<Record<AlertKind, EventType>> = {
  budget_threshold: 'budget.threshold',
  budget_refused: 'budget.exceeded',
  key_possibly_leaked: 'key.leaked',
  sudden_spend: 'anomaly.detected',
  new_model: 'anomaly.detected',
  new_country: 'anomaly.detected',
}

/** Alerts: in the dashboard at once, by e-mail and webhook as each person wants it. Other rooms raise them here. */
export interface Alerts {
  /** Durable when it returns. Gives the number of people who had not been told yet. */
  notify(notice: Notice): Promise<number>
  /** In the transaction of what it tells of; call `soon` when that has committed. Without one, the same as `notify`. */
  notifyIn(transaction: Transaction<Schema> | null, notice: Notice): Promise<number>
  /** Deliveries are due. */
  soon(): void

  page(
    owner: store.Owner,
    filter: { readonly unread?: boolean; readonly kind?: AlertKind | undefined },
    before: string | null,
    limit: number,
  ): Promise<store.Alert[]>
  countUnread(owner: store.Owner): Promise<number>
  markRead(owner: store.Owner, id: string): Promise<Outcome<store.Alert>>
  markAllRead(owner: store.Owner): Promise<number>
  channels(owner: store.Owner): Promise<Channels>
  setChannels(actor: Actor, owner: store.Owner, channels: Channels): Promise<Outcome<Channels>>
  /** Sends once over a channel, whether or not it is enabled, and tells what became of it. */
  test(owner: store.Owner, channel: AlertChannel): Promise<Outcome<store.Delivery>>
  deliveries(
    filter: deliveries.DeliveryFilter,
    before: string | null,
    limit: number,
  ): Promise<(store.Delivery & { userName: string })[]>
  resend(owner: store.Owner, id: string): Promise<Outcome<store.Delivery>>
  readonly mail: Pick<Mail, 'isAvailable' | 'from' | 'server'>
  start(): void
  close(): Promise<void>
}

export interface AlertOptions {
  readonly database: Database
  readonly mail: Mail
  /** What webhooks are signed with: of the same secret as those of tasks. */
  readonly signingSecret: SigningSecret
  /** The way out to addresses that people name. */
  readonly callbacks: Pick<Outbound, 'request' | 'check'>
  /** Under which alerts link to the dashboard; null: no links. */
  readonly publicUrl: string | null
  readonly clock: Clock
  readonly log: Log
  /** Between the attempts of a delivery. */
  readonly deliveryMs?: readonly number[]
  readonly tickMs?: number
}

/** Each runs by itself, so that a slow receiver delays no other. */
const portion = 20
const leaseMs = 90_000
const usualTickMs = 2_000

export const makeAlerts = (options: AlertOptions): Alerts => {
  const { database, mail, callbacks, clock, log } = options
  const { kysely } = database
  const { attempt, afterAttempt } = makeDeliver(options)

  const loop = makeLoop({
    everyMs: options.tickMs ?? usualTickMs,
    name: 'alerts',
    log,
    work: async () => {
      const due = await deliveries.claimDue(kysely, leaseMs, clock(), portion)
      await Promise.all(
        due.map((delivery) =>
          attempt(delivery)
            .then((outcome) => deliveries.writeDelivery(kysely, afterAttempt(delivery, outcome, clock())))
            .catch((error: unknown) =>
              log.warn({ err: error, deliveryId: delivery.id }, 'an alert could not be delivered'),
            ),
        ),
      )
      return due.length === portion
    },
  })

  const raise = async (run: store.Run, notice: Notice): Promise<number> => {
    const createdAt = clock()
    const title = oneLine(notice.title)
    let told = 0
    const event = eventOfAlert[notice.kind]
    const isNews = event !== undefined && !(await store.isKnown(run, notice))
    for (const recipient of await store.recipientsOf(run, notice.audience)) {
      const { organizationId, userId } = recipient
      const id = newId(createdAt.getTime())
      const { kind, severity, key, text, path } = notice
      const alert = { organizationId, userId, id, kind, severity, key, title, text, path, createdAt }
      if (!(await store.insertAlert(run, alert))) continue
      told++
      const email = { address: recipient.email, isAvailable: mail.isAvailable }
      const sends = notice.sends !== false && (notice.audience.kind !== 'person' || told === 1)
      for (const to of targetsOf({ ...notice, sends }, await store.channelsOf(run, recipient), email))
        await store.insertDelivery(run, {
          organizationId,
          userId,
          id: newId(),
          alertId: id,
          ...to,
          createdAt,
        })
    }
    // One event, however many people are told of it.
    const { audience } = notice
    if (isNews && told > 0 && run.isTransaction && 'organizationId' in audience) {
      const { kind, severity, text, path } = notice
      const data = {
        kind,
        severity,
        title,
        text,
        path,
        userId: 'userId' in audience ? audience.userId : null,
      }
      const at = { organizationId: audience.organizationId, type: event, data, at: createdAt }
      await emit(run as Transaction<Schema>, at)
    }
    return told
  }

  const notifyIn = async (transaction: Transaction<Schema> | null, notice: Notice): Promise<number> =>
    // Who is told is the audience's matter, not that of whoever's request it happened in.
    transaction
      ? beyondTenantsIn(transaction, () => raise(transaction, notice))
      : beyondTenants(() => kysely.transaction().execute((own) => raise(own, notice)))

  const found = async (owner: store.Owner, id: string): Promise<Outcome<store.Delivery>> => {
    const [delivery] = await deliveries.pageOfDeliveries(kysely, { owner, id }, null, 1)
    return delivery ? success(delivery) : failure('not_found')
  }

  return {
    async notify(notice) {
      const told = await notifyIn(null, notice)
      if (told > 0) loop.soon()
      return told
    },
    notifyIn,
    soon: loop.soon,
    page: (owner, filter, before, limit) => store.pageOfAlerts(kysely, owner, filter, before, limit),
    countUnread: (owner) => store.countUnread(kysely, owner),
    async markRead(owner, id) {
      const alert = await store.markRead(kysely, owner, id, clock())
      return alert ? success(alert) : failure('not_found')
    },
    markAllRead: (owner) => store.markAllRead(kysely, owner, clock()),
    channels: (owner) => store.channelsOf(kysely, owner),
    async setChannels(actor, owner, channels) {
      const { enabled, url } = channels.webhook
      if (enabled && url === null)
        return failure('invalid_request', { field: 'webhook.url', message: 'A webhook needs an address.' })
      const checked = url === null ? null : callbacks.check(url)
      if (checked?.ok === false) return { ok: false, fault: { ...checked.fault, field: 'webhook.url' } }
      await kysely.transaction().execute(async (transaction) => {
        const before = await store.channelsOf(transaction, owner)
        await store.saveChannels(transaction, owner, channels)
        await recordAudit(transaction, {
          organizationId: owner.organizationId,
          actor,
          action: 'alert_channels.changed',
          subject: { kind: 'user', id: owner.userId },
          before,
          after: channels,
        })
      })
      return success(channels)
    },
    async test(owner, channel) {
      const { webhook } = await store.channelsOf(kysely, owner)
      const [recipient] = await store.recipientsOf(kysely, { kind: 'user', ...owner })
      const target = channel === 'email' ? (recipient?.email ?? null) : webhook.url
      if (channel === 'email' && !mail.isAvailable)
        return failure('conflict', {
          message: 'This installation has no mail server.',
          next: 'Ask the operator to set AIDEON_SMTP_URL and AIDEON_MAIL_FROM.',
        })
      if (target === null)
        return failure('conflict', {
          message: 'No address is set.',
          next: 'Save the webhook’s address first.',
        })
      const createdAt = clock()
      const [alertId, id] = [newId(createdAt.getTime()), newId(createdAt.getTime())]
      const alert = {
        ...owner,
        id: alertId,
        kind: 'test' as const,
        severity: 'info' as const,
        key: `test:${alertId}`,
        title: 'A test of this channel',
        text: 'Alerts of Aideon Keys arrive here.',
        path: '/alerts',
        createdAt,
      }
      const claimedUntil = new Date(createdAt.getTime() + leaseMs)
      await kysely.transaction().execute(async (transaction) => {
        // Read already: it is for the channel, not for the list.
        await store.insertAlert(transaction, { ...alert, readAt: createdAt })
        await store.insertDelivery(transaction, {
          ...owner,
          id,
          alertId,
          channel,
          target,
          createdAt,
          claimedUntil,
          attempts: 1,
        })
      })
      const begun = await found(owner, id)
      if (!begun.ok) return begun
      const after = afterAttempt(begun.value, await attempt(begun.value), clock(), true)
      await deliveries.writeDelivery(kysely, after)
      return success(after)
    },
    deliveries: (filter, before, limit) => deliveries.pageOfDeliveries(kysely, filter, before, limit),
    async resend(owner, id) {
      const known = await found(owner, id)
      if (!known.ok) return known
      if (!(await deliveries.startAnew(kysely, owner, id, clock())))
        return failure('conflict', { message: 'Only what failed can be sent again.' })
      loop.soon()
      return found(owner, id)
    },
    mail: { isAvailable: mail.isAvailable, from: mail.from, server: mail.server },
    start: loop.start,
    close: () => loop.stop(),
  }
}
