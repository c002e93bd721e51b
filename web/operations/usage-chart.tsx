import { Link } from '@tanstack/react-router'
import type { Payer, Usage } from '../../src/contract/operations.ts'
import { DataTable } from '../ui/data-table.tsx'
import { Credits, Usd } from '../ui/figures.tsx'
import { count } from '../ui/format.ts'
import { EmptyState } from '../ui/notice.tsx'
import { StackedBars } from '../ui/stacked-bars.tsx'
import { TextLink } from '../ui/text-link.tsx'
import classes from './usage-chart.module.css'
import { type PayerTotals, usageBars, usageByPayer } from './usage-days.ts'

const payers: Record<Payer, { label: string; color: string }> = {
  user: { label: 'Own keys', color: 'var(--own-bar)' },
  organization: { label: 'Organisation’s keys', color: 'var(--shared-bar)' },
  system: { label: 'System keys (credits)', color: 'var(--credits-bar)' },
  none: { label: 'No key', color: 'var(--line-control)' },
}

/** Whose key paid: by day as bars, and over all days with links to the very operations. */
export const UsageChart = ({ usage }: { usage: Usage }) => {
  const totals = usageByPayer(usage)
  // The two that the product is about are always named; the others only when they occur.
  const shown = totals.filter(
    ({ payer, operations }) => payer === 'user' || payer === 'system' || operations > 0,
  )
  if (usage.totals.operations === 0)
    return (
      <EmptyState title="Nothing used in this time">The chart fills with your first operations.</EmptyState>
    )
  return (
    <div className={classes.usage}>
      <StackedBars
        label="Operations by day and by whose key paid"
        unit="operations"
        series={shown.map(({ payer }) => ({ key: payer, ...payers[payer] }))}
        bars={usageBars(usage)}
      />
      <div className={classes.table}>
        <DataTable
          label="Totals by whose key paid"
          compact
          rows={shown}
          rowKey={(row) => row.payer}
          columns={[
            { key: 'payer', header: 'Ran on', render: (row) => payers[row.payer].label },
            {
              key: 'operations',
              header: 'Operations',
              align: 'end',
              render: (row) => <RowsLink row={row} since={usage.since} />,
            },
            { key: 'cost', header: 'Cost', align: 'end', render: (row) => <Usd nanoUsd={row.costNanoUsd} /> },
            {
              key: 'credits',
              header: 'Credits',
              align: 'end',
              render: (row) => <Credits micros={row.creditMicros} aligned />,
            },
          ]}
        />
      </div>
    </div>
  )
}

const RowsLink = (props: { row: PayerTotals; since: string }) => {
  const { payer, operations } = props.row
  return (
    <TextLink quiet>
      <Link to="/operations" search={{ keyOwner: payer, since: props.since }}>
        {count(operations)}
      </Link>
    </TextLink>
  )
}
