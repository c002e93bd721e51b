import { type Account, grantOf, type Journal, payDebt, post } from './account.ts'
import { allocate, hasExpired, type Part, sumParts, unwind, usableInOrder } from './burn.ts'

/** What a correction came to. */
export interface Corrected {
  readonly amountMicros: bigint
  /** Reversal, charge: what is owed now. Refund: what was owed and is no longer. */
  readonly debtMicros: bigint
  /** Refund: what went back, and where to. Charge: what came from which grant. */
  readonly returned: readonly Part[]
  /** Refund: what no grant had paid, for it was owed at first. It has to be given anew. */
  readonly regrantedMicros: bigint
}

const least = (a: bigint, b: bigint): bigint => (a < b ? a : b)

/**
 * Takes back (part of) a grant: first what remains of it, then what expired of it, which nobody can spend; the rest was
 * spent or is held, and is owed. Debt is then paid from other credits at once, as ever.
 */
export const reverseGrant = (
  journal: Journal,
  account: Account,
  grant: { readonly id: string; readonly issuedMicros: bigint; readonly expiredMicros: bigint },
  wantedMicros: bigint,
): Corrected | null => {
  const amountMicros = least(wantedMicros, grant.issuedMicros)
  if (amountMicros <= 0n) return null
  const unspent = least(grantOf(account, grant.id).remainingMicros, amountMicros)
  const expired = least(grant.expiredMicros, amountMicros - unspent)
  const debtMicros = amountMicros - unspent - expired
  post(journal, account, 'reversal', null, [
    { bucket: 'issued', micros: amountMicros, grantId: grant.id },
    { bucket: 'available', micros: -unspent, grantId: grant.id },
    { bucket: 'expired', micros: -expired, grantId: grant.id },
    { bucket: 'debt', micros: -debtMicros },
  ])
  payDebt(journal, account)
  return { amountMicros, debtMicros, returned: [], regrantedMicros: 0n }
}

export interface Charge {
  readonly operationId: string
  readonly chargeMicros: bigint
  readonly refundedMicros: bigint
  /** What was burnt for it and has not gone back, in the order it was burnt. */
  readonly unreturned: readonly Part[]
}

/** What corrections, in their order, have left of what was burnt: a later charge adds at the end, a refund took from it. */
export const unreturnedOf = (
  burnt: readonly Part[],
  corrections: readonly {
    readonly kind: 'reversal' | 'refund' | 'charge'
    readonly returned: readonly Part[]
  }[],
): readonly Part[] =>
  corrections.reduce<readonly Part[]>((left, { kind, returned }) => {
    if (kind === 'charge') return [...left, ...returned]
    return kind === 'refund' ? less(left, returned) : left
  }, burnt)

/**
 * Gives back (part of) a charge. What is owed goes first; then the recorded burn order is unwound, last burnt first. What
 * returns to a grant that has expired since is expired. What was owed at first and has been paid since has no grant to
 * return to: the caller gives it anew.
 */
export const refundCharge = (
  journal: Journal,
  account: Account,
  charge: Charge,
  wantedMicros: bigint,
): Corrected | null => {
  const amountMicros = least(wantedMicros, charge.chargeMicros - charge.refundedMicros)
  if (amountMicros <= 0n) return null
  const debtMicros = least(account.debtMicros, amountMicros)
  const returned = takeLast(charge.unreturned, amountMicros - debtMicros)
  const regrantedMicros = amountMicros - debtMicros - sumParts(returned)
  post(journal, account, 'refund', charge.operationId, [
    { bucket: 'spent', micros: -amountMicros },
    { bucket: 'debt', micros: debtMicros },
    ...returned.map(({ grantId, micros }) => {
      const bucket = hasExpired(grantOf(account, grantId), journal.at)
        ? ('expired' as const)
        : ('available' as const)
      return { bucket, micros, grantId }
    }),
    { bucket: 'issued', micros: regrantedMicros },
  ])
  payDebt(journal, account)
  return { amountMicros, debtMicros, returned, regrantedMicros }
}

/** Charges an operation more than it was: from what is available in burn order, the rest is owed. */
export const chargeMore = (
  journal: Journal,
  account: Account,
  operationId: string,
  amountMicros: bigint,
): Corrected => {
  payDebt(journal, account)
  const parts = allocate(usableInOrder(account.grants.values(), journal.at), amountMicros)
  const debtMicros = amountMicros - sumParts(parts)
  post(journal, account, 'charge', operationId, [
    { bucket: 'spent', micros: amountMicros },
    ...parts.map(({ grantId, micros }) => ({ bucket: 'available' as const, micros: -micros, grantId })),
    { bucket: 'debt', micros: -debtMicros },
  ])
  return { amountMicros, debtMicros, returned: parts, regrantedMicros: 0n }
}

/** The last so many of parts, the last first. */
const takeLast = (parts: readonly Part[], micros: bigint): Part[] => {
  const spent = sumParts(parts) - micros
  return unwind(parts, spent > 0n ? spent : 0n)
}

/** Parts without what has gone back of each grant, the last first. */
const less = (parts: readonly Part[], returned: readonly Part[]): Part[] => {
  const gone = new Map<string, bigint>()
  for (const { grantId, micros } of returned) gone.set(grantId, (gone.get(grantId) ?? 0n) + micros)
  return parts
    .toReversed()
    .map(({ grantId, micros }) => {
      const away = least(gone.get(grantId) ?? 0n, micros)
      gone.set(grantId, (gone.get(grantId) ?? 0n) - away)
      return { grantId, micros: micros - away }
    })
    .filter(({ micros }) => micros > 0n)
    .toReversed()
}

/** The first so many of what a hold took. */
export const firstOf = (parts: readonly Part[], micros: bigint): Part[] => {
  let missing = micros
  return parts.flatMap(({ grantId, micros: there }) => {
    const part = least(there, missing)
    missing -= part
    return part > 0n ? [{ grantId, micros: part }] : []
  })
}
