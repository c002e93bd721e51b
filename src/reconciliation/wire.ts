import type {
  ComparisonRow,
  ReconciliationFinding,
  ReconciliationRun,
  ServiceExport as ExportOnWire,
} from '../contract/reconciliation.ts'
import { unitOf } from './books.ts'
import type { Compared, Metrics } from './compare.ts'
import type { ComparedExport } from './reconciliation.ts'
import { type Finding, isOk, type Run } from './run.ts'

export const runOnWire = (run: Run): ReconciliationRun => ({
  id: run.id,
  trigger: run.trigger,
  state: run.state,
  requestedBy: run.requestedBy,
  requestedAt: run.requestedAt.toISOString(),
  startedAt: run.startedAt?.toISOString() ?? null,
  finishedAt: run.finishedAt?.toISOString() ?? null,
  failure: run.failure,
  ok: isOk(run),
  checks: [...run.checks],
  totals: [...run.totals],
})

const text = (value: bigint | null): string | null => (value === null ? null : String(value))

export const findingOnWire = (finding: Finding): ReconciliationFinding => ({
  id: finding.id,
  runId: finding.runId,
  check: finding.check,
  organizationId: finding.organizationId,
  accountId: finding.accountId,
  userId: finding.userId,
  subject: finding.subject,
  message: finding.message,
  unit: finding.unit,
  expected: text(finding.expected),
  found: text(finding.found),
  difference: text(finding.difference),
  isExplained: finding.isTolerated || finding.explanation !== null,
  explanation: finding.explanation && { ...finding.explanation, at: finding.explanation.at.toISOString() },
  firstSeenAt: finding.firstSeenAt.toISOString(),
})

const count = (value: bigint | null): number | null => (value === null ? null : Number(value))

const metricsOnWire = (metrics: Metrics) => ({
  requests: count(metrics.requests),
  inputTokens: count(metrics.inputTokens),
  cachedInputTokens: count(metrics.cachedInputTokens),
  outputTokens: count(metrics.outputTokens),
  costNanoUsd: text(metrics.costNanoUsd),
})

export const comparisonOnWire = (row: Compared): ComparisonRow => ({
  day: row.day,
  model: row.model,
  ours: metricsOnWire(row.ours),
  theirs: metricsOnWire(row.theirs),
  differences: row.differences.map(({ metric, difference, explainedBy }) => ({
    metric,
    unit: unitOf(metric),
    difference: String(difference),
    explainedBy,
  })),
  isExplained: row.differences.every(({ explainedBy }) => explainedBy !== null),
})

export const exportOnWire = ({ comparison, importedAt, ...one }: ComparedExport): ExportOnWire => ({
  id: one.id,
  serviceId: one.serviceId,
  format: one.format,
  fileName: one.fileName,
  keyOwner: one.keyOwner,
  serviceKeyId: one.serviceKeyId,
  organizationId: one.organizationId,
  from: one.from,
  until: one.until,
  lines: one.lines,
  importedBy: one.importedBy,
  importedAt: importedAt.toISOString(),
  unexplained: comparison
    .flatMap(({ differences }) => differences)
    .filter(({ explainedBy }) => explainedBy === null).length,
})
