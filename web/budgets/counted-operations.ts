import type { BudgetViewOnWire } from '../../src/contract/budgets.ts'

/** The filters of the operations that a budget counts. */
export const countedOperations = (
  { measure, scope }: BudgetViewOnWire,
  time: { readonly since: string; readonly until: string },
) => ({
  since: time.since,
  until: time.until,
  keyOwner: measure === 'credits' ? ('system' as const) : ('own' as const),
  service: scope.serviceId ?? undefined,
  accessToken: scope.accessTokenId ?? undefined,
})

/** The current period so far. */
export const currentTime = ({ status }: BudgetViewOnWire) => ({
  since: status.periodStart,
  until: status.periodEnd,
})
