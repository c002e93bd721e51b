import type { StatementFilters } from '../contract/statements.ts'
import { defineHandlers } from '../http/handler.ts'
import { decodeNumbersCursor } from '../kit/cursor.ts'
import { FaultError, fault } from '../kit/fault.ts'
import { type AccountKey, beforeTheFirst, wantedOf } from './statement.ts'
import type { PageCursor, Statements } from './statements.ts'
import { pageOnWire, summaryOnWire } from './wire.ts'

const nothing = { opening: beforeTheFirst, closing: beforeTheFirst }

export const statementApi = ({ statements }: { statements: Statements }) => {
  const page = async (
    account: AccountKey | null,
    { cursor, limit, ...filters }: StatementFilters & { cursor?: string | undefined; limit: number },
  ) => {
    const at = cursorOf(cursor)
    if (account === null)
      return pageOnWire({ ...nothing, lines: [], next: null, pending: [], pendingMicros: 0n })
    return pageOnWire(await statements.page(account, wantedOf(filters), { cursor: at, limit }))
  }
  const summary = async (account: AccountKey | null, filters: StatementFilters) => {
    const wanted = wantedOf(filters)
    if (account === null) return summaryOnWire({ ...nothing, categories: [] }, wanted)
    return summaryOnWire(await statements.summary(account, wanted), wanted)
  }
  const accountOf = async ({ organization, id }: { organization: string; id: string }) => {
    const account = await statements.accountOf({ organizationId: organization, userId: id })
    if (account === null) throw new FaultError(fault('not_found'))
    return account
  }

  return defineHandlers<
    'listStatement' | 'readStatementSummary' | 'listUserStatement' | 'readUserStatementSummary'
  >({
    listStatement: ({ query }, { signedIn }) => page(ownAccount(signedIn), query),
    readStatementSummary: ({ query }, { signedIn }) => summary(ownAccount(signedIn), query),
    listUserStatement: async ({ params, query }) => page(await accountOf(params), query),
    readUserStatementSummary: async ({ params, query }) => summary(await accountOf(params), query),
  })
}

/** Whoever has no account has an empty statement. */
export const ownAccount = (signedIn: {
  readonly organization: { readonly id: string }
  readonly accountId: string | null
}): AccountKey | null =>
  signedIn.accountId === null
    ? null
    : { organizationId: signedIn.organization.id, accountId: signedIn.accountId }

const cursorOf = (cursor: string | undefined): PageCursor | null => {
  const numbers = decodeNumbersCursor(cursor, 2)
  return numbers === null ? null : { before: numbers[0] ?? 0n, through: numbers[1] ?? 0n }
}
