import type { StatementCategory, StatementFilters } from '../contract/statements.ts'
import type { EntryKind, GrantKind } from '../ledger/account.ts'
import type { OperationStatus } from '../metering/operation.ts'

export interface AccountKey {
  readonly organizationId: string
  readonly accountId: string
}

/** Which transactions of an account: from a number up to and including another. */
export interface Range {
  readonly from: bigint
  readonly through: bigint
}

export interface Wanted {
  readonly since: Date | null
  readonly until: Date | null
  readonly categories: readonly StatementCategory[] | null
  /** Whether what an operation held is a line of its own. */
  readonly withHolds: boolean
}

export interface Balance {
  readonly number: bigint
  readonly at: Date | null
  readonly availableMicros: bigint
  readonly heldMicros: bigint
  readonly debtMicros: bigint
}

export const beforeTheFirst: Balance = {
  number: 0n,
  at: null,
  availableMicros: 0n,
  heldMicros: 0n,
  debtMicros: 0n,
}

/** What would be available if everything under way cost nothing: what an account has, less what it owes. */
export const balanceMicros = (balance: Omit<Balance, 'number' | 'at'>): bigint =>
  balance.availableMicros + balance.heldMicros - balance.debtMicros

export interface LineGrant {
  readonly id: string
  readonly kind: GrantKind
  readonly reason: string | null
  readonly changeMicros: bigint
  readonly expiresAt: Date | null
}

export interface LineOperation {
  readonly id: string
  readonly startedAt: Date
  readonly endpoint: string
  readonly status: OperationStatus
  readonly serviceId: string | null
  readonly model: string | null
}

export interface LineInvoice {
  readonly id: string
  readonly kind: 'invoice' | 'credit_note'
  readonly number: string | null
}

/** One transaction of the ledger, with what it is about. */
export interface Line {
  readonly number: bigint
  readonly at: Date
  readonly kind: EntryKind
  readonly category: StatementCategory
  readonly after: Balance
  readonly availableChangeMicros: bigint
  readonly heldChangeMicros: bigint
  readonly debtChangeMicros: bigint
  readonly spentMicros: bigint
  readonly expiredMicros: bigint
  readonly operationId: string | null
  readonly operation: LineOperation | null
  readonly hold: { readonly number: bigint; readonly at: Date; readonly heldMicros: bigint } | null
  readonly grants: readonly LineGrant[]
  readonly reason: string | null
  readonly paymentId: string | null
  readonly invoice: LineInvoice | null
}

export const changeMicros = (
  line: Pick<Line, 'availableChangeMicros' | 'heldChangeMicros' | 'debtChangeMicros'>,
) => line.availableChangeMicros + line.heldChangeMicros - line.debtChangeMicros

/** Set aside and not ended. */
export interface Pending {
  readonly operationId: string
  readonly at: Date
  readonly heldMicros: bigint
  readonly state: 'open' | 'unresolved'
  readonly endpoint: string | null
  readonly serviceId: string | null
  readonly model: string | null
}

/** A grant's lines are told apart by its kind; everything else by its own. */
export const categoryOf = (kind: EntryKind, grantKind: GrantKind | null): StatementCategory => {
  if (kind === 'grant') return grantKind ?? 'adjustment'
  return categoryOfKind[kind]
}

const categoryOfKind: Readonly<Record<Exclude<EntryKind, 'grant'>, StatementCategory>> = {
  hold: 'hold',
  settle: 'usage',
  // What an operation was charged more, later.
  charge: 'usage',
  release: 'release',
  refund: 'refund',
  reversal: 'reversal',
  expire: 'expiry',
  debt_payment: 'debt_payment',
}

const grantKinds: readonly StatementCategory[] = ['allocation', 'purchase', 'adjustment']

/** What the ledger calls them: kinds of entries, and of grants. */
export const kindsOf = (
  categories: readonly StatementCategory[],
): { readonly entries: readonly EntryKind[]; readonly grants: readonly GrantKind[] } => ({
  entries: (Object.entries(categoryOfKind) as [EntryKind, StatementCategory][])
    .filter(([, category]) => categories.includes(category))
    .map(([kind]) => kind),
  grants: categories.filter((category): category is GrantKind => grantKinds.includes(category)),
})

export const wantedOf = (filters: StatementFilters): Wanted => {
  const categories = filters.categories?.split(',') as StatementCategory[] | undefined
  return {
    since: filters.since === undefined ? null : new Date(filters.since),
    until: filters.until === undefined ? null : new Date(filters.until),
    categories: categories ?? null,
    withHolds: filters.detail === 'all' || (categories?.includes('hold') ?? false),
  }
}
