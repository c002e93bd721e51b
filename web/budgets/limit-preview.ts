import type { BudgetMeasure } from '../../src/contract/budgets.ts'
import type { UsageReport } from '../../src/contract/usage.ts'

/** What a month of the past would have meant for a limit. */
export interface MonthPreview {
  /** `2026-10`. */
  readonly month: string
  readonly used: bigint
  /** The day on which the limit would have been passed; null: it would have been enough. */
  readonly passedOn: string | null
}

/** The calendar months of a report, each counted against the limit day by day. */
export const previewOf = (report: UsageReport, measure: BudgetMeasure, limit: bigint): MonthPreview[] => {
  const payer = measure === 'credits' ? 'system' : 'own'
  const perDay = new Map<string, bigint>()
  for (const cell of report.cells)
    if (cell.payer === payer) {
      const amount = BigInt(measure === 'credits' ? cell.creditMicros : cell.costNanoUsd)
      perDay.set(cell.day, (perDay.get(cell.day) ?? 0n) + amount)
    }
  const months = [...new Set(report.days.map(({ day }) => day.slice(0, 7)))]
  return months.map((month) => {
    let used = 0n
    let passedOn: string | null = null
    for (const { day } of report.days.filter((each) => each.day.startsWith(month))) {
      used += perDay.get(day) ?? 0n
      if (passedOn === null && used > limit) passedOn = day
    }
    return { month, used, passedOn }
  })
}
