import { Button } from '@mantine/core'
import type { UseInfiniteQueryResult } from '@tanstack/react-query'
import type { ReactNode } from 'react'
import type { Operation, Totals } from '../../src/contract/operations.ts'
import type { CallFault } from '../data/call.ts'
import type { Column } from '../ui/data-table.tsx'
import { Credits, Usd } from '../ui/figures.tsx'
import { count, counted } from '../ui/format.ts'
import { FaultNotice } from '../ui/notice.tsx'
import { OperationsTable } from './operations-table.tsx'
import classes from './operations.module.css'

interface OperationsPage<Row> {
  readonly items: readonly Row[]
  readonly totals: Totals
}

/** The filtered rows with their totals: of everything that matches, so figures elsewhere can link here. */
export const OperationsList = <Row extends Operation>(props: {
  pages: UseInfiniteQueryResult<{ pages: OperationsPage<Row>[] }, CallFault>
  openId: string | undefined
  onOpen: (id: string) => void
  more?: readonly Column<Row>[]
  leaveOut?: readonly string[]
  empty: ReactNode
}) => {
  const { data, error, fetchNextPage, hasNextPage, isFetchingNextPage, refetch } = props.pages
  if (error && !data) return <FaultNotice error={error} onRetry={() => void refetch()} />
  const rows = data?.pages.flatMap((page) => page.items) ?? []
  const totals = data?.pages[0]?.totals
  if (data && rows.length === 0) return props.empty
  return (
    <>
      <OperationsTable<Row>
        rows={rows}
        loading={data ? undefined : 10}
        openId={props.openId}
        onOpen={props.onOpen}
        {...(props.more && { more: props.more })}
        {...(props.leaveOut && { leaveOut: props.leaveOut })}
      />
      {totals && <TotalsLine totals={totals} shown={rows.length} />}
      {hasNextPage && (
        <div className={classes.more}>
          <Button variant="default" loading={isFetchingNextPage} onClick={() => void fetchNextPage()}>
            Show older
          </Button>
        </div>
      )}
    </>
  )
}

const TotalsLine = (props: { totals: Totals; shown: number }) => (
  <output className={classes.totals}>
    <span>
      <strong>{counted(props.totals.operations, 'operation')}</strong>
      {props.totals.operations > props.shown && ` (${count(props.shown)} shown)`}
    </span>
    <span>
      <strong>
        {count(props.totals.inputTokens)} / {count(props.totals.outputTokens)}
      </strong>{' '}
      tokens in / out
    </span>
    <span>
      <strong>
        <Usd nanoUsd={props.totals.costNanoUsd} />
      </strong>{' '}
      cost
    </span>
    <span>
      <strong>
        <Credits micros={props.totals.creditMicros} />
      </strong>{' '}
      credits charged
    </span>
  </output>
)
