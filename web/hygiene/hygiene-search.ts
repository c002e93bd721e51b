import { z } from 'zod'
import { hygieneFinding } from '../../src/contract/key-hygiene.ts'

export const hygieneSearch = z.object({ finding: hygieneFinding.optional().catch(undefined) })
