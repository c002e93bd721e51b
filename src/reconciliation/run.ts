import type {
  ReconciliationCheck,
  ReconciliationFinding,
  ReconciliationRun,
  ServiceExportFormat,
} from '../contract/reconciliation.ts'
import type { KeyOwner } from '../policy/control.ts'

export type Trigger = ReconciliationRun['trigger']
export type RunState = ReconciliationRun['state']
export type SubjectKind = ReconciliationFinding['subject']['kind']
export type Unit = ReconciliationFinding['unit']

export interface CheckResult {
  readonly check: ReconciliationCheck
  readonly claim: string
  readonly examined: number
  readonly unexplained: number
  readonly explained: number
}

export interface BookTotal {
  readonly what: string
  readonly unit: Unit
  readonly amount: string
}

export interface Run {
  readonly id: string
  readonly trigger: Trigger
  readonly state: RunState
  readonly requestedBy: string
  readonly requestedAt: Date
  readonly startedAt: Date | null
  readonly finishedAt: Date | null
  readonly failure: string | null
  readonly checks: readonly CheckResult[]
  readonly totals: readonly BookTotal[]
}

/** Null: it is not known yet, or the run failed. */
export const isOk = (run: Run): boolean | null =>
  run.state === 'done' ? run.checks.every(({ unexplained }) => unexplained === 0) : null

/** A difference, before it is kept. */
export interface Found {
  readonly check: ReconciliationCheck
  readonly organizationId: string | null
  readonly accountId: string | null
  readonly subject: { readonly kind: SubjectKind; readonly id: string }
  readonly message: string
  readonly unit: Unit
  readonly expected: bigint | null
  readonly found: bigint | null
  /** Known to be right for another reason: the tolerance of a comparison. */
  readonly isTolerated?: boolean
}

export const differenceOf = ({ expected, found }: Pick<Found, 'expected' | 'found'>): bigint | null =>
  expected === null || found === null ? null : found - expected

export interface Explanation {
  readonly by: string
  readonly at: Date
  readonly reason: string
}

export interface Finding extends Found {
  readonly id: string
  readonly runId: string
  /** Whose account it is. */
  readonly userId: string | null
  readonly difference: bigint | null
  readonly isTolerated: boolean
  readonly explanation: Explanation | null
  readonly firstSeenAt: Date
}

export interface ServiceExport {
  readonly id: string
  readonly serviceId: string
  readonly format: ServiceExportFormat
  readonly fileName: string
  readonly keyOwner: KeyOwner
  readonly organizationId: string | null
  readonly serviceKeyId: string | null
  /** Days in UTC; `until` is the one after the last. */
  readonly from: string
  readonly until: string
  readonly lines: number
  readonly importedBy: string
  readonly importedAt: Date
}

/** Whose operations an export is about. */
export type ExportScope = Pick<
  ServiceExport,
  'serviceId' | 'keyOwner' | 'organizationId' | 'serviceKeyId' | 'from' | 'until'
>

/** The same difference has the same name in every run, whichever file it comes from. */
export const usageSubject = (scope: ExportScope, day: string, model: string, metric: string): string =>
  [
    scope.serviceId,
    scope.keyOwner,
    scope.organizationId ?? '-',
    scope.serviceKeyId ?? '-',
    day,
    model,
    metric,
  ].join('/')
