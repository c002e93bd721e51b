import type { UsageReport } from '../../src/contract/usage.ts'
import { Panel } from '../ui/page.tsx'
import { TextLink } from '../ui/text-link.tsx'
import { type Bar, type Series, StackedBars } from '../ui/stacked-bars.tsx'
import {
  amountOf,
  barsOf,
  type Filters,
  formatOf,
  groupFilters,
  type Measure,
  shownSeries,
} from './usage-figures.ts'
import type { UsageViewProps } from './usage-view.tsx'
import classes from './usage.module.css'

type ChartProps = UsageViewProps & {
  usage: UsageReport
  within: Filters
  measure: Measure
  series: readonly Series[]
}

/** Own keys and system keys side by side; each in the unit that it is paid in. */
export const UsageCharts = (props: ChartProps) => (
  <div className={classes.charts}>
    <PayerChart {...props} payer="own" title="Own keys" />
    <PayerChart {...props} payer="system" title="System keys" />
  </div>
)

const units: Record<Measure, Record<'own' | 'system', string>> = {
  money: { own: 'US dollars', system: 'credits' },
  operations: { own: 'operations', system: 'operations' },
  tokens: { own: 'tokens', system: 'tokens' },
}

const PayerChart = (props: ChartProps & { payer: 'own' | 'system'; title: string }) => {
  const { usage, payer, measure, open, renderLink } = props
  const bars = barsOf(usage, payer, measure)
  const unit = units[measure][payer]
  const filtersOf = (bar: Bar): Filters => {
    const day = usage.days.find((each) => each.day === bar.key)
    return { ...props.within, keyOwner: payer, since: day?.since, until: day?.until }
  }
  return (
    <Panel title={props.title} description={`${unit.slice(0, 1).toUpperCase()}${unit.slice(1)} by day`}>
      {usage.totals[payer].operations === 0 ? (
        <p className={classes.none}>No operation ran on {props.title.toLowerCase()} in this time.</p>
      ) : Number(amountOf(usage.totals[payer], payer, measure)) === 0 ? (
        <p className={classes.none}>These operations cost no {unit}.</p>
      ) : (
        <StackedBars
          label={`${props.title}, ${unit} by day`}
          unit={unit}
          zone={usage.timeZone.replaceAll('_', ' ')}
          format={formatOf(payer, measure)}
          series={shownSeries(props.series, bars)}
          bars={bars}
          {...(open && { onOpen: (bar: Bar) => open(filtersOf(bar)) })}
          renderCell={(bar, series, shown) => {
            const group = usage.groups.find(({ key }) => key === series.key)
            const filters = group && groupFilters(usage.by, group)
            if (!filters || !bar.values[series.key] || !renderLink) return shown
            return <TextLink quiet>{renderLink({ ...filtersOf(bar), ...filters }, shown)}</TextLink>
          }}
        />
      )}
    </Panel>
  )
}
