import { Button } from '@mantine/core'
import { IconPlus } from '@tabler/icons-react'
import { getRouteApi, useNavigate } from '@tanstack/react-router'
import { useState } from 'react'
import type { AdminUser } from '../../src/contract/administration.ts'
import { usePages, useRead } from '../data/queries.ts'
import { TierName } from '../data/tier-name.tsx'
import { type Column, DataTable } from '../ui/data-table.tsx'
import { Ago, Credits } from '../ui/figures.tsx'
import { count, counted } from '../ui/format.ts'
import { Mark } from '../ui/mark.tsx'
import { EmptyState, FaultNotice } from '../ui/notice.tsx'
import { Page, Panel } from '../ui/page.tsx'
import { SearchField } from '../ui/search-field.tsx'
import { CreateUserDialog } from './create-user.tsx'
import { OrganizationSelect } from './organization-select.tsx'
import { limitsText } from '../limits/limit-words.ts'
import { UserDrawer } from './user-drawer.tsx'
import classes from './users.module.css'

const route = getRouteApi('/shell/admin/users')

const columns: readonly Column<AdminUser>[] = [
  {
    key: 'who',
    header: 'User',
    render: (row) => (
      <span className={classes.who}>
        <span className={classes.name}>{row.name}</span>
        <span className={classes.email}>{row.email}</span>
      </span>
    ),
  },
  { key: 'organization', header: 'Organisation', render: (row) => row.organizationName },
  {
    key: 'tier',
    header: 'Tier',
    render: (row) => (row.tierId === null ? '—' : <TierName id={row.tierId} />),
  },
  {
    key: 'state',
    header: 'State',
    render: (row) =>
      row.suspendedAt ? (
        <Mark tone="bad">Suspended</Mark>
      ) : row.deleteAt ? (
        <Mark tone="bad">To be deleted</Mark>
      ) : row.isPlatformAdministrator ? (
        <Mark tone="shared">Administrator</Mark>
      ) : (
        'Active'
      ),
  },
  { key: 'keys', header: 'Own keys', align: 'end', render: (row) => count(row.serviceKeyCount) },
  {
    key: 'available',
    header: 'Available',
    align: 'end',
    render: (row) => <Credits micros={row.availableMicros} aligned />,
  },
  { key: 'held', header: 'Held', align: 'end', render: (row) => <Credits micros={row.heldMicros} aligned /> },
  { key: 'limits', header: 'Rate limits', render: (row) => <UserLimitsCell user={row} /> },
  { key: 'last', header: 'Last operation', align: 'end', render: (row) => <Ago at={row.lastOperationAt} /> },
]

export const Users = () => {
  const { search, organization, user } = route.useSearch()
  const navigate = useNavigate({ from: '/admin/users' })
  const [creating, setCreating] = useState(false)
  const pages = usePages('listUsers', { search, organization })
  const rows = pages.data?.pages.flatMap((page) => page.items)
  const total = pages.data?.pages[0]?.total
  return (
    <Page
      title="Users"
      description={
        total === undefined ? 'Everybody who may sign in.' : `${counted(total, 'user')}, newest first.`
      }
      actions={
        <Button leftSection={<IconPlus size={16} />} onClick={() => setCreating(true)}>
          Create user
        </Button>
      }
    >
      <Panel flush>
        <search className={classes.filters} aria-label="Filter users">
          <SearchField
            label="Search users"
            placeholder="Name or e-mail"
            slash
            text={search ?? ''}
            onSearch={(text) =>
              void navigate({ search: (old) => ({ ...old, search: text || undefined }), replace: true })
            }
          />
          <OrganizationSelect
            value={organization}
            onChange={(next) =>
              void navigate({ search: (old) => ({ ...old, organization: next }), replace: true })
            }
          />
        </search>
        {pages.error && !rows ? (
          <FaultNotice error={pages.error} onRetry={() => void pages.refetch()} />
        ) : rows?.length === 0 ? (
          <EmptyState title="Nobody matches">Search by part of a name or e-mail address.</EmptyState>
        ) : (
          <DataTable
            label="Users"
            loading={rows ? undefined : 8}
            rows={rows ?? []}
            rowKey={(row) => row.id}
            openKey={user}
            onOpen={(row) => void navigate({ search: (old) => ({ ...old, user: row.id }) })}
            columns={columns}
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
      </Panel>
      <UserDrawer
        id={user}
        row={rows?.find((row) => row.id === user)}
        onClose={() => void navigate({ search: (old) => ({ ...old, user: undefined }), replace: true })}
      />
      {creating && <CreateUserDialog onClose={() => setCreating(false)} />}
    </Page>
  )
}

/** One reading for the whole list: few users are limited. */
const UserLimitsCell = ({ user }: { user: AdminUser }) => {
  const limits = useRead('listUserLimits', { query: {} })
  const text = limitsText(limits.data?.items.find((each) => each.id === user.id)?.limits)
  return text ?? <span className={classes.email}>None</span>
}
