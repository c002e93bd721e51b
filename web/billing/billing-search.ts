import { z } from 'zod'
import { id, time } from '../../src/contract/wire.ts'

/** How a payer comes back from a provider's page. */
const comingBack = {
  payment: id.optional().catch(undefined),
  checkout: z.enum(['done', 'left']).optional().catch(undefined),
}

export const statementShows = ['usage', 'purchases', 'allocations', 'corrections', 'expiry'] as const
export type StatementShow = (typeof statementShows)[number]

export const creditsSearch = z.object({
  ...comingBack,
  buy: z.boolean().optional().catch(undefined),
  show: z.enum(statementShows).optional().catch(undefined),
  since: time.optional().catch(undefined),
  until: time.optional().catch(undefined),
  line: z.number().int().positive().optional().catch(undefined),
  operation: id.optional().catch(undefined),
})

export const subscriptionSearch = z.object({
  ...comingBack,
  to: z
    .string()
    .regex(/^[a-z][a-z0-9_-]{0,39}$/)
    .optional()
    .catch(undefined),
})

export const invoicesSearch = z.object({ ...comingBack, invoice: id.optional().catch(undefined) })
