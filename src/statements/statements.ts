import type { PoolClient } from 'pg'
import type { StatementCategory } from '../contract/statements.ts'
import type { Database } from '../db/database.ts'
import { inSnapshot } from '../db/transaction.ts'
import { linesOf } from './lines.ts'
import {
  type AccountKey,
  type Balance,
  categoryOf,
  type Line,
  type Pending,
  type Range,
  type Wanted,
} from './statement.ts'
import * as store from './store.ts'

/** Where a page goes on, and how far the first one saw: what happens meanwhile is on no page of the same statement. */
export interface PageCursor {
  readonly before: bigint
  readonly through: bigint
}

export interface StatementPage {
  readonly lines: readonly Line[]
  readonly opening: Balance
  readonly closing: Balance
  readonly next: PageCursor | null
  /** On the first page. */
  readonly pending: readonly Pending[]
  readonly pendingMicros: bigint
}

export interface CategorySum {
  readonly category: StatementCategory
  readonly lines: bigint
  readonly changeMicros: bigint
  readonly spentMicros: bigint
  readonly expiredMicros: bigint
}

export interface StatementSummary {
  readonly opening: Balance
  readonly closing: Balance
  /** Of the whole range, holds apart: opening and their changes are closing. */
  readonly categories: readonly CategorySum[]
}

export interface Statements {
  accountOf(owner: { organizationId: string; userId: string }): Promise<AccountKey | null>
  page(
    account: AccountKey,
    wanted: Wanted,
    page: { cursor: PageCursor | null; limit: number },
  ): Promise<StatementPage>
  summary(account: AccountKey, wanted: Wanted): Promise<StatementSummary>
}

export const makeStatements = ({ database }: { database: Database }): Statements => {
  /** Of one moment, so that what is pending and what is final are not the same operation twice. */
  const snapshot = <T>(work: (client: PoolClient) => Promise<T>) => inSnapshot(database, work)

  const ends = async (client: PoolClient, account: AccountKey, range: Range) => {
    const [opening, closing] = (await store.balancesAfter(client, account, [
      range.from - 1n,
      range.through,
    ])) as [Balance, Balance]
    return { opening, closing }
  }

  return {
    accountOf: (owner) =>
      snapshot(async (client) => {
        const accountId = await store.accountOf(client, owner)
        return accountId === null ? null : { organizationId: owner.organizationId, accountId }
      }),

    page: (account, wanted, { cursor, limit }) =>
      snapshot(async (client) => {
        const range = await store.rangeOf(client, account, wanted, cursor?.through ?? null)
        const before = cursor?.before ?? null
        const found = await store.numbersOf(client, account, wanted, { range, before, limit: limit + 1 })
        const numbers = found.slice(0, limit)
        const last = numbers.at(-1)
        const isFirst = cursor === null
        return {
          ...(await ends(client, account, range)),
          lines: await linesOf(client, account, numbers),
          next: found.length > limit && last !== undefined ? { before: last, through: range.through } : null,
          pending: isFirst ? await store.pendingOf(client, account) : [],
          pendingMicros: await store.heldMicros(client, account),
        }
      }),

    summary: (account, wanted) =>
      snapshot(async (client) => {
        const range = await store.rangeOf(client, account, wanted, null)
        const sums = await store.sumsOf(client, account, range)
        return { ...(await ends(client, account, range)), categories: categorySums(sums) }
      }),
  }
}

/** Several kinds of transactions are one category: what was charged at first and later. */
const categorySums = (rows: readonly store.SumRow[]): CategorySum[] => {
  const byCategory = Map.groupBy(rows, ({ kind, grant_kind }) => categoryOf(kind, grant_kind))
  return [...byCategory].map(([category, of]) => {
    const sum = (what: 'transactions' | 'change' | 'spent' | 'expired') =>
      of.reduce((total, row) => total + row[what], 0n)
    return {
      category,
      lines: sum('transactions'),
      changeMicros: sum('change'),
      spentMicros: sum('spent'),
      expiredMicros: sum('expired'),
    }
  })
}
