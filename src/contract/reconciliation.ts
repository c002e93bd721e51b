import { z } from 'zod'
import { reason } from './billing.ts'
import { defineEndpoints } from './endpoint.ts'
import * as wire from './wire.ts'

/** What a run proves or looks for. docs/reconciliation.md tells what each compares. */
export const reconciliationCheck = z.enum([
  'entries',
  'balances',
  'grants',
  'holds',
  'operations',
  'prices',
  'payments',
  'invoices',
  'credits_granted',
  'refunds',
  'totals',
  'service_usage',
])
export type ReconciliationCheck = z.infer<typeof reconciliationCheck>

export const reconciliationUnit = z
  .enum(['micros', 'nano_usd', 'minor', 'tokens', 'count'])
  .describe('micros: micro-credits; minor: the smallest unit of a currency; count: operations, numbers, rows')

const integerText = z.string().regex(/^-?\d{1,30}$/)

export const reconciliationRun = z.object({
  id: wire.id,
  trigger: z.enum(['daily', 'request', 'command']),
  state: z.enum(['waiting', 'running', 'done', 'failed']),
  requestedBy: z.string(),
  requestedAt: wire.time,
  startedAt: wire.time.nullable(),
  finishedAt: wire.time.nullable(),
  failure: z.string().nullable().describe('Why it failed: nothing is proved by a run that did'),
  ok: z.boolean().nullable().describe('No unexplained difference; null: not told yet'),
  checks: z.array(
    z.object({
      check: reconciliationCheck,
      claim: z.string(),
      examined: wire.count.describe('Accounts, operations, payments or lines that were looked at'),
      unexplained: wire.count,
      explained: wire.count.describe('Within the tolerance, or explained by an administrator'),
    }),
  ),
  totals: z
    .array(z.object({ what: z.string(), unit: reconciliationUnit, amount: integerText }))
    .describe('What the books come to'),
})
export type ReconciliationRun = z.infer<typeof reconciliationRun>

export const reconciliationFinding = z.object({
  id: wire.id,
  runId: wire.id,
  check: reconciliationCheck,
  organizationId: wire.id.nullable(),
  accountId: wire.id.nullable(),
  userId: wire.id.nullable().describe('Whose account it is'),
  subject: z.object({
    kind: z.enum([
      'account',
      'transaction',
      'grant',
      'hold',
      'operation',
      'payment',
      'refund',
      'invoice',
      'invoice_number',
      'period',
      'adjustment',
      'total',
      'service_usage',
    ]),
    id: z.string().describe('A UUID where it has one'),
  }),
  message: z.string(),
  unit: reconciliationUnit,
  expected: integerText.nullable(),
  found: integerText.nullable(),
  difference: integerText.nullable().describe('found − expected'),
  isExplained: z.boolean(),
  explanation: z
    .object({ by: z.string(), at: wire.time, reason: z.string() })
    .nullable()
    .describe('Holds for later runs, too, as long as the difference stays the same'),
  firstSeenAt: wire.time,
})
export type ReconciliationFinding = z.infer<typeof reconciliationFinding>

/** A difference counts as explained when it is within the absolute bound, or within this share of what the service says. */
export const reconciliationTolerance = z.object({
  basisPoints: z
    .number()
    .int()
    .min(0)
    .max(10_000)
    .describe('Of what the service says, for each day and model'),
  tokens: wire.count,
  operations: wire.count,
  nanoUsd: z.string().regex(/^\d{1,18}$/, 'must be a decimal integer in quotes'),
  dayShift: z
    .boolean()
    .describe(
      'Differences of neighbouring days of a model that cancel out are explained: midnight fell between',
    ),
})
export type ReconciliationTolerance = z.infer<typeof reconciliationTolerance>

export const serviceExportFormat = z.enum([
  'openai_usage',
  'openai_costs',
  'openai_csv',
  'anthropic_usage',
  'anthropic_costs',
  'csv',
])
export type ServiceExportFormat = z.infer<typeof serviceExportFormat>

const column = z.string().trim().min(1).max(120)
export const columnMapping = z.object({
  day: column,
  model: column.optional().describe('Left out: all of it is compared together'),
  requests: column.optional(),
  inputTokens: column.optional().describe('Cached ones included'),
  cachedInputTokens: column.optional(),
  outputTokens: column.optional(),
  cost: column.optional().describe('In dollars, as a decimal'),
})
export type ColumnMapping = z.infer<typeof columnMapping>

const metrics = z.object({
  requests: wire.count.nullable(),
  inputTokens: wire.count.nullable().describe('Cached ones included'),
  cachedInputTokens: wire.count.nullable(),
  outputTokens: wire.count.nullable(),
  costNanoUsd: wire.nanoUsd.nullable(),
})
export type UsageMetrics = z.infer<typeof metrics>

export const serviceExport = z.object({
  id: wire.id,
  serviceId: wire.serviceId,
  format: serviceExportFormat,
  fileName: z.string(),
  keyOwner: wire.keyOwner.describe('Whose keys it is about'),
  serviceKeyId: wire.id.nullable().describe('null: all keys of that owner at the service'),
  organizationId: wire.id.nullable().describe('Whose own keys; null for system keys'),
  from: z.iso.date(),
  until: z.iso.date().describe('The day after its last'),
  lines: wire.count,
  importedBy: z.string(),
  importedAt: wire.time,
  unexplained: wire.count.describe('As it is now'),
})
export type ServiceExport = z.infer<typeof serviceExport>

