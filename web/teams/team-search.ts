import { z } from 'zod'

export const teamsSearch = z.object({ archived: z.literal(true).optional().catch(undefined) })
