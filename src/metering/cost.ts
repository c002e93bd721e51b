import { divideUp } from '../kit/money.ts'
import type { ModelPrice, PriceSet } from './model-price.ts'
import {
  classOfUnit,
  inputUnitTokens,
  isCovered,
  isCoveredByText,
  isReplaced,
  namesOf,
  uncachedUnits,
} from './units.ts'
import { inputTokens, type TokenClass, tokenClasses, type Units, type Usage } from './usage.ts'

/** One line of how a cost was made: `quantity` of `what` at `nanoUsd` for each `per`. */
export interface CostLine {
  /** A token class or a unit. */
  readonly what: string
  readonly quantity: number
  readonly nanoUsd: bigint
  readonly per: bigint
  readonly costNanoUsd: bigint
}
type Part = Omit<CostLine, 'costNanoUsd'>
type Charged = Pick<Part, 'nanoUsd' | 'per'>

/**
 * Where the price data has no rate for a class, the service charges it as the more general class. No rate at
 * the end of the chain means that the service does not charge (an embedding has no output).
 */
const substitutes: Readonly<Partial<Record<TokenClass, TokenClass>>> = {
  cacheRead: 'input',
  cacheWrite: 'input',
  cacheWrite1h: 'cacheWrite',
  reasoning: 'output',
}

const tokensPerRate = 1_000_000n
const secondsPerDay = 86_400

/** What a model costs at a moment: of its periods the last that holds. */
export const pricesAt = (price: ModelPrice, at: Date): PriceSet => {
  if (price.periods === undefined || price.periods.length === 0) return price
  const second = Math.floor(at.getTime() / 1000) % secondsPerDay
  return (
    price.periods.findLast(({ since, daily }) => {
      if (since !== null && at < new Date(since)) return false
      if (daily === null) return true
      const { from, until } = daily
      return from <= until ? second >= from && second < until : second >= from || second < until
    }) ?? price
  )
}

/** Every set of prices that a model has at some time. */
const allPrices = (price: ModelPrice): readonly PriceSet[] => [price, ...(price.periods ?? [])]
const setsOf = (price: ModelPrice, at: Date | undefined): readonly PriceSet[] =>
  at === undefined ? allPrices(price) : [pricesAt(price, at)]

const rateOf = (prices: PriceSet, tokenClass: TokenClass, atInputTokens: number): bigint => {
  const rates = prices.rates[tokenClass]
  if (!rates) {
    const substitute = substitutes[tokenClass]
    return substitute ? rateOf(prices, substitute, atInputTokens) : 0n
  }
  return rates.findLast((rate) => rate.fromInputTokens <= atInputTokens)?.nanoUsdPerMillion ?? 0n
}

const hasRate = (prices: PriceSet, tokenClass: TokenClass): boolean => {
  const substitute = substitutes[tokenClass]
  return prices.rates[tokenClass] !== undefined || (substitute !== undefined && hasRate(prices, substitute))
}

const ownRateOf = ({ unitRates = [] }: PriceSet, unit: string): Charged | null => {
  for (const name of namesOf(unit)) {
    const rate = unitRates.find((candidate) => candidate.unit === name)
    if (rate !== undefined) return rate
  }
  return null
}

/** The longest name of a unit that has a price; tokens of other media cost as text where they have none. */
const unitRateOf = (
  prices: PriceSet,
  unit: string,
  rate: (tokenClass: TokenClass) => bigint,
): Charged | null => {
  const own = ownRateOf(prices, unit)
  if (own !== null) return own
  const tokenClass = classOfUnit[unit]
  // Where a service has no price for reading its cache, what was read there costs as if it were sent.
  const uncached = uncachedUnits[unit]
  if (uncached !== undefined && prices.rates.cacheRead === undefined)
    return unitRateOf(prices, uncached, rate)
  return tokenClass !== undefined && hasRate(prices, tokenClass)
    ? { nanoUsd: rate(tokenClass), per: tokensPerRate }
    : null
}

/** Services that charge by the call do so for each operation, whatever it asks for. */
const withRequest = (prices: PriceSet, units: Units | undefined): Units =>
  units?.request === undefined && ownRateOf(prices, 'request') !== null
    ? { ...units, request: 1 }
    : (units ?? {})

/** Counts come from services: a fraction is rounded up, what is no count is none. */
const whole = (quantity: number): number =>
  Number.isFinite(quantity) && quantity > 0 ? Math.min(Math.ceil(quantity), Number.MAX_SAFE_INTEGER) : 0

const partsOf = (prices: PriceSet, usage: Usage): Part[] => {
  const atInputTokens = inputTokens(usage) + inputUnitTokens(usage.units)
  const parts: Part[] = []
  for (const what of tokenClasses) {
    const quantity = whole(usage[what])
    if (quantity > 0)
      parts.push({ what, quantity, nanoUsd: rateOf(prices, what, atInputTokens), per: tokensPerRate })
  }
  if (usage.units === undefined && (prices.unitRates ?? []).length === 0) return parts
  const units = withRequest(prices, usage.units)
  const hasOwnRate = (unit: string) => ownRateOf(prices, unit) !== null
  for (const [what, count] of Object.entries(units)) {
    const quantity = whole(count)
    if (quantity === 0 || isReplaced(what, units, hasOwnRate)) continue
    const rate = unitRateOf(prices, what, (tokenClass) => rateOf(prices, tokenClass, atInputTokens))
    if (rate !== null) parts.push({ what, quantity, nanoUsd: rate.nanoUsd, per: rate.per })
  }
  return parts
}

