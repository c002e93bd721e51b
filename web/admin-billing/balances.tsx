import { Button } from '@mantine/core'
import { getRouteApi, useNavigate } from '@tanstack/react-router'
import type { AdminUser } from '../../src/contract/administration.ts'
import { usePages } from '../data/queries.ts'
import type { Column } from '../ui/data-table.tsx'
import { Credits, useTimeZone } from '../ui/figures.tsx'
import { EmptyState } from '../ui/notice.tsx'
import { Page, Panel } from '../ui/page.tsx'
import { SearchField } from '../ui/search-field.tsx'
import { Account } from './account.tsx'
import { Adjustments, WaitingAdjustments } from './adjustments.tsx'
import classes from './billing.module.css'
import { PagedTable } from './paged-table.tsx'
import { PersonName } from './people.tsx'

const route = getRouteApi('/shell/admin/balances')

const columns: readonly Column<AdminUser>[] = [
  {
    key: 'who',
    header: 'User',
    render: (row) => (
      <span className={classes.who}>
        <span className={classes.strong}>{row.name}</span>
        <span className={classes.quiet}>{row.email}</span>
      </span>
    ),
  },
  { key: 'organization', header: 'Organisation', render: (row) => row.organizationName },
  {
    key: 'available',
    header: 'Available',
    align: 'end',
    render: (row) => <Credits micros={row.availableMicros} aligned />,
  },
  { key: 'held', header: 'Held', align: 'end', render: (row) => <Credits micros={row.heldMicros} aligned /> },
  { key: 'owed', header: 'Owed', align: 'end', render: (row) => <Credits micros={row.debtMicros} aligned /> },
]

/** Everybody’s credits, and what administrators changed about them. With a user chosen: that account. */
export const Balances = () => {
  const zone = useTimeZone()
  const { user, of } = route.useSearch()
  const navigate = useNavigate({ from: '/admin/balances' })
  if (user !== undefined && of !== undefined)
    return (
      <Page
        title="Balance"
        description={
          <>
            Credits of <PersonName id={user} />. Times in {zone}.
          </>
        }
        actions={
          <Button variant="default" onClick={() => void navigate({ search: {} })}>
            All balances
          </Button>
        }
      >
        <Account key={user} owner={{ organization: of, id: user }} />
      </Page>
    )
  return (
    <Page
      title="Balances and adjustments"
      description={`Nothing is ever changed in the ledger: what was wrong is reversed, with a reason. Times in ${zone}.`}
    >
      <WaitingAdjustments />
      <Accounts />
      <Adjustments />
    </Page>
  )
}

const Accounts = () => {
  const { search } = route.useSearch()
  const navigate = useNavigate({ from: '/admin/balances' })
  const pages = usePages('listUsers', { search, limit: 20 })
  return (
    <Panel flush title="Accounts">
      <search className={classes.filters} aria-label="Find an account">
        <SearchField
          label="Find an account"
          placeholder="Name or e-mail"
          slash
          text={search ?? ''}
          onSearch={(text) =>
            void navigate({ search: (now) => ({ ...now, search: text || undefined }), replace: true })
          }
        />
      </search>
      <PagedTable
        pages={pages}
        label="Accounts"
        columns={columns}
        rowKey={(row) => row.id}
        onOpen={(row) => void navigate({ search: { user: row.id, of: row.organizationId } })}
        empty={<EmptyState title="Nobody matches">Search by part of a name or e-mail address.</EmptyState>}
      />
    </Panel>
  )
}
