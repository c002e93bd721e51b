import { Button, Select } from '@mantine/core'
import { useState } from 'react'
import type { BreakGlassAccount } from '../../src/contract/session-policy.ts'
import { useAct, useRead } from '../data/queries.ts'
import { type Column, DataTable } from '../ui/data-table.tsx'
import { FormDialog } from '../ui/dialog.tsx'
import { Ago } from '../ui/figures.tsx'
import { EmptyState } from '../ui/notice.tsx'
import { Panel } from '../ui/page.tsx'
import { tellDone, tellFault } from '../ui/toast.tsx'
import classes from './security.module.css'

const most = 3

/** Accounts that get in when single sign-on does not work, and from any network. */
export const BreakGlass = (props: { accounts: readonly BreakGlassAccount[]; mayChange: boolean }) => {
  const [isAdding, setAdding] = useState(false)
  const canAdd = props.mayChange && props.accounts.length < most
  return (
    <Panel
      flush={props.accounts.length > 0}
      title="Break-glass accounts"
      description={`Get in by their own password and second factor when single sign-on is down, and from any network. At most ${most}; each is in the audit trail.`}
      actions={
        canAdd && (
          <Button size="compact-sm" variant="default" onClick={() => setAdding(true)}>
            Add
          </Button>
        )
      }
    >
      {props.accounts.length === 0 ? (
        <EmptyState title="None yet">
          Name one before you let people in by single sign-on only, or its outage locks everybody out.
        </EmptyState>
      ) : (
        <DataTable
          label="Break-glass accounts"
          rows={props.accounts}
          rowKey={(row) => row.userId}
          columns={props.mayChange ? [...columns, withdrawing] : columns}
        />
      )}
      {isAdding && <AddDialog onClose={() => setAdding(false)} accounts={props.accounts} />}
    </Panel>
  )
}

const columns: readonly Column<BreakGlassAccount>[] = [
  {
    key: 'who',
    header: 'Member',
    render: (row) => (
      <span className={classes.deviceWords}>
        <span>{row.name}</span>
        <span className={classes.quiet}>{row.email}</span>
      </span>
    ),
  },
  { key: 'since', header: 'Since', render: (row) => <Ago at={row.since} /> },
  {
    key: 'factor',
    header: 'Second factor',
    render: (row) => (row.hasSecondFactor ? 'Set up' : 'Removed since'),
  },
]

const Withdraw = ({ of }: { of: BreakGlassAccount }) => {
  const set = useAct('setBreakGlass', ['readSessionPolicy'])
  return (
    <Button
      size="compact-sm"
      variant="default"
      loading={set.isPending}
      onClick={() =>
        set.mutate(
          { params: { id: of.userId }, body: { enabled: false } },
          { onSuccess: () => tellDone(`${of.name} signs in as everybody else.`), onError: tellFault },
        )
      }
    >
      Withdraw<span className="visually-hidden"> from {of.name}</span>
    </Button>
  )
}

const withdrawing: Column<BreakGlassAccount> = {
  key: 'actions',
  header: '',
  align: 'end',
  render: (row) => <Withdraw of={row} />,
}

const AddDialog = (props: { accounts: readonly BreakGlassAccount[]; onClose: () => void }) => {
  const members = useRead('listMembers', { query: { limit: 200 } })
  const [userId, setUserId] = useState<string | null>(null)
  const set = useAct('setBreakGlass', ['readSessionPolicy'])
  const known = new Set(props.accounts.map((account) => account.userId))
  return (
    <FormDialog
      opened
      title="Add a break-glass account"
      submit="Add"
      busy={set.isPending}
      error={set.error ?? members.error}
      blocked={userId === null}
      onClose={props.onClose}
      onSubmit={() => {
        if (userId !== null)
          set.mutate({ params: { id: userId }, body: { enabled: true } }, { onSuccess: props.onClose })
      }}
    >
      <p>The member needs a password and a second factor of their own first.</p>
      <Select
        label="Member"
        searchable
        nothingFoundMessage="No such member"
        data={(members.data?.items ?? [])
          .filter((member) => !known.has(member.userId))
          .map((member) => ({ value: member.userId, label: `${member.name} · ${member.email}` }))}
        value={userId}
        onChange={setUserId}
      />
    </FormDialog>
  )
}
