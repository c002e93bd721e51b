import { Button } from '@mantine/core'
import type { AlertDeliveryOnWire } from '../../src/contract/alerts.ts'
import { useAct, usePages } from '../data/queries.ts'
import { type Column, DataTable } from '../ui/data-table.tsx'
import { Ago } from '../ui/figures.tsx'
import { EmptyState, FaultNotice } from '../ui/notice.tsx'
import { Panel } from '../ui/page.tsx'
import { DeliveryMark } from '../ui/state-mark.tsx'
import { tellDone, tellFault } from '../ui/toast.tsx'
import classes from './alerts.module.css'
import { answerWords } from './channels.tsx'

export const deliveryColumns: readonly Column<AlertDeliveryOnWire>[] = [
  { key: 'title', header: 'Alert', render: (row) => row.title },
  {
    key: 'target',
    header: 'To',
    render: (row) => <span className={classes.target}>{row.target}</span>,
  },
  { key: 'state', header: 'State', render: (row) => <State delivery={row} /> },
  { key: 'at', header: 'Made', render: (row) => <Ago at={row.createdAt} /> },
]

/** What left this installation, and what became of it. */
export const Deliveries = () => {
  const pages = usePages('listAlertDeliveries', {})
  const rows = pages.data?.pages.flatMap((page) => page.items) ?? []
  return (
    <Panel
      flush
      title="Sent"
      description="What was sent by e-mail and webhook; repeated for some time where it failed."
    >
      {pages.error && !pages.data ? (
        <FaultNotice error={pages.error} onRetry={() => void pages.refetch()} />
      ) : pages.data && rows.length === 0 ? (
        <EmptyState title="Nothing was sent yet">Switch a channel on above, and send a test.</EmptyState>
      ) : (
        <DataTable
          label="Sent alerts"
          rows={rows}
          rowKey={(row) => row.id}
          loading={pages.data ? undefined : 3}
          columns={[
            ...deliveryColumns,
            { key: 'act', header: '', align: 'end', render: (row) => <Resend delivery={row} /> },
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

const State = ({ delivery }: { delivery: AlertDeliveryOnWire }) => (
  <span className={classes.state}>
    <DeliveryMark state={delivery.state} />
    {delivery.state !== 'delivered' && delivery.attempts > 0 && (
      <span className={classes.quiet}>
        {answerWords(delivery)}, after {delivery.attempts} {delivery.attempts === 1 ? 'try' : 'tries'}
      </span>
    )}
    {delivery.nextAttemptAt !== null && delivery.attempts > 0 && (
      <span className={classes.quiet}>
        Tried again <Ago at={delivery.nextAttemptAt} />
      </span>
    )}
  </span>
)

const Resend = ({ delivery }: { delivery: AlertDeliveryOnWire }) => {
  const resend = useAct('resendAlert', ['listAlertDeliveries'])
  if (delivery.state !== 'failed') return null
  return (
    <Button
      size="compact-sm"
      variant="default"
      loading={resend.isPending}
      onClick={() =>
        resend.mutate(
          { params: { id: delivery.id } },
          { onSuccess: () => tellDone('It is sent again.'), onError: tellFault },
        )
      }
    >
      Send again
    </Button>
  )
}
