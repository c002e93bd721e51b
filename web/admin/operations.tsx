import { getRouteApi, Link, useNavigate } from '@tanstack/react-router'
import type { AdminOperation } from '../../src/contract/administration.ts'
import { usePages } from '../data/queries.ts'
import { FilterBar, filtersOf } from '../operations/filters.tsx'
import { OperationsList } from '../operations/operations-list.tsx'
import { ReceiptDrawer } from '../operations/receipt.tsx'
import type { Column } from '../ui/data-table.tsx'
import { useTimeZone } from '../ui/figures.tsx'
import { EmptyState } from '../ui/notice.tsx'
import { Page, Panel } from '../ui/page.tsx'
import { TextLink } from '../ui/text-link.tsx'
import { OrganizationSelect } from './organization-select.tsx'

const route = getRouteApi('/shell/admin/operations')

const who: Column<AdminOperation> = {
  key: 'who',
  header: 'User',
  render: (row) => (
    <TextLink quiet>
      <Link to="/admin/users" search={{ search: row.userEmail }} title={row.organizationName}>
        {row.userEmail}
      </Link>
    </TextLink>
  ),
}

export const AllOperations = () => {
  const zone = useTimeZone()
  const search = route.useSearch()
  const { operation, of, organization, user } = search
  const filters = filtersOf(search)
  const navigate = useNavigate({ from: '/admin/operations' })
  const pages = usePages('listAllOperations', { ...filters, organization, user })
  const rows = pages.data?.pages.flatMap((page) => page.items) ?? []
  const open = (id: string) => {
    const owner = rows.find((row) => row.id === id)?.organizationId
    void navigate({ search: (now) => ({ ...now, operation: id, of: owner }) })
  }
  return (
    <Page title="Operations" description={`Of everybody, newest first. Times in ${zone}.`}>
      <Panel flush>
        <FilterBar
          filters={filters}
          anyMore={Boolean(organization ?? user)}
          onChange={(changed) => void navigate({ search: (now) => ({ ...now, ...changed }), replace: true })}
          onClear={() => void navigate({ search: {}, replace: true })}
          more={
            <OrganizationSelect
              value={organization}
              onChange={(chosen) =>
                void navigate({ search: (now) => ({ ...now, organization: chosen }), replace: true })
              }
            />
          }
        />
        <OperationsList
          pages={pages}
          openId={operation}
          onOpen={open}
          more={[who]}
          leaveOut={['time']}
          empty={
            <EmptyState title="No operation matches">Clear a filter, or wait for the first call.</EmptyState>
          }
        />
      </Panel>
      <ReceiptDrawer
        id={operation}
        organizationId={of}
        onClose={() =>
          void navigate({
            search: (now) => ({ ...now, operation: undefined, of: undefined }),
            replace: true,
          })
        }
      />
    </Page>
  )
}
