import { z } from 'zod'
import { defineEndpoints } from './endpoint.ts'
import { policyDocument } from './policy.ts'
import { keyCheck, newServiceKey, secretToCheck } from './service-keys.ts'
import * as wire from './wire.ts'

export const requestKind = z
  .enum(['service', 'model', 'own_key', 'organization_key'])
  .describe(
    'service, model: that the policy allows it. own_key: to use an own key of a service whose keys the organisation manages. organization_key: a key of the organisation',
  )
export type RequestKind = z.infer<typeof requestKind>

export const requestState = z.enum(['open', 'approved', 'declined', 'withdrawn'])
export type RequestState = z.infer<typeof requestState>

const reason = z.string().trim().min(1, 'Say what you need it for.').max(500)
const model = z
  .string()
  .regex(/^[^\s*]{1,199}$/, 'must be the name of a model')
  .nullable()

export const accessRequest = z.object({
  id: wire.id,
  kind: requestKind,
  serviceId: wire.serviceId,
  model: z.string().nullable().describe('As the service writes it, where a model is asked for'),
  reason: z.string(),
  state: requestState,
  grantedBy: z
    .enum(['policy', 'key', 'exception', 'other'])
    .nullable()
    .describe(
      'What an approval was: a change of the policy, a shared key, an exception for whoever asked, or something else that somebody did',
    ),
  answer: z.string().nullable(),
  createdAt: wire.time,
  decidedAt: wire.time.nullable(),
})
export type AccessRequest = z.infer<typeof accessRequest>

const received = accessRequest.extend({
  user: z.object({ id: wire.id, email: z.string(), name: z.string() }),
  decidedBy: z.string().nullable().describe('E-mail address'),
  opening: policyDocument
    .nullable()
    .describe(
      'The policy in force with the least change that grants it; null: no change of the policy would',
    ),
  mayBeExcepted: z.boolean().describe('An exception for whoever asks would grant it'),
})
export type ReceivedRequest = z.infer<typeof received>

/** Members ask, those who run the organisation answer: each answer is a change that they could have made themselves. */
export const requestEndpoints = defineEndpoints({
  listDeciders: {
    method: 'GET',
    path: '/organization/deciders',
    auth: 'session',
    permission: 'own.read',
    group: 'access requests',
    summary: 'Whom to ask for access or a key',
    reply: z.object({ items: z.array(z.object({ name: z.string(), email: z.string() })) }),
  },
  listOwnRequests: {
    method: 'GET',
    path: '/requests',
    auth: 'session',
    permission: 'own.read',
    group: 'access requests',
    summary: 'What you have asked for, newest first',
    query: wire.pageQuery,
    reply: wire.page(accessRequest),
  },
  createRequest: {
    method: 'POST',
    path: '/requests',
    auth: 'session',
    permission: 'own.use',
    group: 'access requests',
    status: 201,
    summary: 'Ask for access to a service or model, or for a key; those who decide are told',
    body: z.object({ kind: requestKind, serviceId: wire.serviceId, model: model.default(null), reason }),
    reply: accessRequest,
  },
  withdrawRequest: {
    method: 'POST',
    path: '/requests/:id/withdraw',
    auth: 'session',
    permission: 'own.use',
    group: 'access requests',
    summary: 'You do not need it any more',
    params: wire.idParams,
    reply: accessRequest,
  },
  listRequests: {
    method: 'GET',
    path: '/organization/requests',
    auth: 'session',
    permission: 'requests.decide',
    group: 'access requests',
    summary: 'What members ask for, newest first, with the change of the policy that would grant it',
    query: wire.pageQuery.extend({ state: requestState.optional() }),
    reply: wire.page(received).extend({ current: policyDocument.describe('The policy in force') }),
  },
  checkRequestedKey: {
    method: 'POST',
    path: '/organization/requests/:id/check-key',
    auth: 'session',
    permission: 'organization_keys.manage',
    group: 'access requests',
    summary: 'Prove a key at the service that is asked for, without storing it',
    params: wire.idParams,
    body: secretToCheck.omit({ serviceId: true }),
    reply: keyCheck,
  },
  approveRequest: {
    method: 'POST',
    path: '/organization/requests/:id/approve',
    auth: 'session',
    permission: 'requests.decide',
    stepUp: true,
    group: 'access requests',
    summary:
      'Grant it, by the least change of the policy, by a key that is shared, by an exception for whoever asks, or by what you did elsewhere',
    params: wire.idParams,
    body: z.object({
      by: z.enum(['policy', 'key', 'exception', 'other']),
      key: newServiceKey
        .omit({ serviceId: true })
        .nullable()
        .default(null)
        .describe('With `key`: what every member may use from now on'),
      expiresAt: wire.time
        .nullable()
        .default(null)
        .describe('With `exception`: when it ends; null: when somebody takes it back'),
      answer: z.string().trim().max(500).nullable().default(null),
    }),
    reply: accessRequest,
  },
  declineRequest: {
    method: 'POST',
    path: '/organization/requests/:id/decline',
    auth: 'session',
    permission: 'requests.decide',
    group: 'access requests',
    summary: 'Not granted, and why',
    params: wire.idParams,
    body: z.object({ answer: z.string().trim().min(1, 'Say why.').max(500) }),
    reply: accessRequest,
  },
})
