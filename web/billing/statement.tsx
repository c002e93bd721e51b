import { Button } from '@mantine/core'
import { useEffect, useRef } from 'react'
import { endpointOf, urlOf } from '../../src/contract/endpoints.ts'
import type { StatementLine } from '../../src/contract/statements.ts'
import { usePages } from '../data/queries.ts'
import { ServiceName } from '../data/service-name.tsx'
import { TimeSelect } from '../operations/time-select.tsx'
import { DataTable } from '../ui/data-table.tsx'
import { Moment, useNow } from '../ui/figures.tsx'
import { moment } from '../ui/format.ts'
import { EmptyState, FaultNotice } from '../ui/notice.tsx'
import { Panel } from '../ui/page.tsx'
import classes from './billing.module.css'
import type { StatementShow } from './billing-search.ts'
import { ExactAmount } from './exact-amount.tsx'
import { StatementDrawer } from './statement-drawer.tsx'
import { FilterChips } from '../ui/filter-chips.tsx'
import { StatementPending, StatementTotals } from './statement-totals.tsx'
import { categoriesOf, categoryName, chips, lineSubject } from './statement-words.ts'

export interface StatementFilters {
  readonly show: StatementShow | undefined
  readonly since: string | undefined
  readonly until: string | undefined
}

interface Opened {
  readonly line?: number | undefined
  readonly operation?: string | undefined
}

/** What somebody points at or has the focus in does not move away under their hand. */
const isBeingRead = (list: HTMLElement | null): boolean =>
  list !== null && (list.matches(':hover') || list.contains(document.activeElement))

/** Like a bank's: every change with the balance after it, newest first. */
export const Statement = (props: {
  filters: StatementFilters
  /** The newest transaction there is; undefined: not known yet. */
  lastNumber: number | undefined
  openLine: number | undefined
  openOperation: string | undefined
  onFilter: (filters: Partial<StatementFilters>) => void
  onOpen: (opened: Opened) => void
}) => {
  const { show, since, until } = props.filters
  const query = { since, until, categories: categoriesOf(show) }
  const statement = usePages('listStatement', query)
  const pages = statement.data?.pages
  const lines = pages?.flatMap((page) => page.items)
  const list = useRef<HTMLDivElement | null>(null)
  const shown = pages?.[0]?.closing.number
  const { lastNumber } = props
  const isBehind =
    until === undefined && shown !== undefined && lastNumber !== undefined && lastNumber > shown
  const comingTo = isBehind ? lastNumber : undefined
  const { refetch } = statement
  const isLong = (pages?.length ?? 0) > 1
  useEffect(() => {
    if (comingTo !== undefined && !isLong && !isBeingRead(list.current)) void refetch()
  }, [comingTo, isLong, refetch])
  const open = (line: StatementLine) =>
    props.onOpen(line.operationId === null ? { line: line.number } : { operation: line.operationId })
  return (
    <Panel
      flush
      title="Statement"
      description="Every change of your credits with the balance after it, newest first."
      actions={<Exports query={query} />}
    >
      <search className={classes.filters} aria-label="Filter the statement">
        <FilterChips
          label="Show lines by kind"
          chips={chips}
          chosen={show}
          onChoose={(chosen) => props.onFilter({ show: chosen })}
        />
        <TimeSelect label="Time" since={since} until={until} onChange={(times) => props.onFilter(times)} />
        {isBehind && (
          <Button size="compact-sm" onClick={() => void refetch()}>
            Show new lines
          </Button>
        )}
      </search>
      {statement.error && !lines && <FaultNotice error={statement.error} onRetry={() => void refetch()} />}
      <div ref={list}>
        {pages?.[0] && <StatementPending page={pages[0]} />}
        {statement.error && !lines ? null : lines?.length === 0 ? (
          <NoLines isFiltered={show !== undefined || since !== undefined || until !== undefined} />
        ) : (
          <Lines lines={lines} openId={props} onOpen={open} />
        )}
        {pages?.[0] && lines && lines.length > 0 && <StatementTotals query={query} page={pages[0]} />}
        {statement.hasNextPage && (
          <div className={classes.more}>
            <Button
              variant="default"
              loading={statement.isFetchingNextPage}
              onClick={() => void statement.fetchNextPage()}
            >
              Show older
            </Button>
          </div>
        )}
      </div>
      <StatementDrawer
        line={lines?.find(({ number }) => number === props.openLine)}
        onClose={() => props.onOpen({ line: undefined })}
      />
    </Panel>
  )
}

const NoLines = ({ isFiltered }: { isFiltered: boolean }) =>
  isFiltered ? (
    <EmptyState title="No line matches these filters">Choose another kind or time to see more.</EmptyState>
  ) : (
    <EmptyState title="Nothing yet">
      Allocations, purchases and charges appear here as they happen.
    </EmptyState>
  )

const Lines = (props: {
  lines: readonly StatementLine[] | undefined
  openId: { openLine: number | undefined; openOperation: string | undefined }
  onOpen: (line: StatementLine) => void
}) => {
  const now = useNow()
  const { openLine, openOperation } = props.openId
  const opened = props.lines?.find(
    (line) => line.number === openLine || (openOperation !== undefined && line.operationId === openOperation),
  )
  return (
    <DataTable
      label="Statement"
      loading={props.lines ? undefined : 8}
      rows={props.lines ?? []}
      rowKey={(line) => String(line.number)}
      openKey={opened && String(opened.number)}
      onOpen={props.onOpen}
      openLabel={(line) => `${moment(line.at, now)}, ${categoryName(line)}, line ${line.number}`}
      columns={[
        { key: 'at', header: 'Time', width: '150px', render: (line) => <Moment at={line.at} /> },
        { key: 'what', header: 'What', render: (line) => <What line={line} /> },
        {
          key: 'change',
          header: 'Change',
          align: 'end',
          render: (line) => <ExactAmount micros={line.changeMicros} signed />,
        },
        {
          key: 'balance',
          header: 'Balance',
          align: 'end',
          render: (line) => <ExactAmount micros={line.balanceMicros} />,
        },
      ]}
    />
  )
}

const What = ({ line }: { line: StatementLine }) => {
  const subject = lineSubject(line)
  return (
    <span className={classes.what}>
      {categoryName(line)}
      {subject && <span className={classes.quiet}> {subject}</span>}
      {line.operation?.serviceId && (
        <span className={classes.quiet}>
          {' '}
          <ServiceName id={line.operation.serviceId} />
        </span>
      )}
    </span>
  )
}

/** The same filters, all of their lines. */
const Exports = (props: { query: Record<string, string | undefined> }) => (
  <>
    {(['csv', 'json'] as const).map((format) => (
      <Button
        key={format}
        component="a"
        variant="default"
        size="compact-sm"
        href={urlOf(endpointOf('exportStatement'), { query: { ...props.query, format } })}
        download
      >
        {format.toUpperCase()}
        <span className="visually-hidden"> of this statement</span>
      </Button>
    ))}
  </>
)
