import { Modal } from '@mantine/core'
import type { BudgetViewOnWire } from '../../src/contract/budgets.ts'
import { useRead } from '../data/queries.ts'
import { type Column, DataTable } from '../ui/data-table.tsx'
import { EmptyState, Lines, Loaded } from '../ui/notice.tsx'
import { StateMark } from './budget-mark.tsx'
import { amountWords, percentWords } from './budget-words.ts'

const columns: readonly Column<BudgetViewOnWire>[] = [
  { key: 'who', header: 'Member', render: ({ scope }) => scope.userName ?? 'Somebody who left' },
  {
    key: 'used',
    header: 'Used',
    align: 'end',
    render: ({ measure, status }) =>
      `${amountWords(measure, status.used)} (${percentWords(status.usedBasisPoints)})`,
  },
  {
    key: 'left',
    header: 'Left',
    align: 'end',
    render: ({ measure, status }) => amountWords(measure, status.remaining),
  },
  { key: 'state', header: 'State', render: (budget) => <StateMark budget={budget} /> },
]

/** Of one on each member: how every one of them stands. Of others: nothing more than the list says. */
export const MembersDialog = ({ budget, onClose }: { budget: BudgetViewOnWire; onClose: () => void }) => {
  const members = useRead('listMemberBudgets', { params: { id: budget.id } }, { enabled: budget.eachMember })
  return (
    <Modal opened size={760} title={`“${budget.name}”`} onClose={onClose}>
      {!budget.eachMember ? (
        <p>
          {amountWords(budget.measure, budget.status.used)} are used of{' '}
          {amountWords(budget.measure, budget.limit)}; {amountWords(budget.measure, budget.status.remaining)}{' '}
          are left.
        </p>
      ) : (
        <Loaded of={members} skeleton={<Lines count={4} />}>
          {({ items }) =>
            items.length === 0 ? (
              <EmptyState title="Nobody has called yet">
                A member stands here from their next call on. Each may use{' '}
                {amountWords(budget.measure, budget.limit)} a month.
              </EmptyState>
            ) : (
              <DataTable label="Members" rows={items} rowKey={(row) => row.id} columns={columns} />
            )
          }
        </Loaded>
      )}
    </Modal>
  )
}
