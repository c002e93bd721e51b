import { Button, TextInput } from '@mantine/core'
import { Link } from '@tanstack/react-router'
import { useState } from 'react'
import type { AdjustmentOnWire } from '../../src/contract/billing-administration.ts'
import { useAct, usePages } from '../data/queries.ts'
import { useMe } from '../data/session.ts'
import type { Column } from '../ui/data-table.tsx'
import { FormDialog } from '../ui/dialog.tsx'
import { Ago, Credits, Moment } from '../ui/figures.tsx'
import { exactCredits } from '../ui/format.ts'
import { EmptyState } from '../ui/notice.tsx'
import { Panel } from '../ui/page.tsx'
import { TextLink } from '../ui/text-link.tsx'
import { tellDone } from '../ui/toast.tsx'
import { after } from './after.ts'
import classes from './billing.module.css'
import { adjustmentKinds } from './billing-words.ts'
import { AdjustmentMark } from './marks.tsx'
import { PagedTable, rowsOf } from './paged-table.tsx'
import { By } from './people.tsx'
import { adjustmentReads } from './reads.ts'

const columns: readonly Column<AdjustmentOnWire>[] = [
  {
    key: 'what',
    header: 'Adjustment',
    render: (row) => (
      <span className={classes.who}>
        <span className={classes.strong}>{adjustmentKinds[row.kind]}</span>
        <span className={classes.quiet}>
          {row.reason}
          {row.expiresAt && (
            <>
              {' '}
              (until <Moment at={row.expiresAt} />)
            </>
          )}
        </span>
      </span>
    ),
  },
  { key: 'subject', header: 'Of', render: (row) => <Subject adjustment={row} /> },
  {
    key: 'amount',
    header: 'Credits',
    align: 'end',
    render: (row) => (
      <Credits micros={row.kind === 'reverse_grant' ? `-${row.amountMicros}` : row.amountMicros} signed />
    ),
  },
  {
    key: 'by',
    header: 'By',
    render: (row) => (
      <span className={classes.who}>
        <span>
          <By by={row.requestedBy} />
        </span>
        {row.decidedBy !== null && row.decidedBy !== row.requestedBy && (
          <span className={classes.quiet}>
            and <By by={row.decidedBy} />
          </span>
        )}
      </span>
    ),
  },
  { key: 'status', header: 'State', render: (row) => <AdjustmentMark status={row.status} /> },
  { key: 'at', header: 'Asked for', align: 'end', render: (row) => <Ago at={row.createdAt} /> },
]

const Subject = ({ adjustment }: { adjustment: AdjustmentOnWire }) =>
  adjustment.kind === 'reverse_charge' ? (
    <TextLink quiet>
      <Link
        to="/admin/operations"
        search={{ operation: adjustment.subjectId, of: adjustment.organizationId }}
      >
        Operation <code>…{adjustment.subjectId.slice(-8)}</code>
      </Link>
    </TextLink>
  ) : (
    <span className={classes.quiet}>
      {adjustment.kind === 'grant' ? 'Account' : 'Grant'} <code>…{adjustment.subjectId.slice(-8)}</code>
    </span>
  )

/** What waits for a second administrator; nobody can agree with themselves. */
export const WaitingAdjustments = () => {
  const pages = usePages('listAdjustments', { waiting: 'true' })
  const rows = rowsOf(pages)
  // Mostly there are none, and nothing is lost by not saying so.
  if (rows === undefined || rows.length === 0) return null
  return (
    <Panel
      flush
      title="Wait for a second administrator"
      description="Nothing of these has happened. Whoever asked cannot approve."
    >
      <PagedTable
        pages={pages}
        label="Waiting adjustments"
        columns={[
          ...columns.filter(({ key }) => key !== 'status'),
          { key: 'decide', header: '', align: 'end', render: (row) => <Decide adjustment={row} /> },
        ]}
        rowKey={(row) => row.id}
        empty={null}
      />
    </Panel>
  )
}

const Decide = ({ adjustment }: { adjustment: AdjustmentOnWire }) => {
  const me = useMe()
  const [kind, setKind] = useState<'approve' | 'deny' | null>(null)
  const isOwn = adjustment.requestedBy === me.user.id
  return (
    <span className={classes.actions}>
      {isOwn ? (
        <span className={classes.quiet}>You asked: another one approves</span>
      ) : (
        <Button size="compact-sm" onClick={() => setKind('approve')}>
          Approve<span className="visually-hidden"> {adjustment.reason}</span>
        </Button>
      )}
      <Button size="compact-sm" variant="default" onClick={() => setKind('deny')}>
        {isOwn ? 'Withdraw' : 'Deny'}
        <span className="visually-hidden"> {adjustment.reason}</span>
      </Button>
      {kind && <DecideDialog kind={kind} adjustment={adjustment} onClose={() => setKind(null)} />}
    </span>
  )
}

const DecideDialog = (props: {
  kind: 'approve' | 'deny'
  adjustment: AdjustmentOnWire
  onClose: () => void
}) => {
  const { kind, adjustment } = props
  const approve = useAct('approveAdjustment', adjustmentReads)
  const deny = useAct('denyAdjustment', adjustmentReads)
  const [reason, setReason] = useState('')
  const act = kind === 'approve' ? approve : deny
  const amount = `${exactCredits(adjustment.amountMicros)} credits`
  const done = () => {
    tellDone(`${amount}: ${kind === 'approve' ? 'approved and done' : 'not done'}.`)
    props.onClose()
  }
  return (
    <FormDialog
      opened
      title={kind === 'approve' ? `Approve ${amount}?` : `Deny ${amount}?`}
      submit={kind === 'approve' ? 'Approve adjustment' : 'Deny adjustment'}
      danger={kind === 'deny'}
      busy={act.isPending}
      error={act.error}
      blocked={kind === 'deny' && reason.trim() === ''}
      onClose={props.onClose}
      onSubmit={() => {
        const params = { id: adjustment.id }
        if (kind === 'approve') after(approve.mutateAsync({ params }), done)
        else after(deny.mutateAsync({ params, body: { reason: reason.trim() } }), done)
      }}
    >
      <p className={classes.note}>
        <strong>{adjustmentKinds[adjustment.kind]}</strong>, asked for by <By by={adjustment.requestedBy} />:{' '}
        {adjustment.reason}
      </p>
      {kind === 'deny' && (
        <TextInput
          label="Reason"
          maxLength={300}
          value={reason}
          onChange={(event) => setReason(event.currentTarget.value)}
          data-autofocus
        />
      )}
    </FormDialog>
  )
}

/** The history of everybody’s. */
export const Adjustments = () => {
  const pages = usePages('listAdjustments', {})
  return (
    <Panel
      flush
      title="History"
      description="What administrators gave, took back and gave back, newest first."
    >
      <PagedTable
        pages={pages}
        label="Adjustments"
        columns={columns}
        rowKey={(row) => row.id}
        empty={
          <EmptyState title="No adjustments yet">
            Open an account to give credits, to take a grant back or to give a charge back.
          </EmptyState>
        }
      />
    </Panel>
  )
}

export const AccountAdjustments = ({ accountId }: { accountId: string }) => {
  const pages = usePages('listAdjustments', { account: accountId })
  return (
    <Panel flush title="Adjustments" description="Of this account, newest first.">
      <PagedTable
        pages={pages}
        label="Adjustments"
        columns={columns}
        rowKey={(row) => row.id}
        empty={<EmptyState title="No adjustments">Nothing of this account was corrected by hand.</EmptyState>}
      />
    </Panel>
  )
}
