import type { BudgetViewOnWire } from '../../src/contract/budgets.ts'
import classes from './budgets.module.css'

const thresholds = [50, 75, 90] as const

/** How much of the limit is used and set aside; the words below it say the same. */
export const BudgetBar = ({ budget }: { budget: BudgetViewOnWire }) => {
  const { status } = budget
  const used = Math.min(status.usedBasisPoints / 100, 100)
  const reserved = Math.min(
    Number((BigInt(status.reserved) * 10_000n) / BigInt(budget.limit)) / 100,
    100 - used,
  )
  return (
    <div className={classes.bar} aria-hidden>
      <span
        className={classes.used}
        data-state={status.state}
        style={{ width: `${used === 0 ? 0 : Math.max(used, 0.4)}%` }}
      />
      <span className={classes.reserved} style={{ width: `${reserved}%` }} />
      {thresholds.map((at) => (
        <span key={at} className={classes.tick} style={{ left: `${at}%` }} />
      ))}
    </div>
  )
}
