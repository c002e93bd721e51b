import type { ModelPrice } from './model-price.ts'
import { mostSpecificLast, type PriceOverride } from './price-overrides.ts'
import { tokenClasses } from './usage.ts'

/** One price of a model, and whose it is. */
export interface PriceLine {
  /** A token class or a unit. */
  readonly unit: string
  /** It holds for the whole operation from this many input tokens on. */
  readonly fromInputTokens: number
  readonly nanoUsd: bigint
  readonly per: bigint
  /** The model's name or pattern that an administrator set this price for; null: it came with the product. */
  readonly setFor: string | null
}

const tokensPerRate = 1_000_000n

/** All prices of a model as the book has them, token classes first; own ones are told by the overrides they came from. */
export const priceLines = (price: ModelPrice, overrides: readonly PriceOverride[]): PriceLine[] => {
  // The most specific counts, and is last.
  const own = new Map(
    mostSpecificLast(overrides, [price.modelId]).map(({ unit, model }) => [unit, model] as const),
  )
  const tokens = tokenClasses.flatMap((unit) =>
    (price.rates[unit] ?? []).map(({ fromInputTokens, nanoUsdPerMillion }) => ({
      unit,
      fromInputTokens,
      nanoUsd: nanoUsdPerMillion,
      per: tokensPerRate,
      setFor: own.get(unit) ?? null,
    })),
  )
  const units = (price.unitRates ?? []).map(({ unit, nanoUsd, per }) => ({
    unit,
    fromInputTokens: 0,
    nanoUsd,
    per,
    setFor: own.get(unit) ?? null,
  }))
  return [...tokens, ...units]
}
