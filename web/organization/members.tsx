import { ActionIcon, Button, Menu, NativeSelect } from '@mantine/core'
import { IconDots, IconUserPlus } from '@tabler/icons-react'
import { getRouteApi, useNavigate } from '@tanstack/react-router'
import { useState } from 'react'
import type { Member } from '../../src/contract/members.ts'
import { may, mayChangeRole, type Role, roles } from '../../src/contract/permissions.ts'
import { usePages } from '../data/queries.ts'
import { useMe } from '../data/session.ts'
import { type Column, DataTable } from '../ui/data-table.tsx'
import { Ago } from '../ui/figures.tsx'
import { count, counted } from '../ui/format.ts'
import { Mark } from '../ui/mark.tsx'
import { EmptyState, FaultNotice } from '../ui/notice.tsx'
import { Page, Panel } from '../ui/page.tsx'
import { SearchField } from '../ui/search-field.tsx'
import { Invitations } from './invitations.tsx'
import { InviteDialog } from './invite-dialog.tsx'
import { type MemberAct, MemberDialog } from './member-dialogs.tsx'
import classes from './organization.module.css'
import { roleName } from './role-words.ts'
import { RolesPanel } from './roles-panel.tsx'

const route = getRouteApi('/shell/members')

/** Who works in the organisation; for those who may see that. */
export const Members = () => {
  const { organization, role } = useMe()
  const [inviting, setInviting] = useState(false)
  if (!may(role, 'members.read'))
    return (
      <Page title="Members">
        <EmptyState title="This is for those who run the organisation">
          Ask an owner or administrator of {organization.name} whom to turn to.
        </EmptyState>
      </Page>
    )
  return (
    <Page
      title="Members"
      description={`Who works in ${organization.name}, and as what.`}
      actions={
        may(role, 'members.manage') &&
        organization.kind === 'company' && (
          <Button leftSection={<IconUserPlus size={16} />} onClick={() => setInviting(true)}>
            Invite
          </Button>
        )
      }
    >
      <Invitations />
      <MemberList />
      <RolesPanel />
      {inviting && <InviteDialog onClose={() => setInviting(false)} />}
    </Page>
  )
}

const MemberList = () => {
  const { search, role, state } = route.useSearch()
  const navigate = useNavigate({ from: '/members' })
  const me = useMe()
  const [open, setOpen] = useState<{ member: Member; act: MemberAct } | null>(null)
  const pages = usePages('listMembers', { search, role, state })
  const rows = pages.data?.pages.flatMap((page) => page.items)
  const counts = pages.data?.pages[0]?.counts
  const manages = may(me.role, 'members.manage')
  return (
    <Panel
      flush
      title="Members"
      description={
        counts &&
        `${counted(counts.total, 'member')}${counts.suspended > 0 ? `, ${count(counts.suspended)} suspended` : ''}.`
      }
    >
      <search className={classes.filters} aria-label="Filter members">
        <SearchField
          label="Search members"
          placeholder="Name or e-mail"
          slash
          text={search ?? ''}
          onSearch={(text) =>
            void navigate({ search: (old) => ({ ...old, search: text || undefined }), replace: true })
          }
        />
        <NativeSelect
          aria-label="Role"
          value={role ?? ''}
          data={[
            { value: '', label: 'Every role' },
            ...roles.map((each) => ({
              value: each,
              label: counts ? `${roleName[each]} (${count(counts.roles[each] ?? 0)})` : roleName[each],
            })),
          ]}
          onChange={(event) => {
            const value = event.currentTarget.value as Role | ''
            void navigate({ search: (old) => ({ ...old, role: value || undefined }), replace: true })
          }}
        />
        <NativeSelect
          aria-label="State"
          value={state ?? ''}
          data={[
            { value: '', label: 'Any state' },
            { value: 'active', label: 'Active' },
            { value: 'suspended', label: 'Suspended' },
          ]}
          onChange={(event) => {
            const value = event.currentTarget.value as 'active' | 'suspended' | ''
            void navigate({ search: (old) => ({ ...old, state: value || undefined }), replace: true })
          }}
        />
      </search>
      {pages.error && !rows ? (
        <FaultNotice error={pages.error} onRetry={() => void pages.refetch()} />
      ) : rows?.length === 0 ? (
        <EmptyState title="Nobody matches">Search by part of a name or e-mail address.</EmptyState>
      ) : (
        <DataTable
          label="Members"
          loading={rows ? undefined : 5}
          rows={rows ?? []}
          rowKey={(row) => row.userId}
          columns={
            manages
              ? [
                  ...columns,
                  {
                    key: 'actions',
                    header: '',
                    align: 'end',
                    render: (row) =>
                      row.userId !== me.user.id &&
                      mayChangeRole(me.role, row.role) && (
                        <MemberMenu of={row} onAct={(act) => setOpen({ member: row, act })} />
                      ),
                  },
                ]
              : columns
          }
        />
      )}
      {pages.hasNextPage && (
        <div className={classes.more}>
          <Button
            variant="default"
            loading={pages.isFetchingNextPage}
            onClick={() => void pages.fetchNextPage()}
          >
            Show more
          </Button>
        </div>
      )}
      {open && <MemberDialog {...open} onClose={() => setOpen(null)} />}
    </Panel>
  )
}

