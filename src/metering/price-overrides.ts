import { hasAnyPrice, type ModelPrice, type PriceSet } from './model-price.ts'
import { type TokenClass, tokenClasses } from './usage.ts'

/** A price that an administrator has set; it counts before what is shipped. */
export interface PriceOverride {
  readonly serviceId: string
  /** A model's name; `*` stands for any text in it. */
  readonly model: string
  /** A token class, or a unit with all its variants. */
  readonly unit: string
  readonly nanoUsd: bigint
  readonly per: bigint
}

const tokensPerRate = 1_000_000n

const isTokenClass = (unit: string): unit is TokenClass => (tokenClasses as readonly string[]).includes(unit)

/** Rates of token classes are whole nano-dollars for a million tokens. */
export const isExact = ({ unit, per }: Pick<PriceOverride, 'unit' | 'per'>): boolean =>
  !isTokenClass(unit) || (per > 0n && tokensPerRate % per === 0n)

/** `*` stands for any text. In time of pattern × text at most, whatever both hold. */
export const matchesGlob = (pattern: string, text: string): boolean => {
  let star = -1
  let resume = 0
  let at = 0
  let from = 0
  while (at < text.length) {
    if (pattern[from] === '*') {
      star = from++
      resume = at
    } else if (pattern[from] === text[at]) {
      from++
      at++
    } else if (star !== -1) {
      from = star + 1
      at = ++resume
    } else return false
  }
  while (pattern[from] === '*') from++
  return from === pattern.length
}

const literals = (pattern: string): number => pattern.replaceAll('*', '').length
const isGlob = (pattern: string): boolean => pattern.includes('*')

export interface Matchable {
  readonly model: string
}

/** Those that hold for any of a model's names, the most specific last: a name before a pattern, more letters before fewer. */
export const mostSpecificLast = <M extends Matchable>(all: readonly M[], names: readonly string[]): M[] =>
  all
    .filter(({ model }) => names.some((name) => matchesGlob(model.toLowerCase(), name.toLowerCase())))
    .toSorted(
      (a, b) =>
        Number(isGlob(b.model)) - Number(isGlob(a.model)) ||
        literals(a.model) - literals(b.model) ||
        (a.model < b.model ? -1 : Number(a.model > b.model)),
    )

/** Models that an administrator has named one by one. */
export const exactOverrides = (overrides: readonly PriceOverride[]): string[] => [
  ...new Set(overrides.filter(({ model }) => !isGlob(model)).map(({ model }) => model.toLowerCase())),
]

/** At all times: an own price has no periods. */
export const withOverrides = (price: ModelPrice, overrides: readonly PriceOverride[]): ModelPrice => {
  if (overrides.length === 0) return price
  const changed = overrides.reduce(withOverride, price as PriceSet)
  const periods = (price.periods ?? []).map((period) => ({
    ...period,
    ...overrides.reduce(withOverride, period as PriceSet),
  }))
  const { rates, unitRates = [] } = changed
  return { ...price, rates, unitRates, periods, isPriced: [changed, ...periods].some(hasAnyPrice) }
}

const withOverride = ({ rates, unitRates = [] }: PriceSet, override: PriceOverride): PriceSet => {
  const { unit, nanoUsd, per } = override
  if (isTokenClass(unit)) {
    const nanoUsdPerMillion = nanoUsd * (tokensPerRate / per)
    return { rates: { ...rates, [unit]: [{ fromInputTokens: 0, nanoUsdPerMillion }] }, unitRates }
  }
  // What is shipped for single variants would otherwise count before it.
  const others = unitRates.filter((rate) => rate.unit !== unit && !rate.unit.startsWith(`${unit}:`))
  return { rates, unitRates: [...others, { unit, nanoUsd, per }] }
}
