import type { Payer, Totals, Usage } from '../../src/contract/operations.ts'
import type { Bar } from '../ui/stacked-bars.tsx'
import { utcDay } from '../ui/format.ts'

const dayMilliseconds = 86_400_000

const eachDay = (since: string, until: string): string[] => {
  const days: string[] = []
  const last = new Date(until).getTime()
  for (let at = Date.parse(`${since.slice(0, 10)}T00:00:00Z`); at < last; at += dayMilliseconds)
    days.push(new Date(at).toISOString().slice(0, 10))
  return days
}

/** One bar a day, days without operations too; sums of the same rows that the totals are made of. */
export const usageBars = (usage: Usage): Bar<number>[] =>
  eachDay(usage.since, usage.until).map((day) => {
    const values: Record<Payer, number> = { user: 0, organization: 0, system: 0, none: 0 }
    for (const row of usage.days) if (row.day === day) values[row.keyOwner ?? 'none'] += row.operations
    return { key: day, label: utcDay(day), values }
  })

export interface PayerTotals {
  readonly payer: Payer
  readonly operations: number
  readonly creditMicros: string
  readonly costNanoUsd: string
}

/** What each payer carried over all days. */
export const usageByPayer = (usage: Usage): PayerTotals[] =>
  (['user', 'organization', 'system', 'none'] as const).map((payer) => {
    const rows: Totals[] = usage.days.filter((row) => (row.keyOwner ?? 'none') === payer)
    return {
      payer,
      operations: rows.reduce((sum, row) => sum + row.operations, 0),
      creditMicros: rows.reduce((sum, row) => sum + BigInt(row.creditMicros), 0n).toString(),
      costNanoUsd: rows.reduce((sum, row) => sum + BigInt(row.costNanoUsd), 0n).toString(),
    }
  })
