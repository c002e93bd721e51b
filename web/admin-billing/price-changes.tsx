import { IconCircleCheck, IconCircleX, IconClock, IconPencil } from '@tabler/icons-react'
import { usePages } from '../data/queries.ts'
import type { PriceChange } from '../../src/contract/price-book.ts'
import type { Column } from '../ui/data-table.tsx'
import { Ago, Moment } from '../ui/figures.tsx'
import { counted } from '../ui/format.ts'
import { Mark } from '../ui/mark.tsx'
import { EmptyState } from '../ui/notice.tsx'
import { Panel } from '../ui/page.tsx'
import classes from './billing.module.css'
import { PagedTable } from './paged-table.tsx'
import { By } from './people.tsx'
import { editText } from './price-edit-words.ts'

const looks = {
  draft: { tone: 'quiet', icon: IconPencil, text: 'Draft' },
  waiting: { tone: 'credits', icon: IconClock, text: 'Waits for approval' },
  approved: { tone: 'own', icon: IconCircleCheck, text: 'Approved' },
  discarded: { tone: 'quiet', icon: IconCircleX, text: 'Discarded' },
  withdrawn: { tone: 'quiet', icon: IconCircleX, text: 'Withdrawn' },
} as const

export const ChangeMark = ({ status }: { status: PriceChange['status'] }) => {
  const { tone, icon, text } = looks[status]
  return (
    <Mark tone={tone} icon={icon} plain>
      {text}
    </Mark>
  )
}

const columns: readonly Column<PriceChange>[] = [
  {
    key: 'what',
    header: 'Change',
    render: (row) => (
      <span className={classes.who}>
        <span className={classes.strong}>{row.reason}</span>
        <span className={classes.quiet}>
          {row.edits[0] && editText(row.edits[0])}
          {row.edits.length > 1 && ` and ${counted(row.edits.length - 1, 'more', 'more')}`}
        </span>
      </span>
    ),
  },
  { key: 'status', header: 'State', render: (row) => <ChangeMark status={row.status} /> },
  {
    key: 'from',
    header: 'From',
    render: (row) => (row.effectiveAt === null ? 'When approved' : <Moment at={row.effectiveAt} />),
  },
  { key: 'by', header: 'By', render: (row) => <By by={row.createdBy} /> },
  { key: 'at', header: 'Made', align: 'end', render: (row) => <Ago at={row.createdAt} /> },
]

export const PriceChanges = (props: { openId: string | undefined; onOpen: (id: string) => void }) => {
  const pages = usePages('listPriceChanges', {})
  return (
    <Panel flush>
      <PagedTable
        pages={pages}
        label="Changes of prices"
        columns={columns}
        rowKey={(row) => row.id}
        openKey={props.openId}
        onOpen={(row) => props.onOpen(row.id)}
        empty={
          <EmptyState title="No changes yet">
            Make one: it is compared with what is in force before it is approved.
          </EmptyState>
        }
      />
    </Panel>
  )
}
