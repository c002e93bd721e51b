import { z } from 'zod'
import { budgetScopeKind } from '../../src/contract/budgets.ts'
import { id, serviceId } from '../../src/contract/wire.ts'

export const budgetSearch = z.object({
  budget: id.optional().catch(undefined),
  /** Whose budget is open: its id is unique within its organisation. */
  of: id.optional().catch(undefined),
  archived: z.literal(true).optional().catch(undefined),
  create: z.literal(true).optional().catch(undefined),
})
export const organizationBudgetSearch = budgetSearch
  .omit({ of: true })
  .extend({ kind: budgetScopeKind.optional().catch(undefined) })
export const allBudgetSearch = budgetSearch.extend({
  organization: id.optional().catch(undefined),
  user: id.optional().catch(undefined),
  service: serviceId.optional().catch(undefined),
  kind: budgetScopeKind.optional().catch(undefined),
})
