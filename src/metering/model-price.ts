import type { MatchRule } from './price-match.ts'
import type { TokenClass } from './usage.ts'

/** A rate that holds for the whole operation from this many input tokens on. */
export interface Rate {
  readonly fromInputTokens: number
  readonly nanoUsdPerMillion: bigint
}

/** The price of a unit, or of all its variants that have none of their own (`image` of `image:1024x1024:hd`). */
export interface UnitRate {
  readonly unit: string
  readonly nanoUsd: bigint
  /** For each so many units. */
  readonly per: bigint
}

/** What is charged for what. */
export interface PriceSet {
  /** Rising by `fromInputTokens`. A class without rates is charged as another one: see `substitutes`. */
  readonly rates: Readonly<Partial<Record<TokenClass, readonly Rate[]>>>
  readonly unitRates?: readonly UnitRate[]
}

/** Without any, everything would be free of charge. */
export const hasAnyPrice = ({ rates, unitRates = [] }: PriceSet): boolean =>
  rates.input !== undefined || unitRates.length > 0

/** Prices that hold from a day on, or at certain hours of each day. They take the place of the whole set. */
export interface PricePeriod extends PriceSet {
  /** The first day in UTC, `2026-08-17`; null: always. */
  readonly since: string | null
  /** Seconds of the day in UTC, `until` not included; over midnight where `from` is later. */
  readonly daily: { readonly from: number; readonly until: number } | null
}

/** The prices of a model; its own set holds while none of its periods does. */
export interface ModelPrice extends PriceSet {
  readonly serviceId: string
  readonly modelId: string
  readonly match: MatchRule
  readonly contextTokens: number | null
  /** In the order of the price data: the last that holds counts. */
  readonly periods?: readonly PricePeriod[]
  /** What the price data names and nothing here counts. */
  readonly unmetered: readonly string[]
  /** Whether it has a price at all; without one it cannot run on system keys. */
  readonly isPriced: boolean
  /** What of its cost is charged in credits, 10000 = all of it; absent: as everywhere in its price book. */
  readonly chargeBasisPoints?: bigint
}
