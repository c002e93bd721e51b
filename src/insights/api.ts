import type { AdminOperation } from '../contract/administration.ts'
import type { Operation, OperationFilters, Receipt, Totals } from '../contract/operations.ts'
import { defineHandlers } from '../http/handler.ts'
import type { SignedIn } from '../identity/identity.ts'
import type { Clock } from '../kit/clock.ts'
import { decodeCursor, encodeCursor } from '../kit/cursor.ts'
import { must, type Outcome } from '../kit/fault.ts'
import type { CostLine } from '../metering/cost.ts'
import type { Prices } from '../metering/prices.ts'
import { receiptLines } from './cost-lines.ts'
import { decisionOnWire } from './decision.ts'
import type { Insights, OperationRow, Owner, ReceiptRow, TotalsRow, UsageRow } from './insights.ts'

/** Everybody's operations are only looked through from this far back, unless the call says otherwise. */
const administratorDays = 7
export const administratorsSince = (since: Date | undefined, now: Date): Date =>
  since ?? new Date(now.getTime() - administratorDays * 24 * 3600 * 1000)

export interface InsightApiParts {
  readonly insights: Insights
  readonly prices: Pick<Prices, 'at'>
  readonly clock: Clock
}

export const insightApi = ({ insights, prices, clock }: InsightApiParts) => {
  const receipt = async (found: Outcome<ReceiptRow>): Promise<Receipt> => {
    const row = must(found)
    const book = row.priceBookVersion === null ? null : await prices.at(row.priceBookVersion)
    return receiptOnWire(row, receiptLines(row, book))
  }

  return defineHandlers<
    | 'listOperations'
    | 'tailOperations'
    | 'readOperation'
    | 'readUsage'
    | 'readUsageReport'
    | 'readAllUsage'
    | 'listAllOperations'
    | 'readAnyOperation'
    | 'readOverview'
    | 'listTiers'
  >({
    async listOperations({ query }, { signedIn }) {
      const { cursor, limit, ...filters } = query
      const page = { before: decodeCursor(cursor), limit }
      const found = await insights.operations({ ...ownerOf(signedIn), ...filterOf(filters) }, page)
      return {
        items: found.items.map(operationOnWire),
        nextCursor: found.next && encodeCursor(found.next),
        totals: totalsOnWire(found.totals),
      }
    },

    async tailOperations({ query }, { signedIn }) {
      const { limit, ...filters } = query
      const rows = await insights.newestOperations({ ...ownerOf(signedIn), ...filterOf(filters) }, limit)
      return { items: rows.map(operationOnWire) }
    },

    readOperation: async ({ params }, { reader }) => receipt(await insights.operation(reader, params.id)),

    async readUsage({ query }, { signedIn }) {
      const report = await insights.usage(ownerOf(signedIn), query.days)
      return {
        since: report.since.toISOString(),
        until: report.until.toISOString(),
        timeZone: 'UTC',
        days: report.days.map((row) => ({ ...usageOnWire(row), day: row.day ?? '' })),
        services: report.services.map((row) => ({ ...usageOnWire(row), serviceId: row.serviceId })),
        totals: totalsOnWire(report.totals),
      }
    },

    async readUsageReport({ query }, { signedIn }) {
      const { service, accessToken, ...asked } = query
      return must(await insights.usageReport({ ...ownerOf(signedIn), service, accessToken }, asked))
    },

    async readAllUsage({ query }) {
      const { service, accessToken, organization, user, ...asked } = query
      const filter = { service, accessToken, organizationId: organization, userId: user }
      return must(await insights.usageReport(filter, asked))
    },

    async listAllOperations({ query }) {
      const { cursor, limit, organization, user, ...filters } = query
      const filter = filterOf(filters)
      const found = await insights.operations(
        {
          ...filter,
          organizationId: organization,
          userId: user,
          since: administratorsSince(filter.since, clock()),
        },
        { before: decodeCursor(cursor), limit },
      )
      return {
        items: found.items.map(adminOperationOnWire),
        nextCursor: found.next && encodeCursor(found.next),
        totals: totalsOnWire(found.totals),
      }
    },

    readAnyOperation: async ({ params }) =>
      receipt(await insights.anyOperation(params.organization, params.id)),

    async readOverview() {
      const [now, processes] = await Promise.all([insights.overview(clock()), insights.processes()])
      return {
        organizations: Number(now.organizations),
        users: Number(now.users),
        lastDay: {
          operations: Number(now.operations),
          succeeded: Number(now.succeeded),
          failed: Number(now.failed),
          refused: Number(now.refused),
          cancelled: Number(now.cancelled),
          interrupted: Number(now.interrupted),
          ownKeyOperations: Number(now.ownKeyOperations),
          systemKeyOperations: Number(now.systemKeyOperations),
          systemCostNanoUsd: String(now.systemCostNanoUsd),
          chargedMicros: String(now.chargedMicros),
        },
        systemKeys: {
          total: Number(now.systemKeys),
          usable: Number(now.usableSystemKeys),
          attention: Number(now.ailingSystemKeys),
        },
        userKeys: { total: Number(now.userKeys), attention: Number(now.ailingUserKeys) },
        unresolvedHolds: Number(now.unresolvedHolds),
        processes: processes.map((process) => ({ ...process, startedAt: process.startedAt.toISOString() })),
      }
    },

    async listTiers() {
      const tiers = await insights.tiers()
      return {
        items: tiers.map((tier) => ({
          ...tier,
          monthlyAllocationMicros: String(tier.monthlyAllocationMicros),
          monthlyPriceCents: String(tier.monthlyPriceCents),
        })),
      }
    },
  })
}

