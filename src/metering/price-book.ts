import { divideUp, microsPerCredit } from '../kit/money.ts'
import {
  compileMatch,
  type MatchRule,
  type Matcher,
  modelLengthMaximum,
  withDashedDates,
} from './price-match.ts'
import { inputTokens, type TokenClass, type TokenUsage, tokenClasses } from './usage.ts'

/** A rate that holds for the whole operation from this many input tokens on. */
export interface Rate {
  readonly fromInputTokens: number
  readonly nanoUsdPerMillion: bigint
}

export interface ModelPrice {
  readonly serviceId: string
  readonly modelId: string
  readonly match: MatchRule
  readonly contextTokens: number | null
  /** Rising by `fromInputTokens`. A class without rates is charged as another one: see `substitutes`. */
  readonly rates: Readonly<Partial<Record<TokenClass, readonly Rate[]>>>
  /** What the service charges for beside token classes (`web_searches_kcount`, `input_audio_mtok`, …); not charged here. */
  readonly unmetered: readonly string[]
  /** Whether it has a price at all; without one it cannot run on system keys. */
  readonly isPriced: boolean
}

export interface PriceBookRow {
  readonly version: number
  readonly nanoUsdPerCredit: bigint
  readonly chargeBasisPoints: bigint
  readonly models: readonly ModelPrice[]
}

export interface PriceBook {
  readonly version: number
  /** The price of a model as a caller or a service writes it; null where there is none. */
  find(serviceId: string, model: string): ModelPrice | null
  /** Every model known for a service, priced or not, in the price data's order. */
  models(serviceId: string): readonly ModelPrice[]
  costNanoUsd(price: ModelPrice, usage: TokenUsage): bigint
  /** What a cost is in credits: rounded up, so never zero for a cost that is not. */
  creditMicros(costNanoUsd: bigint): bigint
  worstCostNanoUsd(price: ModelPrice, tokens: { inputTokens: number; outputTokens: number }): bigint
}

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
const basisPoints = 10_000n

export const rateOf = (price: ModelPrice, tokenClass: TokenClass, atInputTokens: number): bigint => {
  const rates = price.rates[tokenClass]
  if (!rates) {
    const substitute = substitutes[tokenClass]
    return substitute ? rateOf(price, substitute, atInputTokens) : 0n
  }
  return rates.findLast((rate) => rate.fromInputTokens <= atInputTokens)?.nanoUsdPerMillion ?? 0n
}

/** Exact, in nano-dollars, rounded up once for the whole operation. */
export const costNanoUsd = (price: ModelPrice, usage: TokenUsage): bigint => {
  const atInputTokens = inputTokens(usage)
  let total = 0n
  for (const tokenClass of tokenClasses) {
    const tokens = usage[tokenClass]
    if (tokens > 0) total += BigInt(tokens) * rateOf(price, tokenClass, atInputTokens)
  }
  return divideUp(total, tokensPerRate)
}

/** Rates of a class up to this many input tokens; a prompt may turn out shorter and fall into a lower tier. */
const highestRate = (price: ModelPrice, classes: readonly TokenClass[], upToInputTokens: number): bigint => {
  let highest = 0n
  for (const tokenClass of classes) {
    const tiers = (price.rates[tokenClass] ?? []).map((rate) => rate.fromInputTokens)
    for (const from of [...tiers.filter((start) => start <= upToInputTokens), upToInputTokens]) {
      const rate = rateOf(price, tokenClass, from)
      if (rate > highest) highest = rate
    }
  }
  return highest
}

/**
 * The most that this many tokens can cost, for a hold: every input token at the dearest class (all of a prompt may
 * be written to a cache), every output token at the dearer of output and reasoning, over all tiers within reach.
 */
export const worstCostNanoUsd = (
  price: ModelPrice,
  tokens: { inputTokens: number; outputTokens: number },
): bigint => {
  const upTo = Math.ceil(tokens.inputTokens)
  const input = highestRate(price, ['input', 'cacheRead', 'cacheWrite', 'cacheWrite1h'], upTo)
  const output = highestRate(price, ['output', 'reasoning'], upTo)
  return divideUp(BigInt(upTo) * input + BigInt(Math.ceil(tokens.outputTokens)) * output, tokensPerRate)
}

export const makePriceBook = (row: PriceBookRow): PriceBook => {
  const shelves = new Map<string, Shelf>()
  for (const [serviceId, models] of Map.groupBy(row.models, (model) => model.serviceId))
    shelves.set(serviceId, makeShelf(models))
  return {
    version: row.version,
    find: (serviceId, model) => shelves.get(serviceId)?.find(model) ?? null,
    models: (serviceId) => shelves.get(serviceId)?.models ?? [],
    costNanoUsd,
    creditMicros: (cost) =>
      divideUp(cost * row.chargeBasisPoints * microsPerCredit, row.nanoUsdPerCredit * basisPoints),
    worstCostNanoUsd,
  }
}

interface Shelf {
  readonly models: readonly ModelPrice[]
  find(model: string): ModelPrice | null
}

/** Callers choose model names, so what is remembered has a limit. */
const rememberedMaximum = 2_000

const makeShelf = (models: readonly ModelPrice[]): Shelf => {
  const matchers = models.map((model): [Matcher, ModelPrice] => [compileMatch(model.match), model])
  const remembered = new Map<string, ModelPrice | null>()
  const search = (id: string) => matchers.find(([matches]) => matches(id))?.[1]
  const find = (model: string): ModelPrice | null => {
    const id = model.trim().toLowerCase()
    const price = search(id) ?? search(withDashedDates(id))
    return price?.isPriced ? price : null
  }
  return {
    models,
    find(model) {
      if (model.length > modelLengthMaximum) return null
      const known = remembered.get(model)
      if (known !== undefined) return known
      const found = find(model)
      if (remembered.size >= rememberedMaximum) remembered.clear()
      remembered.set(model, found)
      return found
    },
  }
}
