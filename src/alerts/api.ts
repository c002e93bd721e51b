import type { AlertDeliveryOnWire, alertEndpoints, AlertOnWire } from '../contract/alerts.ts'
import type { ReplyInput, RequestOutput } from '../contract/endpoint.ts'
import type { SessionContext } from '../http/handler.ts'
import { decodeCursor, encodeCursor } from '../kit/cursor.ts'
import { must } from '../kit/fault.ts'
import type { Alert, Alerts, Channels, Delivery, Owner } from './alerts.ts'

type Table = typeof alertEndpoints
/** All of these are for signed-in people. */
type AlertHandlers = {
  readonly [Name in keyof Table]: (
    received: RequestOutput<Table[Name]>,
    context: SessionContext,
  ) => Promise<ReplyInput<Table[Name]>>
}

interface Parts {
  readonly alerts: Alerts
  readonly longOperations: {
    readonly webhooks: { secret(owner: Owner): Promise<{ readonly lastFour: string } | null> }
  }
}

export const alertApi = ({ alerts, longOperations }: Parts): AlertHandlers => {
  const channelsOnWire = async ({ signedIn }: SessionContext, { email, webhook }: Channels) => {
    const secret = await longOperations.webhooks.secret(ownerOf(signedIn))
    return {
      email: { ...email, address: signedIn.email, isAvailable: alerts.mail.isAvailable },
      webhook: { ...webhook, secretLastFour: secret?.lastFour ?? null },
    }
  }

  return {
    async listAlerts({ query }, { signedIn }) {
      const { cursor, limit, unread, kind } = query
      const filter = { kind, ...(unread === undefined ? {} : { unread: unread === 'true' }) }
      const owner = ownerOf(signedIn)
      const [found, count] = await Promise.all([
        alerts.page(owner, filter, decodeCursor(cursor), limit + 1),
        alerts.countUnread(owner),
      ])
      return { ...pageOf(found, limit, alertOnWire), unread: count }
    },
    markAlertRead: async ({ params }, { signedIn }) =>
      alertOnWire(must(await alerts.markRead(ownerOf(signedIn), params.id))),
    markAllAlertsRead: async (_, { signedIn }) => ({ marked: await alerts.markAllRead(ownerOf(signedIn)) }),
    readAlertChannels: async (_, context) =>
      channelsOnWire(context, await alerts.channels(ownerOf(context.signedIn))),
    setAlertChannels: async ({ body }, context) =>
      channelsOnWire(context, must(await alerts.setChannels(context.actor, ownerOf(context.signedIn), body))),
    testAlertChannel: async ({ body }, { signedIn }) =>
      deliveryOnWire(must(await alerts.test(ownerOf(signedIn), body.channel))),
    async listAlertDeliveries({ query }, { signedIn }) {
      const { cursor, limit, alert, state, channel } = query
      const filter = { owner: ownerOf(signedIn), alertId: alert, state, channel }
      return pageOf(await alerts.deliveries(filter, decodeCursor(cursor), limit + 1), limit, deliveryOnWire)
    },
    resendAlert: async ({ params }, { signedIn }) =>
      deliveryOnWire(must(await alerts.resend(ownerOf(signedIn), params.id))),
    async listAllAlertDeliveries({ query }) {
      const { cursor, limit, state, channel } = query
      const found = await alerts.deliveries({ state, channel }, decodeCursor(cursor), limit + 1)
      return pageOf(found, limit, (delivery) => ({
        ...deliveryOnWire(delivery),
        organizationId: delivery.organizationId,
        userId: delivery.userId,
        userName: delivery.userName,
      }))
    },
    readMailSettings: async () => ({ ...alerts.mail }),
  }
}

const ownerOf = ({ organization, userId }: SessionContext['signedIn']): Owner => ({
  organizationId: organization.id,
  userId,
})

const pageOf = <Row extends { readonly id: string }, Item>(
  rows: readonly Row[],
  limit: number,
  toItem: (row: Row) => Item,
) => {
  const last = rows.length > limit ? rows[limit - 1] : undefined
  return { items: rows.slice(0, limit).map(toItem), nextCursor: last ? encodeCursor(last.id) : null }
}

const alertOnWire = ({ id, kind, severity, title, text, path, createdAt, readAt }: Alert): AlertOnWire => ({
  id,
  kind,
  severity,
  title,
  text,
  path,
  createdAt: createdAt.toISOString(),
  readAt: readAt?.toISOString() ?? null,
})

const deliveryOnWire = (delivery: Delivery): AlertDeliveryOnWire => ({
  id: delivery.id,
  alertId: delivery.alertId,
  kind: delivery.kind,
  title: delivery.title,
  channel: delivery.channel,
  target: delivery.target,
  state: delivery.state,
  attempts: delivery.attempts,
  lastStatus: delivery.lastStatus,
  lastFault: delivery.lastFault,
  createdAt: delivery.createdAt.toISOString(),
  nextAttemptAt: delivery.state === 'pending' ? delivery.nextAttemptAt.toISOString() : null,
  endedAt: delivery.endedAt?.toISOString() ?? null,
})
