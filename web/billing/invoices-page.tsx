import { Button } from '@mantine/core'
import { getRouteApi, useNavigate } from '@tanstack/react-router'
import type { UseInfiniteQueryResult } from '@tanstack/react-query'
import type { ReactNode } from 'react'
import type { InvoiceOnWire, PaymentOnWire } from '../../src/contract/billing.ts'
import type { CallFault } from '../data/call.ts'
import { usePages, useRead } from '../data/queries.ts'
import { type Column, DataTable } from '../ui/data-table.tsx'
import { Moment, useTimeZone } from '../ui/figures.tsx'
import { dayWithYear } from '../ui/format.ts'
import { money } from '../ui/money.ts'
import { EmptyState, FaultNotice } from '../ui/notice.tsx'
import { Page, Panel } from '../ui/page.tsx'
import classes from './billing.module.css'
import { InvoiceDrawer } from './invoice-drawer.tsx'
import { InvoiceMark, PaymentMark } from './marks.tsx'
import { PaymentResult } from './payment-result.tsx'
import { PaymentActions } from './payment-actions.tsx'
import { PastDueNotice, usePortal } from './standing-notice.tsx'

const route = getRouteApi('/shell/invoices')
const here = '/invoices'

export const InvoicesPage = () => {
  const zone = useTimeZone()
  const { invoice, payment, checkout } = route.useSearch()
  const navigate = useNavigate({ from: here })
  const subscription = useRead('readSubscription', {})
  const open = (id: string | undefined) =>
    void navigate({ search: (now) => ({ ...now, invoice: id }), replace: id === undefined })
  return (
    <Page
      title="Invoices"
      description={`What you were charged, paid and got back. Times in ${zone}.`}
      actions={<PaymentMethod />}
    >
      <PaymentResult
        payment={payment}
        checkout={checkout}
        returnPath={here}
        onDismiss={() => void navigate({ search: {}, replace: true })}
      />
      {subscription.data && <PastDueNotice subscription={subscription.data} returnPath={here} />}
      <Invoices openId={invoice} onOpen={open} />
      <Payments onOpenInvoice={open} />
      <InvoiceDrawer id={invoice} onOpen={open} onClose={() => open(undefined)} />
    </Page>
  )
}

/** Only where a provider keeps one. */
const PaymentMethod = () => {
  const packs = useRead('listPacks', {})
  const portal = usePortal(here)
  if (packs.data?.provider !== 'stripe') return null
  return (
    <>
      <Button variant="default" loading={portal.isPending} onClick={() => portal.mutate()}>
        Payment method
      </Button>
      {portal.error && <FaultNotice error={portal.error} />}
    </>
  )
}

const Invoices = (props: { openId: string | undefined; onOpen: (id: string) => void }) => {
  const pages = usePages('listInvoices', {})
  return (
    <Panel flush title="Invoices and credit notes">
      <Rows
        label="Invoices"
        pages={pages}
        empty={
          <EmptyState title="No invoices yet">
            Purchases and paid tiers bring one each. The free tier brings none.
          </EmptyState>
        }
        openId={props.openId}
        onOpen={(row) => props.onOpen(row.id)}
        openLabel={(row) => `${kindOf(row)} ${row.number ?? ''}`}
        columns={invoiceColumns}
      />
    </Panel>
  )
}

const kindOf = ({ kind }: InvoiceOnWire): string => (kind === 'invoice' ? 'Invoice' : 'Credit note')

const invoiceColumns: readonly Column<InvoiceOnWire>[] = [
  { key: 'number', header: 'Number', width: '130px', render: (row) => row.number ?? 'Draft' },
  {
    key: 'issued',
    header: 'Issued',
    width: '150px',
    render: (row) => (row.issuedAt ? <Moment at={row.issuedAt} /> : '—'),
  },
  {
    key: 'what',
    header: 'For',
    render: (row) => <span className={classes.what}>{row.lines[0]?.description ?? kindOf(row)}</span>,
  },
  {
    key: 'status',
    header: 'Status',
    render: (row) => (
      <span className={classes.what}>
        <InvoiceMark status={row.status} />
        {row.status === 'open' && row.dueAt && (
          <span className={classes.quiet}> by {dayWithYear(row.dueAt)}</span>
        )}
      </span>
    ),
  },
  { key: 'total', header: 'Total', align: 'end', render: (row) => money(row.totalMinor, row.currency) },
]

const purposes: Record<PaymentOnWire['purpose'], string> = {
  purchase: 'Purchase',
  auto_top_up: 'Automatic top-up',
  tier_change: 'Change of tier',
  renewal: 'Renewal',
}

const Payments = (props: { onOpenInvoice: (id: string) => void }) => {
  const pages = usePages('listPayments', {})
  return (
    <Panel flush title="Payments">
      <Rows
        label="Payments"
        pages={pages}
        empty={<EmptyState title="No payments yet">What you buy and subscribe to appears here.</EmptyState>}
        columns={[
          { key: 'at', header: 'Asked for', width: '150px', render: (row) => <Moment at={row.createdAt} /> },
          {
            key: 'what',
            header: 'What',
            render: (row) => (
              <span className={classes.what}>
                {purposes[row.purpose]} <span className={classes.quiet}>{row.description}</span>
              </span>
            ),
          },
          { key: 'status', header: 'Status', render: (row) => <PaymentStatus payment={row} /> },
          {
            key: 'amount',
            header: 'Amount',
            align: 'end',
            render: (row) => money(row.amountMinor, row.currency),
          },
          {
            key: 'actions',
            header: '',
            align: 'end',
            render: (row) => (
              <PaymentActions payment={row} returnPath={here} onOpenInvoice={props.onOpenInvoice} />
            ),
          },
        ]}
      />
    </Panel>
  )
}

const PaymentStatus = ({ payment }: { payment: PaymentOnWire }) => (
  <span className={classes.what}>
    <PaymentMark payment={payment} />
    {payment.refundedMinor !== '0' && payment.refundedMinor !== payment.amountMinor && (
      <span className={classes.quiet}> {money(payment.refundedMinor, payment.currency)} back</span>
    )}
    {payment.failureReason && <span className={classes.quiet}> {payment.failureReason}</span>}
  </span>
)

/** A list that comes in pages, in each of its states. */
const Rows = <Row extends { readonly id: string }>(props: {
  label: string
  pages: UseInfiniteQueryResult<{ pages: { items: Row[] }[] }, CallFault>
  columns: readonly Column<Row>[]
  empty: ReactNode
  openId?: string | undefined
  onOpen?: (row: Row) => void
  openLabel?: (row: Row) => string
}) => {
  const { data, error, refetch, hasNextPage, isFetchingNextPage, fetchNextPage } = props.pages
  if (error && !data) return <FaultNotice error={error} onRetry={() => void refetch()} />
  const rows = data?.pages.flatMap((page) => page.items)
  if (rows?.length === 0) return props.empty
  return (
    <>
      <DataTable
        label={props.label}
        loading={rows ? undefined : 4}
        rows={rows ?? []}
        rowKey={(row) => row.id}
        columns={props.columns}
        openKey={props.openId}
        {...(props.onOpen && { onOpen: props.onOpen })}
        {...(props.openLabel && { openLabel: props.openLabel })}
      />
      {hasNextPage && (
        <div className={classes.more}>
          <Button variant="default" loading={isFetchingNextPage} onClick={() => void fetchNextPage()}>
            Show older
          </Button>
        </div>
      )}
    </>
  )
}
