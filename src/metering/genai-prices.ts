import { createHash } from 'node:crypto'
import { findProvider } from '@pydantic/genai-prices'
import { divideUp } from '../kit/money.ts'
import {
  hasAnyPrice,
  type ModelPrice,
  type PricePeriod,
  type PriceSet,
  type Rate,
  type UnitRate,
} from './model-price.ts'
import type { MatchRule } from './price-match.ts'
import { withListPrices, withUnitPrices } from './unit-prices.ts'
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

/**
 * The price data's other units: ours, and for how many of them its price is. `audio_hours` is the
 * sum of its parts, so the two names are one unit.
 */
const unitOfUnit: Readonly<Record<string, { readonly unit: string; readonly per: bigint }>> = {
  input_audio_mtok: { unit: 'input_audio_tokens', per: 1_000_000n },
  input_image_mtok: { unit: 'input_image_tokens', per: 1_000_000n },
  input_video_mtok: { unit: 'input_video_tokens', per: 1_000_000n },
  cache_audio_read_mtok: { unit: 'cache_read_audio_tokens', per: 1_000_000n },
  cache_image_read_mtok: { unit: 'cache_read_image_tokens', per: 1_000_000n },
  output_audio_mtok: { unit: 'output_audio_tokens', per: 1_000_000n },
  output_image_mtok: { unit: 'output_image_tokens', per: 1_000_000n },
  output_video_mtok: { unit: 'output_video_tokens', per: 1_000_000n },
  output_citation_mtok: { unit: 'citation_tokens', per: 1_000_000n },
  audio_hours: { unit: 'audio_seconds', per: 3_600n },
  input_audio_hours: { unit: 'audio_seconds', per: 3_600n },
  requests_kcount: { unit: 'request', per: 1_000n },
  web_searches_kcount: { unit: 'search', per: 1_000n },
  storage_searches_kcount: { unit: 'file_search', per: 1_000n },
  input_text_messages_kcount: { unit: 'text_messages', per: 1_000n },
  input_document_kpages: { unit: 'document_pages', per: 1_000n },
  input_annotated_document_kpages: { unit: 'annotated_document_pages', per: 1_000n },
}

type Amount = number | { base: number; tiers: { start: number; price: number }[] }
type UnitPrices = Readonly<Record<string, Amount | undefined>>
interface Conditional {
  readonly constraint?:
    | { type: 'start_date'; start_date: string }
    | { type: 'time_of_date'; start_time: string; end_time: string }
  readonly prices: UnitPrices
}
/** What is read of a model in the price data; the package's own types are wider. */
export interface SourceModel {
  readonly id: string
  readonly match: MatchRule
  readonly context_window?: number
  readonly prices: UnitPrices | readonly Conditional[]
}

/**
 * The shipped prices of our services, with the changes that are known to come. `pricesId` names the provider in the data;
 * what the data lacks comes from `unit-prices.ts`.
 */
export const shippedModels = (
  services: readonly { readonly id: string; readonly pricesId: string | null }[],
): ModelPrice[] =>
  services.flatMap(({ id, pricesId }) => {
    const models = withUnitPrices(id, modelsOf(id, pricesId))
    return id === 'azure_openai'
      ? withListPrices(id, models, withUnitPrices('openai', modelsOf(id, 'openai')))
      : models
  })

const modelsOf = (serviceId: string, pricesId: string | null): ModelPrice[] => {
  const provider = pricesId === null ? undefined : findProvider({ providerId: pricesId })
  return (provider?.models ?? []).map((model) => convertModel(serviceId, model as SourceModel))
}

export const convertModel = (serviceId: string, model: SourceModel): ModelPrice => {
  const conditions = Array.isArray(model.prices)
    ? (model.prices as readonly Conditional[])
    : [{ prices: model.prices as UnitPrices }]
  const [base = { prices: {} }, ...conditional] = conditions
  const own = convertPrices(base.prices)
  const periods = conditional.map(convertPeriod)
  return {
    serviceId,
    modelId: model.id,
    match: model.match,
    contextTokens: model.context_window ?? null,
    ...own,
    periods,
    unmetered: unmeteredIn(conditions),
    isPriced: [own, ...periods].some(hasAnyPrice),
  }
}

const unmeteredIn = (conditions: readonly Conditional[]): string[] => {
  const named = new Set(conditions.flatMap(({ prices }) => Object.keys(prices)))
  return [...named]
    .filter((unit) => classOfUnit[unit] === undefined && unitOfUnit[unit] === undefined)
    .toSorted()
}

const convertPeriod = ({ constraint, prices }: Conditional): PricePeriod => ({
  since: constraint?.type === 'start_date' ? constraint.start_date : null,
  daily:
    constraint?.type === 'time_of_date'
      ? { from: secondOf(constraint.start_time), until: secondOf(constraint.end_time) }
      : null,
  ...convertPrices(prices),
})

/** `16:30:00Z` → 59400. Other zones do not occur; a new form of the data has to be looked at. */
const secondOf = (time: string): number => {
  const match = /^([01]\d|2[0-3]):([0-5]\d):([0-5]\d)Z$/.exec(time)
  if (!match) throw new RangeError(`not a time of day in UTC: ${time}`)
  return Number(match[1]) * 3600 + Number(match[2]) * 60 + Number(match[3])
}

const convertPrices = (prices: UnitPrices): Required<PriceSet> => {
  const rates: Partial<Record<TokenClass, readonly Rate[]>> = {}
  const unitRates = new Map<string, UnitRate>()
  for (const [name, amount] of Object.entries(prices)) {
    if (amount === undefined) continue
    const tokenClass = classOfUnit[name]
    const unit = unitOfUnit[name]
    if (tokenClass) rates[tokenClass] = convertAmount(amount)
    else if (unit) unitRates.set(unit.unit, { ...unit, nanoUsd: toNanoUsd(dearest(amount)) })
  }
  return { rates, unitRates: [...unitRates.values()] }
}

/** No unit has tiers so far; of those that came the dearest would count. */
const dearest = (amount: Amount): number =>
  typeof amount === 'number' ? amount : Math.max(amount.base, ...amount.tiers.map(({ price }) => price))

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
