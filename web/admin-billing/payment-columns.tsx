import type { PaymentOnWire } from '../../src/contract/billing.ts'
import type { Column } from '../ui/data-table.tsx'
import { Ago, Credits } from '../ui/figures.tsx'
import { money } from '../ui/money.ts'
import classes from './billing.module.css'
import { purposes } from './billing-words.ts'
import { PaymentMark } from './marks.tsx'
import { Person } from './people.tsx'

export const paymentColumns: readonly Column<PaymentOnWire>[] = [
  {
    key: 'who',
    header: 'Payer',
    render: (row) => (
      <>
        <Person id={row.userId} />
        <span className="visually-hidden">
          , {row.description}, {money(row.amountMinor, row.currency)}
        </span>
      </>
    ),
  },
  {
    key: 'what',
    header: 'For',
    render: (row) => (
      <span className={classes.who}>
        <span>{row.description}</span>
        <span className={classes.quiet}>{purposes[row.purpose]}</span>
      </span>
    ),
  },
  {
    key: 'credits',
    header: 'Credits',
    align: 'end',
    render: (row) => (row.creditMicros === '0' ? '—' : <Credits micros={row.creditMicros} />),
  },
  {
    key: 'amount',
    header: 'Amount',
    align: 'end',
    render: (row) => (
      <span className={`figure ${classes.strong}`}>{money(row.amountMinor, row.currency)}</span>
    ),
  },
  { key: 'status', header: 'State', render: (row) => <PaymentMark payment={row} /> },
  { key: 'at', header: 'Asked for', align: 'end', render: (row) => <Ago at={row.createdAt} /> },
]
