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
export const StackedBars = (props: {
  label: string
  unit: string
  series: readonly Series[]
  bars: readonly Bar[]
}) => {
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
        <UnstyledButton
          className={classes.toggle}
          onClick={() => setAsTable(!asTable)}
          aria-pressed={asTable}
        >
          {asTable ? 'Show as chart' : 'Show as table'}
        </UnstyledButton>
      </div>
      {asTable ? <BarsTable {...props} /> : <BarsChart {...props} />}
    </figure>
  )
}

const BarsTable = (props: { label: string; series: readonly Series[]; bars: readonly Bar[] }) => (
  // Scrolls inside; focusable so that the keyboard can scroll it too.
  // oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex
  <section className={classes.table} tabIndex={0} aria-label={`${props.label}, table`}>
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
  </section>
)

const BarsChart = (props: {
  label: string
  unit: string
  series: readonly Series[]
  bars: readonly Bar[]
}) => {
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
        <svg
          width={width}
          height={height}
          role="img"
          aria-label={summary(props.label, props.unit, props.bars)}
        >
          {[0, 0.5, 1].map((at) => (
            <line
              key={at}
              x1={0}
              x2={width}
              y1={at * (height - 1) + 0.5}
              y2={at * (height - 1) + 0.5}
              stroke="var(--line)"
            />
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

/** From the bottom up in the order of the series; a value above zero is always visible. */
const segments = (bar: Bar, series: readonly Series[], scale: number) =>
  series
    .filter(({ key }) => (bar.values[key] ?? 0) > 0)
    .map(({ key, color }) => ({ key, color, size: Math.max((bar.values[key] ?? 0) * scale, 1.5) }))
    .reduce<{ key: string; color: string; size: number; top: number }[]>(
      (below, segment) => [...below, { ...segment, top: (below.at(-1)?.top ?? height) - segment.size }],
      [],
    )

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
  return (
    <Tooltip label={<BarTip {...props} />} openDelay={0} disabled={totalOf(props.bar) === 0}>
      <g className={classes.bar}>
        <rect x={props.x} y={0} width={props.slot} height={height} fill="transparent" />
        {segments(props.bar, props.series, props.scale).map((segment) => (
          <rect
            key={segment.key}
            x={left}
            y={segment.top}
            width={props.barWidth}
            height={segment.size}
            fill={segment.color}
            rx={1.5}
          />
        ))}
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
