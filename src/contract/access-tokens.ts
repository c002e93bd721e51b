import { z } from 'zod'
import { defineEndpoints } from './endpoint.ts'
import * as wire from './wire.ts'

/**
 * `operations`: call /v1/*. `read`: one's own receipts at /api/operations/:id. `manage`: this API, as far as one's role in the
 * organisation reaches. `administer`: the platform's part of it, while one is a platform administrator.
 */
export const accessTokenScope = z.enum(['operations', 'read', 'manage', 'administer'])
export type AccessTokenScope = z.infer<typeof accessTokenScope>

export const accessToken = z.object({
  id: wire.id,
  name: z.string(),
  lastFour: z.string(),
  scopes: z.array(z.string()),
  teamId: wire.id.nullable().describe('Of the team that its use counts for, too'),
  expiresAt: wire.time.nullable(),
  lastUsedAt: wire.time.nullable(),
  createdAt: wire.time,
})
export type AccessToken = z.infer<typeof accessToken>

export const newAccessToken = z.object({
  name: wire.label,
  scopes: z.array(accessTokenScope).min(1).default(['operations', 'read']),
  expiresInDays: z.number().int().min(1).max(3660).nullable().default(null),
})

/** Platform tokens act for users: they send the user's id or e-mail address with each operation. */
export const newPlatformToken = newAccessToken.omit({ scopes: true })

export const createdAccessToken = z.object({
  accessToken,
  token: z.string().describe('Shown this once; only its hash is stored'),
})
export type CreatedAccessToken = z.infer<typeof createdAccessToken>

export const accessTokenEndpoints = defineEndpoints({
  listAccessTokens: {
    method: 'GET',
    path: '/access-tokens',
    auth: 'session',
    permission: 'own.read',
    group: 'access tokens',
    summary: 'Your live access tokens',
    reply: z.object({ items: z.array(accessToken) }),
  },
  createAccessToken: {
    method: 'POST',
    path: '/access-tokens',
    auth: 'session',
    permission: 'own.use',
    stepUp: true,
    group: 'access tokens',
    status: 201,
    summary: 'Create an access token; it is shown once',
    body: newAccessToken,
    reply: createdAccessToken,
  },
  revokeAccessToken: {
    method: 'DELETE',
    path: '/access-tokens/:id',
    auth: 'session',
    permission: 'own.use',
    group: 'access tokens',
    summary: 'Revoke: refused everywhere once this has answered',
    params: wire.idParams,
    reply: wire.done,
  },
})
