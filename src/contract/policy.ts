import { z } from 'zod'
import { defineEndpoints } from './endpoint.ts'
import * as wire from './wire.ts'

/** Everything that a control policy decides. */
export const policyDocument = z.object({
  controlPolicy: wire.controlPolicy,
  criticalServices: z
    .array(wire.serviceId)
    .max(100)
    .readonly()
    .describe('Under hybrid control: services whose keys only IT manages'),
  systemKeysAllowed: z.boolean(),
  lockedFallback: wire.fallback.nullable().describe('Not null: every member has this fallback preference'),
  allowed: wire.allowedUses.nullable().describe('null: everything'),
})
export type PolicyDocument = z.infer<typeof policyDocument>

export const policyVersion = z.object({
  version: z.number().int().positive(),
  state: z.enum(['scheduled', 'in_force', 'superseded', 'cancelled']),
  document: policyDocument,
  reason: z.string().nullable(),
  restores: z.number().int().positive().nullable().describe('The version that this one brought back'),
  author: z.object({
    kind: z.string(),
    id: z.string().nullable(),
    email: z.string().nullable().describe('Where it is a user'),
  }),
  createdAt: wire.time,
  startsAt: wire.time,
  endedAt: wire.time.nullable(),
})
export type PolicyVersion = z.infer<typeof policyVersion>

export const ownKeyException = z.object({
  userId: wire.id,
  name: z.string(),
  email: z.string(),
  serviceId: wire.serviceId,
  reason: z.string(),
  grantedAt: wire.time,
  grantedBy: z.string().nullable().describe('E-mail address'),
  expiresAt: wire.time.nullable().describe('null: until somebody takes it back'),
})
export type OwnKeyException = z.infer<typeof ownKeyException>

const affectedKey = z.object({
  id: wire.id,
  userId: wire.id,
  email: z.string(),
  serviceId: wire.serviceId,
  label: z.string(),
})

export const policyPreview = z.object({
  since: wire.time.describe('Operations from here on were looked at'),
  operations: wire.count.describe('So many were made since then'),
  planned: wire.count.describe(
    'Of them so many were planned anew; the rarest kinds are left out when there are very many',
  ),
  keysSuspended: z.array(affectedKey),
  keysRestored: z.array(affectedKey),
  refused: z
    .array(
      z.object({
        userId: wire.id,
        email: z.string(),
        model: z.string().describe('As it was asked for'),
        operations: wire.count,
        message: z.string().describe('What the caller would be told'),
      }),
    )
    .describe('What is served now and would not be any more, by user and model'),
  uncovered: z
    .array(z.object({ userId: wire.id, email: z.string() }))
    .describe('Members of whose operations some are served now, and none would be'),
  servedAgain: wire.count.describe('Operations that are refused now and would be served'),
  moves: z.array(
    z.object({
      from: wire.keyOwner,
      to: wire.keyOwner,
      operations: wire.count,
    }),
  ),
  withoutCredits: z
    .array(z.object({ userId: wire.id, email: z.string() }))
    .describe(
      'Members of whose operations some would move to system keys, and who have no credits now: those operations are refused until they have',
    ),
  monthlyMicros: z.object({
    before: wire.micros.describe('What these operations take in credits under the policy in force'),
    after: wire.micros,
  }),
})
export type PolicyPreview = z.infer<typeof policyPreview>

const versionNumber = z.coerce.number<number | string>().int().min(1).max(1_000_000)
const organization = wire.id

const state = z.object({
  current: policyVersion,
  scheduled: z.array(policyVersion),
  exceptions: z
    .array(ownKeyException)
    .describe('Members who may have own keys of a service whatever the policy says of it'),
})
const reason = z.string().trim().min(1).max(500)
const basedOn = z
  .number()
  .int()
  .min(0)
  .describe('The version that was in force when this was decided; refused when it is another one now')
const newPolicy = z.object({
  document: policyDocument,
  reason,
  basedOn,
  startsAt: wire.time.nullable().default(null).describe('null: now'),
})
const again = z.object({ reason, basedOn })
const exceptionParams = z.object({ user: wire.id, service: wire.serviceId })
const newException = z.object({
  reason,
  expiresAt: wire.time.nullable().default(null).describe('null: until somebody takes it back'),
})

