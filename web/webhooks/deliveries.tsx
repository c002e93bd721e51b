import { Button } from '@mantine/core'
import { useInfiniteQuery } from '@tanstack/react-query'
import type { Reply } from '../../src/contract/endpoints.ts'
import type { EventDeliveryOnWire, WebhookEndpointOnWire } from '../../src/contract/webhooks.ts'
import { type CallFault, call } from '../data/call.ts'
import { useAct } from '../data/queries.ts'
import { readable } from '../data/words.ts'
import { DataTable } from '../ui/data-table.tsx'
import { Ago } from '../ui/figures.tsx'
import { EmptyState, FaultNotice } from '../ui/notice.tsx'
import { DeliveryMark } from '../ui/state-mark.tsx'
import { tellDone, tellFault } from '../ui/toast.tsx'
import classes from './webhooks.module.css'

const usePages = (id: string) =>
  useInfiniteQuery<
    Reply<'listEventDeliveries'>,
    CallFault,
    { pages: Reply<'listEventDeliveries'>[] },
    unknown[],
    string | undefined
  >({
    queryKey: ['listEventDeliveries', id],
    queryFn: ({ pageParam, signal }) =>
      call('listEventDeliveries', { params: { id }, query: { cursor: pageParam, limit: 20 } }, signal),
    initialPageParam: undefined,
    getNextPageParam: (last) => last.nextCursor ?? undefined,
    refetchInterval: 10_000,
  })

/** What was sent to one endpoint, and what became of it. */
export const EndpointDeliveries = (props: { endpoint: WebhookEndpointOnWire; mayManage: boolean }) => {
  const { endpoint, mayManage } = props
  const pages = usePages(endpoint.id)
  const rows = pages.data?.pages.flatMap((page) => page.items) ?? []
  const canSend = mayManage && endpoint.state === 'enabled'
  if (pages.error && !pages.data)
    return <FaultNotice error={pages.error} onRetry={() => void pages.refetch()} />
  if (pages.data && rows.length === 0)
    return (
      <EmptyState title="Nothing was sent there yet">
        The next event is. What happened before can be replayed.
      </EmptyState>
    )
  return (
    <div>
      <DataTable
        label="Deliveries"
        rows={rows}
        rowKey={(row) => row.eventId}
        loading={pages.data ? undefined : 3}
        columns={[
          { key: 'type', header: 'Event', render: (row) => <code>{row.type}</code> },
          { key: 'state', header: 'State', render: (row) => <State delivery={row} /> },
          { key: 'at', header: 'Happened', render: (row) => <Ago at={row.createdAt} /> },
          {
            key: 'act',
            header: '',
            align: 'end',
            render: (row) => canSend && row.state !== 'pending' && <SendAgain delivery={row} />,
          },
        ]}
      />
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
    </div>
  )
}

const State = ({ delivery }: { delivery: EventDeliveryOnWire }) => (
  <span className={classes.state}>
    <DeliveryMark state={delivery.state} />
    {delivery.state !== 'delivered' && (delivery.lastStatus ?? delivery.lastFault) !== null && (
      <span className={classes.quiet}>
        Last answer: {delivery.lastStatus ?? readable(delivery.lastFault ?? '')}, after {delivery.attempts}{' '}
        {delivery.attempts === 1 ? 'try' : 'tries'}
      </span>
    )}
    {delivery.nextAttemptAt && delivery.attempts > 0 && (
      <span className={classes.quiet}>
        Tried again <Ago at={delivery.nextAttemptAt} />
      </span>
    )}
  </span>
)

const SendAgain = ({ delivery }: { delivery: EventDeliveryOnWire }) => {
  const redeliver = useAct('redeliverEvent', ['listEventDeliveries'])
  return (
    <Button
      size="compact-sm"
      variant="default"
      loading={redeliver.isPending}
      onClick={() =>
        redeliver.mutate(
          { params: { id: delivery.endpointId, event: delivery.eventId } },
          { onSuccess: () => tellDone('It is sent again.'), onError: tellFault },
        )
      }
    >
      Send again
    </Button>
  )
}