const ownerOf = (signedIn: SignedIn): Owner => ({
  organizationId: signedIn.organization.id,
  userId: signedIn.userId,
})

export const filterOf = ({ since, until, ...filter }: OperationFilters) => ({
  ...filter,
  since: dateOf(since),
  until: dateOf(until),
})

const dateOf = (time: string | undefined): Date | undefined =>
  time === undefined ? undefined : new Date(time)

const totalsOnWire = (totals: TotalsRow): Totals => ({
  operations: Number(totals.operations),
  creditMicros: String(totals.creditMicros),
  costNanoUsd: String(totals.costNanoUsd),
  inputTokens: Number(totals.inputTokens),
  outputTokens: Number(totals.outputTokens),
})

const usageOnWire = (row: UsageRow) => ({ ...totalsOnWire(row), keyOwner: row.keyOwner })

export const operationOnWire = (row: Omit<OperationRow, 'organizationName' | 'userEmail'>): Operation => ({
  id: row.id,
  userId: row.userId,
  startedAt: row.startedAt.toISOString(),
  durationMs: row.durationMs,
  firstByteMs: row.firstByteMs,
  endpoint: row.endpoint,
  streamed: row.streamed,
  status: row.status,
  httpStatus: row.httpStatus,
  faultCode: row.faultCode,
  requestedModel: row.requestedModel,
  serviceId: row.serviceId,
  model: row.model,
  keyOwner: row.keyOwner,
  keyPriority: row.keyPriority,
  reason: row.reason,
  attemptCount: row.attemptCount,
  inputTokens: Number(row.inputTokens),
  outputTokens: Number(row.outputTokens),
  units: row.units,
  costNanoUsd: row.costNanoUsd === null ? null : String(row.costNanoUsd),
  creditMicros: String(row.creditMicros),
})

export const adminOperationOnWire = (row: OperationRow): AdminOperation => ({
  ...operationOnWire(row),
  organizationId: row.organizationId,
  organizationName: row.organizationName,
  userEmail: row.userEmail,
})

const receiptOnWire = (row: ReceiptRow, lines: readonly CostLine[]): Receipt => ({
  ...operationOnWire(row),
  accessTokenId: row.accessTokenId,
  serviceKeyId: row.serviceKeyId,
  attempts: row.attempts as Receipt['attempts'],
  decision: decisionOnWire(row.decision),
  tokens: {
    input: Number(row.uncachedInputTokens),
    cacheRead: Number(row.cacheReadTokens),
    cacheWrite: Number(row.cacheWriteTokens),
    cacheWrite1h: Number(row.cacheWrite1hTokens),
    output: Number(row.plainOutputTokens),
    reasoning: Number(row.reasoningTokens),
  },
  usageSource: row.usageSource,
  costLines: lines.map((line) => ({
    what: line.what,
    quantity: line.quantity,
    nanoUsd: String(line.nanoUsd),
    per: String(line.per),
    costNanoUsd: String(line.costNanoUsd),
  })),
  priceBookVersion: row.priceBookVersion,
  heldMicros: String(row.heldMicros),
  ledgerEntries: row.ledgerEntries.map((entry) => ({
    ...entry,
    number: Number(entry.number),
    amountMicros: String(entry.amountMicros),
    availableMicros: String(entry.availableMicros),
    at: entry.at.toISOString(),
  })),
})
