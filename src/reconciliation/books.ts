import type { PoolClient } from 'pg'
import type { PriceBook } from '../metering/price-book.ts'
import { compare, type Compared } from './compare.ts'
import { type PricedOperation, priceProblems } from './recompute.ts'
import {
  type CheckResult,
  type Explanation,
  type ExportScope,
  type Found,
  type ServiceExport,
  usageSubject,
} from './run.ts'
import { bookChecks } from './store-books.ts'
import * as usageStore from './store-usage.ts'
import { defaultTolerance } from './compare.ts'

/** Differences kept of each question; all of them are counted. */
export const keptAtMost = 200

export interface Checked {
  readonly result: Omit<CheckResult, 'explained' | 'unexplained'>
  /** In all; `found` are the first of them. */
  readonly count: number
  readonly found: readonly Found[]
}

interface BookRow {
  organization_id: string | null
  account_id: string | null
  kind: Found['subject']['kind']
  id: string
  message: string
  unit: Found['unit']
  expected: string | bigint | null
  found: string | bigint | null
  total: bigint
}

const whole = (value: string | bigint | null): bigint | null => (value === null ? null : BigInt(value))

/** Our own books, question by question, from the client's snapshot. */
export const checkBooks = async function* (client: PoolClient): AsyncGenerator<Checked> {
  for (const { check, claim, examined, texts } of bookChecks) {
    const counted = await client.query<{ examined: bigint }>(examined)
    const found: Found[] = []
    let count = 0
    for (const text of texts) {
      const { rows } = await client.query<BookRow>(
        `SELECT problems.*, count(*) OVER () AS total FROM (${text}) AS problems LIMIT ${keptAtMost}`,
      )
      count += Number(rows[0]?.total ?? 0n)
      found.push(
        ...rows.map((row) => ({
          check,
          organizationId: row.organization_id,
          accountId: row.account_id,
          subject: { kind: row.kind, id: row.id },
          message: row.message,
          unit: row.unit,
          expected: whole(row.expected),
          found: whole(row.found),
        })),
      )
    }
    yield { result: { check, claim, examined: Number(counted.rows[0]?.examined ?? 0n) }, count, found }
  }
}

/** Few enough that other work of the process is not kept waiting for long. */
const portion = 500

export const checkPrices = async (
  client: PoolClient,
  priceBook: (version: number) => Promise<PriceBook | null>,
  since: Date | null,
): Promise<Checked> => {
  const found: Found[] = []
  let count = 0
  let examined = 0
  let after: { organizationId: string; id: string } | null = null
  for (;;) {
    const operations: PricedOperation[] = await usageStore.pricedOperations(client, {
      since,
      after,
      limit: portion,
    })
    for (const operation of operations) {
      const version = operation.priceBookVersion
      const problems = priceProblems(operation, version === null ? null : await priceBook(version))
      count += problems.length
      if (found.length < keptAtMost)
        found.push(
          ...problems.map((problem) => ({
            check: 'prices' as const,
            organizationId: operation.organizationId,
            accountId: null,
            subject: { kind: 'operation' as const, id: operation.id },
            ...problem,
          })),
        )
    }
    examined += operations.length
    const last = operations.at(-1)
    if (!last || operations.length < portion) break
    after = { organizationId: last.organizationId, id: last.id }
    // Whoever else this process serves comes first.
    await new Promise((resume) => setImmediate(resume))
  }
  const claim =
    'Every operation costs its usage times the prices of its version of the price book, and is charged that in credits'
  return { result: { check: 'prices', claim, examined }, count, found }
}

type Lines = Parameters<typeof compare>[0]['theirs']

/** An export against our operations as the snapshot has them. */
export const compareExport = async (
  client: Parameters<typeof usageStore.ourUsage>[0],
  scope: ExportScope,
  theirs: Lines,
  parts: {
    readonly book: PriceBook
    readonly explain: (found: Found) => Explanation | null
  },
): Promise<Compared[]> => {
  const tolerance = (await usageStore.readTolerance(client)) ?? defaultTolerance
  const ours = await usageStore.ourUsage(client, scope)
  const rows = compare({
    ours,
    theirs,
    tolerance,
    nameOf: (model) => parts.book.find(scope.serviceId, model)?.modelId ?? model.trim().toLowerCase(),
  })
  return rows.map((row) => ({
    ...row,
    differences: row.differences.map((difference) =>
      difference.explainedBy === null && parts.explain(usageFinding(scope, row, difference)) !== null
        ? { ...difference, explainedBy: 'administrator' as const }
        : difference,
    ),
  }))
}

const unitOfMetric = { requests: 'count', costNanoUsd: 'nano_usd' } as const
const wordsOfMetric = {
  requests: 'requests',
  inputTokens: 'input tokens',
  cachedInputTokens: 'cached input tokens',
  outputTokens: 'output tokens',
  costNanoUsd: 'cost',
} as const

export const unitOf = (metric: keyof typeof wordsOfMetric): Found['unit'] =>
  metric in unitOfMetric ? unitOfMetric[metric as keyof typeof unitOfMetric] : 'tokens'

/** Expected is what the service says, for it sends the invoice. */
const usageFinding = (
  scope: ExportScope,
  row: Compared,
  { metric, difference, explainedBy }: Compared['differences'][number],
): Found => {
  const expected = row.theirs[metric] ?? 0n
  return {
    check: 'service_usage',
    organizationId: scope.organizationId,
    accountId: null,
    subject: { kind: 'service_usage', id: usageSubject(scope, row.day, row.model, metric) },
    message: `${scope.serviceId} counts other ${wordsOfMetric[metric]} of ${row.model || 'all models'} on ${row.day}`,
    unit: unitOf(metric),
    expected,
    found: expected + difference,
    isTolerated: explainedBy === 'tolerance' || explainedBy === 'day_shift',
  }
}

export const checkUsage = async (
  client: PoolClient,
  exports: readonly ServiceExport[],
  parts: { readonly book: PriceBook; readonly explain: (found: Found) => Explanation | null },
): Promise<Checked> => {
  const found: Found[] = []
  let examined = 0
  // Of files that tell the same twice, the newest counts.
  const subjects = new Set<string>()
  for (const one of exports) {
    const rows = await compareExport(client, one, await usageStore.exportLines(client, one.id), parts)
    examined += rows.length
    for (const row of rows)
      for (const difference of row.differences) {
        const finding = usageFinding(one, row, difference)
        if (subjects.has(finding.subject.id)) continue
        subjects.add(finding.subject.id)
        found.push(finding)
      }
  }
  const claim =
    'What services say was used is what our operations say, by day and model, within the tolerance'
  return {
    result: { check: 'service_usage', claim, examined },
    count: found.length,
    found: found.slice(0, 5_000),
  }
}
