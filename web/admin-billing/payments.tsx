import { getRouteApi, Link, useNavigate } from '@tanstack/react-router'
import { usePages } from '../data/queries.ts'
import { useTimeZone } from '../ui/figures.tsx'
import { Page } from '../ui/page.tsx'
import { TabCount, ViewTabs } from '../ui/view-tabs.tsx'
import { Invoices } from './invoices.tsx'
import { rowsOf } from './paged-table.tsx'
import { PaymentDrawer } from './payment-drawer.tsx'
import { PaymentList } from './payment-list.tsx'
import { PaymentNotices } from './payment-notices.tsx'
import { PaymentRequests } from './payment-requests.tsx'

const route = getRouteApi('/shell/admin/payments')

const views = [
  { show: undefined, label: 'To decide' },
  { show: 'all', label: 'All payments' },
  { show: 'invoices', label: 'Invoices' },
  { show: 'notices', label: 'Notices' },
] as const

export const Payments = () => {
  const zone = useTimeZone()
  const search = route.useSearch()
  const navigate = useNavigate({ from: '/admin/payments' })
  const requested = usePages('listAllPayments', { status: 'requested' })
  const waiting = rowsOf(requested)?.filter(({ provider }) => provider === 'manual').length ?? 0
  const open = (payment: string | undefined) =>
    void navigate({ search: (now) => ({ ...now, payment }), replace: payment === undefined })
  return (
    <Page
      title="Payments"
      description={`What was asked for, paid and given back, with its invoices. Times in ${zone}.`}
    >
      <ViewTabs label="Views of payments">
        {views.map(({ show, label }) => (
          <Link
            key={label}
            to="/admin/payments"
            search={{ show }}
            aria-current={search.show === show ? 'page' : undefined}
          >
            {label}
            {show === undefined && <TabCount of={waiting} />}
          </Link>
        ))}
      </ViewTabs>
      {search.show === undefined && (
        <PaymentRequests pages={requested} openId={search.payment} onOpen={open} />
      )}
      {search.show === 'all' && <PaymentList openId={search.payment} onOpen={open} />}
      {search.show === 'invoices' && <Invoices />}
      {search.show === 'notices' && <PaymentNotices />}
      <PaymentDrawer id={search.payment} onClose={() => open(undefined)} />
    </Page>
  )
}
