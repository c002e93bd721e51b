import { z } from 'zod'
import { defineEndpoints } from './endpoint.ts'
import * as wire from './wire.ts'

/** What a service charges, now: `nanoUsd` for each `per`. */
export const listedPrice = z.object({
  what: z.string().describe('A token class or a unit'),
  nanoUsd: wire.nanoUsd,
  per: z
    .string()
    .regex(/^\d{1,19}$/)
    .describe('A decimal integer in quotes'),
  fromInputTokens: wire.count.describe('Holds for the whole operation from so much input on'),
})
export type ListedPrice = z.infer<typeof listedPrice>

export const servedBy = z
  .enum(['own_key', 'organization_key', 'credits', 'not_available'])
  .describe('What a call of yours would run on first')
export type ServedBy = z.infer<typeof servedBy>

export const browsedModel = z.object({
  model: z.string().describe('As a call asks for it'),
  kind: z.enum(['group', 'model']),
  label: z.string().nullable().describe('Of a group'),
  description: z.string().nullable(),
  task: z.string(),
  endpoint: z.string().describe('Where this list supposes that it is asked for'),
  servedBy,
  serviceId: wire.serviceId.nullable().describe('Where a call would go first, or would if it could'),
  serviceName: z.string().nullable(),
  serviceModel: z.string().nullable(),
  translated: z.boolean(),
  why: z.string().nullable().describe('Why it is not available, and what would help'),
  contextTokens: wire.count.nullable(),
  prices: z.array(listedPrice).describe('At that service; empty: none is known'),
  creditMicros: wire.micros
    .nullable()
    .describe('Of a typical call; 0 on own keys; null: no price or no route'),
})
export type BrowsedModel = z.infer<typeof browsedModel>

export const modelEndpoints = defineEndpoints({
  browseModels: {
    method: 'GET',
    path: '/models/browse',
    auth: 'session',
    permission: 'own.read',
    group: 'models',
    summary: 'Every model and group known here, with prices, and how you are served',
    query: wire.pageQuery.extend({
      search: z.string().max(120).optional().describe('Parts of names, all of which must occur'),
      task: z.string().max(40).optional(),
      service: wire.serviceId.optional().describe('Where a call would go first'),
      servedBy: servedBy.optional(),
    }),
    reply: wire.page(browsedModel).extend({
      total: wire.count.describe('That all filters match'),
      counts: z
        .object({
          own_key: wire.count,
          organization_key: wire.count,
          credits: wire.count,
          not_available: wire.count,
        })
        .describe('That the other filters match, by how you are served'),
    }),
  },
})