/** Of one's own organisation, for its owners and administrators; and of any, for platform administrators. */
export const policyEndpoints = defineEndpoints({
  readPolicy: {
    method: 'GET',
    path: '/organization/policy',
    auth: 'session',
    permission: 'policy.read',
    group: 'control policy',
    summary: 'The control policy in force, and what is scheduled',
    reply: state,
  },
  listPolicyVersions: {
    method: 'GET',
    path: '/organization/policy/versions',
    auth: 'session',
    permission: 'policy.read',
    group: 'control policy',
    summary: 'Every version, newest first',
    query: wire.pageQuery,
    reply: wire.page(policyVersion),
  },
  previewPolicy: {
    method: 'POST',
    path: '/organization/policy/preview',
    auth: 'session',
    permission: 'policy.change',
    group: 'control policy',
    summary: 'Who and what a policy would change, by the operations of the last 30 days; nothing is changed',
    body: policyDocument,
    reply: policyPreview,
  },
  savePolicy: {
    method: 'POST',
    path: '/organization/policy',
    auth: 'session',
    permission: 'policy.change',
    stepUp: true,
    group: 'control policy',
    status: 201,
    summary: 'A new version, in force on every process when this returns, or from a later time on',
    body: newPolicy,
    reply: policyVersion,
  },
  restorePolicy: {
    method: 'POST',
    path: '/organization/policy/versions/:version/restore',
    auth: 'session',
    permission: 'policy.change',
    stepUp: true,
    group: 'control policy',
    status: 201,
    summary: 'What an earlier version said, as a new version in force now',
    params: z.object({ version: versionNumber }),
    body: again,
    reply: policyVersion,
  },
  cancelPolicy: {
    method: 'POST',
    path: '/organization/policy/versions/:version/cancel',
    auth: 'session',
    permission: 'policy.change',
    stepUp: true,
    group: 'control policy',
    summary: 'A scheduled version does not start',
    params: z.object({ version: versionNumber }),
    reply: policyVersion,
  },
  grantOwnKeyException: {
    method: 'PUT',
    path: '/organization/policy/exceptions/:user/:service',
    auth: 'session',
    permission: 'policy.change',
    stepUp: true,
    group: 'control policy',
    summary: 'One member may have own keys of a service that the policy gives to the organisation alone',
    params: exceptionParams,
    body: newException,
    reply: state,
  },
  revokeOwnKeyException: {
    method: 'DELETE',
    path: '/organization/policy/exceptions/:user/:service',
    auth: 'session',
    permission: 'policy.change',
    stepUp: true,
    group: 'control policy',
    summary: 'The policy holds for this member again; their keys of the service are suspended',
    params: exceptionParams,
    reply: state,
  },

  readOrganizationPolicy: {
    method: 'GET',
    path: '/admin/organizations/:organization/policy',
    auth: 'administrator',
    group: 'control policy',
    summary: 'The control policy of an organisation, and what is scheduled',
    params: z.object({ organization }),
    reply: state,
  },
  listOrganizationPolicyVersions: {
    method: 'GET',
    path: '/admin/organizations/:organization/policy/versions',
    auth: 'administrator',
    group: 'control policy',
    summary: 'Every version of an organisation, newest first',
    params: z.object({ organization }),
    query: wire.pageQuery,
    reply: wire.page(policyVersion),
  },
  previewOrganizationPolicy: {
    method: 'POST',
    path: '/admin/organizations/:organization/policy/preview',
    auth: 'administrator',
    group: 'control policy',
    summary: 'Who and what a policy would change in an organisation; nothing is changed',
    params: z.object({ organization }),
    body: policyDocument,
    reply: policyPreview,
  },
  saveOrganizationPolicy: {
    method: 'POST',
    path: '/admin/organizations/:organization/policy',
    auth: 'administrator',
    stepUp: true,
    group: 'control policy',
    status: 201,
    summary: 'A new version for an organisation, now or from a later time on',
    params: z.object({ organization }),
    body: newPolicy,
    reply: policyVersion,
  },
  restoreOrganizationPolicy: {
    method: 'POST',
    path: '/admin/organizations/:organization/policy/versions/:version/restore',
    auth: 'administrator',
    stepUp: true,
    group: 'control policy',
    status: 201,
    summary: 'What an earlier version of an organisation said, as a new version in force now',
    params: z.object({ organization, version: versionNumber }),
    body: again,
    reply: policyVersion,
  },
  cancelOrganizationPolicy: {
    method: 'POST',
    path: '/admin/organizations/:organization/policy/versions/:version/cancel',
    auth: 'administrator',
    stepUp: true,
    group: 'control policy',
    summary: 'A scheduled version of an organisation does not start',
    params: z.object({ organization, version: versionNumber }),
    reply: policyVersion,
  },
})