/** An exact sum of fractions; almost all have the denominator of a million tokens. */
interface Sum {
  readonly numerator: bigint
  readonly denominator: bigint
}
const nothing: Sum = { numerator: 0n, denominator: tokensPerRate }

const plus = ({ numerator, denominator }: Sum, quantity: number, { nanoUsd, per }: Charged): Sum => {
  const amount = BigInt(quantity) * nanoUsd
  if (denominator % per === 0n) return { numerator: numerator + amount * (denominator / per), denominator }
  const common = (denominator / greatestDivisor(denominator, per)) * per
  return { numerator: numerator * (common / denominator) + amount * (common / per), denominator: common }
}

const greatestDivisor = (a: bigint, b: bigint): bigint => (b === 0n ? a : greatestDivisor(b, a % b))
const roundedUp = ({ numerator, denominator }: Sum): bigint => divideUp(numerator, denominator)
const highest = (values: readonly bigint[]): bigint => values.reduce((a, b) => (b > a ? b : a), 0n)

/**
 * Exact, in nano-dollars, rounded up once for the whole operation. `at`: when it started; without it, at the dearest of
 * the model's periods.
 */
export const costNanoUsd = (price: ModelPrice, usage: Usage, at?: Date): bigint =>
  highest(
    setsOf(price, at).map((prices) =>
      roundedUp(partsOf(prices, usage).reduce((sum, part) => plus(sum, part.quantity, part), nothing)),
    ),
  )

/** How a cost was made. Each line is within a nano-dollar of exact, and together they are the cost. */
export const costLines = (price: ModelPrice, usage: Usage, at: Date): CostLine[] => {
  let sum = nothing
  return partsOf(pricesAt(price, at), usage).map((part) => {
    const before = roundedUp(sum)
    sum = plus(sum, part.quantity, part)
    return { ...part, costNanoUsd: roundedUp(sum) - before }
  })
}

/** Rates of classes up to this many input tokens; a prompt may turn out shorter and fall into a lower tier. */
const highestRate = (prices: PriceSet, classes: readonly TokenClass[], upToInputTokens: number): bigint => {
  const starts = tokenClasses
    .flatMap((tokenClass) => prices.rates[tokenClass] ?? [])
    .map((rate) => rate.fromInputTokens)
    .filter((start) => start <= upToInputTokens)
  return highest(
    classes.flatMap((tokenClass) =>
      [...starts, upToInputTokens].map((from) => rateOf(prices, tokenClass, from)),
    ),
  )
}

/**
 * The most that this many tokens and units can cost, for a hold: every input token at the dearest class (all of a
 * prompt may be written to a cache), every output token at the dearer of output and reasoning, over all tiers within
 * reach, and every unit that has a price.
 */
export const worstCostNanoUsd = (
  price: ModelPrice,
  tokens: { inputTokens: number; outputTokens: number },
  units?: Units | null,
  at?: Date,
): bigint => highest(setsOf(price, at).map((prices) => worstAt(prices, tokens, units ?? undefined)))

const worstAt = (
  prices: PriceSet,
  tokens: { inputTokens: number; outputTokens: number },
  units: Units | undefined,
): bigint => {
  const inputCount = whole(tokens.inputTokens)
  const upTo = inputCount + whole(inputUnitTokens(units))
  const rate = (...classes: TokenClass[]): Charged => ({
    nanoUsd: highestRate(prices, classes, upTo),
    per: tokensPerRate,
  })
  let sum = plus(nothing, inputCount, rate('input', 'cacheRead', 'cacheWrite', 'cacheWrite1h'))
  sum = plus(sum, whole(tokens.outputTokens), rate('output', 'reasoning'))
  for (const [unit, count] of Object.entries(withRequest(prices, units))) {
    const charged = unitRateOf(prices, unit, (tokenClass) => rate(tokenClass).nanoUsd)
    if (charged !== null) sum = plus(sum, whole(count), charged)
  }
  return roundedUp(sum)
}

/** The unit that nothing here has a price for, or null. Of measures of the same thing one price is enough. */
export const unpricedUnit = (price: ModelPrice, units: Units, at: Date): string | null => {
  const prices = pricesAt(price, at)
  const hasPrice = (unit: string) =>
    unitRateOf(prices, unit, () => 0n) !== null || (isCoveredByText(unit) && prices.rates.input !== undefined)
  return (
    Object.keys(units).find(
      (unit) => whole(units[unit] ?? 0) > 0 && !hasPrice(unit) && !isCovered(unit, units, hasPrice),
    ) ?? null
  )
}

/** Whether text tokens have a price. A model that charges by the image or the second alone has none. */
export const isTextPriced = (price: ModelPrice, at: Date): boolean =>
  pricesAt(price, at).rates.input !== undefined
