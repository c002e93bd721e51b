import type { ModelPrice as WireModelPrice, OwnPrice } from '../contract/prices.ts'
import { defineHandlers } from '../http/handler.ts'
import { FaultError, fault, must } from '../kit/fault.ts'
import { findService, services } from '../services/registry.ts'
import type { ModelPrice } from './model-price.ts'
import { priceLines } from './price-list.ts'
import type { PriceOverride } from './price-overrides.ts'
import type { Prices, StoredOverride } from './prices.ts'

export const priceApi = ({ prices }: { prices: Prices }) =>
  defineHandlers<'listPrices' | 'setPrice' | 'removePrice' | 'listPriceCoverage' | 'listModelPrices'>({
    async listPriceCoverage() {
      const book = prices.current()
      const own = Map.groupBy(await prices.overrides(), ({ override }) => override.serviceId)
      return {
        items: services.map(({ id }) => {
          const models = book.models(id)
          return {
            serviceId: id,
            models: models.length,
            priced: models.filter(({ isPriced }) => isPriced).length,
            ownPrices: own.get(id)?.length ?? 0,
          }
        }),
      }
    },

    async listModelPrices({ params }) {
      if (findService(params.id) === undefined) throw new FaultError(fault('not_found'))
      const book = prices.current()
      const own = (await prices.overrides())
        .map(({ override }) => override)
        .filter(({ serviceId }) => serviceId === params.id)
      return {
        priceBookVersion: book.version,
        items: book.models(params.id).map((price) => modelOnWire(price, own)),
      }
    },

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

const modelOnWire = (price: ModelPrice, own: readonly PriceOverride[]): WireModelPrice => ({
  model: price.modelId,
  contextTokens: price.contextTokens,
  isPriced: price.isPriced,
  lines: priceLines(price, own).map((line) => ({ ...line, nanoUsd: `${line.nanoUsd}`, per: `${line.per}` })),
  periods: price.periods?.length ?? 0,
})
