import { Button, Progress } from '@mantine/core'
import { getRouteApi, Link, useNavigate } from '@tanstack/react-router'
import type { LongOperation } from '../../src/contract/long-operations.ts'
import { useQuery } from '@tanstack/react-query'
import { useAct, usePages } from '../data/queries.ts'
import { ServiceName } from '../data/service-name.tsx'
import { readable } from '../data/words.ts'
import { type Column, DataTable } from '../ui/data-table.tsx'
import { Ago, Credits, useTimeZone } from '../ui/figures.tsx'
import { FilterChips } from '../ui/filter-chips.tsx'
import { OwnerMark } from '../ui/mark.tsx'
import { EmptyState, FaultNotice } from '../ui/notice.tsx'
import { Page, Panel } from '../ui/page.tsx'
import { TaskMark } from '../ui/state-mark.tsx'
import { TextLink } from '../ui/text-link.tsx'
import { tellDone, tellFault } from '../ui/toast.tsx'
import { Deliveries } from './deliveries.tsx'
import classes from './long-operations.module.css'
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
  {
    key: 'task',
    header: 'Task',
    render: (row) => (
      <span className={classes.task}>
        {readable(row.action.toLowerCase())}
        <span className={classes.quiet}>
          <ServiceName id={row.serviceId} /> · <code>{row.taskId}</code>
        </span>
      </span>
    ),
  },
  { key: 'state', header: 'State', render: (row) => <State task={row} /> },
  { key: 'owner', header: 'Runs on', render: (row) => <OwnerMark owner={row.keyOwner} /> },
  { key: 'at', header: 'Submitted', render: (row) => <Ago at={row.submittedAt} /> },
  {
    key: 'credits',
    header: 'Credits',
    align: 'end',
    render: (row) =>
      row.isOver ? (
        <Credits micros={row.chargedMicros} />
      ) : row.heldMicros === '0' ? (
        '—'
      ) : (
        <>
          <Credits micros={row.heldMicros} /> held
        </>
      ),
  },
  { key: 'act', header: '', align: 'end', render: (row) => <TaskActions task={row} /> },
]

const State = ({ task }: { task: LongOperation }) => (
  <span className={classes.state}>
    <TaskMark state={task.state} />
    {!task.isOver && (
      <span className={classes.progress}>
        <Progress value={task.progress} size="sm" aria-label={`Progress of ${task.action.toLowerCase()}`} />
        <span className={classes.quiet}>{task.progress}%</span>
      </span>
    )}
    {task.failure && <span className={classes.failure}>{task.failure}</span>}
    {!task.isOver && task.failedAsks > 1 && (
      <span className={classes.failure}>
        The service did not answer the last {task.failedAsks} questions; given up <Ago at={task.deadlineAt} />
        .
      </span>
    )}
  </span>
)

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
