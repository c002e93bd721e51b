import { Tooltip, UnstyledButton } from '@mantine/core'
import { useElementSize } from '@mantine/hooks'
import { type ReactNode, useState } from 'react'
import { DataTable } from './data-table.tsx'
import { count } from './format.ts'
import classes from './stacked-bars.module.css'

export interface Series {
  readonly key: string
  readonly label: string
  readonly color: string
}
export interface Bar {
  readonly key: string
  readonly label: string
  /** Whole numbers per series key. */
  readonly values: Readonly<Record<string, number>>
}

const height = 150
const totalOf = (bar: Bar): number => Object.values(bar.values).reduce((sum, value) => sum + value, 0)

/** The next 1, 2 or 5 × 10ⁿ that is divisible by two, so that the half line is a whole number. */
export const niceMaximum = (value: number): number => {
  const magnitude = 10 ** Math.floor(Math.log10(Math.max(value, 1)))
  const step = [1, 2, 4, 6, 8, 10].find((candidate) => candidate * magnitude >= value) ?? 10
  return Math.max(2, step * magnitude)
}

/** Counts per day in stacked bars, and the same figures as a table. */
export const StackedBars = (props: { label: string; unit: string; series: readonly Series[]; bars: readonly Bar[] }) => {
  const [asTable, setAsTable] = useState(false)
  return (
    <figure className={classes.figure} aria-label={props.label}>
      <div className={classes.legend}>
        {props.series.map((series) => (
          <span key={series.key} className={classes.key}>
            <span className={classes.swatch} style={{ background: series.color }} aria-hidden />
            {series.label}
          </span>
        ))}
        <UnstyledButton className={classes.toggle} onClick={() => setAsTable(!asTable)} aria-pressed={asTable}>
          {asTable ? 'Show as chart' : 'Show as table'}
        </UnstyledButton>
      </div>
      {asTable ? <BarsTable {...props} /> : <BarsChart {...props} />}
    </figure>
  )
}

const BarsTable = (props: { label: string; series: readonly Series[]; bars: readonly Bar[] }) => (
  <div className={classes.table} tabIndex={0} role="region" aria-label={`${props.label}, table`}>
    <DataTable
      label={props.label}
      compact
      rows={props.bars.toReversed().filter((bar) => totalOf(bar) > 0)}
      rowKey={(bar) => bar.key}
      columns={[
        { key: 'day', header: 'Day (UTC)', render: (bar) => bar.label },
        ...props.series.map((series) => ({
          key: series.key,
          header: series.label,
          align: 'end' as const,
          render: (bar: Bar) => count(bar.values[series.key] ?? 0),
        })),
      ]}
    />
  </div>
)

const BarsChart = (props: { label: string; unit: string; series: readonly Series[]; bars: readonly Bar[] }) => {
  const { ref, width } = useElementSize()
  const maximum = niceMaximum(Math.max(...props.bars.map(totalOf), 0))
  const slot = width / Math.max(props.bars.length, 1)
  const barWidth = Math.max(2, Math.min(26, slot * 0.66))
  return (
    <div className={classes.chart}>
      <div className={classes.axis} aria-hidden>
        <span>{count(maximum)}</span>
        <span>{count(maximum / 2)}</span>
        <span>0</span>
      </div>
      <div ref={ref} className={classes.plot} style={{ height }}>
        <svg width={width} height={height} role="img" aria-label={summary(props.label, props.unit, props.bars)}>
          {[0, 0.5, 1].map((at) => (
            <line key={at} x1={0} x2={width} y1={at * (height - 1) + 0.5} y2={at * (height - 1) + 0.5} stroke="var(--line)" />
          ))}
          {props.bars.map((bar, index) => (
            <BarShape
              key={bar.key}
              bar={bar}
              series={props.series}
              unit={props.unit}
              x={index * slot}
              slot={slot}
              barWidth={barWidth}
              scale={height / maximum}
            />
          ))}
        </svg>
      </div>
      <div className={classes.days} aria-hidden>
        <span>{props.bars[0]?.label}</span>
        <span>{props.bars[Math.floor(props.bars.length / 2)]?.label}</span>
        <span>{props.bars.at(-1)?.label}</span>
      </div>
    </div>
  )
}

const summary = (label: string, unit: string, bars: readonly Bar[]): string =>
  `${label}: ${count(bars.reduce((sum, bar) => sum + totalOf(bar), 0))} ${unit} in ${bars.length} days`

const BarShape = (props: {
  bar: Bar
  series: readonly Series[]
  unit: string
  x: number
  slot: number
  barWidth: number
  scale: number
}) => {
  const left = props.x + (props.slot - props.barWidth) / 2
  let top = height
  return (
    <Tooltip label={<BarTip {...props} />} openDelay={0} disabled={totalOf(props.bar) === 0}>
      <g className={classes.bar}>
        <rect x={props.x} y={0} width={props.slot} height={height} fill="transparent" />
        {props.series.map((series) => {
          const size = (props.bar.values[series.key] ?? 0) * props.scale
          if (size === 0) return null
          const shown = Math.max(size, 1.5)
          top -= shown
          return <rect key={series.key} x={left} y={top} width={props.barWidth} height={shown} fill={series.color} rx={1.5} />
        })}
      </g>
    </Tooltip>
  )
}

const BarTip = (props: { bar: Bar; series: readonly Series[]; unit: string }): ReactNode => (
  <div className={classes.tip}>
    <strong>{props.bar.label}</strong>
    {props.series.map((series) => (
      <span key={series.key} className={classes.tipRow}>
        <span>{series.label}</span>
        <span>{count(props.bar.values[series.key] ?? 0)}</span>
      </span>
    ))}
  </div>
)
