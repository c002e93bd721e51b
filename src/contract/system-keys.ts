import { z } from 'zod'
import { defineEndpoints } from './endpoint.ts'
import { keyChange, keyCheck, newServiceKey, replacement, secretToCheck, serviceKey } from './service-keys.ts'
import * as wire from './wire.ts'

export const priority = z.number().int().min(1).max(3).describe('1 Primary, 2 Secondary, 3 Tertiary')
const systemKeys = z.object({ items: z.array(serviceKey) })

export const systemKeyEndpoints = defineEndpoints({
  listSystemKeys: {
    method: 'GET',
    path: '/admin/system-keys',
    auth: 'administrator',
    group: 'system keys',
    summary: 'System keys in the order they are used',
    reply: systemKeys,
  },
  checkNewSystemKey: {
    method: 'POST',
    path: '/admin/system-keys/check',
    auth: 'administrator',
    group: 'system keys',
    summary: 'Prove a key at its service without storing it',
    body: secretToCheck,
    reply: keyCheck,
  },
  addSystemKey: {
    method: 'POST',
    path: '/admin/system-keys',
    auth: 'administrator',
    stepUp: true,
    group: 'system keys',
    status: 201,
    summary: 'Add a system key',
    body: newServiceKey.extend({ priority }),
    reply: serviceKey,
  },
  reorderSystemKeys: {
    method: 'POST',
    path: '/admin/system-keys/reorder',
    auth: 'administrator',
    group: 'system keys',
    summary: 'Set priorities and the order within them, for one service',
    body: z.object({
      serviceId: wire.serviceId,
      order: z
        .array(z.object({ id: wire.id, priority }))
        .min(1)
        .max(200),
    }),
    reply: systemKeys,
  },
  recheckSystemKey: {
    method: 'POST',
    path: '/admin/system-keys/:id/check',
    auth: 'administrator',
    group: 'system keys',
    summary: 'Prove a stored key again',
    params: wire.idParams,
    reply: serviceKey,
  },
  replaceSystemKey: {
    method: 'POST',
    path: '/admin/system-keys/:id/replace',
    auth: 'administrator',
    stepUp: true,
    group: 'system keys',
    summary: 'Put a new secret in the place of the old one',
    params: wire.idParams,
    body: replacement,
    reply: serviceKey,
  },
  changeSystemKey: {
    method: 'PATCH',
    path: '/admin/system-keys/:id',
    auth: 'administrator',
    stepUp: true,
    group: 'system keys',
    summary: 'Rename, change the priority, or change its settings, which proves it anew',
    params: wire.idParams,
    body: keyChange.extend({ priority: priority.optional() }),
    reply: serviceKey,
  },
  revokeSystemKey: {
    method: 'DELETE',
    path: '/admin/system-keys/:id',
    auth: 'administrator',
    stepUp: true,
    group: 'system keys',
    summary: 'Revoke a system key',
    params: wire.idParams,
    reply: wire.done,
  },

  listOrganizationKeys: {
    method: 'GET',
    path: '/admin/organizations/:organization/service-keys',
    auth: 'administrator',
    group: 'organizations',
    summary: 'Service keys of an organisation and, as status only, of its members',
    params: z.object({ organization: wire.id }),
    reply: z.object({ items: z.array(serviceKey.extend({ userId: wire.id.nullable() })) }),
  },
  addOrganizationKey: {
    method: 'POST',
    path: '/admin/organizations/:organization/service-keys',
    auth: 'administrator',
    stepUp: true,
    group: 'organizations',
    status: 201,
    summary: 'Add a key that all members use',
    params: z.object({ organization: wire.id }),
    body: newServiceKey,
    reply: serviceKey,
  },
  revokeOrganizationKey: {
    method: 'DELETE',
    path: '/admin/organizations/:organization/service-keys/:id',
    auth: 'administrator',
    stepUp: true,
    group: 'organizations',
    summary: 'Revoke a key of the organisation',
    params: z.object({ organization: wire.id, id: wire.id }),
    reply: wire.done,
  },
})
