import { z } from 'zod'
import { defineEndpoints } from './endpoint.ts'
import * as wire from './wire.ts'

/** The data plane's endpoints that a route can be explained for. */
export const explainableEndpoint = z.enum([
  'chat_completions',
  'responses',
  'messages',
  'count_tokens',
  'generate_content',
  'stream_generate_content',
  'gemini_count_tokens',
  'embeddings',
  'embed_content',
  'batch_embed_contents',
  'image_generations',
  'image_edits',
  'speech',
  'transcriptions',
  'translations',
  'moderations',
  'rerank',
])

const tokens = z.number().int().min(0).max(10_000_000)

export const explainRequest = z.object({
  endpoint: explainableEndpoint.default('chat_completions'),
  model: z.string().trim().min(1).max(256),
  fallback: wire.fallback.optional().describe('As a call’s header x-aideon-fallback'),
  inputTokens: tokens.optional(),
  outputTokens: tokens.optional(),
  conversation: z.string().min(1).max(200).optional().describe('As a call’s header x-aideon-conversation'),
  suppose: z
    .object({
      withOwnKeyAt: z.array(wire.serviceId).max(50).optional().describe('A usable key of yours there'),
      withoutOwnKeyAt: z.array(wire.serviceId).max(50).optional().describe('No key of yours there'),
      preference: wire.fallback.optional().describe('Your preference, for every service'),
      noCredits: z.boolean().optional(),
    })
    .default({})
    .describe('What if'),
})
export type ExplainRequest = z.input<typeof explainRequest>

export const explainedCandidate = z.object({
  serviceId: wire.serviceId,
  serviceName: z.string(),
  model: z.string().describe('As the service calls it'),
  via: z.enum(['pass_through', 'translation']),
  keyOwner: wire.keyOwner,
  keyLabel: z.string().nullable().describe('Of an own key'),
  keyPriority: z.number().int().nullable(),
  supposed: z.boolean().describe('The key is only supposed'),
  health: z.enum(['ok', 'half_open']),
  reason: z.string(),
  words: z.string(),
  creditMicros: wire.micros.nullable().describe('Estimated; 0 on own keys; null: no price'),
})
export type ExplainedCandidate = z.infer<typeof explainedCandidate>

export const explainedPassedOver = z.object({
  serviceId: wire.serviceId,
  serviceName: z.string(),
  model: z.string(),
  keyOwner: wire.keyOwner,
  keyLabel: z.string().nullable(),
  why: z.string(),
  words: z.string(),
  until: wire.time.nullable(),
})
export type ExplainedPassedOver = z.infer<typeof explainedPassedOver>

export const explanation = z.object({
  model: z.string(),
  endpoint: z.string(),
  kind: z
    .enum(['service_model', 'model', 'any_host', 'group', 'unknown'])
    .describe('any_host: an open model, asked for wherever it is offered'),
  fallback: wire.fallback.nullable().describe('The preference that holds for this call'),
  locked: z.boolean().describe('The organisation fixes the preference'),
  candidates: z.array(explainedCandidate).describe('In the order in which they would be tried'),
  passedOver: z.array(explainedPassedOver),
  refusal: z
    .object({
      code: z.string(),
      status: z.number().int(),
      message: z.string(),
      next: z.string(),
      retryAfterSeconds: z.number().int().nullable(),
    })
    .nullable()
    .describe('What the call would be answered with; null: it would be tried'),
  estimatedFor: z.object({ inputTokens: wire.count, outputTokens: wire.count }),
  availableMicros: wire.micros,
  validUntil: wire.time.nullable().describe('When time alone changes this; null: never'),
})
export type Explanation = z.infer<typeof explanation>

export const usableModel = z.object({
  model: z.string().describe('As a call asks for it'),
  task: z.string(),
  serviceId: wire.serviceId.describe('Where a call would go first'),
  serviceName: z.string(),
  serviceModel: z.string(),
  via: z.enum(['pass_through', 'translation']),
  keyOwner: wire.keyOwner,
  creditMicros: wire.micros.nullable().describe('Of a typical call; 0 on own keys; null: no price'),
})
export type UsableModel = z.infer<typeof usableModel>

export const explainEndpoints = defineEndpoints({
  listModels: {
    method: 'GET',
    path: '/models',
    auth: 'session',
    permission: 'own.read',
    group: 'models',
    summary: 'Models and groups that you could call now, and what each would run on',
    query: z.object({
      search: z.string().max(120).optional().describe('Part of the model’s or the service’s name'),
      task: z.string().max(40).optional(),
      keyOwner: wire.keyOwner.optional(),
      limit: z.coerce.number<number | string>().int().min(1).max(2_000).default(200),
    }),
    reply: z.object({ items: z.array(usableModel), total: wire.count }),
  },
  explainRoute: {
    method: 'POST',
    path: '/route/explain',
    auth: 'session_or_token',
    permission: 'own.read',
    group: 'models',
    summary: 'What a call would run on, and why; no call is made',
    body: explainRequest,
    reply: explanation,
  },
  explainRouteOfUser: {
    method: 'POST',
    path: '/admin/users/:id/route/explain',
    auth: 'administrator',
    group: 'models',
    summary: 'What a call of this user would run on, and why',
    params: wire.idParams,
    body: explainRequest,
    reply: explanation,
  },
})
