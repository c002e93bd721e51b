import { Button, NativeSelect, Switch } from '@mantine/core'
import { getRouteApi, Link, useNavigate } from '@tanstack/react-router'
import { useState } from 'react'
import type { AdminService } from '../../src/contract/administration.ts'
import type { PriceCoverage } from '../../src/contract/prices.ts'
import { useAct, useRead } from '../data/queries.ts'
import { type Column, DataTable } from '../ui/data-table.tsx'
import { count, counted } from '../ui/format.ts'
import { priorityName, ServiceTile } from '../ui/mark.tsx'
import { Block, EmptyState, Loaded } from '../ui/notice.tsx'
import { Page, Panel } from '../ui/page.tsx'
import { SearchField } from '../ui/search-field.tsx'
import { TextLink } from '../ui/text-link.tsx'
import { tellDone, tellFault } from '../ui/toast.tsx'
import { Allowances } from './allowances.tsx'
import { BaseUrlDialog } from './base-url-dialog.tsx'
import { BreakerMark } from './breaker-mark.tsx'
import { isPaused, needsAttention, rowsOf, type ServiceRow } from './health-rows.ts'
import { priorities } from './key-order.ts'
import classes from './services.module.css'

const route = getRouteApi('/shell/admin/services')
const reads = ['listAdminServices', 'listServices'] as const

type Show = 'all' | 'keys' | 'attention' | 'off'

interface Row {
  readonly service: AdminService
  /** Undefined until it has arrived. */
  readonly health: ServiceRow | undefined
  readonly prices: PriceCoverage | undefined
}

export const AdminServices = () => {
  const { search, show = 'all' } = route.useSearch()
  const navigate = useNavigate({ from: '/admin/services' })
  const services = useRead('listAdminServices', {})
  const health = useRead('readHealthMatrix', {}, { refreshSeconds: 15 })
  const coverage = useRead('listPriceCoverage', {})
  const [editing, setEditing] = useState<AdminService | null>(null)
  const healthRows = new Map(health.data && rowsOf(health.data).map((row) => [row.serviceId, row]))
  const prices = new Map(coverage.data?.items.map((each) => [each.serviceId, each]))
  const rowOf = (service: AdminService): Row => ({
    service,
    health: healthRows.get(service.id),
    prices: prices.get(service.id),
  })
  return (
    <Page
      title="Services"
      description="Which services are on, where their calls go, and what is there to run them."
    >
      <Panel flush>
        <search className={classes.filters} aria-label="Filter services">
          <SearchField
            label="Search services"
            placeholder="Service"
            slash
            text={search ?? ''}
            onSearch={(text) =>
              void navigate({ search: (old) => ({ ...old, search: text || undefined }), replace: true })
            }
          />
          <NativeSelect
            aria-label="Which services"
            value={show}
            data={[
              { value: 'all', label: 'All services' },
              { value: 'keys', label: 'With system keys' },
              { value: 'attention', label: 'Needing attention' },
              { value: 'off', label: 'Switched off' },
            ]}
            onChange={(event) => {
              const next = event.currentTarget.value as Show
              void navigate({
                search: (old) => ({ ...old, show: next === 'all' ? undefined : next }),
                replace: true,
              })
            }}
          />
        </search>
        <Loaded of={services} skeleton={<Block height={1420} narrow={5000} />}>
          {({ items }) => (
            <Table rows={items.map(rowOf).filter((row) => isWanted(row, search, show))} onEdit={setEditing} />
          )}
        </Loaded>
      </Panel>
      <Allowances />
      {editing && <BaseUrlDialog service={editing} onClose={() => setEditing(null)} />}
    </Page>
  )
}

const isWanted = ({ service, health }: Row, search: string | undefined, show: Show): boolean => {
  const text = (search ?? '').trim().toLowerCase()
  const isFound = service.name.toLowerCase().includes(text) || service.id.includes(text)
  if (show === 'off') return isFound && !service.enabled
  if (show === 'keys') return isFound && service.systemKeyCount > 0
  if (show === 'attention') return isFound && health !== undefined && needsAttention(health)
  return isFound
}

