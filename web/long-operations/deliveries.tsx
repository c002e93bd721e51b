import { Button } from '@mantine/core'
import type { WebhookDelivery } from '../../src/contract/long-operations.ts'
import { useAct, usePages } from '../data/queries.ts'
import { readable } from '../data/words.ts'
import { DataTable } from '../ui/data-table.tsx'
import { Ago } from '../ui/figures.tsx'
import { EmptyState, FaultNotice } from '../ui/notice.tsx'
import { Panel } from '../ui/page.tsx'
import { DeliveryMark } from '../ui/state-mark.tsx'
import { tellDone, tellFault } from '../ui/toast.tsx'
import classes from './long-operations.module.css'

/** What was sent where, and what became of it. */
export const Deliveries = () => {
  const pages = usePages('listWebhookDeliveries', {})
  const rows = pages.data?.pages.flatMap((page) => page.items) ?? []
  return (
    <Panel flush title="Deliveries">
      {pages.error && !pages.data ? (
        <FaultNotice error={pages.error} onRetry={() => void pages.refetch()} />
      ) : pages.data && rows.length === 0 ? (
        <EmptyState title="No webhook was sent yet">
          Tasks without a notifyHook send none; ask how they go at /mj/task/…/fetch instead.
        </EmptyState>
      ) : (
        <DataTable
          label="Webhook deliveries"
          rows={rows}
          rowKey={(row) => row.id}
          loading={pages.data ? undefined : 3}
          columns={[
            { key: 'event', header: 'Event', render: (row) => readable(row.event.replace('task.', '')) },
            {
              key: 'url',
              header: 'Address',
              render: (row) => <span className={classes.url}>{row.url}</span>,
            },
            { key: 'state', header: 'State', render: (row) => <Delivery delivery={row} /> },
            { key: 'at', header: 'Made', render: (row) => <Ago at={row.createdAt} /> },
            { key: 'act', header: '', align: 'end', render: (row) => <Redeliver delivery={row} /> },
          ]}
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

const Delivery = ({ delivery }: { delivery: WebhookDelivery }) => (
  <span className={classes.state}>
    <DeliveryMark state={delivery.state} />
    {delivery.state !== 'delivered' && (delivery.lastStatus ?? delivery.lastFault) !== null && (
      <span className={classes.failure}>
        Last answer: {delivery.lastStatus ?? readable(delivery.lastFault ?? '')}, after {delivery.attempts}{' '}
        {delivery.attempts === 1 ? 'try' : 'tries'}
      </span>
    )}
    {delivery.nextAttemptAt && delivery.attempts > 0 && (
      <span className={classes.failure}>
        Tried again <Ago at={delivery.nextAttemptAt} />
      </span>
    )}
  </span>
)

const Redeliver = ({ delivery }: { delivery: WebhookDelivery }) => {
  const redeliver = useAct('redeliverWebhook', ['listWebhookDeliveries'])
  if (!delivery.mayRedeliver) return null
  return (
    <Button
      size="compact-sm"
      variant="default"
      loading={redeliver.isPending}
      onClick={() =>
        redeliver.mutate(
          { params: { id: delivery.id } },
          { onSuccess: () => tellDone('It is sent again.'), onError: tellFault },
        )
      }
    >
      Send again
    </Button>
  )
}
