import { z } from 'zod'
import { defineEndpoints } from './endpoint.ts'
import { type Permission, permissions } from './permissions.ts'
import * as wire from './wire.ts'

const permissionNames = Object.keys(permissions) as [Permission, ...Permission[]]

export const caller = z.object({
  user: z.object({ id: wire.id, email: z.string(), name: z.string() }),
  organization: z.object({
    id: wire.id,
    name: z.string(),
    kind: z.enum(['platform', 'personal', 'company']),
  }),
  role: wire.role,
  permissions: z.array(z.enum(permissionNames)).describe('What the role allows'),
  isPlatformAdministrator: z.boolean(),
  accessToken: z
    .object({ id: wire.id, scopes: z.array(z.string()), expiresAt: wire.time.nullable() })
    .nullable()
    .describe('null: a session'),
})
export type Caller = z.infer<typeof caller>

export const callerEndpoints = defineEndpoints({
  readCaller: {
    method: 'GET',
    path: '/caller',
    auth: 'session',
    permission: 'own.read',
    group: 'access tokens',
    summary: 'Who calls, in which organisation, and what they may do there',
    reply: caller,
  },
})
