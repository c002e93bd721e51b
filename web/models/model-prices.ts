import type { BrowsedModel, ListedPrice } from '../../src/contract/models.ts'
import { perWords, unitName } from '../data/unit-words.ts'
import { exactUsd } from '../ui/format.ts'

/** `$0.40`, `$0.00015`: as few digits as say it exactly. */
export const priceText = (price: ListedPrice): string => exactUsd(price.nanoUsd)

const firstOf = (model: BrowsedModel, what: string): ListedPrice | undefined =>
  model.prices.find((price) => price.what === what && price.fromInputTokens === 0)

const isToken = (what: string): boolean =>
  ['input', 'cacheRead', 'cacheWrite', 'cacheWrite1h', 'output', 'reasoning'].includes(what)

/** What the list shows: input, output, and the first unit where text has no price. */
export const shownPrices = (model: BrowsedModel) => {
  const input = firstOf(model, 'input')
  const output = firstOf(model, 'output')
  const unit =
    input === undefined && output === undefined ? model.prices.find(({ what }) => !isToken(what)) : undefined
  return {
    input: input && priceText(input),
    output: output && priceText(output),
    unit: unit && `${priceText(unit)} ${unit.per === '1' ? '' : `${perWords(unit.per)} `}${unitWords(unit)}`,
    more: unit ? model.prices.length - 1 : 0,
    tiered: model.prices.some(({ fromInputTokens }) => fromInputTokens > 0),
  }
}

const unitWords = ({ what, per }: ListedPrice): string =>
  per === '1' ? `each: ${unitName(what).toLowerCase()}` : unitName(what).toLowerCase()

/** `1,048,576` tokens → 1.05M. */
export const contextWords = (tokens: number | null): string => {
  if (tokens === null) return '—'
  if (tokens >= 1_000_000) return `${Number((tokens / 1_000_000).toFixed(2))}M`
  return tokens >= 1_000 ? `${Math.round(tokens / 1_000)}K` : String(tokens)
}
