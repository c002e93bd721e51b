import { must } from '../src/kit/fault.ts'
import type { PriceOverride } from '../src/metering/price-overrides.ts'
import type { PriceEdit } from '../src/metering/price-terms.ts'
import type { Prices } from '../src/metering/prices.ts'

/** In force when it returns, as if whoever runs the machine had set them. */
export const changePrices = async (prices: Prices, edits: readonly PriceEdit[]): Promise<number> => {
  const draft = { edits, reason: 'test', effectiveAt: null }
  const { change } = must(await prices.changes.create({ kind: 'operator', id: null }, draft, true))
  return change.version as number
}

export const setOwnPrice = (prices: Prices, price: PriceOverride): Promise<number> =>
  changePrices(prices, [{ kind: 'set_price', ...price }])
