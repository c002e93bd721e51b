import { Button } from '@mantine/core'
import { getRouteApi, Link, useNavigate } from '@tanstack/react-router'
import type { LongOperation } from '../../src/contract/long-operations.ts'
import { useQuery } from '@tanstack/react-query'
import { useAct, usePages } from '../data/queries.ts'
import { type Column, DataTable } from '../ui/data-table.tsx'
import { useTimeZone } from '../ui/figures.tsx'
import { FilterChips } from '../ui/filter-chips.tsx'
import { EmptyState, FaultNotice } from '../ui/notice.tsx'
import { Page, Panel } from '../ui/page.tsx'
import { TextLink } from '../ui/text-link.tsx'
import { tellDone, tellFault } from '../ui/toast.tsx'
import { Deliveries } from './deliveries.tsx'
import classes from './long-operations.module.css'
import { taskColumns } from './task-columns.tsx'
import { WebhookSecret } from './webhook-secret.tsx'

const route = getRouteApi('/shell/long-operations')

export const LongOperations = () => {
  const zone = useTimeZone()
  return (
    <Page
      title="Long operations"
      description={`Tasks that their service goes on with after its reply, such as images by Midjourney. Credits are held until the end and given back if it fails. Times in ${zone}.`}
    >
      <Tasks />
      <WebhookSecret />
      <Deliveries />
    </Page>
  )
}

/** While something is under way, how it stands is asked for every few seconds. */
const useTasks = (open: 'true' | 'false' | undefined) => {
  const pages = usePages('listLongOperations', { open })
  const underWay = pages.data?.pages.some((page) => page.items.some((task) => !task.isOver)) ?? false
  useQuery({
    queryKey: ['listLongOperations', 'watch', open],
    queryFn: async () => {
      await pages.refetch()
      return null
    },
    enabled: underWay,
    refetchInterval: 4_000,
    gcTime: 0,
  })
  return pages
}

const Tasks = () => {
  const { show } = route.useSearch()
  const open = show && (show === 'open' ? 'true' : 'false')
  const navigate = useNavigate({ from: '/long-operations' })
  const pages = useTasks(open)
  const rows = pages.data?.pages.flatMap((page) => page.items) ?? []
  return (
    <Panel flush>
      <div className={classes.filters}>
        <FilterChips
          label="Show tasks"
          chips={[
            { value: 'open', label: 'Under way' },
            { value: 'over', label: 'Over' },
          ]}
          chosen={show}
          onChoose={(chosen) => void navigate({ search: { show: chosen }, replace: true })}
        />
      </div>
      {pages.error && !pages.data ? (
        <FaultNotice error={pages.error} onRetry={() => void pages.refetch()} />
      ) : pages.data && rows.length === 0 ? (
        <None open={open} />
      ) : (
        <DataTable
          label="Long operations"
          rows={rows}
          rowKey={(row) => row.id}
          loading={pages.data ? undefined : 4}
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
  )
}

const None = ({ open }: { open: string | undefined }) =>
  open === 'true' ? (
    <EmptyState title="Nothing is under way">What you submit appears here until it ends.</EmptyState>
  ) : (
    <EmptyState
      title="No long operations yet"
      action={
        <TextLink>
          <Link to="/services" search={{ q: 'Midjourney' }}>
            Midjourney in your services
          </Link>
        </TextLink>
      }
    >
      Submit a task at /mj/submit/imagine with an access token; it appears here with its progress.
    </EmptyState>
  )

const columns: readonly Column<LongOperation>[] = [
  ...taskColumns,
  { key: 'act', header: '', align: 'end', render: (row) => <TaskActions task={row} /> },
]

const TaskActions = ({ task }: { task: LongOperation }) => {
  const cancel = useAct('cancelLongOperation', ['listLongOperations', 'readCredits'])
  if (task.mayCancel)
    return (
      <Button
        size="compact-sm"
        variant="default"
        loading={cancel.isPending}
        aria-label={`Cancel ${task.action.toLowerCase()} ${task.taskId}`}
        onClick={() =>
          cancel.mutate(
            { params: { id: task.id } },
            { onSuccess: () => tellDone('It is cancelled.'), onError: tellFault },
          )
        }
      >
        Cancel
      </Button>
    )
  return (
    <span className={classes.links}>
      {task.resultUrl && (
        <TextLink>
          <a href={task.resultUrl} target="_blank" rel="noreferrer">
            Result
          </a>
        </TextLink>
      )}
      {task.isOver && (
        <TextLink>
          <Link to="/operations" search={{ operation: task.id }}>
            Receipt
          </Link>
        </TextLink>
      )}
    </span>
  )
}