const Table = (props: { rows: readonly Row[]; onEdit: (service: AdminService) => void }) => {
  if (props.rows.length === 0)
    return (
      <EmptyState title="No service matches">Search by a part of the name, or show all services.</EmptyState>
    )
  const columns: readonly Column<Row>[] = [
    { key: 'name', header: 'Service', render: ({ service }) => <Name service={service} /> },
    { key: 'health', header: 'Health', render: ({ health }) => <HealthCell health={health} /> },
    { key: 'keys', header: 'System keys', render: ({ health }) => <Keys health={health} /> },
    { key: 'prices', header: 'Models with a price', render: (row) => <PriceCell row={row} /> },
    { key: 'on', header: 'On', render: ({ service }) => <OnSwitch service={service} /> },
    {
      key: 'actions',
      header: '',
      align: 'end',
      render: ({ service }) => (
        <Button
          size="compact-sm"
          variant="default"
          aria-label={`Change URL of ${service.name}`}
          onClick={() => props.onEdit(service)}
        >
          Change URL
        </Button>
      ),
    },
  ]
  return (
    <DataTable label="Services" rows={props.rows} rowKey={({ service }) => service.id} columns={columns} />
  )
}

const Name = ({ service }: { service: AdminService }) => (
  <span className={classes.service}>
    <ServiceTile name={service.name} small />
    <span className={classes.url}>
      {service.name}
      <span className={classes.note}>
        {service.baseUrl ?? service.defaultBaseUrl ?? 'address given with each key'}
        {service.baseUrl !== null && ', set here'}
      </span>
    </span>
  </span>
)

const HealthCell = ({ health }: { health: ServiceRow | undefined }) => {
  if (health === undefined) return <span className={classes.note}>…</span>
  const faulty = health.keys.filter((key) => key.status !== 'active' || isPaused(key)).length
  const isQuiet = !isPaused(health) && faulty === 0 && health.keys.length === 0 && health.calls === 0
  if (isQuiet) return <span className={classes.note}>Not in use</span>
  return (
    <TextLink quiet>
      <Link to="/admin/health" className={classes.health}>
        {isPaused(health) || faulty === 0 ? (
          <BreakerMark state={health.state} plain />
        ) : (
          counted(faulty, 'key needs attention', 'keys need attention')
        )}
      </Link>
    </TextLink>
  )
}

/** `1 Primary, 2 Secondary`: how deep the failover goes. */
const Keys = ({ health }: { health: ServiceRow | undefined }) => {
  if (health === undefined) return <span className={classes.note}>…</span>
  const words = priorities.flatMap((priority) => {
    const some = health.keys.filter((key) => key.priority === priority).length
    return some === 0 ? [] : [`${count(some)} ${priorityName(priority)}`]
  })
  if (words.length === 0) return <span className={classes.note}>None</span>
  return (
    <TextLink quiet>
      <Link to="/admin/system-keys">{words.join(', ')}</Link>
    </TextLink>
  )
}

const PriceCell = ({ row: { service, prices } }: { row: Row }) => {
  if (prices === undefined) return <span className={classes.note}>…</span>
  return (
    <TextLink quiet>
      <Link to="/admin/prices" search={{ service: service.id }}>
        {prices.models === 0 && prices.ownPrices === 0
          ? 'No price'
          : prices.models === 0
            ? counted(prices.ownPrices, 'own price')
            : `${count(prices.priced)} of ${count(prices.models)}`}
      </Link>
    </TextLink>
  )
}

const OnSwitch = ({ service }: { service: AdminService }) => {
  const change = useAct('changeService', reads)
  const set = (enabled: boolean) => change.mutateAsync({ params: { id: service.id }, body: { enabled } })
  const choose = (enabled: boolean) =>
    void set(enabled).then(
      () => tellDone(`${service.name} is ${enabled ? 'on' : 'off'}.`, () => set(!enabled)),
      tellFault,
    )
  return (
    <Switch
      aria-label={`${service.name} is on`}
      checked={change.isPending ? (change.variables.body.enabled ?? service.enabled) : service.enabled}
      onChange={(event) => choose(event.currentTarget.checked)}
    />
  )
}
