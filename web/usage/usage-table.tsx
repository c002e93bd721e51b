import type { ReactNode } from 'react'
import type { UsageBy, UsageGroup, UsagePayer, UsageReport } from '../../src/contract/usage.ts'
import { ServiceName } from '../data/service-name.tsx'
import { type Column, DataTable } from '../ui/data-table.tsx'
import { Credits, Usd } from '../ui/figures.tsx'
import { count } from '../ui/format.ts'
import { Panel } from '../ui/page.tsx'
import { TextLink } from '../ui/text-link.tsx'
import { amountOf, changeWords, type Filters, groupFilters, type Measure } from './usage-figures.ts'
import type { UsageSearch } from './usage-search.ts'
import type { UsageViewProps } from './usage-view.tsx'
import classes from './usage.module.css'

export const headers: Record<UsageBy, string> = {
  service: 'Service',
  model: 'Model',
  access_token: 'Access token',
  user: 'User',
  organization: 'Organisation',
  team: 'Team',
  key_owner: 'Key owner',
  cost_centre: 'Cost centre',
}

const all = 'all'

type TableProps = UsageViewProps & {
  usage: UsageReport
  within: Filters
  nameOf: (group: UsageGroup) => string
}

/** Every group with its own and system use side by side; each number leads to the operations that add up to it. */
export const UsageTable = (props: TableProps) => {
  const { usage } = props
  const total: UsageGroup = {
    ...usage.totals,
    key: all,
    serviceId: null,
    model: null,
    id: null,
    name: null,
    more: 0,
  }
  return (
    <Panel
      flush
      title={`By ${headers[usage.by].toLowerCase()}`}
      {...(props.renderLink && { description: 'Each number leads to the operations that add up to it.' })}
    >
      <DataTable
        label={`Use by ${headers[usage.by].toLowerCase()}`}
        rows={[...usage.groups, total]}
        rowKey={({ key }) => key}
        columns={columnsOf(props)}
      />
    </Panel>
  )
}

const columnsOf = (props: TableProps): Column<UsageGroup>[] => {
  const { usage } = props
  const number = (
    key: string,
    header: string,
    payer: UsagePayer,
    measure: Measure,
    render: (row: UsageGroup) => ReactNode,
  ): Column<UsageGroup> => ({
    key,
    header,
    align: 'end',
    render: (row) => (
      <span className={classes.number}>
        <Sum {...props} row={row} payer={payer}>
          {render(row)}
        </Sum>
        <Change {...props} row={row} payer={payer} measure={measure} />
      </span>
    ),
  })
  return [
    { key: 'name', header: headers[usage.by], render: (row) => <Name {...props} row={row} /> },
    number('own', 'On own keys', 'own', 'operations', (row) => count(row.own.operations)),
    number('cost', 'Cost, own keys', 'own', 'money', (row) => <Usd nanoUsd={row.own.costNanoUsd} />),
    number('system', 'On system keys', 'system', 'operations', (row) => count(row.system.operations)),
    number('credits', 'Credits', 'system', 'money', (row) => (
      <Credits micros={row.system.creditMicros} aligned />
    )),
    number('none', 'On no key', 'none', 'operations', (row) => count(row.none.operations)),
  ]
}

const Sum = (props: TableProps & { row: UsageGroup; payer: UsagePayer; children: ReactNode }) => {
  const { row, payer } = props
  const filters = row.key === all ? {} : groupFilters(props.usage.by, row)
  if (row[payer].operations === 0) return <span className={classes.quiet}>—</span>
  if (!filters || !props.renderLink) return props.children
  return (
    <TextLink quiet>
      {props.renderLink({ ...props.within, ...filters, keyOwner: payer }, props.children)}
    </TextLink>
  )
}

const Change = (props: TableProps & { row: UsageGroup; payer: UsagePayer; measure: Measure }) => {
  const { former, row, payer, measure } = props
  if (!former) return null
  const before =
    row.key === all ? former.totals[payer] : former.groups.find(({ key }) => key === row.key)?.[payer]
  const words = changeWords(
    amountOf(row[payer], payer, measure),
    before ? amountOf(before, payer, measure) : 0,
  )
  return words === null ? null : <span className={classes.change}>{words}</span>
}

const Name = (props: TableProps & { row: UsageGroup }) => {
  const { row, usage } = props
  if (row.key === all) return <span className={classes.all}>All</span>
  const narrower = narrowerOf(usage.by, row)
  const name = props.nameOf(row)
  return (
    <span className={classes.name}>
      {narrower ? <TextLink quiet>{props.renderNarrower(narrower, name)}</TextLink> : name}
      {usage.by === 'model' && row.serviceId !== null && (
        <span className={classes.second}>
          <ServiceName id={row.serviceId} />
        </span>
      )}
    </span>
  )
}

/** The same page with this group only, told apart by what is below it. */
const narrowerOf = (by: UsageBy, { serviceId, id, more }: UsageGroup): UsageSearch | null => {
  if (more > 0) return null
  if (by === 'service') return serviceId === null ? null : { service: serviceId, by: 'model' }
  if (id === null) return null
  if (by === 'access_token') return { accessToken: id, by: 'model' }
  if (by === 'user') return { user: id, by: 'service' }
  if (by === 'team' || by === 'key_owner' || by === 'cost_centre') return null
  return by === 'organization' ? { organization: id, by: 'user' } : null
}
