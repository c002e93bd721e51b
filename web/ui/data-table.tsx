/* oxlint-disable jsx-a11y/no-redundant-roles, jsx-a11y/no-interactive-element-to-noninteractive-role --
   browsers drop the roles of table parts whose display is changed, as the cards of narrow screens do. */
import { Skeleton } from '@mantine/core'
import type { ReactNode } from 'react'
import classes from './data-table.module.css'

export interface Column<Row> {
  readonly key: string
  readonly header: string
  readonly render: (row: Row) => ReactNode
  /** Figures end at the right so that their digits line up. */
  readonly align?: 'end'
  readonly width?: string
  /** Left out where a row is shown as a card. */
  readonly tableOnly?: boolean
}

interface TableProps<Row> {
  readonly label: string
  readonly columns: readonly Column<Row>[]
  readonly rows: readonly Row[]
  readonly rowKey: (row: Row) => string
  /** The whole row opens its detail; the first cell holds the button that keyboards reach. */
  readonly onOpen?: (row: Row) => void
  readonly openLabel?: (row: Row) => string
  readonly openKey?: string | undefined
  /** Two or three short columns: stays a table on narrow screens too. */
  readonly compact?: boolean
  /** Numbers of skeleton rows, of the height that real rows have. */
  readonly loading?: number | undefined
}

/** A table; where its container is narrow, each row becomes a card with the headers as labels. */
export const DataTable = <Row,>(props: TableProps<Row>) => (
  <div className={classes.wrap} data-compact={props.compact || undefined}>
    <table
      className={classes.table}
      role="table"
      aria-label={props.label}
      aria-busy={props.loading !== undefined}
    >
      <thead role="rowgroup">
        <tr role="row">
          {props.columns.map((column) => (
            <th
              key={column.key}
              role="columnheader"
              scope="col"
              data-align={column.align}
              style={{ width: column.width }}
            >
              {column.header || <span className="visually-hidden">Actions</span>}
            </th>
          ))}
        </tr>
      </thead>
      <tbody role="rowgroup">
        {props.loading === undefined
          ? props.rows.map((row) => <BodyRow key={props.rowKey(row)} row={row} table={props} />)
          : Array.from({ length: props.loading }, (_, index) => <SkeletonRow key={index} table={props} />)}
      </tbody>
    </table>
  </div>
)

const BodyRow = <Row,>({ row, table }: { row: Row; table: TableProps<Row> }) => (
  <tr
    role="row"
    className={table.onOpen ? classes.openable : undefined}
    data-open={(table.openKey !== undefined && table.openKey === table.rowKey(row)) || undefined}
  >
    {table.columns.map((column, index) => (
      <td
        key={column.key}
        role="cell"
        data-label={column.header}
        data-align={column.align}
        data-table-only={column.tableOnly || undefined}
      >
        {index === 0 && table.onOpen ? (
          <button
            type="button"
            className={classes.open}
            aria-label={table.openLabel?.(row)}
            onClick={() => table.onOpen?.(row)}
          >
            {column.render(row)}
          </button>
        ) : (
          column.render(row)
        )}
      </td>
    ))}
  </tr>
)

const SkeletonRow = <Row,>({ table }: { table: TableProps<Row> }) => (
  <tr role="row">
    {table.columns.map((column) => (
      <td
        key={column.key}
        role="cell"
        data-label={column.header}
        data-align={column.align}
        data-table-only={column.tableOnly || undefined}
      >
        <Skeleton
          height={12}
          my={4}
          width={column.align ? 56 : '70%'}
          ml={column.align ? 'auto' : undefined}
        />
      </td>
    ))}
  </tr>
)
