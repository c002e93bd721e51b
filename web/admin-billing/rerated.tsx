import { Link } from '@tanstack/react-router'
import type { Reply } from '../../src/contract/endpoints.ts'
import type { ReratedOperation, ReratingTotals } from '../../src/contract/reratings.ts'
import { type Column, DataTable } from '../ui/data-table.tsx'
import { Credits, Moment } from '../ui/figures.tsx'
import { count } from '../ui/format.ts'
import { TextLink } from '../ui/text-link.tsx'
import classes from './billing.module.css'

type Account = Reply<'previewRerating'>['accounts'][number]

/** What it comes to, in a few lines. */
export const Totals = (props: { totals: ReratingTotals; chargesMore: boolean }) => {
  const { totals } = props
  return (
    <div className={`${classes.box} ${classes.sums}`}>
      <p className={classes.sum}>
        <span>Operations in the range</span>
        <span>{count(totals.operations)}</span>
      </p>
      <p className={classes.sum} data-total>
        <span>Given back, for {count(totals.refunds)}</span>
        <Credits micros={totals.refundMicros} />
      </p>
      <p className={classes.sum} data-total={props.chargesMore || undefined}>
        <span>
          {props.chargesMore ? 'Charged more' : 'Was charged too little, and is left so'}, for{' '}
          {count(totals.charges)}
        </span>
        <Credits micros={totals.chargeMicros} />
      </p>
      <p className={classes.sum}>
        <span>As it was</span>
        <span>{count(totals.unchanged)}</span>
      </p>
      {totals.notRated > 0 && (
        <p className={classes.sum}>
          <span>Without a price in that version: left alone</span>
          <span>{count(totals.notRated)}</span>
        </p>
      )}
    </div>
  )
}

const accountColumns: readonly Column<Account>[] = [
  {
    key: 'who',
    header: 'Account',
    render: (row) => (
      <TextLink quiet>
        <Link to="/admin/balances" search={{ user: row.userId, of: row.organizationId }}>
          {row.email ?? 'User'}
        </Link>
      </TextLink>
    ),
  },
  { key: 'operations', header: 'Operations', align: 'end', render: (row) => count(row.operations) },
  { key: 'old', header: 'Was', align: 'end', render: (row) => <Credits micros={row.oldMicros} aligned /> },
  { key: 'new', header: 'Is', align: 'end', render: (row) => <Credits micros={row.newMicros} aligned /> },
  {
    key: 'back',
    header: 'Given back',
    align: 'end',
    render: (row) => <Credits micros={row.refundMicros} aligned />,
  },
  {
    key: 'more',
    header: 'More',
    align: 'end',
    render: (row) => <Credits micros={row.chargeMicros} aligned />,
  },
]

export const ReratedAccounts = (props: { accounts: readonly Account[]; accountCount: number }) => (
  <section className={classes.section} aria-label="Accounts">
    <h3 className={classes.sectionTitle}>
      Accounts
      {props.accountCount > props.accounts.length &&
        `: the ${count(props.accounts.length)} with the largest differences of ${count(props.accountCount)}`}
    </h3>
    {props.accounts.length === 0 ? (
      <p className={classes.note}>The charge of nobody would change.</p>
    ) : (
      <div className={classes.framed}>
        <DataTable
          label="Accounts"
          rows={props.accounts}
          rowKey={(row) => row.accountId}
          columns={accountColumns}
        />
      </div>
    )}
  </section>
)

const states = { waiting: 'Waits', done: 'Done', changed: 'Left alone' } as const

export const operationColumns: readonly Column<ReratedOperation>[] = [
  {
    key: 'operation',
    header: 'Operation',
    render: (row) => (
      <TextLink quiet>
        <Link to="/admin/operations" search={{ operation: row.operationId, of: row.organizationId }}>
          <code>…{row.operationId.slice(-8)}</code>
        </Link>
      </TextLink>
    ),
  },
  { key: 'model', header: 'Model', render: (row) => `${row.serviceId}/${row.model}` },
  { key: 'at', header: 'Started', render: (row) => <Moment at={row.startedAt} /> },
  { key: 'old', header: 'Was', align: 'end', render: (row) => <Credits micros={row.oldMicros} aligned /> },
  { key: 'new', header: 'Is', align: 'end', render: (row) => <Credits micros={row.newMicros} aligned /> },
  { key: 'state', header: 'Entry', render: (row) => states[row.state] },
]
