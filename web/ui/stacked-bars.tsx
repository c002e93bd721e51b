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
/** Counts, or amounts of money in their smallest unit. */
export type Amount = number | bigint
export interface Bar<Value extends Amount = Amount> {
  readonly key: string
  readonly label: string
  /** Whole numbers per series key. */
  readonly values: Readonly<Record<string, Value>>
}

interface BarsProps {
  readonly label: string
  /** After the sum, for those who hear the chart: `operations`. */
  readonly unit: string
  readonly series: readonly Series[]
  readonly bars: readonly Bar[]
  readonly format?: (amount: Amount) => string
  /** The time zone that the days are of. */
  readonly zone?: string
  /** Where a pressed bar leads; the table below says the same for keyboards. */
  readonly onOpen?: (bar: Bar) => void
  readonly renderCell?: (bar: Bar, series: Series, shown: string) => ReactNode
}

const height = 150
const plain = (amount: Amount): string => count(Number(amount))
const exactTotal = (amounts: readonly Amount[]): bigint =>
  amounts.reduce<bigint>((sum, amount) => sum + BigInt(amount), 0n)
const totalOf = (bar: Bar): number => Number(exactTotal(Object.values(bar.values)))

/** The next 1, 2 or 5 × 10ⁿ that is divisible by two, so that the half line is a whole number. */
export const niceMaximum = (value: number): number => {
  const magnitude = 10 ** Math.floor(Math.log10(Math.max(value, 1)))
  const step = [1, 2, 4, 6, 8, 10].find((candidate) => candidate * magnitude >= value) ?? 10
  return Math.max(2, step * magnitude)
}

/** Amounts per day in stacked bars, and the same figures as a table. */
export const StackedBars = (props: BarsProps) => {
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

const BarsTable = (props: BarsProps) => (
  // Scrolls inside; focusable so that the keyboard can scroll it too.
  // oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex
  <section className={classes.table} tabIndex={0} aria-label={`${props.label}, table`}>
    <DataTable
      label={props.label}
      compact
      rows={props.bars.toReversed().filter((bar) => totalOf(bar) > 0)}
      rowKey={(bar) => bar.key}
      columns={[
        { key: 'day', header: `Day (${props.zone ?? 'UTC'})`, render: (bar) => bar.label },
        ...props.series.map((series) => ({
          key: series.key,
          header: series.label,
          align: 'end' as const,
          render: (bar: Bar) => {
            const shown = (props.format ?? plain)(bar.values[series.key] ?? 0)
            return props.renderCell?.(bar, series, shown) ?? shown
          },
        })),
      ]}
    />
  </section>
)

const BarsChart = (props: BarsProps) => {
  const format = props.format ?? plain
  const { ref, width } = useElementSize()
  const maximum = niceMaximum(Math.max(...props.bars.map(totalOf), 0))
  const slot = width / Math.max(props.bars.length, 1)
  const barWidth = Math.max(2, Math.min(26, slot * 0.66))
  return (
    <div className={classes.chart}>
      <div className={classes.axis} aria-hidden>
        <span>{format(maximum)}</span>
        <span>{format(maximum / 2)}</span>
        <span>{format(0)}</span>
      </div>
      <div ref={ref} className={classes.plot} style={{ height }}>
        <svg width={width} height={height} role="img" aria-label={summary(props)}>
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
              format={format}
              onOpen={props.onOpen}
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

const summary = ({ label, unit, bars, format = plain }: BarsProps): string =>
  `${label}: ${format(exactTotal(bars.flatMap((bar) => Object.values(bar.values))))} ${unit} in ${bars.length} days`

/** From the bottom up in the order of the series; a value above zero is always visible. */
const segments = (bar: Bar, series: readonly Series[], scale: number) =>
  series
    .filter(({ key }) => (bar.values[key] ?? 0) > 0)
    .map(({ key, color }) => ({ key, color, size: Math.max(Number(bar.values[key] ?? 0) * scale, 1.5) }))
    .reduce<{ key: string; color: string; size: number; top: number }[]>(
      (below, segment) => [...below, { ...segment, top: (below.at(-1)?.top ?? height) - segment.size }],
      [],
    )

const BarShape = (props: {
  bar: Bar
  series: readonly Series[]
  format: (amount: Amount) => string
  onOpen: ((bar: Bar) => void) | undefined
  x: number
  slot: number
  barWidth: number
  scale: number
}) => {
  const left = props.x + (props.slot - props.barWidth) / 2
  return (
    <Tooltip label={<BarTip {...props} />} openDelay={0} disabled={totalOf(props.bar) === 0}>
      {/* The same links are in the table, which keyboards and screen readers reach. */}
      {/* oxlint-disable-next-line jsx-a11y/click-events-have-key-events, jsx-a11y/no-static-element-interactions */}
      <g
        className={classes.bar}
        data-opens={(props.onOpen && totalOf(props.bar) > 0) || undefined}
        onClick={() => totalOf(props.bar) > 0 && props.onOpen?.(props.bar)}
      >
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

const BarTip = (props: {
  bar: Bar
  series: readonly Series[]
  format: (amount: Amount) => string
}): ReactNode => (
  <div className={classes.tip}>
    <strong>{props.bar.label}</strong>
    {props.series.map((series) => (
      <span key={series.key} className={classes.tipRow}>
        <span>{series.label}</span>
        <span>{props.format(props.bar.values[series.key] ?? 0)}</span>
      </span>
    ))}
  </div>
)
