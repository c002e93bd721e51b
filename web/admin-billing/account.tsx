import { Button } from '@mantine/core'
import { Link } from '@tanstack/react-router'
import { useState } from 'react'
import type { AccountGrant, AccountOnWire } from '../../src/contract/billing-administration.ts'
import { useRead } from '../data/queries.ts'
import { type Column, DataTable } from '../ui/data-table.tsx'
import { Ago, Credits, Moment } from '../ui/figures.tsx'
import { Block, EmptyState, Loaded, Notice } from '../ui/notice.tsx'
import { Panel, Stat, Stats } from '../ui/page.tsx'
import { AccountStatement } from './account-statement.tsx'
import { AdjustDialog, type Adjusted } from './adjust-dialog.tsx'
import { AccountAdjustments } from './adjustments.tsx'
import classes from './billing.module.css'
import { grantKinds } from './billing-words.ts'
import { By } from './people.tsx'
import type { Owner } from './subscription-drawer.tsx'

/** One account: its balance, every grant with what can be taken back, what it was charged, and what was adjusted. */
export const Account = ({ owner }: { owner: Owner }) => {
  const account = useRead('readAccount', { params: { ...owner } })
  const [adjusted, setAdjusted] = useState<Adjusted | null>(null)
  return (
    <Loaded of={account} skeleton={<Block height={420} />}>
      {(data) => (
        <>
          <Balance account={data} />
          {data.debtMicros !== '0' && (
            <Notice tone="warning" title="Credits are owed">
              Something cost more than was there, or spent credits were taken back. The next credits of any
              kind pay it first.
            </Notice>
          )}
          <div className={classes.buttons}>
            <Button onClick={() => setAdjusted({ kind: 'grant' })}>Give credits</Button>
            <Link to="/admin/subscriptions" search={{ user: owner.id, of: owner.organization }}>
              <Button component="span" variant="default" tabIndex={-1}>
                Subscription
              </Button>
            </Link>
            <Link to="/admin/payments" search={{ show: 'all', user: owner.id }}>
              <Button component="span" variant="default" tabIndex={-1}>
                Payments
              </Button>
            </Link>
          </div>
          <Grants account={data} onReverse={(grant) => setAdjusted({ kind: 'reverse_grant', grant })} />
          <AccountStatement
            owner={owner}
            onGiveBack={(charge) => setAdjusted({ kind: 'reverse_charge', charge })}
          />
          <AccountAdjustments accountId={data.accountId} />
          {adjusted && <AdjustDialog account={data} adjusted={adjusted} onClose={() => setAdjusted(null)} />}
        </>
      )}
    </Loaded>
  )
}

const Balance = ({ account }: { account: AccountOnWire }) => (
  <Stats>
    <Stat lead label="Available" value={<Credits micros={account.availableMicros} />} />
    <Stat label="Held" value={<Credits micros={account.heldMicros} />} note="For operations under way" />
    <Stat label="Owed" value={<Credits micros={account.debtMicros} />} />
  </Stats>
)

const Grants = (props: { account: AccountOnWire; onReverse: (grant: AccountGrant) => void }) => {
  const columns: readonly Column<AccountGrant>[] = [
    {
      key: 'kind',
      header: 'Grant',
      render: (row) => (
        <span className={classes.who}>
          <span className={classes.strong}>{grantKinds[row.kind]}</span>
          <span className={classes.quiet}>
            {row.reason === null ? 'By' : `${row.reason}, by`} <By by={row.createdBy} />
          </span>
        </span>
      ),
    },
    { key: 'given', header: 'Given', render: (row) => <Moment at={row.effectiveAt} /> },
    {
      key: 'expires',
      header: 'Expires',
      render: (row) => <Ago at={row.expiresAt} never="does not expire" />,
    },
    {
      key: 'amount',
      header: 'Amount',
      align: 'end',
      render: (row) => <Credits micros={row.amountMicros} aligned />,
    },
    {
      key: 'left',
      header: 'Left',
      align: 'end',
      render: (row) => <Credits micros={row.remainingMicros} aligned />,
    },
    {
      key: 'reverse',
      header: '',
      align: 'end',
      render: (row) =>
        BigInt(row.reversibleMicros) > 0n && (
          <Button size="compact-sm" variant="subtle" color="gray" onClick={() => props.onReverse(row)}>
            Take back<span className="visually-hidden"> {row.reason ?? grantKinds[row.kind]}</span>
          </Button>
        ),
    },
  ]
  return (
    <Panel flush title="Grants" description="Newest first; spent and expired ones too.">
      {props.account.grants.length === 0 ? (
        <EmptyState title="No grants">
          Allocations, purchases and what administrators give appear here.
        </EmptyState>
      ) : (
        <DataTable label="Grants" rows={props.account.grants} rowKey={(row) => row.id} columns={columns} />
      )}
    </Panel>
  )
}
