import { Button, NativeSelect } from '@mantine/core'
import { useInfiniteQuery } from '@tanstack/react-query'
import { getRouteApi, Link, useNavigate } from '@tanstack/react-router'
import type { Reply } from '../../src/contract/endpoints.ts'
import { type PaymentNotice, paymentNotice } from '../../src/contract/payment-notices.ts'
import { type CallFault, call } from '../data/call.ts'
import { useAct } from '../data/queries.ts'
import { type Column, DataTable } from '../ui/data-table.tsx'
import { Ago } from '../ui/figures.tsx'
import { counted } from '../ui/format.ts'
import { EmptyState, FaultNotice } from '../ui/notice.tsx'
import { Panel } from '../ui/page.tsx'
import { TextLink } from '../ui/text-link.tsx'
import { tellDone, tellFault } from '../ui/toast.tsx'
import classes from './billing.module.css'
import { NoticeMark } from './marks.tsx'

const route = getRouteApi('/shell/admin/payments')

const states = paymentNotice.shape.state
const stateNames = {
  waiting: 'Waiting',
  processed: 'Processed',
  ignored: 'Not ours',
  failed: 'Failed',
} as const

type Page = Reply<'listPaymentNotices'>

const useNotices = (state: PaymentNotice['state'] | undefined) =>
  useInfiniteQuery<Page, CallFault, { pages: Page[] }, unknown[], string | undefined>({
    queryKey: ['listPaymentNotices', 'pages', state],
    queryFn: ({ pageParam, signal }) =>
      call('listPaymentNotices', { query: { state, before: pageParam } }, signal),
    initialPageParam: undefined,
    getNextPageParam: (last) => last.next ?? undefined,
  })

/** What the payment provider told, and what became of it; one that failed can be sent round again. */
export const PaymentNotices = () => {
  const { state } = route.useSearch()
  const navigate = useNavigate({ from: '/admin/payments' })
  const pages = useNotices(state)
  const notices = pages.data?.pages.flatMap((page) => page.notices)
  return (
    <Panel flush>
      <search className={classes.filters} aria-label="Filter notices">
        <NativeSelect
          aria-label="State"
          value={state ?? ''}
          data={[
            { value: '', label: 'Any state' },
            ...states.options.map((value) => ({ value, label: stateNames[value] })),
          ]}
          onChange={(event) => {
            const chosen = states.safeParse(event.currentTarget.value).data
            void navigate({ search: (now) => ({ ...now, state: chosen }), replace: true })
          }}
        />
      </search>
      {pages.error && !notices ? (
        <FaultNotice error={pages.error} onRetry={() => void pages.refetch()} />
      ) : notices?.length === 0 ? (
        <EmptyState title={state === undefined ? 'No notices yet' : 'No notice matches'}>
          {state === undefined
            ? 'Stripe’s webhooks appear here as they come. With payments by approval there are none.'
            : 'Choose another state.'}
        </EmptyState>
      ) : (
        <NoticeTable notices={notices} />
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

export const NoticeTable = (props: { notices: readonly PaymentNotice[] | undefined; brief?: boolean }) => (
  <DataTable
    label="Provider notices"
    rows={props.notices ?? []}
    rowKey={(row) => row.id}
    loading={props.notices ? undefined : 6}
    columns={props.brief ? columns.filter(({ key }) => key !== 'payment') : columns}
  />
)

const columns: readonly Column<PaymentNotice>[] = [
  {
    key: 'type',
    header: 'Notice',
    render: (row) => (
      <span className={classes.who}>
        <code>{row.type}</code>
        <span className={classes.quiet}>
          {row.source === 'webhook' ? counted(row.deliveries, 'delivery', 'deliveries') : 'Found in the list'}
        </span>
      </span>
    ),
  },
  { key: 'state', header: 'State', render: (row) => <NoticeMark state={row.state} /> },
  { key: 'outcome', header: 'Outcome', render: (row) => <Outcome notice={row} /> },
  {
    key: 'payment',
    header: 'Payment',
    render: (row) =>
      row.paymentId === null ? (
        '—'
      ) : (
        <TextLink quiet>
          <Link to="/admin/payments" search={{ show: 'notices', payment: row.paymentId }}>
            Show
          </Link>
        </TextLink>
      ),
  },
  { key: 'at', header: 'Came', align: 'end', render: (row) => <Ago at={row.receivedAt} /> },
  { key: 'again', header: '', align: 'end', render: (row) => <Redeliver notice={row} /> },
]

const Outcome = ({ notice }: { notice: PaymentNotice }) => (
  <span>
    {notice.error ?? notice.outcome ?? '—'}
    {notice.state === 'waiting' && notice.nextAttemptAt && (
      <span className={classes.quiet}>
        {' '}
        Next try <Ago at={notice.nextAttemptAt} />.
      </span>
    )}
  </span>
)

const Redeliver = ({ notice }: { notice: PaymentNotice }) => {
  const again = useAct('redeliverPaymentNotice', ['listPaymentNotices', 'readAnyPayment', 'listAllPayments'])
  if (notice.state === 'waiting') return null
  return (
    <Button
      size="compact-sm"
      variant={notice.state === 'failed' ? 'default' : 'subtle'}
      color="gray"
      loading={again.isPending}
      onClick={() =>
        again.mutate(
          { params: { noticeId: notice.id } },
          { onSuccess: () => tellDone('It is processed again within moments.'), onError: tellFault },
        )
      }
    >
      Redeliver<span className="visually-hidden"> {notice.type}</span>
    </Button>
  )
}
