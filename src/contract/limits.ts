import { z } from 'zod'
import { defineEndpoints } from './endpoint.ts'
import * as wire from './wire.ts'

const most = (largest: number) => z.number().int().min(1).max(largest).nullable().default(null)

/** null: not limited. */
export const rateLimits = z.object({
  requestsPerMinute: most(1_000_000_000),
  tokensPerMinute: most(1_000_000_000_000),
  concurrent: most(1_000_000).describe('Operations under way at once'),
})
export type RateLimits = z.infer<typeof rateLimits>

const limited = z.object({ id: wire.id, limits: rateLimits })
const member = z.object({ organization: wire.id, id: wire.id })

export const rateLimitEndpoints = defineEndpoints({
  listAccessTokenLimits: {
    method: 'GET',
    path: '/access-token-limits',
    auth: 'session',
    permission: 'own.read',
    group: 'access tokens',
    summary: 'Rate limits of your access tokens that have any',
    reply: z.object({ items: z.array(limited) }),
  },
  setAccessTokenLimits: {
    method: 'PUT',
    path: '/access-tokens/:id/limits',
    auth: 'session',
    permission: 'own.use',
    group: 'access tokens',
    summary: 'Limit what can be done with an access token',
    params: wire.idParams,
    body: rateLimits,
    reply: rateLimits,
  },
  setPlatformTokenLimits: {
    method: 'PUT',
    path: '/admin/platform-tokens/:id/limits',
    auth: 'administrator',
    group: 'rate limits',
    summary: 'Limit what can be done with a platform token',
    params: wire.idParams,
    body: rateLimits,
    reply: rateLimits,
  },
  listUserLimits: {
    method: 'GET',
    path: '/admin/user-limits',
    auth: 'administrator',
    group: 'rate limits',
    summary: 'Rate limits of the users that have any; of one organisation, or of all',
    query: z.object({ organization: wire.id.optional() }),
    reply: z.object({ items: z.array(limited.extend({ organizationId: wire.id })) }),
  },
  listPlatformTokenLimits: {
    method: 'GET',
    path: '/admin/platform-token-limits',
    auth: 'administrator',
    group: 'rate limits',
    summary: 'Rate limits of the platform tokens that have any',
    reply: z.object({ items: z.array(limited) }),
  },
  readUserLimits: {
    method: 'GET',
    path: '/admin/organizations/:organization/users/:id/limits',
    auth: 'administrator',
    group: 'rate limits',
    summary: 'Rate limits of a user, over all their access tokens',
    params: member,
    reply: rateLimits,
  },
  setUserLimits: {
    method: 'PUT',
    path: '/admin/organizations/:organization/users/:id/limits',
    auth: 'administrator',
    group: 'rate limits',
    summary: 'Limit a user, over all their access tokens',
    params: member,
    body: rateLimits,
    reply: rateLimits,
  },
  listSystemKeyLimits: {
    method: 'GET',
    path: '/admin/system-key-limits',
    auth: 'administrator',
    group: 'rate limits',
    summary: 'Rate limits of the system keys that have any',
    reply: z.object({ items: z.array(limited) }),
  },
  setSystemKeyLimits: {
    method: 'PUT',
    path: '/admin/system-keys/:id/limits',
    auth: 'administrator',
    group: 'rate limits',
    summary: 'Limit a system key; while it is full, the next one is used',
    params: wire.idParams,
    body: rateLimits,
    reply: rateLimits,
  },
})
