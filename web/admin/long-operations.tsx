import { Button, NativeSelect } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { getRouteApi, Link, useNavigate } from '@tanstack/react-router'
import { longOperationState } from '../../src/contract/long-operations.ts'
import type { Reply } from '../../src/contract/endpoints.ts'
import { usePages, useRead } from '../data/queries.ts'
import { readable } from '../data/words.ts'
import { taskColumns } from '../long-operations/task-columns.tsx'
import { type Column, DataTable } from '../ui/data-table.tsx'
import { useTimeZone } from '../ui/figures.tsx'
import { EmptyState, FaultNotice, Notice } from '../ui/notice.tsx'
import { Page, Panel } from '../ui/page.tsx'
import { TextLink } from '../ui/text-link.tsx'
import classes from './long-operations.module.css'
import { OrganizationSelect } from './organization-select.tsx'

const route = getRouteApi('/shell/admin/long-operations')

type Row = Reply<'listAllLongOperations'>['items'][number]

const columns: readonly Column<Row>[] = [
  ...taskColumns.slice(0, 1),
  { key: 'who', header: 'User', render: (row) => <UserLink id={row.userId} /> },
  ...taskColumns.slice(1),
  {
    key: 'receipt',
    header: '',
    align: 'end',
    render: (row) =>
      row.isOver && (
        <TextLink>
          <Link to="/admin/operations" search={{ operation: row.id, of: row.organizationId }}>
            Receipt
          </Link>
        </TextLink>
      ),
  },
]

/** While something is under way, how it stands is asked for every few seconds. */
const useTasks = (filters: Record<string, string | undefined>) => {
  const pages = usePages('listAllLongOperations', filters)
  const underWay = pages.data?.pages.some((page) => page.items.some((task) => !task.isOver)) ?? false
  useQuery({
    queryKey: ['listAllLongOperations', 'watch', filters],
    queryFn: async () => {
      await pages.refetch()
      return null
    },
    enabled: underWay,
    refetchInterval: 5_000,
    gcTime: 0,
  })
  return pages
}

/** Everybody’s tasks; those that were never seen to end are to be compared with the service’s own list. */
export const AllLongOperations = () => {
  const zone = useTimeZone()
  const { state, organization, user } = route.useSearch()
  const navigate = useNavigate({ from: '/admin/long-operations' })
  const pages = useTasks({ state, organization, user })
  const rows = pages.data?.pages.flatMap((page) => page.items) ?? []
  const isFiltered = Boolean(state ?? organization ?? user)
  return (
    <Page
      title="Long operations"
      description={`Of everybody, newest first: what its service goes on with after its reply. Times in ${zone}.`}
    >
      <Reconcile isShown={state === 'unresolved'} />
      <Panel flush>
        <search className={classes.filters} aria-label="Filter long operations">
          <NativeSelect
            aria-label="State"
            value={state ?? ''}
            data={[
              { value: '', label: 'Any state' },
              ...longOperationState.options.map((value) => ({ value, label: readable(value) })),
            ]}
            onChange={(event) =>
              void navigate({
                search: (now) => ({
                  ...now,
                  state: longOperationState.safeParse(event.currentTarget.value).data,
                }),
                replace: true,
              })
            }
          />
          <OrganizationSelect
            value={organization}
            onChange={(chosen) =>
              void navigate({ search: (now) => ({ ...now, organization: chosen }), replace: true })
            }
          />
          {isFiltered && (
            <Button
              variant="subtle"
              color="gray"
              onClick={() => void navigate({ search: {}, replace: true })}
            >
              Clear filters
            </Button>
          )}
        </search>
        {pages.error && !pages.data ? (
          <FaultNotice error={pages.error} onRetry={() => void pages.refetch()} />
        ) : pages.data && rows.length === 0 ? (
          <EmptyState title={isFiltered ? 'No long operation matches' : 'No long operations yet'}>
            {isFiltered
              ? 'Clear a filter to see more.'
              : 'Tasks such as images by Midjourney appear here until they end, and after.'}
          </EmptyState>
        ) : (
          <DataTable
            label="Long operations"
            rows={rows}
            rowKey={(row) => row.id}
            loading={pages.data ? undefined : 6}
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
              Show older
            </Button>
          </div>
        )}
      </Panel>
    </Page>
  )
}

/** What nobody was charged for though the service may have been at work. */
const Reconcile = (props: { isShown: boolean }) => {
  const unresolved = useRead('listAllLongOperations', { query: { state: 'unresolved', limit: 1 } })
  if (!props.isShown && (unresolved.data?.items.length ?? 0) === 0) return null
  return (
    <Notice tone={props.isShown ? 'info' : 'warning'} title="Some tasks were never seen to end">
      The service did not say in time how they ended, so nothing was charged and what was held was given back.
      Look their ids up at the service; what it did bill is the platform’s loss, or can be settled by hand.{' '}
      {!props.isShown && (
        <TextLink>
          <Link to="/admin/long-operations" search={{ state: 'unresolved' }}>
            Show them
          </Link>
        </TextLink>
      )}
    </Notice>
  )
}

/** The name behind the id; few users have tasks on one page, and each is asked for once. */
const UserLink = ({ id }: { id: string }) => {
  const users = useRead('listUsers', { query: { user: id } })
  return (
    <TextLink quiet>
      <Link to="/admin/users" search={{ user: id }}>
        {users.data?.items[0]?.email ?? 'User'}
      </Link>
    </TextLink>
  )
}
