import { NativeSelect } from '@mantine/core'
import { useState } from 'react'
import type { ComparisonRow } from '../../src/contract/reconciliation.ts'
import { type Column, DataTable } from '../ui/data-table.tsx'
import { shortUsd, utcDay } from '../ui/format.ts'
import { Mark } from '../ui/mark.tsx'
import { EmptyState } from '../ui/notice.tsx'
import classes from './billing.module.css'
import { amountText, differenceText, explainedBy, metricNames } from './reconciliation-words.ts'

type Metrics = ComparisonRow['ours']

/** What the export says of, in a line: requests, tokens in and out, dollars. */
const inWords = (metrics: Metrics): string => {
  const parts = [
    ...(metrics.requests === null ? [] : [`${amountText(String(metrics.requests), 'count')} requests`]),
    ...(metrics.inputTokens === null ? [] : [`${amountText(String(metrics.inputTokens), 'count')} in`]),
    ...(metrics.outputTokens === null ? [] : [`${amountText(String(metrics.outputTokens), 'count')} out`]),
    ...(metrics.costNanoUsd === null ? [] : [shortUsd(metrics.costNanoUsd)]),
  ]
  return parts.length === 0 ? '—' : parts.join(', ')
}

const columns: readonly Column<ComparisonRow>[] = [
  {
    key: 'what',
    header: 'Day and model',
    render: (row) => (
      <span className={classes.who}>
        <span className={classes.strong}>{row.model || 'All models'}</span>
        <span className={classes.quiet}>{utcDay(row.day)}</span>
      </span>
    ),
  },
  { key: 'ours', header: 'Ours', render: (row) => inWords(row.ours) },
  { key: 'theirs', header: 'Theirs', render: (row) => inWords(row.theirs) },
  { key: 'difference', header: 'Ours − theirs', render: (row) => <Differences row={row} /> },
]

const Differences = ({ row }: { row: ComparisonRow }) => {
  if (row.differences.length === 0)
    return (
      <Mark tone="own" plain>
        Agrees
      </Mark>
    )
  return (
    <span className={classes.who}>
      {row.differences.map(({ metric, unit, difference, explainedBy: by }) => (
        <span key={metric} className={by === null ? classes.strong : classes.quiet}>
          {metricNames[metric]}: {differenceText(difference, unit)}
          {by === null ? '' : `, ${explainedBy[by]}`}
        </span>
      ))}
    </span>
  )
}

const isDifferent = (row: ComparisonRow): boolean => !row.isExplained

/** Day by day and model by model; the unexplained ones first of all. */
export const Comparison = ({ rows }: { rows: readonly ComparisonRow[] }) => {
  const different = rows.filter(isDifferent).length
  const [all, setAll] = useState(different === 0)
  const shown = all ? rows : rows.filter(isDifferent)
  return (
    <section className={classes.section} aria-label="Comparison">
      <NativeSelect
        aria-label="Which rows"
        value={all ? 'all' : 'different'}
        data={[
          { value: 'different', label: `Unexplained differences (${different})` },
          { value: 'all', label: `All days and models (${rows.length})` },
        ]}
        onChange={(event) => setAll(event.currentTarget.value === 'all')}
        maw={320}
      />
      <div className={classes.framed}>
        {shown.length === 0 ? (
          <EmptyState title={rows.length === 0 ? 'Nothing to compare' : 'No unexplained difference'}>
            {rows.length === 0
              ? 'The export has no day on which anything was used.'
              : 'Each day and model agrees, or is within the tolerance.'}
          </EmptyState>
        ) : (
          <DataTable
            label="Comparison"
            rows={shown}
            rowKey={(row) => `${row.day} ${row.model}`}
            columns={columns}
          />
        )}
      </div>
    </section>
  )
}
