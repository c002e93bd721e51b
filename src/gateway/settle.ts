import { countingOf } from '../budgets/claim.ts'
import { unpricedUnit } from '../metering/cost.ts'
import { inputTokens, outputTokens } from '../metering/usage.ts'
import { toRecord, type Ending, type Operation } from './operation.ts'
import type { GatewayParts } from './parts.ts'

/**
 * Puts the operation on record and settles it, once: of several endings the first counts. False: that failed, and the
 * caller must not get a complete reply. Never rejects.
 */
export type Finish = (ending: Ending) => Promise<boolean>

/** Measure → settle → record, in one commit, before the caller gets the last byte. */
export const makeSettle = (parts: GatewayParts) => {
  const settle = settleWith(parts)
  return (operation: Operation): Finish => {
    let settled: Promise<boolean> | null = null
    return (ending) => (settled ??= settle(operation, ending))
  }
}

const settleWith =
  ({ recorder, log }: GatewayParts) =>
  async (operation: Operation, given: Ending): Promise<boolean> => {
    const { caller } = operation
    const ending = withEstimates(operation, given)
    operation.faultCode = ending.fault?.code ?? null
    for (const pass of operation.passes) pass.end(tokensUsed(ending))
    if (caller === null) return true
    try {
      const costNanoUsd = costOf(operation, ending)
      operation.creditMicros = chargeOf(operation, ending, costNanoUsd)
      const unpriced = operation.heldMicros > 0n ? unpricedUse(operation, ending) : null
      if (unpriced !== null)
        log.warn({ operationId: operation.id, unit: unpriced }, 'a system key was used for what has no price')
      const { organizationId, accountId } = caller.person
      const settlement =
        operation.heldMicros > 0n && accountId !== null
          ? { organizationId, accountId, operationId: operation.id, chargeMicros: operation.creditMicros }
          : null
      const record = toRecord(operation, caller, ending, costNanoUsd)
      const { budgets } = operation
      const counting = budgets === null ? null : countingOf(budgets, record, caller.person.payerUserId)
      await recorder.record(record, settlement, counting)
      return true
    } catch (error) {
      log.error({ err: error, operationId: operation.id }, 'an operation could not be put on record')
      operation.creditMicros = 0n
      return false
    }
  }

/** Null: not known, so the estimate stays. */
const tokensUsed = ({ usage, status }: Ending): number | null =>
  usage === null ? (status === 'succeeded' ? null : 0) : inputTokens(usage) + outputTokens(usage)

/**
 * An estimate is marked as one wherever it was made: by a codec that knows what a service leaves out, or here, where a
 * reply was cut off and its request tells about what it used beside text.
 */
const withEstimates = ({ request }: Operation, ending: Ending): Ending => {
  const { usage, usageSource } = ending
  if (usage === null) return ending
  if (usage.estimated === true) return { ...ending, usageSource: 'estimated' }
  return usageSource === 'estimated' && usage.units === undefined && request?.likelyUnits !== undefined
    ? { ...ending, usage: { ...usage, units: request.likelyUnits } }
    : ending
}

/** Also for own keys: what the operation costs its owner at the service. Null without a price or a use. */
const costOf = ({ candidate, priceBook, startedAt }: Operation, { usage }: Ending): bigint | null => {
  const price = candidate?.price ?? null
  return price === null || priceBook === null || usage === null
    ? null
    : priceBook.costNanoUsd(price, usage, startedAt)
}

/** A service may report what no request of its kind had before; what has a price of it is charged. */
const unpricedUse = ({ candidate, startedAt }: Operation, { usage }: Ending): string | null =>
  candidate?.price == null || usage?.units === undefined
    ? null
    : unpricedUnit(candidate.price, usage.units, startedAt)

/** Only what was held for is charged, and an estimate never takes more than was set aside for it. */
const chargeOf = (
  { candidate, heldMicros, priceBook }: Operation,
  ending: Ending,
  costNanoUsd: bigint | null,
): bigint => {
  const price = candidate?.price ?? null
  if (heldMicros === 0n || costNanoUsd === null || priceBook === null || price === null) return 0n
  const charge = priceBook.creditMicros(costNanoUsd, price)
  return ending.usageSource === 'estimated' && charge > heldMicros ? heldMicros : charge
}
