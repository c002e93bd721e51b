import { z } from 'zod'
import { defineEndpoints } from './endpoint.ts'
import { type EventType, eventTypes } from './event-types.ts'
import * as wire from './wire.ts'

const eventTypeNames = Object.keys(eventTypes) as [EventType, ...EventType[]]
export const eventType = z.enum(eventTypeNames)

export const webhookEndpointState = z.enum(['enabled', 'disabled', 'failing'])

export const webhookEndpoint = z.object({
  id: wire.id,
  url: z.string(),
  description: z.string(),
  types: z.array(eventType).nullable().describe('What it is told of; null: everything'),
  state: webhookEndpointState.describe(
    'failing: switched off here, because nothing was delivered for three days',
  ),
  failingSince: wire.time.nullable(),
  failedAttempts: wire.count.describe('In a row, over all events'),
  secretLastFour: z.string(),
  formerSecretUntil: wire.time
    .nullable()
    .describe('Until when the secret before this one signs beside it; null: it does not'),
  createdAt: wire.time,
})
export type WebhookEndpointOnWire = z.infer<typeof webhookEndpoint>

const url = z.url({ protocol: /^https?$/ }).max(500)
const types = z.array(eventType).min(1).max(eventTypeNames.length).nullable()
const description = z.string().trim().max(200)

export const newWebhookEndpoint = z.object({
  url,
  description: description.default(''),
  types: types.default(null).describe('null: everything, also what there is no type of yet'),
})
const webhookEndpointChange = z.object({
  url: url.optional(),
  description: description.optional(),
  types: types.optional(),
  enabled: z.boolean().optional().describe('true: also puts one that was failing back to work'),
})

const secret = z.string().describe('Shown this once; signatures are checked with it')

export const event = z.object({
  id: wire.id.describe('The header webhook-id of its deliveries'),
  type: z.string(),
  timestamp: wire.time,
  data: z.record(z.string(), z.unknown()),
})
export type EventOnWire = z.infer<typeof event>

export const eventDelivery = z.object({
  eventId: wire.id,
  endpointId: wire.id,
  type: z.string(),
  state: z.enum(['pending', 'delivered', 'failed']),
  attempts: wire.count,
  lastStatus: z.number().int().nullable(),
  lastFault: z.string().nullable(),
  createdAt: wire.time.describe('When it happened'),
  nextAttemptAt: wire.time.nullable(),
  endedAt: wire.time.nullable(),
})
export type EventDeliveryOnWire = z.infer<typeof eventDelivery>

const period = {
  type: eventType.optional(),
  since: wire.time.optional().describe('From this instant on'),
  until: wire.time.optional().describe('Before this instant'),
}
const eventParams = wire.idParams.extend({ event: wire.id })

export const webhookEndpoints = defineEndpoints({
  listWebhookEndpoints: {
    method: 'GET',
    path: '/webhook-endpoints',
    auth: 'session',
    permission: 'webhooks.read',
    group: 'events',
    summary: 'Where this organisation’s events are sent',
    reply: z.object({ items: z.array(webhookEndpoint) }),
  },
  createWebhookEndpoint: {
    method: 'POST',
    path: '/webhook-endpoints',
    auth: 'session',
    permission: 'webhooks.manage',
    stepUp: true,
    group: 'events',
    status: 201,
    summary: 'Have events sent to an address, from now on; its secret is shown once',
    body: newWebhookEndpoint,
    reply: z.object({ endpoint: webhookEndpoint, secret }),
  },
  readWebhookEndpoint: {
    method: 'GET',
    path: '/webhook-endpoints/:id',
    auth: 'session',
    permission: 'webhooks.read',
    group: 'events',
    summary: 'One of them',
    params: wire.idParams,
    reply: webhookEndpoint,
  },
  changeWebhookEndpoint: {
    method: 'PATCH',
    path: '/webhook-endpoints/:id',
    auth: 'session',
    permission: 'webhooks.manage',
    stepUp: true,
    group: 'events',
    summary: 'Change address, description or types, or switch it on and off',
    params: wire.idParams,
    body: webhookEndpointChange,
    reply: webhookEndpoint,
  },
  removeWebhookEndpoint: {
    method: 'DELETE',
    path: '/webhook-endpoints/:id',
    auth: 'session',
    permission: 'webhooks.manage',
    group: 'events',
    summary: 'Send nothing there any more; what was under way is given up',
    params: wire.idParams,
    reply: wire.done,
  },
  renewWebhookEndpointSecret: {
    method: 'POST',
    path: '/webhook-endpoints/:id/secret',
    auth: 'session',
    permission: 'webhooks.manage',
    stepUp: true,
    group: 'events',
    status: 201,
    summary: 'A new secret, shown once; the one before signs beside it for a day',
    params: wire.idParams,
    reply: z.object({ endpoint: webhookEndpoint, secret }),
  },
  testWebhookEndpoint: {
    method: 'POST',
    path: '/webhook-endpoints/:id/test',
    auth: 'session',
    permission: 'webhooks.manage',
    group: 'events',
    summary: 'Send a test event there now, once, and say what became of it',
    params: wire.idParams,
    reply: z.object({
      isDelivered: z.boolean(),
      status: z.number().int().nullable(),
      fault: z.string().nullable(),
    }),
  },
  listEventDeliveries: {
    method: 'GET',
    path: '/webhook-endpoints/:id/deliveries',
    auth: 'session',
    permission: 'webhooks.read',
    group: 'events',
    summary: 'What was sent there, newest first, and what became of it',
    params: wire.idParams,
    query: wire.pageQuery.extend({ state: eventDelivery.shape.state.optional() }),
    reply: wire.page(eventDelivery),
  },
  redeliverEvent: {
    method: 'POST',
    path: '/webhook-endpoints/:id/deliveries/:event/redeliver',
    auth: 'session',
    permission: 'webhooks.manage',
    group: 'events',
    summary: 'Send one event there again, or for the first time, with all its attempts',
    params: eventParams,
    reply: eventDelivery,
  },
  replayEvents: {
    method: 'POST',
    path: '/webhook-endpoints/:id/replay',
    auth: 'session',
    permission: 'webhooks.manage',
    group: 'events',
    summary: 'Send the events of a time there again; at most the oldest 1000 of them',
    params: wire.idParams,
    body: z.object({
      since: wire.time,
      until: wire.time.nullable().default(null),
      only: z
        .enum(['failed', 'not_delivered', 'all'])
        .default('not_delivered')
        .describe('not_delivered: also what there was no delivery of, such as from before the endpoint'),
    }),
    reply: z.object({ deliveries: wire.count }),
  },
  listEvents: {
    method: 'GET',
    path: '/events',
    auth: 'session',
    permission: 'webhooks.read',
    group: 'events',
    summary: 'What happened in this organisation in the last 30 days, newest first',
    query: wire.pageQuery.extend(period),
    reply: wire.page(event),
  },
  readEvent: {
    method: 'GET',
    path: '/events/:id',
    auth: 'session',
    permission: 'webhooks.read',
    group: 'events',
    summary: 'One event, as it is sent',
    params: wire.idParams,
    reply: event,
  },
  listEventTypes: {
    method: 'GET',
    path: '/event-types',
    auth: 'session',
    permission: 'own.read',
    group: 'events',
    summary: 'What there are events of',
    reply: z.object({ items: z.array(z.object({ type: z.string(), description: z.string() })) }),
  },
})
