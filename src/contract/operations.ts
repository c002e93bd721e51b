import { z } from 'zod'
import { ledgerEntry } from './credits.ts'
import { defineEndpoints } from './endpoint.ts'
import * as wire from './wire.ts'

export const operationStatus = z.enum(['succeeded', 'failed', 'refused', 'cancelled', 'interrupted'])
export type OperationStatus = z.infer<typeof operationStatus>

export const operation = z.object({
  id: wire.id,
  userId: wire.id,
  startedAt: wire.time,
  durationMs: z.number().int(),
  firstByteMs: z.number().int().nullable(),
  endpoint: z.string(),
  streamed: z.boolean(),
  status: operationStatus,
  httpStatus: z.number().int(),
  faultCode: z.string().nullable(),
  requestedModel: z.string().nullable(),
  serviceId: z.string().nullable(),
  model: z.string().nullable(),
  keyOwner: wire.keyOwner.nullable(),
  keyPriority: z.number().int().nullable(),
  reason: z.string().describe('Why this route'),
  attemptCount: wire.count,
  inputTokens: wire.count.describe('Uncached input, cache reads and cache writes together'),
  outputTokens: wire.count.describe('Reasoning included'),
  units: z
    .record(z.string(), wire.count)
    .nullable()
    .describe('What was used beside text tokens: images, seconds, characters, searches, …'),
  costNanoUsd: wire.nanoUsd.nullable().describe('null: no price is known'),
  creditMicros: wire.micros,
})
export type Operation = z.infer<typeof operation>

export const attempt = z.looseObject({
  serviceId: z.string().optional(),
  model: z.string().optional(),
  keyOwner: wire.keyOwner.optional(),
  serviceKeyId: z.string().optional(),
  keyPriority: z.number().nullable().optional(),
  outcome: z.string().optional(),
  httpStatus: z.number().nullable().optional(),
  durationMs: z.number().nullable().optional(),
  reason: z.string().nullable().optional(),
})

const decided = {
  serviceId: z.string(),
  model: z.string(),
  keyOwner: wire.keyOwner,
}

/** What the gateway had before it when it chose, as it was then. */
export const decision = z.object({
  fallback: wire.fallback.nullable().describe('The preference that held'),
  candidates: z
    .array(
      z.object({
        ...decided,
        serviceKeyId: z.string(),
        keyPriority: z.number().int().nullable(),
        via: z.enum(['pass_through', 'translation']),
        health: z.enum(['ok', 'half_open']),
        reason: z.string(),
      }),
    )
    .describe('In the order in which they were to be tried'),
  passedOver: z.array(
    z.object({
      ...decided,
      serviceKeyId: z.string().nullable(),
      why: z.string(),
      until: wire.time.nullable(),
    }),
  ),
  moreCandidates: wire.count.describe('Not kept with the record'),
  morePassedOver: wire.count,
})
export type Decision = z.infer<typeof decision>

/** How a cost was made: quantity × nanoUsd ÷ per. The lines add up to `costNanoUsd`. */
export const costLine = z.object({
  what: z.string().describe('A token class or a unit'),
  quantity: wire.count,
  nanoUsd: wire.nanoUsd.describe('The price of `per` of them'),
  per: z
    .string()
    .regex(/^\d{1,19}$/)
    .describe('A decimal integer in quotes'),
  costNanoUsd: wire.nanoUsd,
})
export type CostLine = z.infer<typeof costLine>

/** The whole receipt. The token classes are disjoint: their sum is what was used. */
export const receipt = operation.extend({
  accessTokenId: wire.id,
  serviceKeyId: wire.id.nullable(),
  attempts: z.array(attempt),
  decision: decision.nullable().describe('null: it ended before a route was found'),
  tokens: z.object({
    input: wire.count.describe('Uncached input'),
    cacheRead: wire.count,
    cacheWrite: wire.count,
    cacheWrite1h: wire.count,
    output: wire.count.describe('Without reasoning'),
    reasoning: wire.count,
  }),
  usageSource: z.enum(['reported', 'estimated', 'none']),
  costLines: z.array(costLine).describe('Empty where no price is known'),
  priceBookVersion: z.number().int().nullable(),
  heldMicros: wire.micros,
  ledgerEntries: z.array(ledgerEntry).describe('Empty for own-key operations'),
})
export type Receipt = z.infer<typeof receipt>

/** `none`: refused before any key was chosen. */
export const payer = z.enum([...wire.keyOwner.options, 'none'])
export type Payer = z.infer<typeof payer>

export const operationFilters = z.object({
  service: wire.serviceId.optional().describe('none: no service was chosen'),
  status: operationStatus.optional(),
  keyOwner: z
    .enum([...payer.options, 'own'])
    .optional()
    .describe('none: no key was used; own: the user’s or the organisation’s'),
  since: wire.time.optional(),
  until: wire.time.optional().describe('Started before'),
  endpoint: z
    .string()
    .regex(/^[a-z][a-z_]{0,59}$/, 'must be the name of an endpoint')
    .optional(),
  model: z.string().trim().min(1).max(120).optional().describe('Part of the model’s name, asked for or used'),
  usedModel: z
    .string()
    .min(1)
    .max(256)
    .optional()
    .describe('The whole name of the model used; none: no model'),
  accessToken: wire.id.optional(),
})

export type OperationFilters = z.infer<typeof operationFilters>

const totals = z.object({
  operations: wire.count,
  creditMicros: wire.micros,
  costNanoUsd: wire.nanoUsd,
  inputTokens: wire.count,
  outputTokens: wire.count,
})
export type Totals = z.infer<typeof totals>

export const operationPage = <Item extends z.ZodType>(item: Item) =>
  wire.page(item).extend({ totals: totals.describe('Of everything the filters match, not of this page') })

export const usage = z.object({
  since: wire.time,
  until: wire.time,
  timeZone: z.literal('UTC'),
  days: z.array(totals.extend({ day: z.iso.date(), keyOwner: wire.keyOwner.nullable() })),
  services: z.array(totals.extend({ serviceId: z.string().nullable(), keyOwner: wire.keyOwner.nullable() })),
  totals,
})
export type Usage = z.infer<typeof usage>

export const operationEndpoints = defineEndpoints({
  listOperations: {
    method: 'GET',
    path: '/operations',
    auth: 'session',
    permission: 'own.read',
    group: 'operations',
    summary: 'Your operations, newest first',
    query: wire.pageQuery.extend(operationFilters.shape),
    reply: operationPage(operation),
  },
  tailOperations: {
    method: 'GET',
    path: '/operations/newest',
    auth: 'session',
    permission: 'own.read',
    group: 'operations',
    summary: 'Your newest operations without totals: cheap enough to ask for every few seconds',
    query: wire.pageQuery.pick({ limit: true }).extend(operationFilters.shape),
    reply: z.object({ items: z.array(operation) }),
  },
  readOperation: {
    method: 'GET',
    path: '/operations/:id',
    auth: 'session_or_token',
    permission: 'own.read',
    group: 'operations',
    summary: 'The whole receipt of one operation',
    params: wire.idParams,
    reply: receipt,
  },
  readUsage: {
    method: 'GET',
    path: '/usage',
    auth: 'session',
    permission: 'own.read',
    group: 'operations',
    summary: 'Use by day and by service, each split by whose key paid',
    query: z.object({ days: z.coerce.number<number | string>().int().min(1).max(366).default(30) }),
    reply: usage,
  },
})
