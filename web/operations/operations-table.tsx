import type { Operation } from '../../src/contract/operations.ts'
import { ServiceName } from '../data/service-name.tsx'
import { type Column, DataTable } from '../ui/data-table.tsx'
import { Credits, Moment, Usd } from '../ui/figures.tsx'
import { count, duration } from '../ui/format.ts'
import { OperationMark, OwnerMark } from '../ui/mark.tsx'
import classes from './operations.module.css'

const columns: readonly Column<Operation>[] = [
  { key: 'at', header: 'Started', width: '150px', render: (row) => <Moment at={row.startedAt} /> },
  { key: 'status', header: 'Status', render: (row) => <OperationMark status={row.status} /> },
  { key: 'model', header: 'Model', render: (row) => <ModelName operation={row} /> },
  {
    key: 'owner',
    header: 'Ran on',
    render: (row) => <OwnerMark owner={row.keyOwner} priority={row.keyPriority} />,
  },
  {
    key: 'tokens',
    header: 'Tokens in / out',
    align: 'end',
    tableOnly: true,
    render: (row) => `${count(row.inputTokens)} / ${count(row.outputTokens)}`,
  },
  { key: 'time', header: 'Time', align: 'end', tableOnly: true, render: (row) => duration(row.durationMs) },
  { key: 'cost', header: 'Cost', align: 'end', render: (row) => <CostOf operation={row} /> },
  {
    key: 'credits',
    header: 'Credits',
    align: 'end',
    render: (row) => <Credits micros={row.creditMicros} aligned />,
  },
]

/** Nothing used costs nothing; only a used model can lack a price. */
const CostOf = ({ operation }: { operation: Operation }) =>
  operation.costNanoUsd === null && operation.inputTokens + operation.outputTokens === 0 ? (
    <>—</>
  ) : (
    <Usd nanoUsd={operation.costNanoUsd} />
  )

const ModelName = ({ operation }: { operation: Operation }) => (
  <span className={classes.model}>
    {operation.model ?? operation.requestedModel ?? <span className={classes.quiet}>none</span>}
    {operation.serviceId && (
      <span className={classes.quiet}>
        {' '}
        <ServiceName id={operation.serviceId} />
      </span>
    )}
  </span>
)

/** Operations newest first; a row opens its receipt. */
export const OperationsTable = <Row extends Operation>(props: {
  rows: readonly Row[]
  loading?: number | undefined
  openId?: string | undefined
  onOpen: (id: string) => void
  /** Columns between the time and the status, such as the user on the administrator's list. */
  more?: readonly Column<Row>[]
  leaveOut?: readonly string[]
}) => {
  const shown = columns.filter((column) => !props.leaveOut?.includes(column.key))
  return (
    <DataTable<Row>
      label="Operations"
      rows={props.rows}
      rowKey={(row) => row.id}
      loading={props.loading}
      openKey={props.openId}
      onOpen={(row) => props.onOpen(row.id)}
      columns={[...shown.slice(0, 1), ...(props.more ?? []), ...shown.slice(1)]}
    />
  )
}
