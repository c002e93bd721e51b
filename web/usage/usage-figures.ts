import type { OperationFilters } from '../../src/contract/operations.ts'
import { keyOwner } from '../../src/contract/wire.ts'
import type { UsageBy, UsageGroup, UsagePayer, UsageReport, UsageSums } from '../../src/contract/usage.ts'
import { shortCredits, shortUsd, utcDay } from '../ui/format.ts'
import type { Amount, Bar, Series } from '../ui/stacked-bars.tsx'

/** `money`: dollars on own keys, credits on system keys. */
export type Measure = 'money' | 'operations' | 'tokens'

export const amountOf = (sums: UsageSums, payer: UsagePayer, measure: Measure): Amount => {
  if (measure === 'operations') return sums.operations
  if (measure === 'tokens') return sums.inputTokens + sums.outputTokens
  return BigInt(payer === 'system' ? sums.creditMicros : sums.costNanoUsd)
}

const rest = 'rest'

/** The first groups have a colour each, all others one together; the same in both charts. */
export const seriesOf = (report: UsageReport, nameOf: (group: UsageGroup) => string): Series[] => {
  const charted = report.groups.slice(0, report.charted)
  const named = charted.map((group, index) => ({
    key: group.key,
    label: nameOf(group),
    color: `var(--series-${index + 1})`,
  }))
  return report.groups.length > charted.length
    ? [...named, { key: rest, label: 'Others', color: 'var(--series-rest)' }]
    : named
}

/** One bar a day of the period, days without use too. */
export const barsOf = (report: UsageReport, payer: UsagePayer, measure: Measure): Bar[] => {
  const days = new Map<string, Record<string, Amount>>(report.days.map(({ day }) => [day, {}]))
  for (const cell of report.cells)
    if (cell.payer === payer) {
      const values = days.get(cell.day)
      if (values) values[cell.group ?? rest] = amountOf(cell, payer, measure)
    }
  return [...days].map(([day, values]) => ({ key: day, label: utcDay(day), values }))
}

/** Only what a chart shows is in its legend. */
export const shownSeries = (series: readonly Series[], bars: readonly Bar[]): Series[] =>
  series.filter(({ key }) => bars.some((bar) => (bar.values[key] ?? 0) > 0))

/** Axis, tooltip and table: every digit of small amounts, cents or two places of large ones. */
export const formatOf =
  (payer: UsagePayer, measure: Measure) =>
  (amount: Amount): string => {
    if (measure !== 'money') return Number(amount).toLocaleString('en')
    const whole = BigInt(typeof amount === 'number' ? Math.round(amount) : amount)
    return payer === 'system' ? shortCredits(whole) : shortUsd(whole)
  }

export type Filters = OperationFilters & { organization?: string | undefined; user?: string | undefined }

/** The filters whose operations make up a group; null where no filter tells them from the others. */
export const groupFilters = (by: UsageBy, group: UsageGroup): Filters | null => {
  if (group.more > 0) return null
  switch (by) {
    case 'service':
      return { service: group.serviceId ?? 'none' }
    case 'model':
      return { service: group.serviceId ?? 'none', usedModel: group.model ?? 'none' }
    case 'access_token':
      return { accessToken: group.id ?? undefined }
    case 'user':
      return { user: group.id ?? undefined }
    case 'organization':
      return { organization: group.id ?? undefined }
    case 'key_owner':
      return { keyOwner: keyOwner.safeParse(group.id).data ?? 'none' }
    case 'team':
    case 'cost_centre':
      return null
  }
}

/** `+12 %`, `−3.5 %`, `new`; null where both are nothing. */
export const changeWords = (now: Amount, before: Amount): string | null => {
  const [current, former] = [BigInt(now), BigInt(before)]
  if (former === 0n) return current === 0n ? null : 'new'
  const perMille = Number(((current - former) * 1000n) / former)
  if (perMille === 0) return current === former ? 'unchanged' : 'about the same'
  const size = Math.abs(perMille)
  const percent = size >= 100 ? Math.round(size / 10).toLocaleString('en') : (size / 10).toString()
  return `${perMille > 0 ? '+' : '−'}${percent} %`
}
