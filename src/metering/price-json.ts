import type { PricePeriod, PriceSet, Rate, UnitRate } from './model-price.ts'
import type { PriceOverride } from './price-overrides.ts'
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

export const readOverrides = (value: unknown): PriceOverride[] =>
  list(value).map(({ serviceId, model, unit, nanoUsd, per }) => ({
    serviceId: String(serviceId),
    model: String(model),
    unit: String(unit),
    nanoUsd: BigInt(String(nanoUsd)),
    per: BigInt(String(per)),
  }))
