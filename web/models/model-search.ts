import { z } from 'zod'
import { servedBy } from '../../src/contract/models.ts'
import { serviceId } from '../../src/contract/wire.ts'

/** What the address bar may say about the list of models; wrong values are dropped. */
export const modelSearch = z.object({
  q: z.string().trim().min(1).max(120).optional().catch(undefined),
  task: z.string().max(40).optional().catch(undefined),
  service: serviceId.optional().catch(undefined),
  servedBy: servedBy.optional().catch(undefined),
  /** Whose details are open. */
  model: z.string().max(256).optional().catch(undefined),
})
export type ModelSearch = z.output<typeof modelSearch>
