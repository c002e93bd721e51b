import { eventTypes } from '../contract/event-types.ts'
import type { EventDeliveryOnWire, EventOnWire, WebhookEndpointOnWire } from '../contract/webhooks.ts'
import { defineHandlers } from '../http/handler.ts'
import { decodeCursor, encodeCursor } from '../kit/cursor.ts'
import { FaultError, fault, must } from '../kit/fault.ts'
import type { Delivery, Endpoint, EndpointWithSecret, StoredEvent, Webhooks } from './webhooks.ts'

export const webhookApi = ({ webhooks }: { webhooks: Webhooks }) =>
  defineHandlers<
    | 'listWebhookEndpoints'
    | 'createWebhookEndpoint'
    | 'readWebhookEndpoint'
    | 'changeWebhookEndpoint'
    | 'removeWebhookEndpoint'
    | 'renewWebhookEndpointSecret'
    | 'testWebhookEndpoint'
    | 'listEventDeliveries'
    | 'redeliverEvent'
    | 'replayEvents'
    | 'listEvents'
    | 'readEvent'
    | 'listEventTypes'
  >({
    listWebhookEndpoints: async (_, { signedIn }) => ({
      items: (await webhooks.endpoints(signedIn.organization.id)).map(endpointOnWire),
    }),

    createWebhookEndpoint: async ({ body }, { signedIn, actor }) =>
      withSecret(must(await webhooks.create(actor, signedIn.organization.id, body))),

    readWebhookEndpoint: async ({ params }, { signedIn }) =>
      endpointOnWire(must(await webhooks.endpoint(signedIn.organization.id, params.id))),

    async changeWebhookEndpoint({ params, body }, { signedIn, actor }) {
      const { url, description, types, enabled } = body
      const change = {
        ...(url === undefined ? {} : { url }),
        ...(description === undefined ? {} : { description }),
        ...(types === undefined ? {} : { types }),
        ...(enabled === undefined ? {} : { enabled }),
      }
      return endpointOnWire(must(await webhooks.change(actor, signedIn.organization.id, params.id, change)))
    },

    async removeWebhookEndpoint({ params }, { signedIn, actor }) {
      must(await webhooks.remove(actor, signedIn.organization.id, params.id))
      return { done: true }
    },

    renewWebhookEndpointSecret: async ({ params }, { signedIn, actor }) =>
      withSecret(must(await webhooks.renewSecret(actor, signedIn.organization.id, params.id))),

    testWebhookEndpoint: async ({ params }, { signedIn }) => ({
      ...must(await webhooks.test(signedIn.organization.id, params.id)),
    }),

    async listEventDeliveries({ params, query }, { signedIn }) {
      const { cursor, limit, state } = query
      const { id: endpointId } = must(await webhooks.endpoint(signedIn.organization.id, params.id))
      const filter = { organizationId: signedIn.organization.id, endpointId, state }
      const rows = await webhooks.deliveries(filter, decodeCursor(cursor), limit + 1)
      return pageOf(rows, limit, ({ eventId }) => eventId, deliveryOnWire)
    },

    redeliverEvent: async ({ params }, { signedIn }) =>
      deliveryOnWire(must(await webhooks.redeliver(signedIn.organization.id, params.id, params.event))),

    async replayEvents({ params, body }, { signedIn, actor }) {
      const which = {
        since: new Date(body.since),
        until: body.until === null ? null : new Date(body.until),
        only: body.only,
      }
      const replayed = must(await webhooks.replay(actor, signedIn.organization.id, params.id, which))
      return { deliveries: replayed }
    },

    async listEvents({ query }, { signedIn }) {
      const { cursor, limit, type, since, until } = query
      const filter = {
        organizationId: signedIn.organization.id,
        type,
        since: since === undefined ? undefined : new Date(since),
        until: until === undefined ? undefined : new Date(until),
      }
      const rows = await webhooks.events(filter, decodeCursor(cursor), limit + 1)
      return pageOf(rows, limit, ({ id }) => id, eventOnWire)
    },

    async readEvent({ params }, { signedIn }) {
      const filter = { organizationId: signedIn.organization.id, id: params.id }
      const [event] = await webhooks.events(filter, null, 1)
      if (event === undefined) throw new FaultError(fault('not_found'))
      return eventOnWire(event)
    },

    listEventTypes: async () => ({
      items: Object.entries(eventTypes).map(([type, description]) => ({ type, description })),
    }),
  })

/** Of one row more than was asked for: it tells whether there is another page. */
const pageOf = <Row, Wire>(
  rows: readonly Row[],
  limit: number,
  idOf: (row: Row) => string,
  toWire: (row: Row) => Wire,
): { items: Wire[]; nextCursor: string | null } => {
  const shown = rows.slice(0, limit)
  const last = shown.at(-1)
  return {
    items: shown.map(toWire),
    nextCursor: rows.length > limit && last ? encodeCursor(idOf(last)) : null,
  }
}

const withSecret = ({ endpoint, secret }: EndpointWithSecret) => ({
  endpoint: endpointOnWire(endpoint),
  secret,
})

const endpointOnWire = (endpoint: Endpoint): WebhookEndpointOnWire => ({
  id: endpoint.id,
  url: endpoint.url,
  description: endpoint.description,
  types: endpoint.types === null ? null : [...endpoint.types],
  state: endpoint.state,
  failingSince: endpoint.failingSince?.toISOString() ?? null,
  failedAttempts: endpoint.failedAttempts,
  secretLastFour: endpoint.secretLastFour,
  formerSecretUntil: endpoint.formerSecretUntil?.toISOString() ?? null,
  createdAt: endpoint.createdAt.toISOString(),
})

const deliveryOnWire = (delivery: Delivery): EventDeliveryOnWire => ({
  eventId: delivery.eventId,
  endpointId: delivery.endpointId,
  type: delivery.type,
  state: delivery.state,
  attempts: delivery.attempts,
  lastStatus: delivery.lastStatus,
  lastFault: delivery.lastFault,
  createdAt: delivery.createdAt.toISOString(),
  nextAttemptAt: delivery.state === 'pending' ? delivery.nextAttemptAt.toISOString() : null,
  endedAt: delivery.endedAt?.toISOString() ?? null,
})

/** As it was written, and is sent. */
const eventOnWire = ({ payload }: StoredEvent): EventOnWire => JSON.parse(payload) as EventOnWire
