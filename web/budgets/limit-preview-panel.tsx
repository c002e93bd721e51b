import type { BudgetMeasure } from '../../src/contract/budgets.ts'
import type { UsageReport } from '../../src/contract/usage.ts'
import { dayWithYear } from '../ui/format.ts'
import { amountWords } from './budget-words.ts'
import classes from './budgets.module.css'
import { type MonthPreview, previewOf } from './limit-preview.ts'

/** What the limit would have meant last month and means for this one, by the same sums that the usage page shows. */
export const LimitPreview = (props: {
  report: UsageReport | undefined
  measure: BudgetMeasure
  limit: string | null
  hard: boolean
}) => {
  const { report, measure, limit } = props
  const months = report && limit !== null ? previewOf(report, measure, BigInt(limit)) : null
  return (
    <div className={classes.preview} aria-live="polite">
      <p className={classes.previewTitle}>With this limit</p>
      {months === null ? (
        <p>{limit === null ? 'Enter a limit to see what it would have stopped.' : 'Looking at your use …'}</p>
      ) : (
        <ul>
          {months.map((month, index) => (
            <li key={month.month}>{monthWords(month, measure, props.hard, index === months.length - 1)}</li>
          ))}
        </ul>
      )}
    </div>
  )
}

const monthWords = (
  { month, used, passedOn }: MonthPreview,
  measure: BudgetMeasure,
  hard: boolean,
  isRunning: boolean,
): string => {
  const name = new Intl.DateTimeFormat('en-GB', { month: 'long', timeZone: 'UTC' }).format(
    Date.parse(`${month}-01`),
  )
  const amount = amountWords(measure, String(used))
  const so = isRunning ? `${name} so far: ${amount}` : `${name}: ${amount}`
  if (passedOn === null) return `${so}. ${isRunning ? 'Within the limit.' : 'It would have been enough.'}`
  const on = dayWithYear(`${passedOn}T12:00:00Z`)
  return hard
    ? `${so}. Calls would have been refused from ${on}.`
    : `${so}. You would have been told on ${on}.`
}
