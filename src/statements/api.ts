import type { Billing } from '../billing/billing.ts'
import { accountKeyOf } from '../billing/payer.ts'
import type { StatementFilters } from '../contract/statements.ts'
import { defineHandlers } from '../http/handler.ts'
import type { SignedIn } from '../identity/identity.ts'
import { decodeNumbersCursor } from '../kit/cursor.ts'
import { FaultError, fault } from '../kit/fault.ts'
import { type AccountKey, beforeTheFirst, wantedOf } from './statement.ts'
import type { PageCursor, Statements } from './statements.ts'
import { pageOnWire, summaryOnWire } from './wire.ts'

const nothing = { opening: beforeTheFirst, closing: beforeTheFirst }

export interface StatementApiParts {
  readonly statements: Statements
  readonly billing: Pick<Billing, 'payer'>
}

export const statementApi = ({ statements, billing }: StatementApiParts) => {
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
    listStatement: async ({ query }, { signedIn }) => page(await paidFrom(billing, signedIn), query),
    readStatementSummary: async ({ query }, { signedIn }) =>
      summary(await paidFrom(billing, signedIn), query),
    listUserStatement: async ({ params, query }) => page(await accountOf(params), query),
    readUserStatementSummary: async ({ params, query }) => summary(await accountOf(params), query),
  })
}

/** The account that somebody's pages are about; whoever has none has an empty statement. */
export const paidFrom = async (
  billing: Pick<Billing, 'payer'>,
  { organization, userId, role }: Pick<SignedIn, 'userId' | 'role'> & { organization: { id: string } },
): Promise<AccountKey | null> =>
  accountKeyOf(await billing.payer({ organizationId: organization.id, userId, role }))

const cursorOf = (cursor: string | undefined): PageCursor | null => {
  const numbers = decodeNumbersCursor(cursor, 2)
  return numbers === null ? null : { before: numbers[0] ?? 0n, through: numbers[1] ?? 0n }
}
