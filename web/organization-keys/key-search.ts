import { z } from 'zod'
import { id } from '../../src/contract/wire.ts'

export const organizationKeySearch = z.object({ key: id.optional().catch(undefined) })
