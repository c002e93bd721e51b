import { Button, NativeSelect, Switch } from '@mantine/core'
import { IconX } from '@tabler/icons-react'
import type { ReactNode } from 'react'
import type { UsageBy, UsageGroup, UsageReport } from '../../src/contract/usage.ts'
import { useRead } from '../data/queries.ts'
import { useTimeZone } from '../ui/figures.tsx'
import { Block, Loaded } from '../ui/notice.tsx'
import { Page } from '../ui/page.tsx'
import { formerPeriod, type Period, periodWords, type Preset } from './period.ts'
import { PeriodSelect } from './period-select.tsx'
import { UsageCharts } from './usage-charts.tsx'
import { type Filters, type Measure, seriesOf } from './usage-figures.ts'
import { UsageStats } from './usage-stats.tsx'
import { headers, UsageTable } from './usage-table.tsx'
import type { UsageSearch } from './usage-search.ts'
import classes from './usage.module.css'

interface Reading {
  readonly data: UsageReport | undefined
  readonly error: unknown
  readonly refetch: () => unknown
}

/** What users and administrators see; they differ in whose use it is and in where its links lead. */
export interface UsageViewProps {
  /** What use is told apart by here. */
  readonly dimensions: readonly UsageBy[]
  readonly title?: string
  readonly search: UsageSearch
  readonly onSearch: (changes: UsageSearch) => void
  readonly period: Period
  readonly preset: Preset | null
  readonly report: Reading
  readonly former: UsageReport | undefined
  /** To the list of operations with these filters. Left out where whoever looks sees sums only. */
  readonly renderLink?: (filters: Filters, shown: ReactNode) => ReactNode
  readonly open?: (filters: Filters) => void
  /** To this page with these changes. */
  readonly renderNarrower: (changes: UsageSearch, shown: ReactNode) => ReactNode
  readonly downloads: ReactNode
  readonly empty: ReactNode
  readonly more?: ReactNode
}

export const UsageView = (props: UsageViewProps) => {
  const zone = useTimeZone()
  return (
    <Page
      title={props.title ?? 'Usage and cost'}
      description={`Own keys in dollars, as their services charge them; system keys in credits. Days in ${zone}.`}
      actions={props.downloads}
    >
      <Toolbar {...props} />
      <Loaded of={props.report} skeleton={<UsageSkeleton />}>
        {(report) => <Report {...props} usage={report} />}
      </Loaded>
    </Page>
  )
}

const UsageSkeleton = () => (
  <>
    <Block height={104} narrow={290} />
    <Block height={292} narrow={600} />
    <Block height={220} narrow={600} />
  </>
)

const Toolbar = (props: UsageViewProps) => {
  const { search, onSearch } = props
  return (
    <search className={classes.toolbar} aria-label="What to show">
      <PeriodSelect
        period={props.period}
        preset={props.preset}
        onPreset={(period) => onSearch({ period, from: undefined, to: undefined })}
        onPeriod={({ from, to }) => onSearch({ period: undefined, from, to })}
      />
      <NativeSelect
        label="By"
        value={search.by ?? props.dimensions[0] ?? 'service'}
        data={props.dimensions.map((value) => ({ value, label: headers[value] }))}
        onChange={(event) => {
          const { value } = event.currentTarget
          onSearch({ by: props.dimensions.find((each) => each === value) })
        }}
      />
      <NativeSelect
        label="Charts show"
        value={search.show ?? 'money'}
        data={[
          { value: 'money', label: 'Cost and credits' },
          { value: 'operations', label: 'Operations' },
          { value: 'tokens', label: 'Tokens' },
        ]}
        onChange={(event) => {
          const { value } = event.currentTarget
          onSearch({ show: value === 'operations' || value === 'tokens' ? value : undefined })
        }}
      />
      {props.more}
      <Switch
        className={classes.compare}
        label={`Compare with ${periodWords(formerPeriod(props.period))}`}
        checked={search.compare === true}
        onChange={(event) => onSearch({ compare: event.currentTarget.checked || undefined })}
      />
    </search>
  )
}

const Report = (props: UsageViewProps & { usage: UsageReport }) => {
  const { usage, search } = props
  const nameOf = useGroupName(usage.by)
  const measure: Measure = search.show ?? 'money'
  const until = usage.days.at(-1)?.until
  const within: Filters = {
    service: search.service,
    accessToken: search.accessToken,
    organization: search.organization,
    user: search.user,
    since: usage.days[0]?.since,
    until,
  }
  const { own, system, none } = usage.totals
  return (
    <>
      <Narrowed {...props} />
      {own.operations + system.operations + none.operations === 0 ? (
        props.empty
      ) : (
        <>
          <UsageStats {...props} usage={usage} within={within} />
          <UsageCharts
            {...props}
            usage={usage}
            within={within}
            measure={measure}
            series={seriesOf(usage, nameOf)}
          />
          <UsageTable {...props} usage={usage} within={within} nameOf={nameOf} />
        </>
      )}
    </>
  )
}

/** What the page is narrowed to, each to be taken away again. */
const Narrowed = ({ search, onSearch }: UsageViewProps) => {
  const services = useRead('listServices', {})
  const service = services.data?.items.find(({ id }) => id === search.service)?.name ?? search.service
  const chosen = [
    { text: service && `Only ${service}`, without: { service: undefined } },
    { text: search.accessToken && 'Only one access token', without: { accessToken: undefined } },
    { text: search.user && 'Only one user', without: { user: undefined } },
    { text: search.organization && 'Only one organisation', without: { organization: undefined } },
  ].filter(({ text }) => text)
  if (chosen.length === 0) return null
  return (
    <div className={classes.narrowed}>
      {chosen.map(({ text, without }) => (
        <Button
          key={text}
          variant="default"
          size="compact-md"
          rightSection={<IconX size={13} aria-hidden />}
          onClick={() => onSearch(without)}
        >
          {text}
          <span className="visually-hidden">, take this filter away</span>
        </Button>
      ))}
    </div>
  )
}

const keyOwners: Readonly<Record<string, string>> = {
  user: 'Members’ own keys',
  organization: 'Organisation’s keys',
  system: 'System keys',
}

/** What a group is called in one line. */
const useGroupName = (by: UsageBy): ((group: UsageGroup) => string) => {
  const services = useRead('listServices', {})
  const serviceName = (id: string | null) =>
    id === null ? 'No service' : (services.data?.items.find((service) => service.id === id)?.name ?? id)
  return (group) => {
    if (group.more > 0) return `${group.more} others`
    if (by === 'service') return serviceName(group.serviceId)
    if (by === 'model') return group.model ?? 'No model'
    if (by === 'key_owner') return keyOwners[group.id ?? ''] ?? 'No key'
    if (by === 'cost_centre' && group.id !== null)
      return group.name === null ? group.id : `${group.id} ${group.name}`
    if (by === 'cost_centre') return 'No cost centre'
    if (by === 'team' && group.id === null) return 'No team'
    return group.name ?? group.id ?? 'Unknown'
  }
}
