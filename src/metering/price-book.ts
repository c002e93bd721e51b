import { divideUp, microsPerCredit } from '../kit/money.ts'
import { costNanoUsd, worstCostNanoUsd } from './cost.ts'
import type { ModelPrice } from './model-price.ts'
import { exactOverrides, mostSpecificLast, type PriceOverride, withOverrides } from './price-overrides.ts'
import { compileMatch, type Matcher, modelLengthMaximum, withDashedDates } from './price-match.ts'
import { type Markup, markupFor } from './price-terms.ts'
import type { Units, Usage } from './usage.ts'

export type { ModelPrice } from './model-price.ts'

export interface PriceBookRow {
  readonly version: number
  readonly nanoUsdPerCredit: bigint
  readonly chargeBasisPoints: bigint
  readonly models: readonly ModelPrice[]
  /** The administrators' own prices. */
  readonly overrides?: readonly PriceOverride[]
  /** Of services and models, in place of `chargeBasisPoints`. */
  readonly markups?: readonly Markup[]
}

export interface PriceBook {
  readonly version: number
  /** The price of a model as a caller or a service writes it; null where there is none. */
  find(serviceId: string, model: string): ModelPrice | null
  /** Every model known for a service, priced or not, in the price data's order. */
  models(serviceId: string): readonly ModelPrice[]
  /** `at`: when the operation started; without it, at the dearest of the model's periods. */
  costNanoUsd(price: ModelPrice, usage: Usage, at?: Date): bigint
  /** What a cost at a price is in credits, with its markup: rounded up, so never zero for a cost that is not. */
  creditMicros(costNanoUsd: bigint, price: Pick<ModelPrice, 'chargeBasisPoints'>): bigint
  worstCostNanoUsd(
    price: ModelPrice,
    tokens: { inputTokens: number; outputTokens: number },
    units?: Units | null,
    at?: Date,
  ): bigint
}

const basisPoints = 10_000n

export const makePriceBook = (row: PriceBookRow): PriceBook => {
  const shelves = new Map<string, Shelf>()
  const overrides = Map.groupBy(row.overrides ?? [], (override) => override.serviceId)
  const markups = Map.groupBy(row.markups ?? [], (markup) => markup.serviceId)
  const models = Map.groupBy(row.models, (model) => model.serviceId)
  for (const serviceId of new Set([...models.keys(), ...overrides.keys()]))
    shelves.set(
      serviceId,
      makeShelf(serviceId, models.get(serviceId) ?? [], {
        overrides: overrides.get(serviceId) ?? [],
        markups: markups.get(serviceId) ?? [],
      }),
    )
  return {
    version: row.version,
    find: (serviceId, model) => shelves.get(serviceId)?.find(model) ?? null,
    models: (serviceId) => shelves.get(serviceId)?.models ?? [],
    costNanoUsd,
    creditMicros: (cost, { chargeBasisPoints = row.chargeBasisPoints }) =>
      divideUp(cost * chargeBasisPoints * microsPerCredit, row.nanoUsdPerCredit * basisPoints),
    worstCostNanoUsd,
  }
}

interface Shelf {
  readonly models: readonly ModelPrice[]
  find(model: string): ModelPrice | null
}

/** Callers choose model names, so what is remembered has a limit. */
const rememberedMaximum = 2_000

const makeShelf = (
  serviceId: string,
  shipped: readonly ModelPrice[],
  { overrides, markups }: { overrides: readonly PriceOverride[]; markups: readonly Markup[] },
): Shelf => {
  const matchers = shipped.map((model): [Matcher, ModelPrice] => [compileMatch(model.match), model])
  const remembered = new Map<string, ModelPrice | null>()
  const search = (id: string) => matchers.find(([matches]) => matches(id))?.[1]
  const find = (model: string): ModelPrice | null => {
    const id = model.trim().toLowerCase()
    const known = search(id) ?? search(withDashedDates(id)) ?? null
    const names = known === null ? [id] : [id, known.modelId]
    const own = mostSpecificLast(overrides, names)
    const price = own.length === 0 ? known : withOverrides(known ?? unknownModel(serviceId, id), own)
    return price?.isPriced ? withMarkup(price, markups, names) : null
  }
  const known = new Set(shipped.map((model) => model.modelId))
  const added = exactOverrides(overrides).filter((model) => !known.has(model))
  return {
    models: [...shipped, ...added.map((model) => unknownModel(serviceId, model))].map((model) =>
      withMarkup(withOverrides(model, mostSpecificLast(overrides, [model.modelId])), markups, [
        model.modelId,
      ]),
    ),
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

const withMarkup = (price: ModelPrice, markups: readonly Markup[], names: readonly string[]): ModelPrice => {
  const chargeBasisPoints = markupFor(markups, names)
  return chargeBasisPoints === undefined ? price : { ...price, chargeBasisPoints }
}

const unknownModel = (serviceId: string, modelId: string): ModelPrice => ({
  serviceId,
  modelId,
  match: { equals: modelId },
  contextTokens: null,
  rates: {},
  unitRates: [],
  periods: [],
  unmetered: [],
  isPriced: false,
})
