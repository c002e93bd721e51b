import { NativeSelect } from '@mantine/core'
import { getRouteApi, useNavigate } from '@tanstack/react-router'
import { status as subscriptionStatus } from '../../src/contract/billing.ts'
import type { Reply } from '../../src/contract/endpoints.ts'
import { usePages, useRead } from '../data/queries.ts'
import { TierName } from '../data/tier-name.tsx'
import type { Column } from '../ui/data-table.tsx'
import { Moment, useTimeZone } from '../ui/figures.tsx'
import { EmptyState } from '../ui/notice.tsx'
import { Page, Panel } from '../ui/page.tsx'
import classes from './billing.module.css'
import { collections, percent } from './billing-words.ts'
import { FindUser } from './find-user.tsx'
import { SubscriptionMark } from './marks.tsx'
import { PagedTable } from './paged-table.tsx'
import { Person } from './people.tsx'
import { SubscriptionDrawer } from './subscription-drawer.tsx'

const route = getRouteApi('/shell/admin/subscriptions')

type Row = Reply<'listSubscriptions'>['items'][number]

const statusNames = {
  active: 'Active',
  paused: 'Paused',
  past_due: 'Past due',
  canceled: 'Cancelled',
} as const

const columns: readonly Column<Row>[] = [
  { key: 'who', header: 'Subscriber', render: (row) => <Person id={row.userId} /> },
  {
    key: 'tier',
    header: 'Tier',
    render: (row) => (
      <span>
        {row.tier.name} <span className={classes.quiet}>version {row.tier.version}</span>
      </span>
    ),
  },
  { key: 'status', header: 'State', render: (row) => <SubscriptionMark status={row.status} /> },
  { key: 'collection', header: 'Collected', render: (row) => collections[row.collection] },
  {
    key: 'discount',
    header: 'Discount',
    align: 'end',
    render: (row) => (row.discountBasisPoints === 0 ? '—' : percent(row.discountBasisPoints)),
  },
  { key: 'pending', header: 'Waits', render: (row) => <Pending row={row} /> },
  { key: 'end', header: 'Period ends', align: 'end', render: (row) => <Moment at={row.periodEnd} /> },
]

const Pending = ({ row }: { row: Row }) => {
  if (row.pending === null) return <span className={classes.quiet}>—</span>
  return row.pending.kind === 'cancel' ? (
    <>Cancels</>
  ) : (
    <span>
      To <TierName id={row.pending.tierId} />
    </span>
  )
}

export const Subscriptions = () => {
  const zone = useTimeZone()
  const { status, tier, user, of } = route.useSearch()
  const navigate = useNavigate({ from: '/admin/subscriptions' })
  const tiers = useRead('listAdminTiers', {})
  const pages = usePages('listSubscriptions', { status, tier })
  const isFiltered = Boolean(status ?? tier)
  return (
    <Page
      title="Subscriptions"
      description={`Who has which tier, how it is collected and what waits. Times in ${zone}.`}
    >
      <Panel flush>
        <search className={classes.filters} aria-label="Filter subscriptions">
          <FindUser
            label="Find a subscriber"
            onFind={(found) =>
              void navigate({ search: (now) => ({ ...now, user: found.id, of: found.organizationId }) })
            }
          />
          <NativeSelect
            aria-label="State"
            value={status ?? ''}
            data={[
              { value: '', label: 'Any state' },
              ...subscriptionStatus.options.map((value) => ({ value, label: statusNames[value] })),
            ]}
            onChange={(event) => {
              const chosen = subscriptionStatus.safeParse(event.currentTarget.value).data
              void navigate({ search: (now) => ({ ...now, status: chosen }), replace: true })
            }}
          />
          <NativeSelect
            aria-label="Tier"
            value={tier ?? ''}
            data={[
              { value: '', label: 'Any tier' },
              ...(tiers.data?.items ?? []).map(({ id, current }) => ({ value: id, label: current.name })),
            ]}
            onChange={(event) => {
              const chosen = event.currentTarget.value || undefined
              void navigate({ search: (now) => ({ ...now, tier: chosen }), replace: true })
            }}
          />
        </search>
        <PagedTable
          pages={pages}
          label="Subscriptions"
          columns={columns}
          rowKey={(row) => row.userId}
          openKey={user}
          onOpen={(row) =>
            void navigate({ search: (now) => ({ ...now, user: row.userId, of: row.organizationId }) })
          }
          loading={8}
          empty={
            <EmptyState title={isFiltered ? 'No subscription matches' : 'No subscriptions yet'}>
              {isFiltered
                ? 'Choose another state or tier.'
                : 'Everybody with a credit account has one within a minute of being created.'}
            </EmptyState>
          }
        />
      </Panel>
      <SubscriptionDrawer
        owner={user !== undefined && of !== undefined ? { organization: of, id: user } : undefined}
        onClose={() =>
          void navigate({ search: (now) => ({ ...now, user: undefined, of: undefined }), replace: true })
        }
      />
    </Page>
  )
}
