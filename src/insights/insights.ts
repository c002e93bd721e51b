import type { UsageBy, UsageReport as UsageReportOnWire } from '../contract/usage.ts'
import type { Database } from '../db/database.ts'
import type { Clock } from '../kit/clock.ts'
import { failure, type Outcome, success } from '../kit/fault.ts'
import type { EntryKind } from '../ledger/account.ts'
import type { OperationStatus } from '../metering/operation.ts'
import type { Units } from '../metering/usage.ts'
import type { KeyOwner } from '../policy/control.ts'
import { makeAdministrationStore, type AdministrationReads } from './administration-store.ts'
import { type PastUse, readPastUses } from './store-history.ts'
import { makeUsageStore } from './store-usage.ts'
import { makeInsightStore } from './store.ts'
import { usageDays } from './usage-days.ts'
import { usageReportOf } from './usage-report.ts'

export type { PastUse } from './store-history.ts'
export interface OperationFilter {
  readonly organizationId?: string
  readonly userId?: string
  readonly service?: string
  readonly status?: OperationStatus
  readonly keyOwner?: KeyOwner | 'none' | 'own'
  readonly since?: Date
  readonly until?: Date
  readonly endpoint?: string
  /** Part of the name, asked for or used. */
  readonly model?: string
  /** The whole name of the one used; `none` where there was none, as for the service. */
  readonly usedModel?: string
  readonly accessToken?: string
}

/** Whose operations: a member's own. Administrators' reads name none and filter instead. */
export interface Owner {
  readonly organizationId: string
  readonly userId: string
}

export interface OperationRow {
  readonly id: string
  readonly organizationId: string
  readonly organizationName: string
  readonly userId: string
  readonly userEmail: string
  readonly startedAt: Date
  readonly durationMs: number
  readonly firstByteMs: number | null
  readonly endpoint: string
  readonly streamed: boolean
  readonly status: OperationStatus
  readonly httpStatus: number
  readonly faultCode: string | null
  readonly requestedModel: string | null
  readonly serviceId: string | null
  readonly model: string | null
  readonly keyOwner: KeyOwner | null
  readonly keyPriority: number | null
  readonly reason: string
  readonly attemptCount: number
  readonly inputTokens: bigint
  readonly outputTokens: bigint
  readonly units: Units | null
  readonly costNanoUsd: bigint | null
  readonly creditMicros: bigint
}

export interface ReceiptRow extends Omit<OperationRow, 'organizationName' | 'userEmail'> {
  readonly accessTokenId: string
  readonly serviceKeyId: string | null
  readonly attempts: unknown
  readonly decision: unknown
  readonly uncachedInputTokens: bigint
  readonly cacheReadTokens: bigint
  readonly cacheWriteTokens: bigint
  readonly cacheWrite1hTokens: bigint
  readonly plainOutputTokens: bigint
  readonly reasoningTokens: bigint
  readonly usageSource: 'reported' | 'estimated' | 'none'
  readonly priceBookVersion: number | null
  readonly heldMicros: bigint
  readonly ledgerEntries: readonly {
    readonly number: bigint
    readonly line: number
    readonly kind: EntryKind
    readonly bucket: 'issued' | 'available' | 'held' | 'spent' | 'expired' | 'debt'
    readonly amountMicros: bigint
    readonly grantId: string | null
    readonly operationId: string | null
    readonly availableMicros: bigint
    readonly at: Date
  }[]
}

export interface GrantRow {
  readonly id: string
  readonly kind: 'allocation' | 'purchase' | 'adjustment'
  readonly amountMicros: bigint
  readonly remainingMicros: bigint
  readonly effectiveAt: Date
  readonly expiresAt: Date | null
  readonly reason: string | null
}

export interface TotalsRow {
  readonly operations: bigint
  readonly creditMicros: bigint
  readonly costNanoUsd: bigint
  readonly inputTokens: bigint
  readonly outputTokens: bigint
}

export interface UsageRow extends TotalsRow {
  readonly day: string | null
  readonly serviceId: string | null
  readonly keyOwner: KeyOwner | null
  readonly byDay: boolean
  readonly byService: boolean
}

export interface OperationPage {
  readonly items: readonly OperationRow[]
  /** The id to go on before; null at the end. */
  readonly next: string | null
  readonly totals: TotalsRow
}

