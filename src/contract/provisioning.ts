import { z } from 'zod'
import { accessToken } from './access-tokens.ts'
import { defineEndpoints } from './endpoint.ts'
import { machineRole } from './machines.ts'
import * as wire from './wire.ts'

/** SCIM 2.0 itself is at /scim/v2, with a format of its own (RFC 7644); this is what people see and set of it. */

export const provisioningToken = accessToken.omit({ scopes: true, teamId: true })

export const provisionedGroup = z.object({
  id: wire.id,
  name: z.string(),
  role: machineRole.nullable().describe('What its members are here; null: nothing follows from it'),
  memberCount: wire.count,
  updatedAt: wire.time,
})
export type ProvisionedGroup = z.infer<typeof provisionedGroup>

export const provisionedUser = z.object({
  id: wire.id,
  userName: z.string(),
  email: z.string(),
  name: z.string(),
  externalId: z.string().nullable(),
  active: z.boolean(),
  role: wire.role.nullable(),
  groups: z.array(z.string()),
  updatedAt: wire.time,
})
export type ProvisionedUser = z.infer<typeof provisionedUser>

export const provisioningEndpoints = defineEndpoints({
  readProvisioning: {
    method: 'GET',
    path: '/provisioning',
    auth: 'session',
    permission: 'identity.read',
    group: 'provisioning',
    summary: 'Where your identity provider sends users and groups, and with what',
    reply: z.object({
      baseUrl: z.string().describe('To be given to the identity provider'),
      tokens: z.array(provisioningToken),
      userCount: wire.count,
      inactiveCount: wire.count,
      groups: z.array(provisionedGroup),
      lastChangeAt: wire.time.nullable(),
    }),
  },
  listProvisionedUsers: {
    method: 'GET',
    path: '/provisioning/users',
    auth: 'session',
    permission: 'identity.read',
    group: 'provisioning',
    summary: 'Users as the identity provider told them, by name',
    query: wire.pageQuery.extend({ search: z.string().trim().max(120).optional() }),
    reply: wire.page(provisionedUser),
  },
  createProvisioningToken: {
    method: 'POST',
    path: '/provisioning/tokens',
    auth: 'session',
    stepUp: true,
    permission: 'identity.manage',
    group: 'provisioning',
    status: 201,
    summary: 'A bearer token for the identity provider; it is shown once',
    body: z.object({
      name: wire.label,
      expiresInDays: z.number().int().min(1).max(3660).nullable().default(null),
    }),
    reply: z.object({
      accessToken: provisioningToken,
      token: z.string().describe('Shown this once; only its hash is stored'),
    }),
  },
  revokeProvisioningToken: {
    method: 'DELETE',
    path: '/provisioning/tokens/:id',
    auth: 'session',
    permission: 'identity.manage',
    group: 'provisioning',
    summary: 'Revoke: the identity provider changes nothing here any more',
    params: wire.idParams,
    reply: wire.done,
  },
  setGroupRole: {
    method: 'PUT',
    path: '/provisioning/groups/:id/role',
    auth: 'session',
    stepUp: true,
    permission: 'identity.manage',
    group: 'provisioning',
    summary:
      'What members of a group are here; the first such rule puts it in charge of everybody provisioned',
    params: wire.idParams,
    body: z.object({ role: machineRole.nullable() }),
    reply: z.object({ changed: wire.count.describe('Members whose role changed') }),
  },
})
