import { getRouteApi, useNavigate } from '@tanstack/react-router'
import type { Rerating } from '../../src/contract/reratings.ts'
import { usePages } from '../data/queries.ts'
import type { Column } from '../ui/data-table.tsx'
import { Ago, Credits } from '../ui/figures.tsx'
import { count, dayWithYear } from '../ui/format.ts'
import { EmptyState } from '../ui/notice.tsx'
import { Panel } from '../ui/page.tsx'
import classes from './billing.module.css'
import { PagedTable } from './paged-table.tsx'
import { By } from './people.tsx'
import { ReratingMark } from './rerating-mark.tsx'
import { ReratingDrawer } from './rerating-drawer.tsx'
import { RerateForm } from './rerate-form.tsx'

const route = getRouteApi('/shell/admin/price-book')

const columns: readonly Column<Rerating>[] = [
  {
    key: 'what',
    header: 'Re-rating',
    render: (row) => (
      <span className={classes.who}>
        <span className={classes.strong}>{row.reason}</span>
        <span className={classes.quiet}>
          {dayWithYear(row.scope.from)} until {dayWithYear(row.scope.until)}, by version {row.toVersion}
        </span>
      </span>
    ),
  },
  { key: 'status', header: 'State', render: (row) => <ReratingMark status={row.status} /> },
  { key: 'operations', header: 'Operations', align: 'end', render: (row) => count(row.totals.operations) },
  {
    key: 'refund',
    header: 'Given back',
    align: 'end',
    render: (row) => <Credits micros={row.totals.refundMicros} />,
  },
  {
    key: 'charge',
    header: 'Charged more',
    align: 'end',
    render: (row) => <Credits micros={row.chargesMore ? row.totals.chargeMicros : '0'} />,
  },
  { key: 'by', header: 'By', render: (row) => <By by={row.requestedBy} /> },
  { key: 'at', header: 'Asked for', align: 'end', render: (row) => <Ago at={row.createdAt} /> },
]

/** Past operations at other prices: what it would come to, then new entries; nothing that was written is changed. */
export const Reratings = () => {
  const { rerating } = route.useSearch()
  const navigate = useNavigate({ from: '/admin/price-book' })
  const pages = usePages('listReratings', {})
  const open = (id: string | undefined) =>
    void navigate({ search: (now) => ({ ...now, rerating: id }), replace: id === undefined })
  return (
    <>
      <RerateForm onRequested={open} />
      <Panel flush title="Re-ratings" description="Newest first.">
        <PagedTable
          pages={pages}
          label="Re-ratings"
          columns={columns}
          rowKey={(row) => row.id}
          openKey={rerating}
          onOpen={(row) => open(row.id)}
          loading={3}
          empty={
            <EmptyState title="Nothing was re-rated yet">
              When a price was wrong: correct it in the price book, then give back by the version that is
              right.
            </EmptyState>
          }
        />
      </Panel>
      <ReratingDrawer id={rerating} onClose={() => open(undefined)} />
    </>
  )
}
