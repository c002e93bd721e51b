import { z } from 'zod'
import { auditFilters } from '../../src/contract/audit.ts'
import { id } from '../../src/contract/wire.ts'

/** What the address bar may say; wrong values are dropped, never an error page. */
export const auditSearch = z.object({
  action: auditFilters.shape.action.catch(undefined),
  actor: auditFilters.shape.actor.catch(undefined),
  subject: auditFilters.shape.subject.catch(undefined),
  entry: id.optional().catch(undefined),
})
export type AuditSearch = z.infer<typeof auditSearch>

export const allAuditSearch = auditSearch.extend({ organization: id.optional().catch(undefined) })
