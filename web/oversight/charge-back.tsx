import { NativeSelect, TextInput } from '@mantine/core'
import { getRouteApi, useNavigate } from '@tanstack/react-router'
import { endpoints, urlOf } from '../../src/contract/endpoints.ts'
import type { ChargeBack as Report, ChargeBackBy, ChargeBackGroup } from '../../src/contract/oversight.ts'
import { useRead } from '../data/queries.ts'
import { ServiceName } from '../data/service-name.tsx'
import { type Column, DataTable } from '../ui/data-table.tsx'
import { DownloadMenu } from '../ui/download-menu.tsx'
import { Credits, Usd, useNow, useTimeZone } from '../ui/figures.tsx'
import { browserTimeZone, count } from '../ui/format.ts'
import { moneyText, parseMoney } from '../ui/money.ts'
import { Block, EmptyState, Loaded } from '../ui/notice.tsx'
import { Page, Panel } from '../ui/page.tsx'
import { dateIn } from '../usage/period.ts'
import { PeriodSelect } from '../usage/period-select.tsx'
import { periodOf } from '../usage/usage-search.ts'
import { CostCentres } from './cost-centres.tsx'
import type { ChargeBackSearch } from './oversight-search.ts'
import classes from './oversight.module.css'

const route = getRouteApi('/shell/charge-back')

const ways: Record<ChargeBackBy, string> = {
  cost_centre: 'Cost centre',
  team: 'Team',
  member: 'Member',
  service: 'Service',
  key_owner: 'Key owner',
}
const keyOwners: Readonly<Record<string, string>> = {
  user: 'Members’ own keys',
  organization: 'Organisation’s keys',
  system: 'System keys',
}

/** What a period is charged to whom, as the ledger has it; and where it is charged to. */
export const ChargeBack = () => {
  const zone = useTimeZone()
  const search = route.useSearch()
  const navigate = useNavigate({ from: '/charge-back' })
  const change = (changes: ChargeBackSearch) =>
    void navigate({ search: (now) => ({ ...now, ...changes }), replace: true })
  const timeZone = browserTimeZone()
  const { period, preset } = periodOf(
    { ...search, by: undefined, period: search.period ?? 'month' },
    dateIn(useNow(), timeZone),
  )
  const amountMinor = search.amount === undefined ? null : parseMoney(search.amount, 'USD')
  const by = search.by ?? 'cost_centre'
  const report = useRead('readChargeBack', {
    query: { by, timeZone, ...period, ...(amountMinor !== null && { amountMinor }) },
  })
  const file = (format: 'csv' | 'json') =>
    urlOf(endpoints.exportChargeBack, { query: { timeZone, ...period, format } })
  return (
    <Page
      title="Charge-back"
      description={`Credits exactly as the ledger took them, later refunds and charges included. Days in ${zone}.`}
      actions={
        <DownloadMenu
          files={[
            {
              label: 'Lines as CSV',
              note: 'By cost centre, member, service and key owner',
              href: file('csv'),
            },
            { label: 'Lines as JSON', href: file('json') },
          ]}
        />
      }
    >
      <search className={classes.toolbar} aria-label="What to show">
        <PeriodSelect
          period={period}
          preset={preset}
          onPreset={(chosen) => change({ period: chosen, from: undefined, to: undefined })}
          onPeriod={({ from, to }) => change({ period: undefined, from, to })}
        />
        <NativeSelect
          label="By"
          value={by}
          data={Object.entries(ways).map(([value, label]) => ({ value, label }))}
          onChange={(event) => {
            const chosen = event.currentTarget.value
            change({ by: chosen in ways && chosen !== 'cost_centre' ? (chosen as ChargeBackBy) : undefined })
          }}
        />
        <TextInput
          label="Share an amount"
          placeholder="499.00"
          inputMode="decimal"
          value={search.amount ?? ''}
          error={search.amount !== undefined && amountMinor === null ? 'An amount, such as 499.00' : null}
          onChange={(event) => change({ amount: event.currentTarget.value || undefined })}
        />
      </search>
      <Panel flush title={`By ${ways[by].toLowerCase()}`}>
        <Loaded of={report} skeleton={<Block height={220} narrow={420} />}>
          {(data) =>
            data.groups.length === 0 ? (
              <EmptyState title="Nothing used in this time">Choose another period.</EmptyState>
            ) : (
              <Groups report={data} />
            )
          }
        </Loaded>
      </Panel>
      <CostCentres />
    </Page>
  )
}

const all = 'all'
type Row = ChargeBackGroup & { readonly key: string }

const Groups = ({ report }: { report: Report }) => {
  const rows: Row[] = [
    ...report.groups.map((group) => ({ ...group, key: group.id ?? 'none' })),
    { ...report.totals, id: null, name: null, key: all },
  ]
  const columns: Column<Row>[] = [
    { key: 'name', header: ways[report.by], render: (row) => <Name row={row} by={report.by} /> },
    { key: 'operations', header: 'Operations', align: 'end', render: (row) => count(row.operations) },
    {
      key: 'credits',
      header: 'Credits',
      align: 'end',
      render: (row) => <Credits micros={row.creditMicros} aligned />,
    },
    {
      key: 'organization',
      header: 'Organisation’s keys',
      align: 'end',
      render: (row) => <Usd nanoUsd={row.organizationKeyNanoUsd} />,
    },
    { key: 'user', header: 'Own keys', align: 'end', render: (row) => <Usd nanoUsd={row.userKeyNanoUsd} /> },
  ]
  if (report.totals.shareMinor !== null)
    columns.push({
      key: 'share',
      header: 'Share',
      align: 'end',
      render: (row) => <span className="figure">{moneyText(row.shareMinor ?? '0', 'USD')}</span>,
    })
  return (
    <DataTable
      label={`Charges by ${ways[report.by].toLowerCase()}`}
      rows={rows}
      rowKey={({ key }) => key}
      columns={columns}
    />
  )
}

const Name = ({ row, by }: { row: Row; by: ChargeBackBy }) => {
  if (row.key === all) return <span className={classes.all}>All</span>
  if (by === 'key_owner') return <>{keyOwners[row.id ?? ''] ?? 'No key'}</>
  if (by === 'service') return row.id === null ? <>No service</> : <ServiceName id={row.id} />
  if (by === 'member') return <span className={classes.name}>{row.name ?? row.id}</span>
  if (row.id === null) return <>{by === 'team' ? 'No team' : 'No cost centre'}</>
  if (by === 'team') return <span className={classes.name}>{row.name ?? row.id}</span>
  return (
    <span className={classes.name}>
      {row.id}
      {row.name && <span className={classes.second}>{row.name}</span>}
    </span>
  )
}
