import { Button } from '@mantine/core'
import { useState } from 'react'
import type { Invitation } from '../../src/contract/members.ts'
import { may, mayChangeRole } from '../../src/contract/permissions.ts'
import { useAct, useRead } from '../data/queries.ts'
import { useMe } from '../data/session.ts'
import { type Column, DataTable } from '../ui/data-table.tsx'
import { Ago } from '../ui/figures.tsx'
import { Mark } from '../ui/mark.tsx'
import { FaultNotice } from '../ui/notice.tsx'
import { Panel } from '../ui/page.tsx'
import { tellDone, tellFault } from '../ui/toast.tsx'
import { ShownInvitation } from './invite-dialog.tsx'
import classes from './organization.module.css'
import { roleName } from './role-words.ts'

interface Shown {
  readonly email: string
  readonly link: string
  readonly expiresAt: string
}

/** Those that nobody has answered; nothing at all while there are none. */
export const Invitations = () => {
  const invitations = useRead('listInvitations', {})
  const [shown, setShown] = useState<Shown | null>(null)
  const { role } = useMe()
  const rows = invitations.data?.items
  if (invitations.error && !rows)
    return <FaultNotice error={invitations.error} onRetry={() => void invitations.refetch()} />
  if (!rows || rows.length === 0) return null
  return (
    <Panel flush title="Open invitations" description="The link works once, for seven days.">
      <DataTable
        label="Open invitations"
        rows={rows}
        rowKey={(row) => row.id}
        columns={
          may(role, 'members.manage')
            ? [
                ...columns,
                {
                  key: 'actions',
                  header: '',
                  align: 'end',
                  render: (row) => mayChangeRole(role, row.role) && <Actions of={row} onShow={setShown} />,
                },
              ]
            : columns
        }
      />
      {shown && <ShownInvitation {...shown} onClose={() => setShown(null)} />}
    </Panel>
  )
}

const deliveries = {
  mailed: 'Mailed',
  shown: 'Link passed on',
  not_mailed: 'Not taken by the mail server',
} as const

const columns: readonly Column<Invitation>[] = [
  { key: 'email', header: 'To', render: (row) => <span className={classes.name}>{row.email}</span> },
  { key: 'role', header: 'Role', render: (row) => roleName[row.role] },
  { key: 'by', header: 'By', render: (row) => row.invitedBy ?? '—' },
  { key: 'sent', header: 'Sent', render: (row) => <Ago at={row.sentAt} /> },
  {
    key: 'state',
    header: 'State',
    render: (row) =>
      row.state === 'expired' ? (
        <Mark tone="bad">Expired</Mark>
      ) : row.delivery === 'not_mailed' ? (
        <Mark tone="bad">{deliveries.not_mailed}</Mark>
      ) : (
        deliveries[row.delivery]
      ),
  },
]

const Actions = ({ of, onShow }: { of: Invitation; onShow: (shown: Shown) => void }) => {
  const resend = useAct('resendInvitation', ['listInvitations'])
  const withdraw = useAct('withdrawInvitation', ['listInvitations'])
  const params = { id: of.id }
  return (
    <span className={classes.end}>
      <Button
        size="compact-sm"
        variant="default"
        loading={resend.isPending}
        onClick={() =>
          resend.mutate(
            { params },
            {
              onSuccess: ({ link, invitation }) =>
                link === null
                  ? tellDone(`Sent to ${of.email} again.`)
                  : onShow({ email: of.email, link, expiresAt: invitation.expiresAt }),
              onError: tellFault,
            },
          )
        }
      >
        Send again<span className="visually-hidden"> to {of.email}</span>
      </Button>
      <Button
        size="compact-sm"
        variant="default"
        loading={withdraw.isPending}
        onClick={() =>
          withdraw.mutate(
            { params },
            {
              onSuccess: () => tellDone(`The invitation for ${of.email} works no more.`),
              onError: tellFault,
            },
          )
        }
      >
        Withdraw<span className="visually-hidden"> the invitation for {of.email}</span>
      </Button>
    </span>
  )
}
