import { allocate, hasExpired, type Part, sumParts, sumRemaining, unwind, usableInOrder } from './burn.ts'

/**
 * What the ledger does to an account, without a database: an account is loaded under its lock, changed here, and
 * the journal of changes is written back. Balances change only by posting lines, so they cannot part from the entries.
 */
export interface Account {
  readonly organizationId: string
  readonly id: string
  heldMicros: bigint
  debtMicros: bigint
  transactionCount: bigint
  allocatedUntil: Date
  /** All with credits remaining, and those that the holds in question came from. */
  readonly grants: Map<string, Grant>
}

export interface Grant {
  readonly id: string
  readonly kind: GrantKind
  readonly amountMicros: bigint
  remainingMicros: bigint
  readonly burnPriority: number
  readonly effectiveAt: Date
  readonly expiresAt: Date | null
  expiredAt: Date | null
  readonly createdAt: Date
}

export type GrantKind = 'allocation' | 'purchase' | 'adjustment'
export type EntryKind =
  | 'grant'
  | 'hold'
  | 'settle'
  | 'release'
  | 'expire'
  | 'debt_payment'
  | 'reversal'
  | 'refund'
  | 'charge'
export type Bucket = 'issued' | 'available' | 'held' | 'spent' | 'expired' | 'debt'

export interface Entry {
  readonly account: Account
  readonly number: bigint
  readonly line: number
  readonly kind: EntryKind
  readonly bucket: Bucket
  readonly amountMicros: bigint
  readonly grantId: string | null
  readonly operationId: string | null
  /** These three: of the account, after the whole transaction. */
  readonly availableMicros: bigint
  readonly heldMicros: bigint
  readonly debtMicros: bigint
}

export interface Hold {
  readonly operationId: string
  readonly amountMicros: bigint
  /** In burn order. */
  readonly parts: readonly Part[]
}

/** Everything one database transaction has to write of the accounts it locked. */
export interface Journal {
  readonly at: Date
  readonly entries: Entry[]
  readonly accounts: Set<Account>
  readonly grants: Map<Grant, Account>
}

export const newJournal = (at: Date): Journal => ({ at, entries: [], accounts: new Set(), grants: new Map() })

interface Line {
  readonly bucket: Bucket
  readonly micros: bigint
  readonly grantId?: string
}

/** One transaction of an account: lines that sum to zero, applied and noted. */
export const post = (
  journal: Journal,
  account: Account,
  kind: EntryKind,
  operationId: string | null,
  lines: readonly Line[],
): void => {
  const kept = lines.filter((line) => line.micros !== 0n)
  if (kept.reduce((sum, line) => sum + line.micros, 0n) !== 0n)
    throw new Error(`${kind} does not sum to zero`)
  for (const line of kept) apply(journal, account, line)
  account.transactionCount++
  journal.accounts.add(account)
  const availableMicros = sumRemaining(account.grants.values())
  for (const [index, line] of kept.entries())
    journal.entries.push({
      account,
      number: account.transactionCount,
      line: index,
      kind,
      bucket: line.bucket,
      amountMicros: line.micros,
      grantId: line.grantId ?? null,
      operationId,
      availableMicros,
      heldMicros: account.heldMicros,
      debtMicros: account.debtMicros,
    })
}

const apply = (journal: Journal, account: Account, line: Line): void => {
  if (line.bucket === 'held') account.heldMicros += line.micros
  if (line.bucket === 'debt') account.debtMicros -= line.micros
  if (line.bucket === 'available') {
    const grant = grantOf(account, line.grantId ?? '')
    grant.remainingMicros += line.micros
    journal.grants.set(grant, account)
    if (grant.remainingMicros < 0n) throw new Error(`grant ${grant.id} would be overdrawn`)
  }
}

export const grantOf = (account: Account, id: string): Grant => {
  const grant = account.grants.get(id)
  if (!grant) throw new Error(`grant ${id} was not loaded with account ${account.id}`)
  return grant
}

