import type { ReconciliationTolerance } from '../contract/reconciliation.ts'
import { type ExportLine, type Metric, metrics } from './service-export.ts'

export type Metrics = { readonly [M in Metric]: bigint | null }

/** What our operations came to on a day of a model. */
export type OurLine = { readonly day: string; readonly model: string } & Metrics

export interface Difference {
  readonly metric: Metric
  /** Ours less theirs. */
  readonly difference: bigint
  readonly explainedBy: 'tolerance' | 'day_shift' | 'administrator' | null
}

export interface Compared {
  readonly day: string
  readonly model: string
  readonly ours: Metrics
  readonly theirs: Metrics
  readonly differences: readonly Difference[]
}

const nothing: Metrics = {
  requests: 0n,
  inputTokens: 0n,
  cachedInputTokens: 0n,
  outputTokens: 0n,
  costNanoUsd: 0n,
}

export const defaultTolerance: ReconciliationTolerance = {
  basisPoints: 50,
  tokens: 0,
  operations: 0,
  nanoUsd: '1000000',
  dayShift: true,
}

const absolute = (value: bigint): bigint => (value < 0n ? -value : value)

const boundOf = (tolerance: ReconciliationTolerance, metric: Metric, theirs: bigint): bigint => {
  const share = (absolute(theirs) * BigInt(tolerance.basisPoints)) / 10_000n
  const fixed =
    metric === 'costNanoUsd'
      ? BigInt(tolerance.nanoUsd)
      : BigInt(metric === 'requests' ? tolerance.operations : tolerance.tokens)
  return share > fixed ? share : fixed
}

const add = (a: bigint | null, b: bigint | null): bigint | null => (a === null ? b : b === null ? a : a + b)

/** Both sides name models as the price book does; several names of one model become one line. */
const named = <Line extends OurLine | ExportLine>(
  lines: readonly Line[],
  nameOf: (model: string) => string,
) => {
  const found = new Map<string, Line>()
  for (const line of lines) {
    const model = line.model === '' ? '' : nameOf(line.model)
    const key = `${line.day} ${model}`
    const before = found.get(key)
    const sums = Object.fromEntries(
      metrics.map((metric) => [metric, add(before?.[metric] ?? null, line[metric])]),
    )
    found.set(key, { ...line, model, ...sums })
  }
  return found
}

/** Ours of a day together, where the export does not tell models apart. */
const together = (lines: readonly OurLine[]): OurLine[] => lines.map((line) => ({ ...line, model: '' }))

/**
 * By day and model, in both directions: what only one side knows is a difference, too. `allModels` is the model of lines
 * that do not say which.
 */
export const compare = (parts: {
  readonly ours: readonly OurLine[]
  readonly theirs: readonly ExportLine[]
  readonly nameOf: (model: string) => string
  readonly tolerance: ReconciliationTolerance
  readonly isExplained?: (day: string, model: string, metric: Metric, difference: bigint) => boolean
}): Compared[] => {
  const { tolerance, nameOf, isExplained = () => false } = parts
  const isByModel = parts.theirs.some(({ model }) => model !== '')
  const ours = named(isByModel ? parts.ours : together(parts.ours), nameOf)
  const theirs = named(parts.theirs, nameOf)
  // What an export never tells is not compared; what it tells of some days is zero on the others.
  const told = metrics.filter((metric) => parts.theirs.some((line) => line[metric] !== null))
  const keys = [...new Set([...ours.keys(), ...theirs.keys()])].toSorted()
  const rows = keys.map((key) => {
    const our = ours.get(key)
    const their = theirs.get(key)
    const { day, model } = (our ?? their) as OurLine
    const theirsHere = Object.fromEntries(
      metrics.map((metric) => [metric, told.includes(metric) ? (their?.[metric] ?? 0n) : null]),
    ) as Metrics
    return { day, model, ours: pick(our), theirs: theirsHere }
  })
  const shifted = tolerance.dayShift ? shiftedDays(rows, tolerance) : new Set<string>()
  return rows.map((row) => ({
    ...row,
    differences: told.flatMap((metric): Difference[] => {
      const difference = differenceOf(row, metric)
      if (difference === null || difference === 0n) return []
      const isTolerated = absolute(difference) <= boundOf(tolerance, metric, row.theirs[metric] ?? 0n)
      const explainedBy = isTolerated
        ? ('tolerance' as const)
        : isExplained(row.day, row.model, metric, difference)
          ? ('administrator' as const)
          : shifted.has(`${row.day} ${row.model} ${metric}`)
            ? ('day_shift' as const)
            : null
      return [{ metric, difference, explainedBy }]
    }),
  }))
}

type Row = Omit<Compared, 'differences'>

const pick = (line: OurLine | undefined): Metrics => {
  if (line === undefined) return nothing
  const { requests, inputTokens, cachedInputTokens, outputTokens, costNanoUsd } = line
  return { requests, inputTokens, cachedInputTokens, outputTokens, costNanoUsd }
}

const differenceOf = (row: Row, metric: Metric): bigint | null => {
  const our = row.ours[metric]
  const their = row.theirs[metric]
  return our === null || their === null ? null : our - their
}

const nextDay = (day: string): string =>
  new Date(Date.parse(`${day}T00:00:00Z`) + 86_400_000).toISOString().slice(0, 10)

/**
 * An operation that runs over midnight is on one day here and on the next there: of two neighbouring days of a model, one
 * has too much and the other too little, and both together are right. Each day is paired once.
 */
const shiftedDays = (rows: readonly Row[], tolerance: ReconciliationTolerance): Set<string> => {
  const shifted = new Set<string>()
  const byKey = new Map(rows.map((row) => [`${row.day} ${row.model}`, row]))
  for (const metric of metrics)
    for (const row of rows) {
      const next = byKey.get(`${nextDay(row.day)} ${row.model}`)
      const here = differenceOf(row, metric)
      const there = next ? differenceOf(next, metric) : null
      if (!next || here === null || there === null || here === 0n || there === 0n) continue
      if (here < 0n === there < 0n || shifted.has(`${row.day} ${row.model} ${metric}`)) continue
      const bound = boundOf(tolerance, metric, (row.theirs[metric] ?? 0n) + (next.theirs[metric] ?? 0n))
      if (absolute(here + there) > bound) continue
      shifted.add(`${row.day} ${row.model} ${metric}`)
      shifted.add(`${next.day} ${next.model} ${metric}`)
    }
  return shifted
}
