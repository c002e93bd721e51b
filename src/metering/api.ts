import type { OwnPrice } from '../contract/prices.ts'
import { defineHandlers } from '../http/handler.ts'
import { must } from '../kit/fault.ts'
import type { Prices, StoredOverride } from './prices.ts'

export const priceApi = ({ prices }: { prices: Prices }) =>
  defineHandlers<'listPrices' | 'setPrice' | 'removePrice'>({
    listPrices: async () => ({
      priceBookVersion: prices.current().version,
      items: (await prices.overrides()).map(priceOnWire),
    }),

    async setPrice({ body }, { actor }) {
      const { serviceId, model, unit, nanoUsd, per, reason } = body
      const override = { serviceId, model, unit, nanoUsd: BigInt(nanoUsd), per: BigInt(per) }
      return priceOnWire(must(await prices.setOverride(actor, override, reason)))
    },

    async removePrice({ query }, { actor }) {
      must(await prices.removeOverride(actor, query))
      return { done: true }
    },
  })

const priceOnWire = ({ override, reason, changedBy, changedAt }: StoredOverride): OwnPrice => ({
  ...override,
  nanoUsd: `${override.nanoUsd}`,
  per: `${override.per}`,
  reason,
  changedBy,
  changedAt: changedAt.toISOString(),
})
