import { z } from 'zod'
import { defineEndpoints } from './endpoint.ts'
import * as wire from './wire.ts'

const breaker = z.object({
  state: z
    .enum(['closed', 'open', 'half_open'])
    .describe('open: not called until nextProbeAt; half_open: the next call tries'),
  since: wire.time.nullable().describe('null: closed'),
  nextProbeAt: wire.time.nullable(),
  calls: wire.count.describe('About the last minute, on all processes'),
  failures: wire.count,
})

const serviceHealth = breaker.extend({ serviceId: wire.serviceId, name: z.string() })
export type ServiceHealth = z.infer<typeof serviceHealth>

const keyHealth = breaker.extend({
  serviceKeyId: wire.id,
  serviceId: wire.serviceId,
  owner: wire.keyOwner,
  label: z.string(),
  lastFour: z.string(),
  priority: z.number().int().min(1).max(3).nullable(),
  status: z.enum(['active', 'cooling', 'suspected', 'invalid', 'exhausted', 'suspended', 'revoked']),
  statusReason: z.string().nullable(),
  coolingUntil: wire.time.nullable(),
  recheckAfter: wire.time.nullable().describe('When the service is asked about the key again'),
})
export type KeyHealth = z.infer<typeof keyHealth>

export const healthMatrix = z.object({
  services: z.array(
    serviceHealth.extend({
      ownKeys: z
        .object({ total: wire.count, attention: wire.count, cooling: wire.count })
        .describe('Keys of users and organisations'),
    }),
  ),
  systemKeys: z.array(keyHealth),
  openElsewhere: z
    .array(breaker.extend({ organizationId: wire.id, serviceKeyId: wire.id }))
    .describe('Keys of users and organisations that are not called at the moment'),
})
export type HealthMatrix = z.infer<typeof healthMatrix>

export const healthEndpoints = defineEndpoints({
  readHealthMatrix: {
    method: 'GET',
    path: '/health-matrix',
    auth: 'administrator',
    group: 'health',
    summary: 'Health of every service and of the system keys',
    reply: healthMatrix,
  },
  resetBreaker: {
    method: 'POST',
    path: '/health-matrix/reset',
    auth: 'administrator',
    group: 'health',
    summary: 'Close a circuit breaker by hand: of a service, or of one key',
    body: z.object({
      serviceId: wire.serviceId.optional(),
      serviceKeyId: wire.id.optional(),
      organizationId: wire.id.optional().describe('Of the key; the platform unless given'),
    }),
    reply: wire.done,
  },
  readServiceHealth: {
    method: 'GET',
    path: '/service-health',
    auth: 'session',
    permission: 'own.read',
    group: 'health',
    summary: 'Health of every service and of the keys you may use',
    reply: z.object({ services: z.array(serviceHealth), keys: z.array(keyHealth) }),
  },
})
