import { z } from 'zod'
import { id } from '../../src/contract/wire.ts'

export const rotationSearch = z.object({
  show: z.enum(['calendar', 'keys', 'credentials', 'history']).optional().catch(undefined),
  rotation: id.optional().catch(undefined),
  month: z
    .string()
    .regex(/^\d{4}-(?:0[1-9]|1[0-2])$/)
    .optional()
    .catch(undefined),
})
