import { Button } from '@mantine/core'
import { IconPlus } from '@tabler/icons-react'
import { getRouteApi, Link, useNavigate } from '@tanstack/react-router'
import type { Reply } from '../../src/contract/endpoints.ts'
import { useRead } from '../data/queries.ts'
import { type Column, DataTable } from '../ui/data-table.tsx'
import { Credits, useNow } from '../ui/figures.tsx'
import { count, counted, day } from '../ui/format.ts'
import { Mark } from '../ui/mark.tsx'
import { Block, Loaded } from '../ui/notice.tsx'
import { Page, Panel } from '../ui/page.tsx'
import { TextLink } from '../ui/text-link.tsx'
import { money } from '../ui/money.ts'
import classes from './billing.module.css'
import { Packs } from './packs.tsx'
import { TierDrawer } from './tier-drawer.tsx'

const route = getRouteApi('/shell/admin/tiers')

export type AdminTier = Reply<'listAdminTiers'>['items'][number]

const columns: readonly Column<AdminTier>[] = [
  {
    key: 'name',
    header: 'Tier',
    render: (row) => <span className={classes.strong}>{row.current.name}</span>,
  },
  {
    key: 'price',
    header: 'Price a month',
    align: 'end',
    render: (row) => <span className="figure">{money(row.current.priceMinor, row.current.currency)}</span>,
  },
  {
    key: 'allocation',
    header: 'Credits a month',
    align: 'end',
    render: (row) => <Credits micros={row.current.allocationMicros} />,
  },
  { key: 'entitlements', header: 'Allows', render: (row) => <Allows tier={row} /> },
  {
    key: 'subscribers',
    header: 'Subscribers',
    align: 'end',
    render: (row) => (
      <TextLink quiet>
        <Link to="/admin/subscriptions" search={{ tier: row.id }}>
          {count(row.subscribers)}
        </Link>
      </TextLink>
    ),
  },
  { key: 'version', header: 'Version', render: (row) => <Version tier={row} /> },
]

const Allows = ({ tier }: { tier: AdminTier }) => {
  const { services, groups, rateLimits } = tier.current.entitlements
  const parts = [
    ...(services ? [counted(services.length, 'service')] : []),
    ...(groups ? [counted(groups.length, 'group')] : []),
    ...(rateLimits ? ['rate limited'] : []),
  ]
  return <>{parts.length === 0 ? 'Everything' : parts.join(', ')}</>
}

const Version = ({ tier }: { tier: AdminTier }) => {
  const now = useNow()
  if (tier.archivedAt !== null) return <Mark tone="quiet">Archived</Mark>
  return (
    <span>
      {tier.current.version}
      {tier.next && (
        <span className={classes.quiet}>
          , {tier.next.version} from {day(tier.next.effectiveAt, now)}
        </span>
      )}
    </span>
  )
}

export const Tiers = () => {
  const { tier } = route.useSearch()
  const navigate = useNavigate({ from: '/admin/tiers' })
  const tiers = useRead('listAdminTiers', {})
  const open = (id: string | undefined) =>
    void navigate({ search: (now) => ({ ...now, tier: id }), replace: id === undefined })
  return (
    <Page
      title="Tiers and packs"
      description="What can be subscribed to and bought. A change is a new version: subscribers keep theirs until their next period."
      actions={
        <Button leftSection={<IconPlus size={16} />} onClick={() => open('new')}>
          New tier
        </Button>
      }
    >
      <Panel flush title="Tiers">
        <Loaded of={tiers} skeleton={<Block height={212} narrow={600} />}>
          {({ items }) => (
            <DataTable
              label="Tiers"
              rows={items.toSorted((a, b) => a.position - b.position)}
              rowKey={(row) => row.id}
              openKey={tier}
              onOpen={(row) => open(row.id)}
              columns={columns}
            />
          )}
        </Loaded>
      </Panel>
      <Packs />
      <TierDrawer
        id={tier}
        tiers={tiers.data?.items}
        onMade={(id) => open(id)}
        onClose={() => open(undefined)}
      />
    </Page>
  )
}
