// Numbers to text; pure.

export interface Measurement {
  readonly lane: string
  readonly case: string
  readonly round: number
  readonly connections: number
  /** Null for the upstream itself. */
  readonly cpuMicros: number | null
  readonly perSecond: number
  readonly p50: number
  readonly p99: number
  /** With one connection. */
  readonly aloneP50: number
  readonly aloneP99: number
  readonly memoryBytes: number
  /** Share of the gateways' core that others used meanwhile. */
  readonly foreignShare: number
}

export interface Spread {
  readonly median: number
  readonly least: number
  readonly most: number
}

export const spread = (values: readonly number[]): Spread => {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = (sorted.length - 1) / 2
  const median = (sorted[Math.floor(middle)]! + sorted[Math.ceil(middle)]!) / 2
  return { median, least: sorted[0]!, most: sorted.at(-1)! }
}

const of = (all: readonly Measurement[], lane: string, caseId: string): Measurement[] =>
  all.filter((one) => one.lane === lane && one.case === caseId)

/** Those at one load point. */
const at = (all: readonly Measurement[], connections: number): Measurement[] =>
  all.filter((one) => one.connections === connections)

/** One value per round: a ratio of two medians would mix rounds with different noise. */
const perRound = (
  all: readonly Measurement[],
  caseId: string,
  [lane, other]: readonly [string, string],
  combine: (one: Measurement, other: Measurement) => number,
): Spread | null => {
  const others = new Map(of(all, other, caseId).map((one) => [one.round, one]))
  const values = of(all, lane, caseId).flatMap((one) => {
    const partner = others.get(one.round)
    return partner ? combine(one, partner) : []
  })
  return values.length > 0 ? spread(values) : null
}

export const cpuRatio = (
  all: readonly Measurement[],
  caseId: string,
  lane: string,
  other: string,
): Spread | null =>
  perRound(all, caseId, [lane, other], (one, two) => (one.cpuMicros ?? 0) / (two.cpuMicros || Number.NaN))

const number = (value: number): string =>
  value >= 100 ? Math.round(value).toLocaleString('en') : value.toFixed(value >= 10 ? 1 : 2)

const milliseconds = (micros: number): string => (micros / 1000).toFixed(2)

const columns = [
  ['', 22],
  ['CPU µs/op', 10],
  ['(least–most)', 15],
  ['× nginx', 9],
  ['Portkey ÷', 11],
  ['op/s', 9],
  ['+p50', 8],
  ['+p99', 8],
  ['+p50 alone', 12],
  ['+p99 alone', 12],
  ['MB', 7],
] as const

const line = (cells: readonly string[]): string =>
  cells.map((cell, at) => (at === 0 ? cell.padEnd(columns[0][1]) : cell.padStart(columns[at]![1]))).join('')

const laneLine = (
  all: readonly Measurement[],
  caseId: string,
  lane: { id: string; title: string },
): string => {
  const own = of(all, lane.id, caseId)
  const rate = number(spread(own.map((one) => one.perSecond)).median)
  if (own[0]!.cpuMicros === null) {
    const [p50, p99, aloneP50, aloneP99] = (['p50', 'p99', 'aloneP50', 'aloneP99'] as const).map((field) =>
      milliseconds(spread(own.map((one) => one[field])).median),
    )
    return line([`${lane.title} (itself)`, '', '', '', '', rate, p50!, p99!, aloneP50!, aloneP99!, ''])
  }
  const cpu = spread(own.map((one) => one.cpuMicros!))
  const nginx = cpuRatio(all, caseId, lane.id, 'nginx')
  const portkey = cpuRatio(all, caseId, 'portkey', lane.id)
  const added = (field: 'p50' | 'p99' | 'aloneP50' | 'aloneP99'): string => {
    const difference = perRound(all, caseId, [lane.id, 'direct'], (one, direct) => one[field] - direct[field])
    return difference ? milliseconds(difference.median) : ''
  }
  return line([
    lane.title,
    number(cpu.median),
    `${number(cpu.least)}–${number(cpu.most)}`,
    nginx ? nginx.median.toFixed(2) : '',
    portkey ? portkey.median.toFixed(2) : '',
    rate,
    added('p50'),
    added('p99'),
    added('aloneP50'),
    added('aloneP99'),
    number(Math.max(...own.map((one) => one.memoryBytes)) / 2 ** 20),
  ])
}

export const formatCase = (
  all: readonly Measurement[],
  shown: { id: string; title: string; connections: number },
  lanes: readonly { id: string; title: string }[],
): string => {
  const measured = at(all, shown.connections).filter((one) => one.case === shown.id)
  if (measured.length === 0) return ''
  const present = lanes.filter((lane) => measured.some((one) => one.lane === lane.id))
  return [
    `\n${shown.title}; ${shown.connections} connections; added latency in ms`,
    line(columns.map(([title]) => title)),
    ...present.map((lane) => laneLine(measured, shown.id, lane)),
  ].join('\n')
}

export interface Verdict {
  readonly pass: boolean
  readonly text: string
}

interface Target {
  readonly text: string
  readonly lane: string
  readonly other: string
  readonly atMost: number
}

const targets: readonly Target[] = [
  { text: 'own key: at most 6 × nginx', lane: 'own', other: 'nginx', atMost: 6 },
  { text: 'own key: at least 6 × cheaper than Portkey', lane: 'own', other: 'portkey', atMost: 1 / 6 },
  {
    text: 'system key, hold and settle durable: at most 3 × own key',
    lane: 'system',
    other: 'own',
    atMost: 3,
  },
]

/** The targets are for the JSON call and the burst; medians decide. */
export const judge = (measured: readonly Measurement[], connections: number): Verdict[] => {
  const all = at(measured, connections)
  return targets.flatMap((target) =>
    ['json', 'stream'].flatMap((caseId) => {
      const ratio = cpuRatio(all, caseId, target.lane, target.other)
      if (!ratio) return []
      const pass = ratio.median <= target.atMost
      const show = (value: number): string => (target.atMost < 1 ? 1 / value : value).toFixed(2)
      const found = `${show(ratio.median)} (${[ratio.least, ratio.most]
        .map(show)
        .toSorted((one, other) => Number(one) - Number(other))
        .join('–')})`
      return { pass, text: `${pass ? 'pass' : 'FAIL'}  ${caseId.padEnd(7)}${target.text}: ${found}` }
    }),
  )
}
