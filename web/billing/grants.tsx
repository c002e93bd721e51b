import type { CreditGrant } from '../../src/contract/credits.ts'
import { DataTable } from '../ui/data-table.tsx'
import { Ago, Credits, Moment, useNow } from '../ui/figures.tsx'
import { count } from '../ui/format.ts'
import { EmptyState } from '../ui/notice.tsx'
import { Panel } from '../ui/page.tsx'
import classes from './billing.module.css'

const kinds = { allocation: 'Monthly allocation', purchase: 'Purchase', adjustment: 'Given' } as const

/** They come in the order in which they are spent. */
export const Grants = ({ grants }: { grants: readonly CreditGrant[] }) => (
  <Panel flush title="Grants" description="Spent from the top: what expires first is spent first.">
    {grants.length === 0 ? (
      <EmptyState title="No credits left">
        Your next allocation appears here once it is given, and so does whatever you buy.
      </EmptyState>
    ) : (
      <DataTable
        label="Grants"
        rows={grants.map((grant, index) => ({ ...grant, place: index + 1 }))}
        rowKey={(row) => row.id}
        columns={[
          {
            key: 'kind',
            header: 'What',
            render: (row) => (
              <span className={classes.what}>
                <span className={classes.place}>{count(row.place)}</span>
                {kinds[row.kind]}
                {row.reason && <span className={classes.quiet}> {row.reason}</span>}
              </span>
            ),
          },
          { key: 'given', header: 'Since', render: (row) => <Since at={row.effectiveAt} /> },
          {
            key: 'expires',
            header: 'Expires',
            render: (row) => <Ago at={row.expiresAt} never="does not expire" />,
          },
          {
            key: 'amount',
            header: 'Given',
            align: 'end',
            render: (row) => <Credits micros={row.amountMicros} aligned />,
          },
          {
            key: 'left',
            header: 'Left',
            align: 'end',
            render: (row) => <Left grant={row} />,
          },
        ]}
      />
    )}
  </Panel>
)

const Since = ({ at }: { at: string }) => {
  const now = useNow()
  return (
    <>
      {new Date(at) > now && 'from '}
      <Moment at={at} />
    </>
  )
}

const Left = ({ grant }: { grant: CreditGrant }) => {
  const amount = BigInt(grant.amountMicros)
  const share = amount === 0n ? 0 : Number((BigInt(grant.remainingMicros) * 100n) / amount)
  return (
    <span className={classes.left}>
      <span className={classes.meter} aria-hidden>
        <span style={{ width: `${share}%` }} />
      </span>
      <Credits micros={grant.remainingMicros} aligned />
    </span>
  )
}
