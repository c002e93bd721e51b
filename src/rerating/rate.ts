import { createHash } from 'node:crypto'
import { unpricedUnit } from '../metering/cost.ts'
import type { PriceBook } from '../metering/price-book.ts'
import type { Usage } from '../metering/usage.ts'

/** An operation on a system key as it is on record, with what it has been charged in all. */
export interface Charged {
  readonly organizationId: string
  readonly operationId: string
  readonly accountId: string
  readonly userId: string
  readonly startedAt: Date
  readonly serviceId: string
  /** As the service calls it. */
  readonly model: string
  readonly priceBookVersion: number | null
  readonly usage: Usage
  readonly isEstimated: boolean
  readonly costNanoUsd: bigint | null
  readonly heldMicros: bigint
  /** Its charge, less what was given back, and what was charged more since. */
  readonly chargedMicros: bigint
}

/** An operation whose charge would be another one. */
export interface Rerated {
  readonly organizationId: string
  readonly operationId: string
  readonly accountId: string
  readonly userId: string
  readonly startedAt: Date
  readonly serviceId: string
  readonly model: string
  readonly priceBookVersion: number | null
  readonly oldMicros: bigint
  readonly newMicros: bigint
}

/**
 * What an operation would have been charged by a price book, by the rules of settlement (gateway/settle.ts); null where the
 * book has no price for what it used.
 */
export const chargeBy = (book: PriceBook, operation: Charged): bigint | null => {
  const { serviceId, model, usage, startedAt, heldMicros, chargedMicros } = operation
  // What nothing was set aside for was not charged, whatever it cost.
  if (heldMicros === 0n && (operation.costNanoUsd ?? 0n) > 0n) return chargedMicros
  const price = book.find(serviceId, model)
  if (price === null) return null
  if (usage.units !== undefined && unpricedUnit(price, usage.units, startedAt) !== null) return null
  const charge = book.creditMicros(book.costNanoUsd(price, usage, startedAt), price)
  return operation.isEstimated && charge > heldMicros ? heldMicros : charge
}

export interface Totals {
  readonly operations: number
  readonly refunds: number
  readonly refundMicros: bigint
  readonly charges: number
  readonly chargeMicros: bigint
  readonly unchanged: number
  readonly notRated: number
}

export interface AccountDifference {
  readonly organizationId: string
  readonly accountId: string
  readonly userId: string
  readonly operations: number
  readonly oldMicros: bigint
  readonly newMicros: bigint
  readonly refundMicros: bigint
  readonly chargeMicros: bigint
}

/** What a re-rating would do, in the order of the operations. */
export interface Rating {
  readonly totals: Totals
  readonly changes: readonly Rerated[]
}

/** Takes operations one by one, so that those which stay as they are need no memory. */
export const makeRating = (book: PriceBook, chargesMore: boolean) => {
  const changes: Rerated[] = []
  let totals: Totals = {
    operations: 0,
    refunds: 0,
    refundMicros: 0n,
    charges: 0,
    chargeMicros: 0n,
    unchanged: 0,
    notRated: 0,
  }

  const take = (operation: Charged): Partial<Totals> => {
    const newMicros = chargeBy(book, operation)
    if (newMicros === null) return { notRated: totals.notRated + 1 }
    const difference = newMicros - operation.chargedMicros
    if (difference === 0n) return { unchanged: totals.unchanged + 1 }
    const { organizationId, operationId, accountId, userId, startedAt, serviceId, model } = operation
    if (difference < 0n || chargesMore)
      changes.push({
        organizationId,
        operationId,
        accountId,
        userId,
        startedAt,
        serviceId,
        model,
        priceBookVersion: operation.priceBookVersion,
        oldMicros: operation.chargedMicros,
        newMicros,
      })
    return difference < 0n
      ? { refunds: totals.refunds + 1, refundMicros: totals.refundMicros - difference }
      : { charges: totals.charges + 1, chargeMicros: totals.chargeMicros + difference }
  }

  return {
    take(operation: Charged): void {
      totals = { ...totals, ...take(operation), operations: totals.operations + 1 }
    },
    /** How many operations would be changed so far. */
    size: () => changes.length,
    done: (): Rating => ({ totals, changes }),
  }
}

const differenceOf = ({ oldMicros, newMicros }: Pick<Rerated, 'oldMicros' | 'newMicros'>): bigint =>
  newMicros - oldMicros
const sizeOf = (micros: bigint): bigint => (micros < 0n ? -micros : micros)

/** The largest differences first. */
export const largest = (changes: readonly Rerated[], count: number): Rerated[] =>
  changes.toSorted((a, b) => Number(sizeOf(differenceOf(b)) - sizeOf(differenceOf(a)))).slice(0, count)

export const byAccount = (changes: readonly Rerated[]): AccountDifference[] => {
  const accounts = new Map<string, AccountDifference>()
  for (const change of changes) {
    const { organizationId, accountId, userId, oldMicros, newMicros } = change
    const key = `${organizationId} ${accountId}`
    const before = accounts.get(key) ?? {
      organizationId,
      accountId,
      userId,
      operations: 0,
      oldMicros: 0n,
      newMicros: 0n,
      refundMicros: 0n,
      chargeMicros: 0n,
    }
    const difference = differenceOf(change)
    accounts.set(key, {
      ...before,
      operations: before.operations + 1,
      oldMicros: before.oldMicros + oldMicros,
      newMicros: before.newMicros + newMicros,
      refundMicros: before.refundMicros + (difference < 0n ? -difference : 0n),
      chargeMicros: before.chargeMicros + (difference > 0n ? difference : 0n),
    })
  }
  return [...accounts.values()].toSorted((a, b) =>
    Number(b.refundMicros + b.chargeMicros - a.refundMicros - a.chargeMicros),
  )
}

/** Of everything that would be done: whoever approves a preview approves exactly this. */
export const digestOf = (terms: string, { changes }: Rating): string => {
  const hash = createHash('sha256').update(terms)
  for (const { organizationId, operationId, oldMicros, newMicros } of changes)
    hash.update(`\n${organizationId} ${operationId} ${oldMicros} ${newMicros}`)
  return hash.digest('base64url')
}