export const comparisonRow = z.object({
  day: z.iso.date(),
  model: z.string().describe('As the price book names it, where it knows it'),
  ours: metrics,
  theirs: metrics.describe('null: the export does not say'),
  differences: z.array(
    z.object({
      metric: metrics.keyof(),
      unit: reconciliationUnit,
      difference: integerText.describe('ours − theirs'),
      explainedBy: z.enum(['tolerance', 'day_shift', 'administrator']).nullable(),
    }),
  ),
  isExplained: z.boolean(),
})
export type ComparisonRow = z.infer<typeof comparisonRow>

const newExport = z.object({
  serviceId: wire.serviceId,
  format: serviceExportFormat,
  fileName: z.string().trim().min(1).max(200),
  content: z
    .string()
    .min(1)
    .max(8_000_000)
    .describe('The file; of an API’s pages one JSON array, or one page a line'),
  mapping: columnMapping.optional().describe('Needed for csv'),
  keyOwner: wire.keyOwner.default('system'),
  organizationId: wire.id.optional().describe('Needed where the owner is not system'),
  serviceKeyId: wire.id.optional(),
})

export const reconciliationEndpoints = defineEndpoints({
  readReconciliation: {
    method: 'GET',
    path: '/admin/reconciliation',
    auth: 'administrator',
    group: 'reconciliation',
    summary: 'How the books stand: the last run, what is unexplained, the tolerance',
    reply: z.object({
      last: reconciliationRun.nullable().describe('The last one that is done'),
      running: reconciliationRun.nullable(),
      lastOkAt: wire.time.nullable(),
      nextAt: wire.time,
      tolerance: reconciliationTolerance,
    }),
  },
  listReconciliationRuns: {
    method: 'GET',
    path: '/admin/reconciliation/runs',
    auth: 'administrator',
    group: 'reconciliation',
    summary: 'Runs, newest first',
    query: wire.pageQuery,
    reply: wire.page(reconciliationRun),
  },
  startReconciliation: {
    method: 'POST',
    path: '/admin/reconciliation/runs',
    auth: 'administrator',
    group: 'reconciliation',
    status: 201,
    summary: 'Run now; the one that is under way, where there is one. Ask for it until it is done',
    reply: reconciliationRun,
  },
  readReconciliationRun: {
    method: 'GET',
    path: '/admin/reconciliation/runs/:id',
    auth: 'administrator',
    group: 'reconciliation',
    summary: 'One run',
    params: wire.idParams,
    reply: reconciliationRun,
  },
  listReconciliationFindings: {
    method: 'GET',
    path: '/admin/reconciliation/runs/:id/findings',
    auth: 'administrator',
    group: 'reconciliation',
    summary: 'What a run found',
    params: wire.idParams,
    query: wire.pageQuery.extend({
      check: reconciliationCheck.optional(),
      explained: z.enum(['true', 'false']).optional(),
    }),
    reply: wire.page(reconciliationFinding),
  },
  explainReconciliationFinding: {
    method: 'POST',
    path: '/admin/reconciliation/findings/:id/explain',
    auth: 'administrator',
    group: 'reconciliation',
    summary: 'Say why a difference is right; it counts as explained until it changes',
    params: wire.idParams,
    body: z.object({ reason }),
    reply: reconciliationFinding,
  },
  setReconciliationTolerance: {
    method: 'PUT',
    path: '/admin/reconciliation/tolerance',
    auth: 'administrator',
    group: 'reconciliation',
    summary: 'What differences to a service’s own count are within reason; our own books have none',
    body: z.object({ tolerance: reconciliationTolerance, reason }),
    reply: reconciliationTolerance,
  },
  listServiceExports: {
    method: 'GET',
    path: '/admin/service-exports',
    auth: 'administrator',
    group: 'reconciliation',
    summary: 'Imported usage and cost exports of services, newest first',
    query: wire.pageQuery,
    reply: wire.page(serviceExport),
  },
  previewServiceExport: {
    method: 'POST',
    path: '/admin/service-exports/preview',
    auth: 'administrator',
    group: 'reconciliation',
    summary: 'Read an export and compare it, and keep nothing',
    body: newExport,
    bodyLimitBytes: 10_000_000,
    reply: z.object({
      columns: z.array(z.string()).describe('Of a CSV, to map'),
      mapping: columnMapping.nullable().describe('As given, or as it seems from the names of the columns'),
      lines: wire.count,
      from: z.iso.date().nullable(),
      until: z.iso.date().nullable(),
      unreadable: z
        .array(z.string())
        .max(20)
        .describe('Lines that cannot be read, and why: nothing is imported then'),
      comparison: z.array(comparisonRow).max(500),
    }),
  },
  importServiceExport: {
    method: 'POST',
    path: '/admin/service-exports',
    auth: 'administrator',
    group: 'reconciliation',
    status: 201,
    summary: 'Keep an export; every run compares it from then on. The same file is imported once',
    body: newExport,
    bodyLimitBytes: 10_000_000,
    reply: serviceExport,
  },
  readServiceExport: {
    method: 'GET',
    path: '/admin/service-exports/:id',
    auth: 'administrator',
    group: 'reconciliation',
    summary: 'One import, compared with our operations as they are now',
    params: wire.idParams,
    reply: serviceExport.extend({ comparison: z.array(comparisonRow) }),
  },
  removeServiceExport: {
    method: 'DELETE',
    path: '/admin/service-exports/:id',
    auth: 'administrator',
    group: 'reconciliation',
    summary: 'Forget an import, such as a wrong file; findings of past runs stay',
    params: wire.idParams,
    reply: wire.done,
  },
})
