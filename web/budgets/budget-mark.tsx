import { IconAlertTriangle, IconArchive, IconBell, IconCircleCheck, IconHandStop } from '@tabler/icons-react'
import type { BudgetViewOnWire } from '../../src/contract/budgets.ts'
import { Mark } from '../ui/mark.tsx'

/** Whether it stops calls, and how it stands. */
export const EnforcementMark = ({ budget }: { budget: Pick<BudgetViewOnWire, 'enforcement'> }) =>
  budget.enforcement === 'hard' ? (
    <Mark tone="quiet" icon={IconHandStop}>
      Hard
    </Mark>
  ) : (
    <Mark tone="quiet" icon={IconBell}>
      Soft
    </Mark>
  )

export const StateMark = ({ budget }: { budget: BudgetViewOnWire }) => {
  if (budget.archivedAt !== null)
    return (
      <Mark tone="quiet" icon={IconArchive}>
        Archived
      </Mark>
    )
  if (budget.status.state === 'ok')
    return (
      <Mark tone="own" icon={IconCircleCheck}>
        Within
      </Mark>
    )
  if (budget.status.state === 'warning')
    return (
      <Mark tone="credits" icon={IconAlertTriangle}>
        Nearly used
      </Mark>
    )
  return (
    <Mark tone="bad" icon={IconHandStop}>
      {budget.enforcement === 'hard' ? 'Refuses calls' : 'Passed'}
    </Mark>
  )
}
