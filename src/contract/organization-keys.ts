import { z } from 'zod'
import { defineEndpoints } from './endpoint.ts'
import { importLimitBytes, imported, importPreview, importRequest, previewBody } from './key-hygiene.ts'
import { rateLimits } from './limits.ts'
import { keyChange, keyCheck, newServiceKey, replacement, secretToCheck, serviceKey } from './service-keys.ts'
import * as wire from './wire.ts'

/** What runs on a key of the organisation. */
export const keyUse = z.object({
  operations: wire.count,
  inputTokens: wire.count,
  outputTokens: wire.count,
  costNanoUsd: wire.nanoUsd.describe('As far as prices are known'),
})
export type KeyUse = z.infer<typeof keyUse>

export const organizationKeyLimits = z.object({
  key: rateLimits.describe('Of the key, over all members'),
  eachMember: rateLimits.describe('As much for every member; a full one goes on by their other routes'),
})
export type OrganizationKeyLimits = z.infer<typeof organizationKeyLimits>

const teamIds = z
  .array(wire.id)
  .min(1)
  .max(100)
  .nullable()
  .describe(
    'Teams it is kept for: it serves calls with their tokens, and calls of their members with a token of no team. null: every member',
  )
const forTeams = { teamIds: teamIds.default(null) }

export const organizationKey = serviceKey.extend({
  teams: z
    .array(z.object({ id: wire.id, name: z.string(), isArchived: z.boolean() }))
    .nullable()
    .describe('That it is kept for; null: it serves every member'),
  limits: organizationKeyLimits,
  memberCount: wire.count.describe('Members who used it in the last 30 days'),
  use: keyUse.describe('In the last 30 days'),
})
export type OrganizationKey = z.infer<typeof organizationKey>

export const keyUseOfMember = keyUse.extend({
  userId: wire.id,
  name: z.string(),
  email: z.string(),
  lastUsedAt: wire.time,
})
export type KeyUseOfMember = z.infer<typeof keyUseOfMember>

const memberKey = serviceKey.extend({ userId: wire.id, userName: z.string(), userEmail: z.string() })
export type MemberKey = z.infer<typeof memberKey>

const group = 'organization keys'

export const organizationKeyEndpoints = defineEndpoints({
  listOwnOrganizationKeys: {
    method: 'GET',
    path: '/organization/service-keys',
    auth: 'session',
    permission: 'organization_keys.read',
    group,
    summary: 'Keys that your organisation shares with its members, with their limits and what runs on them',
    reply: z.object({ items: z.array(organizationKey) }),
  },
  listMemberKeys: {
    method: 'GET',
    path: '/organization/member-keys',
    auth: 'session',
    permission: 'organization_keys.read',
    group,
    summary: 'Status of the keys that members have of their own',
    reply: z.object({ items: z.array(memberKey) }),
  },
  checkNewOwnOrganizationKey: {
    method: 'POST',
    path: '/organization/service-keys/check',
    auth: 'session',
    permission: 'organization_keys.manage',
    group,
    summary: 'Prove a key at its service without storing it',
    body: secretToCheck,
    reply: keyCheck,
  },
  addOwnOrganizationKey: {
    method: 'POST',
    path: '/organization/service-keys',
    auth: 'session',
    permission: 'organization_keys.manage',
    stepUp: true,
    group,
    status: 201,
    summary: 'Add a key that members of your organisation use; the next operation does',
    body: newServiceKey.extend(forTeams),
    reply: organizationKey,
  },
  previewOwnOrganizationKeyImport: {
    method: 'POST',
    path: '/organization/service-keys/import/preview',
    auth: 'session',
    permission: 'organization_keys.manage',
    group,
    summary: 'Read a .env or CSV text for keys to share. Stores and sends nothing',
    body: previewBody,
    bodyLimitBytes: importLimitBytes,
    reply: importPreview,
  },
  importOwnOrganizationKeys: {
    method: 'POST',
    path: '/organization/service-keys/import',
    auth: 'session',
    permission: 'organization_keys.manage',
    stepUp: true,
    group,
    summary: 'Share the chosen lines, each proven at the service chosen for it',
    body: importRequest.extend(forTeams),
    bodyLimitBytes: importLimitBytes,
    reply: imported,
  },
  recheckOwnOrganizationKey: {
    method: 'POST',
    path: '/organization/service-keys/:id/check',
    auth: 'session',
    permission: 'organization_keys.manage',
    group,
    summary: 'Prove a stored key again',
    params: wire.idParams,
    reply: organizationKey,
  },
  replaceOwnOrganizationKey: {
    method: 'POST',
    path: '/organization/service-keys/:id/replace',
    auth: 'session',
    permission: 'organization_keys.manage',
    stepUp: true,
    group,
    summary: 'Put a new secret in the place of the old one',
    params: wire.idParams,
    body: replacement,
    reply: organizationKey,
  },
  changeOwnOrganizationKey: {
    method: 'PATCH',
    path: '/organization/service-keys/:id',
    auth: 'session',
    permission: 'organization_keys.manage',
    stepUp: true,
    group,
    summary: 'Rename a key, or change its settings, which proves it anew',
    params: wire.idParams,
    body: keyChange,
    reply: organizationKey,
  },
  revokeOwnOrganizationKey: {
    method: 'DELETE',
    path: '/organization/service-keys/:id',
    auth: 'session',
    permission: 'organization_keys.manage',
    stepUp: true,
    group,
    summary: 'Revoke a key: no operation that starts after the reply uses it',
    params: wire.idParams,
    reply: wire.done,
  },
  setOwnOrganizationKeyLimits: {
    method: 'PUT',
    path: '/organization/service-keys/:id/limits',
    auth: 'session',
    permission: 'organization_keys.manage',
    group,
    summary: 'Limit a key, and what each member may use of it; in force when it has answered',
    params: wire.idParams,
    body: organizationKeyLimits,
    reply: organizationKey,
  },
  setOwnOrganizationKeyTeams: {
    method: 'PUT',
    path: '/organization/service-keys/:id/teams',
    auth: 'session',
    permission: 'organization_keys.manage',
    stepUp: true,
    group,
    summary: 'Keep a key for some teams, or for every member again; in force when it has answered',
    params: wire.idParams,
    body: z.object({ teamIds }),
    reply: organizationKey,
  },
  readOrganizationKeyUse: {
    method: 'GET',
    path: '/organization/service-keys/:id/use',
    auth: 'session',
    permission: 'organization_keys.read',
    group,
    summary: 'What each member used of a key',
    params: wire.idParams,
    query: z.object({ days: z.coerce.number().int().min(1).max(366).default(30) }),
    reply: z.object({ since: wire.time, items: z.array(keyUseOfMember).describe('The most used first') }),
  },
})
