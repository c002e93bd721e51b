import type { UsageBy, UsagePayer, UsageReport, UsageSums } from '../contract/usage.ts'
import type { UsageDay } from './usage-days.ts'

/** The sums of one place in the report, as PostgreSQL adds them up. */
export interface UsageSumsRow {
  readonly operations: bigint
  readonly costNanoUsd: bigint
  readonly creditMicros: bigint
  readonly inputTokens: bigint
  readonly outputTokens: bigint
  readonly unpricedOperations: bigint
}

/**
 * `group` rows are of the whole period, `cell` rows of one day, `total` rows of everything. `place`: the group's, the most
 * costly first; the last place takes all that are not told apart.
 */
export interface UsageReportRow extends UsageSumsRow {
  readonly kind: 'group' | 'cell' | 'total'
  readonly payer: UsagePayer
  readonly place: number | null
  /** Counted from 1. */
  readonly day: number | null
  readonly serviceId: string | null
  readonly model: string | null
  readonly id: string | null
  readonly groups: bigint
}

/** Groups with a colour of their own in a chart, and those with a line of their own in the table. */
export const mostCharted = 6
export const mostListed = 200

const nothing: UsageSums = {
  operations: 0,
  costNanoUsd: '0',
  creditMicros: '0',
  inputTokens: 0,
  outputTokens: 0,
  unpricedOperations: 0,
}

const sumsOf = (row: UsageSumsRow): UsageSums => ({
  operations: Number(row.operations),
  costNanoUsd: String(row.costNanoUsd),
  creditMicros: String(row.creditMicros),
  inputTokens: Number(row.inputTokens),
  outputTokens: Number(row.outputTokens),
  unpricedOperations: Number(row.unpricedOperations),
})

const keyOf = (row: UsageReportRow): string =>
  row.place !== null && row.place > mostListed ? 'more' : (row.id ?? `${row.serviceId}/${row.model}`)

/** The rows of one statement as the report on the wire. */
export const usageReportOf = (parts: {
  readonly by: UsageBy
  readonly timeZone: string
  readonly days: readonly UsageDay[]
  readonly rows: readonly UsageReportRow[]
  readonly names: ReadonlyMap<string, string>
}): UsageReport => {
  const groups = groupsOf(parts.rows, parts.names)
  const charted = Math.min(groups.length, mostCharted)
  return {
    by: parts.by,
    timeZone: parts.timeZone,
    days: parts.days.map(({ day, since, until }) => ({
      day,
      since: since.toISOString(),
      until: until.toISOString(),
    })),
    groups,
    charted,
    cells: parts.rows.flatMap((row) => {
      const day = row.kind === 'cell' && row.day !== null ? parts.days[row.day - 1] : undefined
      if (!day) return []
      const group = groups.slice(0, charted)[(row.place ?? 0) - 1]?.key ?? null
      return [{ day: day.day, group, payer: row.payer, ...sumsOf(row) }]
    }),
    totals: byPayer(parts.rows.filter((row) => row.kind === 'total')),
  }
}

const byPayer = (rows: readonly UsageReportRow[]) => {
  const of = (payer: UsagePayer): UsageSums => {
    const row = rows.find((each) => each.payer === payer)
    return row ? sumsOf(row) : nothing
  }
  return { own: of('own'), system: of('system'), none: of('none') }
}

const groupsOf = (rows: readonly UsageReportRow[], names: ReadonlyMap<string, string>) => {
  const places = new Map<number, UsageReportRow[]>()
  for (const row of rows)
    if (row.kind === 'group' && row.place !== null)
      places.set(row.place, [...(places.get(row.place) ?? []), row])
  return [...places.entries()]
    .toSorted(([a], [b]) => a - b)
    .flatMap(([place, of]) => {
      const [first] = of
      if (!first) return []
      return [
        {
          key: keyOf(first),
          serviceId: first.serviceId,
          model: first.model,
          id: first.id,
          name: first.id === null ? null : (names.get(first.id) ?? null),
          more: place > mostListed ? Number(first.groups) - mostListed : 0,
          ...byPayer(of),
        },
      ]
    })
}
