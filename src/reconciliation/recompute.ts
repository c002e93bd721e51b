import type { PriceBook } from '../metering/price-book.ts'
import type { Units } from '../metering/usage.ts'

/** An operation with what its price is computed from. */
export interface PricedOperation {
  readonly organizationId: string
  readonly id: string
  readonly startedAt: Date
  readonly serviceId: string | null
  readonly model: string | null
  readonly keyOwner: 'user' | 'organization' | 'system' | null
  readonly usageSource: 'reported' | 'estimated' | 'none'
  readonly priceBookVersion: number | null
  readonly input: bigint
  readonly cacheRead: bigint
  readonly cacheWrite: bigint
  readonly cacheWrite1h: bigint
  readonly output: bigint
  readonly reasoning: bigint
  readonly units: Units | null
  readonly costNanoUsd: bigint | null
  readonly heldMicros: bigint
  readonly creditMicros: bigint
}

export interface PriceProblem {
  readonly message: string
  readonly unit: 'nano_usd' | 'micros'
  readonly expected: bigint | null
  readonly found: bigint | null
}

/**
 * What an operation costs by its usage and the version of the price book that it was charged by, and what it is charged for
 * that, from nothing. Only what was held for is charged, and an estimate at most what was held.
 */
export const priceProblems = (operation: PricedOperation, book: PriceBook | null): PriceProblem[] => {
  const { costNanoUsd, creditMicros, serviceId, model } = operation
  const price = book !== null && serviceId !== null && model !== null ? book.find(serviceId, model) : null
  if (costNanoUsd === null)
    return creditMicros === 0n
      ? []
      : [{ message: 'It is charged and has no cost', unit: 'micros', expected: 0n, found: creditMicros }]
  if (book === null || price === null)
    return [
      {
        message: 'It has a cost and no price in its version of the price book',
        unit: 'nano_usd',
        expected: null,
        found: costNanoUsd,
      },
    ]
  const cost = book.costNanoUsd(price, usageOf(operation), operation.startedAt)
  const full = operation.heldMicros === 0n ? 0n : book.creditMicros(costNanoUsd, price)
  const isCapped = operation.usageSource === 'estimated' && full > operation.heldMicros
  const charge = isCapped ? operation.heldMicros : full
  return [
    ...(cost === costNanoUsd
      ? []
      : [
          {
            message: 'Its cost is not its usage times its prices',
            unit: 'nano_usd' as const,
            expected: cost,
            found: costNanoUsd,
          },
        ]),
    ...(charge === creditMicros
      ? []
      : [
          {
            message: 'It is charged other credits than its cost comes to',
            unit: 'micros' as const,
            expected: charge,
            found: creditMicros,
          },
        ]),
  ]
}

const usageOf = (operation: PricedOperation) => ({
  input: Number(operation.input),
  cacheRead: Number(operation.cacheRead),
  cacheWrite: Number(operation.cacheWrite),
  cacheWrite1h: Number(operation.cacheWrite1h),
  output: Number(operation.output),
  reasoning: Number(operation.reasoning),
  ...(operation.units === null ? {} : { units: operation.units }),
})