const MemberMenu = ({ of, onAct }: { of: Member; onAct: (act: MemberAct) => void }) => (
  <Menu position="bottom-end">
    <Menu.Target>
      <ActionIcon variant="subtle" color="gray" aria-label={`Change ${of.name}`}>
        <IconDots size={16} />
      </ActionIcon>
    </Menu.Target>
    <Menu.Dropdown>
      <Menu.Item onClick={() => onAct('role')}>Change role</Menu.Item>
      {of.suspendedAt === null ? (
        <Menu.Item onClick={() => onAct('suspend')}>Suspend</Menu.Item>
      ) : (
        <Menu.Item onClick={() => onAct('restore')}>Restore</Menu.Item>
      )}
      {of.kind === 'person' && <Menu.Item onClick={() => onAct('reset')}>Reset second factors</Menu.Item>}
      <Menu.Divider />
      <Menu.Item color="red" onClick={() => onAct('remove')}>
        Remove
      </Menu.Item>
    </Menu.Dropdown>
  </Menu>
)

const sources: Readonly<Record<string, string>> = {
  invitation: 'by invitation',
  sso: 'by single sign-on',
  provisioning: 'by provisioning',
  self: 'made it',
}

const columns: readonly Column<Member>[] = [
  {
    key: 'who',
    header: 'Member',
    render: (row) => (
      <span className={classes.who}>
        <span className={classes.name}>{row.name}</span>
        <span className={classes.quiet}>
          {row.kind === 'service_account' ? 'Service account' : row.email}
        </span>
      </span>
    ),
  },
  { key: 'role', header: 'Role', render: (row) => roleName[row.role] },
  {
    key: 'state',
    header: 'State',
    render: (row) =>
      row.suspendedAt === null ? (
        'Active'
      ) : (
        <Mark tone="bad">
          Suspended <Ago at={row.suspendedAt} />
        </Mark>
      ),
  },
  {
    key: 'joined',
    header: 'Joined',
    render: (row) => (
      <span>
        <Ago at={row.joinedAt} /> <span className={classes.quiet}>{sources[row.source] ?? ''}</span>
      </span>
    ),
  },
  { key: 'keys', header: 'Own keys', align: 'end', render: (row) => count(row.serviceKeyCount) },
  { key: 'tokens', header: 'Access tokens', align: 'end', render: (row) => count(row.accessTokenCount) },
  { key: 'used', header: 'Last used', align: 'end', render: (row) => <Ago at={row.lastUsedAt} /> },
]
