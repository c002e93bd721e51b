import type { BudgetViewOnWire } from '../../src/contract/budgets.ts'
import { useAct } from '../data/queries.ts'
import { tellDone, tellFault } from '../ui/toast.tsx'
import { EditBudget } from './edit-budget.tsx'

/** Wherever budgets that one may change are shown. */
export const budgetReads = [
  'listBudgets',
  'readBudget',
  'listOrganizationBudgets',
  'listMemberBudgets',
] as const

export const useBudgetArchive = () => {
  const archive = useAct('archiveBudget', budgetReads)
  const restore = useAct('restoreBudget', budgetReads)
  const bringBack = ({ id }: BudgetViewOnWire) => restore.mutateAsync({ params: { id } })
  return {
    archive: (budget: BudgetViewOnWire) =>
      archive.mutate(
        { params: { id: budget.id } },
        {
          onSuccess: () => tellDone(`“${budget.name}” is archived.`, () => bringBack(budget)),
          onError: tellFault,
        },
      ),
    restore: (budget: BudgetViewOnWire) =>
      void bringBack(budget).then(() => tellDone(`“${budget.name}” is in force again.`), tellFault),
  }
}

export const EditOwnBudget = (props: { budget: BudgetViewOnWire; onClose: () => void }) => {
  const save = useAct('changeBudget', budgetReads)
  return (
    <EditBudget
      budget={props.budget}
      busy={save.isPending}
      error={save.error}
      onSave={(body) =>
        save.mutate(
          { params: { id: props.budget.id }, body },
          {
            onSuccess: () => {
              tellDone(`“${body.name}” is saved.`)
              props.onClose()
            },
          },
        )
      }
      onClose={props.onClose}
    />
  )
}
