import type { Unit } from '../db/writer.ts'
import { newId } from '../kit/id.ts'
import { type Account, addGrant, type Journal, newJournal } from './account.ts'
import {
  chargeMore,
  type Corrected,
  firstOf,
  refundCharge,
  reverseGrant,
  unreturnedOf,
} from './corrections.ts'
import type * as ledgerStore from './store.ts'
import * as correctionStore from './store-corrections.ts'

type Store = typeof ledgerStore

interface CorrectionRequest {
  readonly organizationId: string
  readonly accountId: string
  /** At most this; less where less is left of it. Null: all that is left. */
  readonly amountMicros: bigint | null
  /** The same key is the same correction, whatever else is asked. */
  readonly idempotencyKey: string
  readonly reason: string
  readonly createdBy: string
}

/** A purchase refunded or disputed, an adjustment that was wrong, the rest of an allocation after a downgrade. */
export interface ReversalRequest extends CorrectionRequest {
  readonly grantId: string
}

/** An operation that should not have been charged, or not as much. */
export interface RefundRequest extends CorrectionRequest {
  readonly operationId: string
}

/** An operation that should have been charged more. */
export interface ChargeRequest extends CorrectionRequest {
  readonly operationId: string
  readonly amountMicros: bigint
}

export interface Correction {
  /** Null: nothing was left to correct, and nothing was written. */
  readonly correctionId: string | null
  readonly created: boolean
  readonly amountMicros: bigint
  /** Reversal, charge: what is owed, until credits pay it. Refund: what is no longer owed. */
  readonly debtMicros: bigint
}

const largest = 2n ** 62n

/** Takes back a grant or part of it, once. */
export const reverse = async (
  unit: Unit,
  store: Store,
  request: ReversalRequest,
  at: Date,
): Promise<Correction> =>
  correct(
    unit,
    store,
    request,
    at,
    async (journal, account) => {
      await correctionStore.loadGrants(unit, account, [request.grantId])
      if (!account.grants.has(request.grantId)) return null
      const sums = await correctionStore.grantSums(unit, {
        organizationId: request.organizationId,
        id: request.grantId,
      })
      const grant = { id: request.grantId, ...sums }
      return reverseGrant(journal, account, grant, request.amountMicros ?? largest)
    },
    'reversal',
  )

/** Gives back the charge of an operation or part of it, once. */
export const refund = async (
  unit: Unit,
  store: Store,
  request: RefundRequest,
  at: Date,
): Promise<Correction> =>
  correct(
    unit,
    store,
    request,
    at,
    async (journal, account, hold) => {
      if (hold && hold.accountId !== request.accountId) return null
      const operation = { organizationId: request.organizationId, id: request.operationId }
      const settledMicros = hold?.state === 'settled' ? (hold.settledMicros ?? 0n) : 0n
      const above = await correctionStore.partsAboveHold(unit, operation)
      const corrections = await correctionStore.correctionsOf(unit, account, operation)
      const charges = corrections.filter(({ kind }) => kind === 'charge')
      const before = corrections.filter(({ kind }) => kind === 'refund')
      const burnt = [...firstOf(hold?.parts ?? [], settledMicros), ...above]
      const unreturned = unreturnedOf(burnt, corrections)
      const chargeMicros = charges.reduce((sum, { amountMicros }) => sum + amountMicros, settledMicros)
      await correctionStore.loadGrants(
        unit,
        account,
        unreturned.map((part) => part.grantId),
      )
      const charge = {
        operationId: request.operationId,
        chargeMicros,
        refundedMicros: before.reduce((sum, refunded) => sum + refunded.amountMicros, 0n),
        unreturned,
      }
      return refundCharge(journal, account, charge, request.amountMicros ?? largest)
    },
    'refund',
  )

/** Charges an operation more than it was, once: a correction of its price. */
export const charge = async (
  unit: Unit,
  store: Store,
  request: ChargeRequest,
  at: Date,
): Promise<Correction> =>
  correct(
    unit,
    store,
    request,
    at,
    async (journal, account) => chargeMore(journal, account, request.operationId, request.amountMicros),
    'charge',
  )

type Work = (
  journal: Journal,
  account: Account,
  hold: ledgerStore.StoredHold | undefined,
) => Promise<Corrected | null>

/** Under the lock of the account: whether it was done before, the change, and what is written of it. */
const correct = async (
  unit: Unit,
  store: Store,
  request: ReversalRequest | RefundRequest | ChargeRequest,
  at: Date,
  work: Work,
  kind: correctionStore.CorrectionKind,
): Promise<Correction> => {
  const { organizationId, accountId } = request
  if (request.amountMicros !== null && request.amountMicros <= 0n)
    throw new RangeError('A correction has an amount above zero.')
  const operationId = 'operationId' in request ? request.operationId : null
  const holds = operationId ? [{ organizationId, id: operationId }] : []
  const locked = await store.lock(unit, [{ organizationId, id: accountId }], holds)
  const account = locked.accounts.get(store.keyText(organizationId, accountId))
  if (!account) throw new Error('There is no such credit account.')
  const before = await correctionStore.correctionOf(unit, account, request.idempotencyKey)
  if (before) return told(before, false)
  const journal = newJournal(at)
  const hold = operationId ? locked.holds.get(store.keyText(organizationId, operationId)) : undefined
  const corrected = await work(journal, account, hold)
  if (!corrected) return { correctionId: null, created: false, amountMicros: 0n, debtMicros: 0n }
  const { idempotencyKey, reason, createdBy } = request
  const grantId = 'grantId' in request ? request.grantId : null
  const correction = {
    ...corrected,
    kind,
    id: newId(),
    grantId,
    operationId,
    idempotencyKey,
    reason,
    createdBy,
  }
  correctionStore.insertCorrection(unit, account, correction, at)
  if (corrected.regrantedMicros > 0n) regrant(unit, store, journal, account, correction)
  store.writeJournal(unit, journal)
  return told(correction, true)
}

const told = (correction: correctionStore.StoredCorrection, created: boolean): Correction => ({
  correctionId: correction.id,
  created,
  amountMicros: correction.amountMicros,
  debtMicros: correction.debtMicros,
})

/** What was owed when it was charged, and paid from other credits since, does not expire. */
const regrant = (
  unit: Unit,
  store: Store,
  journal: Journal,
  account: Account,
  correction: correctionStore.NewCorrection,
): void => {
  const grant: ledgerStore.NewGrant = {
    id: newId(),
    kind: 'adjustment',
    amountMicros: correction.regrantedMicros,
    remainingMicros: correction.regrantedMicros,
    burnPriority: 100,
    effectiveAt: journal.at,
    expiresAt: null,
    expiredAt: null,
    createdAt: journal.at,
    idempotencyKey: `refund:${correction.id}`,
    reason: correction.reason,
    createdBy: correction.createdBy,
  }
  store.insertGrant(unit, account, grant)
  addGrant(journal, account, grant)
}
