import type { Billing } from '../billing/billing.ts'
import type { StatementFilters } from '../contract/statements.ts'
import type { UsageReport } from '../contract/usage.ts'
import { defineHandlers } from '../http/handler.ts'
import { administratorsSince, adminOperationOnWire, filterOf, operationOnWire } from '../insights/api.ts'
import type { Insights, OperationFilter, OperationRow } from '../insights/insights.ts'
import type { Clock } from '../kit/clock.ts'
import { FaultError, fault, must } from '../kit/fault.ts'
import { paidFrom } from '../statements/api.ts'
import { type AccountKey, wantedOf } from '../statements/statement.ts'
import type { PageCursor, StatementPage, Statements } from '../statements/statements.ts'
import { balanceOnWire, lineOnWire } from '../statements/wire.ts'
import {
  adminOperationColumns,
  operationColumns,
  statementColumns,
  usageColumns,
  usageRows,
} from './columns.ts'
import { csvFile, fileOf, type Format, jsonFile } from './streams.ts'

/** Enough that a file is few questions, few enough that a page is small. */
const pageSize = 500

export interface ExportApiParts {
  readonly statements: Statements
  readonly billing: Pick<Billing, 'payer'>
  readonly insights: Pick<Insights, 'operationRows' | 'usageReport'>
  readonly clock: Clock
}

/** Files of what the screens show, from the same questions with the same filters, page by page. */
export const exportApi = ({ statements, billing, insights, clock }: ExportApiParts) => {
  const statementPages = async function* (
    account: AccountKey,
    filters: StatementFilters,
    first: StatementPage,
  ) {
    const wanted = wantedOf(filters)
    yield first.lines.map(lineOnWire)
    let cursor: PageCursor | null = first.next
    while (cursor !== null) {
      const page: StatementPage = await statements.page(account, wanted, { cursor, limit: pageSize })
      yield page.lines.map(lineOnWire)
      cursor = page.next
    }
  }

  const statement = async (
    account: AccountKey,
    { format, ...filters }: StatementFilters & { format: Format },
  ) => {
    // Before the reply begins: what is wrong with the question is told as an error, not as half a file.
    const first = await statements.page(account, wantedOf(filters), { cursor: null, limit: pageSize })
    const pages = statementPages(account, filters, first)
    const told = {
      filters,
      opening: balanceOnWire(first.opening),
      closing: balanceOnWire(first.closing),
      pendingMicros: String(first.pendingMicros),
    }
    return fileOf(
      'statement',
      format,
      clock(),
      format === 'csv' ? csvFile(statementColumns, pages) : jsonFile(told, pages),
    )
  }

  const operationPages = async function* <Item>(
    filter: OperationFilter,
    onWire: (row: OperationRow) => Item,
  ) {
    let before: string | null = null
    for (;;) {
      const rows: OperationRow[] = await insights.operationRows(filter, { before, limit: pageSize })
      yield rows.map(onWire)
      before = rows.at(-1)?.id ?? null
      if (rows.length < pageSize) return
    }
  }

  const usage = (report: UsageReport, wanted: UsageFile) => usageFile(report, wanted, clock())

  const accountOf = async ({ organization, id }: { organization: string; id: string }) => {
    const account = await statements.accountOf({ organizationId: organization, userId: id })
    if (account === null) throw new FaultError(fault('not_found'))
    return account
  }

  return defineHandlers<
    | 'exportStatement'
    | 'exportUserStatement'
    | 'exportOperations'
    | 'exportAllOperations'
    | 'exportUsage'
    | 'exportAllUsage'
  >({
    async exportStatement({ query }, { signedIn }) {
      const account = await paidFrom(billing, signedIn)
      if (account === null) throw new FaultError(fault('not_found'))
      return statement(account, query)
    },
    exportUserStatement: async ({ params, query }) => statement(await accountOf(params), query),

    async exportOperations({ query: { format, ...filters } }, { signedIn }) {
      const owner = { organizationId: signedIn.organization.id, userId: signedIn.userId }
      const pages = operationPages({ ...filterOf(filters), ...owner }, operationOnWire)
      const body = format === 'csv' ? csvFile(operationColumns, pages) : jsonFile({ filters }, pages)
      return fileOf('operations', format, clock(), body)
    },
    async exportAllOperations({ query: { format, organization, user, ...filters } }) {
      const filter = filterOf(filters)
      const since = administratorsSince(filter.since, clock())
      const all = { ...filter, organizationId: organization, userId: user, since }
      const pages = operationPages(all, adminOperationOnWire)
      const told = { filters: { ...filters, organization, user, since: since.toISOString() } }
      const body = format === 'csv' ? csvFile(adminOperationColumns, pages) : jsonFile(told, pages)
      return fileOf('operations', format, clock(), body)
    },

    async exportUsage({ query }, { signedIn }) {
      const { service, accessToken, ...asked } = query
      const owner = { organizationId: signedIn.organization.id, userId: signedIn.userId }
      return usage(must(await insights.usageReport({ ...owner, service, accessToken }, asked)), query)
    },
    async exportAllUsage({ query }) {
      const { service, accessToken, organization, user, ...asked } = query
      const filter = { service, accessToken, organizationId: organization, userId: user }
      return usage(must(await insights.usageReport(filter, asked)), query)
    },
  })
}

interface UsageFile {
  readonly format: Format
  readonly rows: 'groups' | 'days'
}

/** A report of use as a file. */
export const usageFile = (report: UsageReport, { format, rows }: UsageFile, at: Date) => {
  const { groups, cells, ...told } = report
  const withDays = rows === 'days'
  const body =
    format === 'csv'
      ? csvFile(usageColumns(withDays), oneByOne(usageRows(report, withDays)))
      : jsonFile({ ...told, cells }, oneByOne(groups))
  return fileOf('usage', format, at, body)
}

const oneByOne = async function* <Item>(items: readonly Item[]) {
  for (let from = 0; from < items.length; from += pageSize) yield items.slice(from, from + pageSize)
}
