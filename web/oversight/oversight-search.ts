import { z } from 'zod'
import { chargeBackBy } from '../../src/contract/oversight.ts'
import { presets } from '../usage/period.ts'

const day = z.iso.date().optional().catch(undefined)

export const chargeBackSearch = z.object({
  period: z
    .enum(presets.map(({ value }) => value))
    .optional()
    .catch(undefined),
  from: day,
  to: day,
  by: chargeBackBy.optional().catch(undefined),
  /** As somebody typed it: an amount of money to be shared. */
  amount: z.string().max(20).optional().catch(undefined),
})
export type ChargeBackSearch = z.infer<typeof chargeBackSearch>
