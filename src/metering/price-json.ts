import type { PricePeriod, PriceSet, Rate, UnitRate } from './model-price.ts'
import type { Markup, OwnPrice, PriceEdit, SetBy } from './price-terms.ts'
import { tokenClasses } from './usage.ts'

/** Prices as JSON columns hold them: 64-bit integers as text, because JSON numbers do not carry them. */
const asText = (_: string, value: unknown): unknown => (typeof value === 'bigint' ? `${value}` : value)

export const toJson = (value: unknown): unknown => JSON.parse(JSON.stringify(value, asText))

type Stored = Record<string, unknown>
const list = (value: unknown): Stored[] => (Array.isArray(value) ? (value as Stored[]) : [])

export const readUnitRates = (value: unknown): UnitRate[] =>
  list(value).map(({ unit, nanoUsd, per }) => ({
    unit: String(unit),
    nanoUsd: BigInt(String(nanoUsd)),
    per: BigInt(String(per)),
  }))

export const readPeriods = (value: unknown): PricePeriod[] =>
  list(value).map(({ since, daily, rates, unitRates }) => ({
    since: since as string | null,
    daily: daily as PricePeriod['daily'],
    rates: readRates((rates ?? {}) as Stored),
    unitRates: readUnitRates(unitRates),
  }))

const readRates = (stored: Stored): PriceSet['rates'] =>
  Object.fromEntries(
    tokenClasses
      .filter((tokenClass) => stored[tokenClass] !== undefined)
      .map((tokenClass) => [
        tokenClass,
        list(stored[tokenClass]).map(
          ({ fromInputTokens, nanoUsdPerMillion }): Rate => ({
            fromInputTokens: Number(fromInputTokens),
            nanoUsdPerMillion: BigInt(String(nanoUsdPerMillion)),
          }),
        ),
      ]),
  )

export const readOwnPrices = (value: unknown): OwnPrice[] =>
  list(value).map((stored) => ({ ...readPrice(stored), ...readSetBy(stored) }))

const readPrice = ({ serviceId, model, unit, nanoUsd, per }: Stored) => ({
  serviceId: String(serviceId),
  model: String(model),
  unit: String(unit),
  nanoUsd: BigInt(String(nanoUsd)),
  per: BigInt(String(per)),
})

const readSetBy = ({ reason, changedBy, changedAt }: Stored): SetBy => ({
  reason: (reason as string | undefined) ?? '',
  changedBy: (changedBy as string | undefined) ?? null,
  changedAt: new Date((changedAt as string | undefined) ?? 0),
})

export const readMarkups = (value: unknown): (Markup & SetBy)[] =>
  list(value).map((stored) => ({
    serviceId: String(stored['serviceId']),
    model: stored['model'] as string | null,
    chargeBasisPoints: BigInt(String(stored['chargeBasisPoints'])),
    ...readSetBy(stored),
  }))

export const readEdits = (value: unknown): PriceEdit[] => list(value).map(readEdit)

const readEdit = (stored: Stored): PriceEdit => {
  const name = { serviceId: stored['serviceId'] as string, model: stored['model'] as string }
  switch (stored['kind']) {
    case 'set_price':
      return { kind: 'set_price', ...readPrice(stored) }
    case 'remove_price':
      return { kind: 'remove_price', ...name, unit: String(stored['unit']) }
    case 'set_markup':
      return {
        kind: 'set_markup',
        ...name,
        chargeBasisPoints: BigInt(String(stored['chargeBasisPoints'])),
      }
    case 'remove_markup':
      return { kind: 'remove_markup', ...name }
    case 'set_credit_worth':
      return { kind: 'set_credit_worth', nanoUsdPerCredit: BigInt(String(stored['nanoUsdPerCredit'])) }
    default:
      throw new Error(`unknown edit of prices: ${String(stored['kind'])}`)
  }
}
