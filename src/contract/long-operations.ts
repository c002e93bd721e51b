import { z } from 'zod'
import { defineEndpoints } from './endpoint.ts'
import * as wire from './wire.ts'

export const longOperationState = z.enum([
  'submitted',
  'running',
  'succeeded',
  'failed',
  'unresolved',
  'cancelled',
])
export type LongOperationState = z.infer<typeof longOperationState>

/** An operation that its service goes on with after the reply; its receipt is at /operations/:id when it has ended. */
export const longOperation = z.object({
  id: wire.id,
  serviceId: z.string(),
  taskId: z.string().describe('The name of the task that callers know'),
  parentId: wire.id.nullable().describe('What it follows on'),
  action: z.string().describe('imagine, upscale, …'),
  keyOwner: wire.keyOwner,
  serviceKeyId: wire.id,
  state: longOperationState.describe('unresolved: not seen to end in time; nothing was charged'),
  progress: z.number().int().min(0).max(100),
  failure: z.string().nullable(),
  resultUrl: z.string().nullable().describe('Where its result lies, as the service said; null: none'),
  isOver: z.boolean(),
  mayCancel: z.boolean(),
  heldMicros: wire.micros.describe('Set aside; given back unless it succeeds'),
  chargedMicros: wire.micros,
  submittedAt: wire.time,
  lastAskedAt: wire.time.nullable(),
  failedAsks: wire.count.describe('Questions in a row that the service did not answer'),
  deadlineAt: wire.time,
  endedAt: wire.time.nullable(),
})
export type LongOperation = z.infer<typeof longOperation>

const filters = z.object({
  state: longOperationState.optional(),
  open: z.enum(['true', 'false']).optional().describe('true: under way; false: over'),
})

export const webhookDelivery = z.object({
  id: wire.id.describe('The header webhook-id'),
  operationId: wire.id,
  url: z.string(),
  event: z.string().describe('task.running, task.succeeded, …'),
  state: z.enum(['pending', 'delivered', 'failed', 'superseded']),
  attempts: wire.count,
  lastStatus: z.number().int().nullable(),
  lastFault: z.string().nullable(),
  createdAt: wire.time,
  nextAttemptAt: wire.time.nullable(),
  endedAt: wire.time.nullable(),
  mayRedeliver: z.boolean(),
})
export type WebhookDelivery = z.infer<typeof webhookDelivery>

const secretView = z.object({ lastFour: z.string(), createdAt: wire.time })

export const longOperationEndpoints = defineEndpoints({
  listLongOperations: {
    method: 'GET',
    path: '/long-operations',
    auth: 'session',
    permission: 'own.read',
    group: 'long operations',
    summary: 'Your operations that go on after their reply, newest first',
    query: wire.pageQuery.extend(filters.shape),
    reply: wire.page(longOperation),
  },
  readLongOperation: {
    method: 'GET',
    path: '/long-operations/:id',
    auth: 'session_or_token',
    permission: 'own.read',
    group: 'long operations',
    summary: 'How one stands',
    params: wire.idParams,
    reply: longOperation,
  },
  cancelLongOperation: {
    method: 'POST',
    path: '/long-operations/:id/cancel',
    auth: 'session',
    permission: 'own.use',
    group: 'long operations',
    summary: 'Stop it, where its service can',
    params: wire.idParams,
    reply: longOperation,
  },
  listAllLongOperations: {
    method: 'GET',
    path: '/admin/long-operations',
    auth: 'administrator',
    group: 'administration',
    summary: 'Everybody’s; with state=unresolved what is to be reconciled',
    query: wire.pageQuery.extend({
      ...filters.shape,
      organization: wire.id.optional(),
      user: wire.id.optional(),
    }),
    reply: wire.page(longOperation.extend({ organizationId: wire.id, userId: wire.id })),
  },
  readWebhookSecret: {
    method: 'GET',
    path: '/webhook-secret',
    auth: 'session',
    permission: 'own.read',
    group: 'webhooks',
    summary: 'Whether there is a secret that your webhooks are signed with',
    reply: z.object({ secret: secretView.nullable() }),
  },
  createWebhookSecret: {
    method: 'POST',
    path: '/webhook-secret',
    auth: 'session',
    permission: 'own.use',
    stepUp: true,
    group: 'webhooks',
    status: 201,
    summary: 'A new secret for your webhooks, in the place of the one before; it is shown once',
    reply: secretView.extend({ secret: z.string().describe('Shown this once') }),
  },
  listWebhookDeliveries: {
    method: 'GET',
    path: '/webhook-deliveries',
    auth: 'session',
    permission: 'own.read',
    group: 'webhooks',
    summary: 'Your webhooks and what became of them, newest first',
    query: wire.pageQuery.extend({ operation: wire.id.optional() }),
    reply: wire.page(webhookDelivery),
  },
  redeliverWebhook: {
    method: 'POST',
    path: '/webhook-deliveries/:id/redeliver',
    auth: 'session',
    permission: 'own.use',
    group: 'webhooks',
    summary: 'Send it again, with all its attempts',
    params: wire.idParams,
    reply: webhookDelivery,
  },
})