export interface UsageReport {
  readonly since: Date
  readonly until: Date
  readonly days: readonly UsageRow[]
  readonly services: readonly UsageRow[]
  readonly totals: TotalsRow
}

export interface UsageAsked {
  readonly by: UsageBy
  readonly from: string
  readonly to: string
  readonly timeZone: string
}

export interface Insights extends AdministrationReads {
  /** What an organisation asked for since then, the most frequent kinds first; `total` counts all operations. */
  pastUses(organizationId: string, since: Date, most: number): Promise<{ uses: PastUse[]; total: bigint }>
  /** Newest first. `before`: the `next` of the page before. */
  operations(filter: OperationFilter, page: { before: string | null; limit: number }): Promise<OperationPage>
  /** The same rows without totals, and without looking for a next page. */
  operationRows(
    filter: OperationFilter,
    page: { before: string | null; limit: number },
  ): Promise<OperationRow[]>
  /** The newest, without totals. */
  newestOperations(filter: OperationFilter, limit: number): Promise<OperationRow[]>
  operation(owner: Owner, id: string): Promise<Outcome<ReceiptRow>>
  /** For administrators: any operation of an organisation. */
  anyOperation(organizationId: string, id: string): Promise<Outcome<ReceiptRow>>
  /** Whole days in UTC, today included. */
  usage(owner: Owner, days: number): Promise<UsageReport>
  usageSince(of: Pick<OperationFilter, 'organizationId' | 'userId'>, since: Date): Promise<UsageReport>
  /** By whole days of a time zone, and by whatever tells use apart; of the operations that the filter lists. */
  usageReport(filter: OperationFilter, asked: UsageAsked): Promise<Outcome<UsageReportOnWire>>
  grants(organizationId: string, ids: readonly string[]): Promise<GrantRow[]>
}

const dayMs = 24 * 3600 * 1000
const noTotals: TotalsRow = {
  operations: 0n,
  creditMicros: 0n,
  costNanoUsd: 0n,
  inputTokens: 0n,
  outputTokens: 0n,
}

export const makeInsights = (parts: { database: Database; clock: Clock }): Insights => {
  const { database, clock } = parts
  const store = makeInsightStore(database.kysely)
  const usageStore = makeUsageStore(database.kysely)

  const usageSince: Insights['usageSince'] = async (of, since) => {
    const rows = await store.usage({ ...of, since })
    return {
      since,
      until: clock(),
      days: rows.filter((row) => row.byDay),
      services: rows.filter((row) => row.byService),
      totals: rows.find((row) => !row.byDay && !row.byService) ?? noTotals,
    }
  }

  return {
    pastUses: (organizationId, since, most) => readPastUses(database, organizationId, since, most),

    ...makeAdministrationStore(database.kysely),

    async operations(filter, { before, limit }) {
      const [rows, totals] = await Promise.all([
        store.operations(filter, before, limit + 1),
        store.totals(filter),
      ])
      const items = rows.slice(0, limit)
      return { items, next: rows.length > limit ? (items.at(-1)?.id ?? null) : null, totals }
    },

    operationRows: (filter, { before, limit }) => store.operations(filter, before, limit),

    newestOperations: (filter, limit) => store.operations(filter, null, limit),

    async operation(owner, id) {
      const row = await store.receipt(owner, id)
      return row ? success(row) : failure('not_found')
    },

    async anyOperation(organizationId, id) {
      const row = await store.receipt({ organizationId }, id)
      return row ? success(row) : failure('not_found')
    },

    usage(owner, days) {
      const today = Math.floor(clock().getTime() / dayMs) * dayMs
      return usageSince(owner, new Date(today - (days - 1) * dayMs))
    },

    usageSince,

    async usageReport(filter, { by, from, to, timeZone }) {
      const days = usageDays({ from, to, timeZone })
      if (!days.ok) return days
      const rows = await usageStore.usageReport(filter, by, days.value)
      const ids = rows.flatMap(({ id }) => id ?? [])
      const names = await usageStore.usageNames(by, [...new Set(ids)], filter.organizationId)
      return success(usageReportOf({ by, timeZone, days: days.value, rows, names }))
    },

    grants: store.grants,
  }
}
