import type { UsageReport } from '../../src/contract/usage.ts'
import { Usd } from '../ui/figures.tsx'
import { count, counted, utcDay } from '../ui/format.ts'
import classes from './rotation.module.css'

/** The days of the last two weeks, for the reports of usage. */
export const lastTwoWeeks = (now: Date): { from: string; to: string } => {
  const day = (back: number) => new Date(now.getTime() - back * 86_400_000).toISOString().slice(0, 10)
  return { from: day(13), to: day(0) }
}

/** Operations per day. Of all keys of the service with this payer: use is not kept per key. */
export const ServiceUse = (props: { of: UsageReport; payer: 'own' | 'system' }) => {
  const { of, payer } = props
  const days = of.days.map(({ day }) => ({
    day,
    operations: of.cells
      .filter((cell) => cell.day === day && cell.payer === payer)
      .reduce((sum, cell) => sum + cell.operations, 0),
  }))
  const most = Math.max(1, ...days.map(({ operations }) => operations))
  const total = of.totals[payer]
  return (
    <div className={classes.stack}>
      <span>
        {counted(total.operations, 'operation')} in two weeks, <Usd nanoUsd={total.costNanoUsd} /> at the
        service
      </span>
      <span className="visually-hidden">
        Operations per day:{' '}
        {days.map(({ day, operations }) => `${utcDay(day)} ${count(operations)}`).join(', ')}
      </span>
      <div className={classes.sparkline} aria-hidden>
        {days.map(({ day, operations }) => (
          <span
            key={day}
            data-empty={operations === 0 || undefined}
            title={`${utcDay(day)}: ${counted(operations, 'operation')}`}
            style={{ height: `${Math.max(3, (operations / most) * 100)}%` }}
          />
        ))}
      </div>
    </div>
  )
}