const taken = (parts: readonly Part[]): Line[] =>
  parts.map(({ grantId, micros }) => ({ bucket: 'available', micros: -micros, grantId }))

export const availableMicros = (account: Account, at: Date): bigint =>
  sumRemaining(usableInOrder(account.grants.values(), at))

/** Debt comes before any use of credits, whenever credits have become available. */
export const payDebt = (journal: Journal, account: Account): void => {
  if (account.debtMicros === 0n) return
  const parts = allocate(usableInOrder(account.grants.values(), journal.at), account.debtMicros)
  const paid = sumParts(parts)
  if (paid > 0n)
    post(journal, account, 'debt_payment', null, [...taken(parts), { bucket: 'debt', micros: paid }])
}

/** Sets aside what is affordable between minimum and maximum; null where that is less than the minimum. */
export const openHold = (
  journal: Journal,
  account: Account,
  wanted: { readonly operationId: string; readonly minimumMicros: bigint; readonly maximumMicros: bigint },
): Hold | null => {
  payDebt(journal, account)
  const usable = usableInOrder(account.grants.values(), journal.at)
  const available = sumRemaining(usable)
  // A hold of nothing would let an empty account start operations.
  const minimum = wanted.minimumMicros > 1n ? wanted.minimumMicros : 1n
  const maximum = wanted.maximumMicros > minimum ? wanted.maximumMicros : minimum
  if (available < minimum) return null
  const amountMicros = available < maximum ? available : maximum
  const parts = allocate(usable, amountMicros)
  post(journal, account, 'hold', wanted.operationId, [
    ...taken(parts),
    { bucket: 'held', micros: amountMicros },
  ])
  return { operationId: wanted.operationId, amountMicros, parts }
}

/**
 * Ends a hold. What was not spent returns to the grants it came from, last burnt first; what returns to a grant that
 * has expired since is expired. What was spent above the hold comes from available credits, the rest is debt.
 */
export const endHold = (journal: Journal, account: Account, hold: Hold, chargeMicros: bigint): void => {
  const above = chargeMicros > hold.amountMicros ? chargeMicros - hold.amountMicros : 0n
  const extra = above > 0n ? allocate(usableInOrder(account.grants.values(), journal.at), above) : []
  const returned = unwind(hold.parts, chargeMicros).map(({ grantId, micros }): Line => {
    const bucket = hasExpired(grantOf(account, grantId), journal.at) ? 'expired' : 'available'
    return { bucket, micros, grantId }
  })
  post(journal, account, chargeMicros > 0n ? 'settle' : 'release', hold.operationId, [
    { bucket: 'held', micros: -hold.amountMicros },
    { bucket: 'spent', micros: chargeMicros },
    ...returned,
    ...taken(extra),
    { bucket: 'debt', micros: sumParts(extra) - above },
  ])
  payDebt(journal, account)
}

export const addGrant = (journal: Journal, account: Account, grant: Grant): void => {
  account.grants.set(grant.id, { ...grant, remainingMicros: 0n })
  post(journal, account, 'grant', null, [
    { bucket: 'issued', micros: -grant.amountMicros, grantId: grant.id },
    { bucket: 'available', micros: grant.amountMicros, grantId: grant.id },
  ])
  payDebt(journal, account)
}

/** Moves what remains of expired grants away. Held credits have left their grant before and are not touched. */
export const expireDue = (journal: Journal, account: Account): void => {
  for (const grant of account.grants.values()) {
    if (grant.remainingMicros === 0n || !hasExpired(grant, journal.at)) continue
    const micros = grant.remainingMicros
    grant.expiredAt = journal.at
    post(journal, account, 'expire', null, [
      { bucket: 'available', micros: -micros, grantId: grant.id },
      { bucket: 'expired', micros, grantId: grant.id },
    ])
  }
}
