import type { ModelPrice } from './model-price.ts'
import { makePriceBook, type PriceBook } from './price-book.ts'
import type { PriceOverride } from './price-overrides.ts'
import { priceLines } from './price-list.ts'
import { atCost, type Markup, type PriceTerms } from './price-terms.ts'

/** What one version of the price book charges otherwise than another. */
export interface PriceDifference {
  readonly creditWorth: { readonly before: bigint; readonly after: bigint } | null
  /** Null as a service: the installation’s own. Null as a value: none of its own. */
  readonly markups: readonly {
    readonly serviceId: string | null
    readonly model: string | null
    readonly before: bigint | null
    readonly after: bigint | null
  }[]
  readonly ownPrices: readonly {
    readonly serviceId: string
    readonly model: string
    readonly unit: string
    readonly before: Amount | null
    readonly after: Amount | null
  }[]
  /** The largest changes first. */
  readonly effects: readonly PriceEffect[]
}
type Amount = Pick<PriceOverride, 'nanoUsd' | 'per'>

/** What of a model is charged otherwise in credits. */
export interface PriceEffect {
  readonly serviceId: string
  readonly model: string
  readonly unit: string
  readonly fromInputTokens: number
  readonly per: bigint
  /** Null: no price. */
  readonly beforeMicros: bigint | null
  readonly afterMicros: bigint | null
  /** Null: one of the two is missing, or what was free of charge is no longer. */
  readonly changeBasisPoints: bigint | null
}

interface Side extends PriceTerms {
  readonly models: readonly ModelPrice[]
}

/** Compares the prices that hold when nothing else does: a model's periods move with them. */
export const differenceOf = (before: Side, after: Side): PriceDifference => ({
  creditWorth:
    before.nanoUsdPerCredit === after.nanoUsdPerCredit
      ? null
      : { before: before.nanoUsdPerCredit, after: after.nanoUsdPerCredit },
  markups: markupsOf(before, after),
  ownPrices: pairs(before.overrides, after.overrides, ({ serviceId, model, unit }) =>
    [serviceId, model, unit].join(' '),
  )
    .filter(([a, b]) => a?.nanoUsd !== b?.nanoUsd || a?.per !== b?.per)
    .map(([a, b]) => {
      const { serviceId, model, unit } = (a ?? b) as PriceOverride
      return { serviceId, model, unit, before: amountOf(a), after: amountOf(b) }
    }),
  effects: effectsOf(before, after),
})

const amountOf = (price: PriceOverride | undefined): Amount | null =>
  price === undefined ? null : { nanoUsd: price.nanoUsd, per: price.per }

const markupsOf = (before: PriceTerms, after: PriceTerms): PriceDifference['markups'] => {
  const own = pairs(before.markups, after.markups, nameOf)
    .filter(([a, b]) => a?.chargeBasisPoints !== b?.chargeBasisPoints)
    .map(([a, b]) => {
      const { serviceId, model } = (a ?? b) as Markup
      return { serviceId, model, before: over(a?.chargeBasisPoints), after: over(b?.chargeBasisPoints) }
    })
  if (before.chargeBasisPoints === after.chargeBasisPoints) return own
  const general = { before: over(before.chargeBasisPoints), after: over(after.chargeBasisPoints) }
  return [{ serviceId: null, model: null, ...general }, ...own]
}

const nameOf = ({ serviceId, model }: Markup): string => `${serviceId} ${model ?? ''}`
const over = (chargeBasisPoints: bigint | undefined): bigint | null =>
  chargeBasisPoints === undefined ? null : chargeBasisPoints - atCost

/** By name, what there is of each side. */
const pairs = <T>(
  before: readonly T[],
  after: readonly T[],
  name: (item: T) => string,
): (readonly [T | undefined, T | undefined])[] => {
  const a = new Map(before.map((item) => [name(item), item]))
  const b = new Map(after.map((item) => [name(item), item]))
  return [...new Set([...a.keys(), ...b.keys()])].map((key) => [a.get(key), b.get(key)] as const)
}

