import { z } from 'zod'
import { defineEndpoints } from './endpoint.ts'
import * as wire from './wire.ts'

export const groupId = z
  .string()
  .regex(/^[a-z0-9][a-z0-9-]{1,39}$/, 'must be 2 to 40 lower-case letters, digits and hyphens')

export const groupTask = z.enum([
  'chat',
  'embedding',
  'image',
  'speech',
  'transcription',
  'moderation',
  'rerank',
  'video',
])
export type GroupTask = z.infer<typeof groupTask>

const seconds = z.number().int().min(1).max(600).nullable()

const modelName = z
  .string()
  .trim()
  .min(1)
  .max(200)
  .describe('service/model, or a bare name: the model wherever it is offered')

export const modelGroup = z.object({
  id: groupId,
  label: wire.label,
  description: z.string().trim().max(400),
  task: groupTask,
  models: z.array(modelName).min(1).max(50).describe('In order of preference, best first'),
  attemptTimeoutSeconds: seconds
    .optional()
    .describe('An attempt that has not begun to answer by then is given up for the next one'),
  hedgeAfterSeconds: seconds
    .optional()
    .describe('The next candidate is started beside one that is silent for so long; the first answer counts'),
})
export type ModelGroup = z.infer<typeof modelGroup>

/** What a call for the group would run on first, as things stand. */
export const nextOffer = z.object({
  serviceId: wire.serviceId,
  serviceName: z.string(),
  model: z.string(),
  keyOwner: wire.keyOwner,
})

export const listedGroup = modelGroup.extend({
  model: z.string().describe('What a call asks for: group/<id>'),
  next: nextOffer.nullable().describe('What a call would run on first; null: nothing now'),
  nextNot: z.string().nullable().describe('Why nothing, and what would help'),
})
export type ListedGroup = z.infer<typeof listedGroup>

export const adminGroup = modelGroup.extend({
  task: z.string(),
  origin: z
    .enum(['shipped', 'changed', 'own', 'removed'])
    .describe('changed, removed: reset brings back what came with the product'),
  offers: z
    .array(
      z.object({
        model: z.string().describe('As the group lists it'),
        services: z.array(
          z.object({ serviceId: wire.serviceId, model: z.string(), translated: z.boolean() }),
        ),
      }),
    )
    .describe('Which enabled services offer each model at the task’s endpoint; empty: none does'),
})
export type AdminGroup = z.infer<typeof adminGroup>

const groupParams = z.object({ id: groupId })

export const groupEndpoints = defineEndpoints({
  listGroups: {
    method: 'GET',
    path: '/groups',
    auth: 'session',
    permission: 'own.read',
    group: 'models',
    summary: 'Model groups, and what a call of yours would run on',
    reply: z.object({ items: z.array(listedGroup) }),
  },
  listAdminGroups: {
    method: 'GET',
    path: '/admin/groups',
    auth: 'administrator',
    group: 'models',
    summary: 'Model groups with the offers that their models stand for',
    reply: z.object({ items: z.array(adminGroup) }),
  },
  createGroup: {
    method: 'POST',
    path: '/admin/groups',
    auth: 'administrator',
    group: 'models',
    status: 201,
    summary: 'Create a model group',
    body: modelGroup,
    reply: adminGroup,
  },
  changeGroup: {
    method: 'PATCH',
    path: '/admin/groups/:id',
    auth: 'administrator',
    group: 'models',
    summary: 'Change a model group; the next operation follows it',
    params: groupParams,
    body: modelGroup.omit({ id: true }).partial(),
    reply: adminGroup,
  },
  removeGroup: {
    method: 'DELETE',
    path: '/admin/groups/:id',
    auth: 'administrator',
    group: 'models',
    summary: 'Remove a model group',
    params: groupParams,
    reply: wire.done,
  },
  resetGroup: {
    method: 'POST',
    path: '/admin/groups/:id/reset',
    auth: 'administrator',
    group: 'models',
    summary: 'Bring a group back to what came with the product',
    params: groupParams,
    reply: adminGroup,
  },
})
