import { z } from 'zod'
import { defineEndpoints } from './endpoint.ts'
import * as wire from './wire.ts'

export const alertSeverity = z.enum(['info', 'warning', 'critical'])
export type AlertSeverity = z.infer<typeof alertSeverity>

export const alertKind = z.enum([
  'budget_threshold',
  'budget_refused',
  'budget_forecast',
  'credits_forecast',
  'credits_ran_out',
  'payment_failed',
  'reconciliation',
  'key_possibly_leaked',
  'key_same_as_system_key',
  'key_rotation',
  'access_request',
  'sudden_spend',
  'new_model',
  'new_country',
  'webhook_disabled',
  'account_security',
  'break_glass_used',
  'test',
])
export type AlertKind = z.infer<typeof alertKind>

export const alertChannel = z.enum(['email', 'webhook'])
export type AlertChannel = z.infer<typeof alertChannel>

/** One person's: what somebody else has read is still unread here. */
export const alert = z.object({
  id: wire.id,
  kind: alertKind,
  severity: alertSeverity,
  title: z.string(),
  text: z.string(),
  path: z.string().nullable().describe('Where the dashboard shows what it is about'),
  createdAt: wire.time,
  readAt: wire.time.nullable(),
})
export type AlertOnWire = z.infer<typeof alert>

export const alertDelivery = z.object({
  id: wire.id,
  alertId: wire.id,
  kind: alertKind,
  title: z.string(),
  channel: alertChannel,
  target: z.string().describe('The e-mail address or the URL'),
  state: z.enum(['pending', 'delivered', 'failed']),
  attempts: wire.count,
  lastStatus: z.number().int().nullable().describe('What the webhook’s or the mail server answered'),
  lastFault: z.string().nullable().describe('What went wrong last, without any secret'),
  createdAt: wire.time,
  nextAttemptAt: wire.time.nullable().describe('null: none'),
  endedAt: wire.time.nullable(),
})
export type AlertDeliveryOnWire = z.infer<typeof alertDelivery>

const minimumSeverity = alertSeverity.default('info').describe('Less severe alerts are only shown here')
const channels = z.object({
  email: z.object({ enabled: z.boolean(), minimumSeverity }),
  webhook: z.object({
    enabled: z.boolean(),
    url: z
      .url({ protocol: /^https?$/ })
      .max(500)
      .nullable(),
    minimumSeverity,
  }),
})

export const alertChannels = z.object({
  email: channels.shape.email.extend({
    address: z.string().describe('That of your account'),
    isAvailable: z.boolean().describe('false: this installation has no mail server'),
  }),
  webhook: channels.shape.webhook.extend({
    secretLastFour: z.string().nullable().describe('Of your webhook secret: see /webhook-secret'),
  }),
})
export type AlertChannelsOnWire = z.infer<typeof alertChannels>

export const alertEndpoints = defineEndpoints({
  listAlerts: {
    method: 'GET',
    path: '/alerts',
    auth: 'session',
    permission: 'own.read',
    notEmbedded: true,
    group: 'alerts',
    summary: 'Your alerts, newest first',
    query: wire.pageQuery.extend({
      unread: z.enum(['true', 'false']).optional().describe('true: only those not read'),
      kind: alertKind.optional(),
    }),
    reply: wire.page(alert).extend({ unread: wire.count.describe('Of all your alerts') }),
  },
  markAlertRead: {
    method: 'POST',
    path: '/alerts/:id/read',
    auth: 'session',
    permission: 'own.account',
    notEmbedded: true,
    group: 'alerts',
    summary: 'Mark an alert read',
    params: wire.idParams,
    reply: alert,
  },
  markAllAlertsRead: {
    method: 'POST',
    path: '/alerts/read',
    auth: 'session',
    permission: 'own.account',
    notEmbedded: true,
    group: 'alerts',
    summary: 'Mark all your alerts read',
    reply: z.object({ marked: wire.count }),
  },
  readAlertChannels: {
    method: 'GET',
    path: '/alert-channels',
    auth: 'session',
    permission: 'own.account',
    notEmbedded: true,
    group: 'alerts',
    summary: 'Where else your alerts go: e-mail, webhook',
    reply: alertChannels,
  },
  setAlertChannels: {
    method: 'PUT',
    path: '/alert-channels',
    auth: 'session',
    permission: 'own.account',
    notEmbedded: true,
    group: 'alerts',
    summary: 'Change where your alerts go, from the next one on',
    body: channels,
    reply: alertChannels,
  },
  testAlertChannel: {
    method: 'POST',
    path: '/alert-channels/test',
    auth: 'session',
    permission: 'own.account',
    notEmbedded: true,
    group: 'alerts',
    summary: 'Send a test over a channel as it is set, once, and say what became of it',
    body: z.object({ channel: alertChannel }),
    reply: alertDelivery,
  },
  listAlertDeliveries: {
    method: 'GET',
    path: '/alert-deliveries',
    auth: 'session',
    permission: 'own.read',
    notEmbedded: true,
    group: 'alerts',
    summary: 'What was sent to you by e-mail and webhook, newest first, and what became of it',
    query: wire.pageQuery.extend({
      alert: wire.id.optional(),
      state: alertDelivery.shape.state.optional(),
      channel: alertChannel.optional(),
    }),
    reply: wire.page(alertDelivery),
  },
  resendAlert: {
    method: 'POST',
    path: '/alert-deliveries/:id/resend',
    auth: 'session',
    permission: 'own.account',
    notEmbedded: true,
    group: 'alerts',
    summary: 'Send one that failed again, with all its attempts',
    params: wire.idParams,
    reply: alertDelivery,
  },
  listAllAlertDeliveries: {
    method: 'GET',
    path: '/admin/alert-deliveries',
    auth: 'administrator',
    group: 'alerts',
    summary: 'Everybody’s deliveries, newest first; with state=failed what did not arrive',
    query: wire.pageQuery.extend({
      state: alertDelivery.shape.state.optional(),
      channel: alertChannel.optional(),
    }),
    reply: wire.page(
      alertDelivery.extend({ organizationId: wire.id, userId: wire.id, userName: z.string() }),
    ),
  },
  readMailSettings: {
    method: 'GET',
    path: '/admin/mail',
    auth: 'administrator',
    group: 'alerts',
    summary: 'Whether this installation can send e-mail, and as whom',
    reply: z.object({ isAvailable: z.boolean(), from: z.string().nullable(), server: z.string().nullable() }),
  },
})