interface ChargedLine {
  readonly book: PriceBook
  readonly price: ModelPrice
  readonly unit: string
  readonly fromInputTokens: number
  readonly nanoUsd: bigint
  readonly per: bigint
}

const effectsOf = (before: Side, after: Side): PriceEffect[] => {
  const [a, b] = [linesOf(before), linesOf(after)]
  const effects: PriceEffect[] = []
  for (const key of new Set([...a.keys(), ...b.keys()])) {
    const effect = effectOf(a.get(key), b.get(key))
    if (effect !== null) effects.push(effect)
  }
  return effects.toSorted((x, y) => weightOf(y) - weightOf(x))
}

/** What is charged for something that was free of charge is the largest change of all. */
const weightOf = ({ changeBasisPoints, beforeMicros, afterMicros }: PriceEffect): number => {
  if (changeBasisPoints !== null) return Math.abs(Number(changeBasisPoints))
  return beforeMicros !== null && afterMicros !== null ? Number.POSITIVE_INFINITY : 0
}

const linesOf = (side: Side): Map<string, ChargedLine> => {
  const book = makePriceBook({ version: 0, ...side })
  const services = new Set([...side.models, ...side.overrides].map(({ serviceId }) => serviceId))
  const lines = new Map<string, ChargedLine>()
  for (const serviceId of services)
    for (const price of book.models(serviceId))
      for (const { unit, fromInputTokens, nanoUsd, per } of priceLines(price, []))
        lines.set([serviceId, price.modelId, unit, fromInputTokens].join(' '), {
          book,
          price,
          unit,
          fromInputTokens,
          nanoUsd,
          per,
        })
  return lines
}

const effectOf = (a: ChargedLine | undefined, b: ChargedLine | undefined): PriceEffect | null => {
  const line = (b ?? a) as ChargedLine
  // So that both are for as many, and neither is rounded before it is compared.
  const per = a === undefined || b === undefined ? line.per : a.per * (b.per / greatestDivisor(a.per, b.per))
  const micros = (side: ChargedLine | undefined): bigint | null =>
    side === undefined ? null : side.book.creditMicros((side.nanoUsd * per) / side.per, side.price)
  const [beforeMicros, afterMicros] = [micros(a), micros(b)]
  if (beforeMicros === afterMicros) return null
  return {
    serviceId: line.price.serviceId,
    model: line.price.modelId,
    unit: line.unit,
    fromInputTokens: line.fromInputTokens,
    per,
    beforeMicros,
    afterMicros,
    changeBasisPoints:
      beforeMicros === null || afterMicros === null || beforeMicros === 0n
        ? null
        : ((afterMicros - beforeMicros) * 10_000n) / beforeMicros,
  }
}

const greatestDivisor = (a: bigint, b: bigint): bigint => (b === 0n ? a : greatestDivisor(b, a % b))

export interface Extent {
  readonly riseBasisPoints: bigint
  readonly fallBasisPoints: bigint
  /** What was free of charge is charged for. */
  readonly endsFree: boolean
}

export const extentOf = ({ effects }: Pick<PriceDifference, 'effects'>): Extent => {
  const changes = effects.flatMap(({ changeBasisPoints }) => changeBasisPoints ?? [])
  const highest = (values: readonly bigint[]) => values.reduce((a, b) => (b > a ? b : a), 0n)
  return {
    riseBasisPoints: highest(changes),
    fallBasisPoints: highest(changes.map((change) => -change)),
    endsFree: effects.some(
      ({ beforeMicros, afterMicros }) => beforeMicros === 0n && (afterMicros ?? 0n) > 0n,
    ),
  }
}

export const isNothing = ({ creditWorth, markups, ownPrices }: PriceDifference): boolean =>
  creditWorth === null && markups.length === 0 && ownPrices.length === 0
