import { Button } from '@mantine/core'
import type { ReactNode } from 'react'
import { type Column, DataTable } from '../ui/data-table.tsx'
import { FaultNotice } from '../ui/notice.tsx'
import classes from './billing.module.css'

interface Pages<Row> {
  readonly data: { readonly pages: readonly { readonly items: readonly Row[] }[] } | undefined
  readonly error: unknown
  readonly refetch: () => unknown
  readonly hasNextPage: boolean
  readonly isFetchingNextPage: boolean
  readonly fetchNextPage: () => unknown
}

export const rowsOf = <Row,>(pages: Pages<Row>): readonly Row[] | undefined =>
  pages.data?.pages.flatMap((page) => page.items)

/** A list that comes in pages: loading, failed, empty or there, and more of it at the end. */
export const PagedTable = <Row,>(props: {
  pages: Pages<Row>
  label: string
  columns: readonly Column<Row>[]
  rowKey: (row: Row) => string
  empty: ReactNode
  openKey?: string | undefined
  onOpen?: (row: Row) => void
  openLabel?: (row: Row) => string
  loading?: number
}) => {
  const { pages } = props
  const rows = rowsOf(pages)
  if (pages.error && !rows) return <FaultNotice error={pages.error} onRetry={() => void pages.refetch()} />
  if (rows?.length === 0) return props.empty
  return (
    <>
      <DataTable
        label={props.label}
        loading={rows ? undefined : (props.loading ?? 6)}
        rows={rows ?? []}
        rowKey={props.rowKey}
        columns={props.columns}
        openKey={props.openKey}
        {...(props.onOpen && { onOpen: props.onOpen })}
        {...(props.openLabel && { openLabel: props.openLabel })}
      />
      {pages.hasNextPage && (
        <div className={classes.more}>
          <Button
            variant="default"
            loading={pages.isFetchingNextPage}
            onClick={() => void pages.fetchNextPage()}
          >
            Show older
          </Button>
        </div>
      )}
    </>
  )
}
