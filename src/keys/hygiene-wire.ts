import type {
  HygieneReport as WireReport,
  ImportPreview as WirePreview,
  ImportResult as WireResult,
  KeyCheckRecord,
} from '../contract/key-hygiene.ts'
import type { ServiceKey } from '../contract/service-keys.ts'
import type { HygieneReport, HygieneRow } from './hygiene.ts'
import { daysSince } from './hygiene-report.ts'
import type { ImportPreview, ImportResult } from './imports.ts'
import type { ServiceKeyView } from './service-key.ts'
import type { CheckRecord } from './store-checks.ts'

/** How key hygiene is told over /api: never more of a secret than its last characters. */
export const checksOnWire = (checks: readonly CheckRecord[]): { items: KeyCheckRecord[] } => ({
  items: checks.map(({ firstAt, at, ...check }) => ({
    ...check,
    firstAt: firstAt.toISOString(),
    at: at.toISOString(),
  })),
})

export const reportOnWire = (report: HygieneReport, now: Date): WireReport => ({
  ...report.settings,
  total: report.total,
  counts: { ...report.counts },
  items: report.items.map(({ findings, ...row }) => ({
    id: row.id,
    organizationId: row.organizationId,
    organizationName: row.organizationName,
    serviceId: row.serviceId,
    owner: row.owner,
    ownerEmail: row.email,
    label: row.label,
    lastFour: row.lastFour,
    status: statusOf(row, now),
    ageDays: daysSince(row.secretSince, now),
    idleDays: row.lastUsedAt === null ? null : daysSince(row.lastUsedAt, now),
    lastUsedAt: row.lastUsedAt?.toISOString() ?? null,
    secretSince: row.secretSince.toISOString(),
    validatedAt: row.validatedAt?.toISOString() ?? null,
    findings: [...findings],
  })),
  isCut: report.isCut,
})

const statusOf = ({ status, coolingUntil }: HygieneRow, now: Date): ServiceKey['status'] =>
  status === 'active' && coolingUntil !== null && coolingUntil > now ? 'cooling' : status

export const previewOnWire = ({ format, lines, skipped }: ImportPreview): WirePreview => ({
  format,
  skipped,
  lines: lines.map((line) => ({ ...line, candidates: [...line.candidates], settings: { ...line.settings } })),
})

export const resultOnWire = (
  { line, outcome, serviceKey, fault }: ImportResult,
  onWire: (key: ServiceKeyView) => ServiceKey,
): WireResult => ({
  line,
  outcome,
  serviceKey: serviceKey && onWire(serviceKey),
  fault: fault && {
    code: fault.code,
    message: fault.message,
    next: fault.next,
    ...(fault.field === undefined ? {} : { field: fault.field }),
  },
})
