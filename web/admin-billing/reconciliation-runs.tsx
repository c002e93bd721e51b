import { useNavigate } from '@tanstack/react-router'
import type { ReconciliationRun } from '../../src/contract/reconciliation.ts'
import { usePages } from '../data/queries.ts'
import type { Column } from '../ui/data-table.tsx'
import { Moment } from '../ui/figures.tsx'
import { count, duration } from '../ui/format.ts'
import { EmptyState } from '../ui/notice.tsx'
import { Panel } from '../ui/page.tsx'
import { PagedTable } from './paged-table.tsx'
import { By } from './people.tsx'
import { VerdictMark } from './run-proof.tsx'

const triggers = {
  daily: 'By itself',
  request: 'By an administrator',
  command: 'By the command line',
} as const

const columns: readonly Column<ReconciliationRun>[] = [
  { key: 'at', header: 'Run', render: (row) => <Moment at={row.requestedAt} /> },
  { key: 'verdict', header: 'Verdict', render: (row) => <VerdictMark ok={row.ok} state={row.state} /> },
  {
    key: 'unexplained',
    header: 'Unexplained',
    align: 'end',
    render: (row) => count(row.checks.reduce((sum, check) => sum + check.unexplained, 0)),
  },
  {
    key: 'took',
    header: 'Took',
    align: 'end',
    render: (row) =>
      row.startedAt && row.finishedAt
        ? duration(new Date(row.finishedAt).getTime() - new Date(row.startedAt).getTime())
        : '—',
  },
  {
    key: 'by',
    header: 'Asked for',
    render: (row) => (row.trigger === 'request' ? <By by={row.requestedBy} /> : triggers[row.trigger]),
  },
]

export const ReconciliationRuns = () => {
  const navigate = useNavigate({ from: '/admin/reconciliation' })
  const pages = usePages('listReconciliationRuns', {})
  return (
    <Panel flush>
      <PagedTable
        pages={pages}
        label="Runs"
        columns={columns}
        rowKey={(row) => row.id}
        onOpen={(row) => void navigate({ search: { run: row.id } })}
        empty={<EmptyState title="No runs yet">One comes each day by itself.</EmptyState>}
      />
    </Panel>
  )
}
