import { createHash } from 'node:crypto'
import { findProvider } from '@pydantic/genai-prices'
import { divideUp } from '../kit/money.ts'
import type { ModelPrice, Rate } from './price-book.ts'
import type { MatchRule } from './price-match.ts'
import type { TokenClass } from './usage.ts'

/** The price data's unit of each token class, all per million tokens. */
const classOfUnit: Readonly<Record<string, TokenClass>> = {
  input_mtok: 'input',
  cache_read_mtok: 'cacheRead',
  cache_write_mtok: 'cacheWrite',
  cache_write_1h_mtok: 'cacheWrite1h',
  output_mtok: 'output',
  output_reasoning_mtok: 'reasoning',
}

type Amount = number | { base: number; tiers: { start: number; price: number }[] }
type UnitPrices = Readonly<Record<string, Amount | undefined>>
interface Conditional {
  readonly constraint?: { type: 'start_date'; start_date: string } | { type: 'time_of_date' }
  readonly prices: UnitPrices
}
/** What is read of a model in the price data; the package's own types are wider. */
export interface SourceModel {
  readonly id: string
  readonly match: MatchRule
  readonly context_window?: number
  readonly prices: UnitPrices | readonly Conditional[]
}

/** The shipped prices of our services as of a moment. `pricesId` names the provider in the data. */
export const shippedModels = (
  services: readonly { readonly id: string; readonly pricesId: string | null }[],
  at: Date,
): ModelPrice[] =>
  services.flatMap(({ id, pricesId }) => {
    const provider = pricesId === null ? undefined : findProvider({ providerId: pricesId })
    return (provider?.models ?? []).map((model) => convertModel(id, model as SourceModel, at))
  })

export const convertModel = (serviceId: string, model: SourceModel, at: Date): ModelPrice => {
  const prices = pricesAt(model.prices, at)
  const rates: Partial<Record<TokenClass, readonly Rate[]>> = {}
  const unmetered: string[] = []
  for (const [unit, amount] of Object.entries(prices)) {
    if (amount === undefined) continue
    const tokenClass = classOfUnit[unit]
    if (tokenClass) rates[tokenClass] = convertAmount(amount)
    else unmetered.push(unit)
  }
  return {
    serviceId,
    modelId: model.id,
    match: model.match,
    contextTokens: model.context_window ?? null,
    rates,
    unmetered: unmetered.toSorted(),
    // Prices by the hour or the image alone (whisper-1) would make tokens free of charge.
    isPriced: rates.input !== undefined,
  }
}

/**
 * The last condition that holds wins. A price that depends on the time of day would be wrong at other times, so of
 * those the dearest is taken, whatever the time.
 */
const pricesAt = (prices: SourceModel['prices'], at: Date): UnitPrices => {
  if (!Array.isArray(prices)) return prices as UnitPrices
  const conditions = prices as readonly Conditional[]
  const candidates: UnitPrices[] = []
  for (const { constraint, prices: candidate } of conditions.toReversed()) {
    if (constraint?.type === 'start_date' && at < new Date(constraint.start_date)) continue
    candidates.push(candidate)
    if (constraint?.type !== 'time_of_date') break
  }
  return candidates.toSorted((a, b) => dearness(b) - dearness(a))[0] ?? conditions[0]?.prices ?? {}
}

const dearness = (prices: UnitPrices): number => baseOf(prices.input_mtok) + baseOf(prices.output_mtok)
const baseOf = (amount: Amount | undefined): number =>
  amount === undefined ? 0 : typeof amount === 'number' ? amount : amount.base

const convertAmount = (amount: Amount): Rate[] => {
  if (typeof amount === 'number') return [{ fromInputTokens: 0, nanoUsdPerMillion: toNanoUsd(amount) }]
  const tiers = amount.tiers.toSorted((a, b) => a.start - b.start)
  return [
    { fromInputTokens: 0, nanoUsdPerMillion: toNanoUsd(amount.base) },
    // The data's tiers hold for more than `start` tokens.
    ...tiers.map(({ start, price }) => ({ fromInputTokens: start + 1, nanoUsdPerMillion: toNanoUsd(price) })),
  ]
}

/**
 * Dollars as the shortest decimal that is this double (what the data's author wrote) to nano-dollars, by digits:
 * 0.075 * 1e9 is 75000000.00000001 or worse. More than nine places (0.08333333333333334) round up.
 */
export const toNanoUsd = (usd: number): bigint => {
  const match = /^(\d+)(?:\.(\d+))?(?:e([+-]\d+))?$/.exec(String(usd))
  if (!match) throw new RangeError(`not a price: ${usd}`)
  const [, whole = '0', fraction = '', exponent = '0'] = match
  const places = fraction.length - Number(exponent)
  const digits = BigInt(whole + fraction)
  return places <= 9 ? digits * 10n ** BigInt(9 - places) : divideUp(digits, 10n ** BigInt(places - 9))
}

/** Equal exactly for equal prices, so that each change of them becomes one version of the price book. */
export const contentHash = (models: readonly ModelPrice[], terms: readonly bigint[]): string =>
  createHash('sha256')
    .update(JSON.stringify([terms, models], (_, value) => (typeof value === 'bigint' ? `${value}` : value)))
    .digest('hex')
