import type { Received } from '../contract/endpoints.ts'
import type {
  PriceBookVersion,
  PriceChange as WireChange,
  PriceChangePreview,
  PriceDifference as WireDifference,
  PriceEdit as WireEdit,
} from '../contract/price-book.ts'
import type { ModelPrice as WireModelPrice, OwnPrice as WireOwnPrice } from '../contract/prices.ts'
import { defineHandlers } from '../http/handler.ts'
import { decodeCursor, decodeNumberCursor, encodeCursor } from '../kit/cursor.ts'
import { FaultError, fault, must } from '../kit/fault.ts'
import { findService, services } from '../services/registry.ts'
import type { ModelPrice } from './model-price.ts'
import type { PriceChange } from './price-change.ts'
import type { ChangeDraft, ChangePreview, ChangeView } from './price-changes.ts'
import { extentOf, type PriceDifference } from './price-difference.ts'
import { priceLines } from './price-list.ts'
import type { PriceOverride } from './price-overrides.ts'
import { atCost, type OwnPrice, type PriceEdit } from './price-terms.ts'
import type { Prices, Version } from './prices.ts'

interface Parts {
  readonly prices: Prices
}

export const priceApi = (parts: Parts) => ({ ...listApi(parts), ...versionApi(parts), ...changeApi(parts) })

const listApi = ({ prices }: Parts) =>
  defineHandlers<'listPrices' | 'listPriceCoverage' | 'listModelPrices'>({
    async listPriceCoverage() {
      const book = prices.current()
      const own = Map.groupBy(prices.terms().overrides, ({ serviceId }) => serviceId)
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
      const own = prices.terms().overrides.filter(({ serviceId }) => serviceId === params.id)
      return {
        priceBookVersion: book.version,
        items: book.models(params.id).map((price) => modelOnWire(price, own)),
      }
    },

    listPrices: async () => ({
      priceBookVersion: prices.current().version,
      items: prices.terms().overrides.map(ownPriceOnWire),
    }),
  })

const versionApi = ({ prices }: Parts) => {
  const onWire = async (versions: readonly Version[]): Promise<PriceBookVersion[]> => {
    const changes = await prices.changes.changesOf(versions.flatMap(({ changeId }) => changeId ?? []))
    const now = { inForce: prices.terms().version, at: new Date() }
    return versions.map((version) => versionOnWire(version, changes.get(version.changeId ?? ''), now))
  }
  const one = async (version: Version): Promise<PriceBookVersion> =>
    (await onWire([version]))[0] as PriceBookVersion

  return defineHandlers<
    'readPriceBook' | 'listPriceBookVersions' | 'readPriceBookVersion' | 'withdrawPriceBookVersion'
  >({
    async readPriceBook() {
      const terms = prices.terms()
      const [inForce, scheduled, openChanges, approval] = await Promise.all([
        one(terms),
        prices.scheduled().then(onWire),
        prices.changes.countOpen(),
        prices.changes.approval(),
      ])
      const general = { serviceId: null, model: null, markupBasisPoints: markupOf(terms.chargeBasisPoints) }
      const markups = terms.markups.map(({ serviceId, model, chargeBasisPoints }) => ({
        serviceId,
        model,
        markupBasisPoints: markupOf(chargeBasisPoints),
      }))
      return { inForce, scheduled, openChanges, markups: [general, ...markups], approval }
    },

    async listPriceBookVersions({ query }) {
      const found = await prices.versions(decodeNumberCursor(query.cursor), query.limit)
      const last = found.length === query.limit ? found.at(-1) : undefined
      return {
        items: await onWire(found),
        nextCursor: last === undefined ? null : encodeCursor(BigInt(last.version)),
      }
    },

    async readPriceBookVersion({ params }) {
      const version = await prices.version(params.version)
      if (version === null) throw new FaultError(fault('not_found'))
      const difference = await prices.changes.differenceIn(version)
      return {
        version: await one(version),
        baseVersion: version.basedOn,
        difference: difference && differenceOnWire(difference),
      }
    },

    withdrawPriceBookVersion: async ({ params, body }, { actor }) =>
      one(must(await prices.changes.withdraw(actor, params.version, body.reason))),
  })
}

const changeApi = ({ prices: { changes } }: Parts) =>
  defineHandlers<
    | 'listPriceChanges'
    | 'previewPriceChange'
    | 'createPriceChange'
    | 'readPriceChange'
    | 'editPriceChange'
    | 'approvePriceChange'
    | 'discardPriceChange'
    | 'savePriceApproval'
  >({
    async listPriceChanges({ query }) {
      const { limit, open } = query
      const found = await changes.list({ open: open === 'true', before: decodeCursor(query.cursor), limit })
      const last = found.length === limit ? found.at(-1) : undefined
      return {
        items: found.map(changeOnWire),
        nextCursor: last === undefined ? null : encodeCursor(last.id),
      }
    },
    previewPriceChange: async ({ body }) =>
      previewOnWire(must(await changes.preview(draftFrom({ ...body, reason: '' })))),
    createPriceChange: async ({ body }, { actor }) =>
      viewOnWire(must(await changes.create(actor, draftFrom(body), body.approve))),
    readPriceChange: async ({ params }) => viewOnWire(must(await changes.read(params.id))),
    editPriceChange: async ({ params, body }, { actor }) =>
      viewOnWire(must(await changes.edit(actor, params.id, draftFrom(body), body.revision))),
    approvePriceChange: async ({ params, body }, { actor }) =>
      viewOnWire(must(await changes.approve(actor, params.id, body))),
    discardPriceChange: async ({ params, body }, { actor }) =>
      viewOnWire(must(await changes.discard(actor, params.id, body.reason))),
    savePriceApproval: async ({ body: { reason, ...approval } }, { actor }) =>
      must(await changes.saveApproval(actor, approval, reason)),
  })

const markupOf = (chargeBasisPoints: bigint): number => Number(chargeBasisPoints - atCost)

const draftFrom = (
  body: Pick<Received<'createPriceChange'>['body'], 'edits' | 'reason' | 'effectiveAt'>,
): ChangeDraft => ({
  edits: body.edits.map(editFrom),
  reason: body.reason,
  effectiveAt: body.effectiveAt === null ? null : new Date(body.effectiveAt),
})

const editFrom = (edit: WireEdit): PriceEdit => {
  switch (edit.kind) {
    case 'set_price':
      return { ...edit, nanoUsd: BigInt(edit.nanoUsd), per: BigInt(edit.per) }
    case 'set_markup': {
      const { kind, serviceId, model, markupBasisPoints } = edit
      return { kind, serviceId, model, chargeBasisPoints: atCost + BigInt(markupBasisPoints) }
    }
    case 'set_credit_worth':
      return { ...edit, nanoUsdPerCredit: BigInt(edit.nanoUsdPerCredit) }
    case 'remove_price':
    case 'remove_markup':
      return edit
  }
}

const editOnWire = (edit: PriceEdit): WireEdit => {
  switch (edit.kind) {
    case 'set_price':
      return { ...edit, nanoUsd: `${edit.nanoUsd}`, per: `${edit.per}` }
    case 'set_markup': {
      const { chargeBasisPoints, ...rest } = edit
      return { ...rest, markupBasisPoints: markupOf(chargeBasisPoints) }
    }
    case 'set_credit_worth':
      return { ...edit, nanoUsdPerCredit: `${edit.nanoUsdPerCredit}` }
    case 'remove_price':
    case 'remove_markup':
      return edit
  }
}

const changeOnWire = (change: PriceChange): WireChange => ({
  ...change,
  edits: change.edits.map(editOnWire),
  effectiveAt: change.effectiveAt?.toISOString() ?? null,
  createdAt: change.createdAt.toISOString(),
  decidedAt: change.decidedAt?.toISOString() ?? null,
})

const viewOnWire = ({ change, preview }: ChangeView) => ({
  change: changeOnWire(change),
  preview: preview && previewOnWire(preview),
})

const previewOnWire = ({ baseVersion, difference, needsBecause }: ChangePreview): PriceChangePreview => ({
  baseVersion,
  difference: differenceOnWire(difference),
  needsSecondApprover: needsBecause !== null,
  needsBecause,
})

const shownEffects = 200

const amountOnWire = (amount: { nanoUsd: bigint; per: bigint } | null) =>
  amount && { nanoUsd: `${amount.nanoUsd}`, per: `${amount.per}` }
const textOf = (value: bigint | null): string | null => (value === null ? null : `${value}`)
const numberOf = (value: bigint | null): number | null => (value === null ? null : Number(value))

const differenceOnWire = (difference: PriceDifference): WireDifference => {
  const { creditWorth, markups, ownPrices, effects } = difference
  const extent = extentOf(difference)
  return {
    creditWorth: creditWorth && { before: `${creditWorth.before}`, after: `${creditWorth.after}` },
    markups: markups.map((markup) => ({
      ...markup,
      before: numberOf(markup.before),
      after: numberOf(markup.after),
    })),
    ownPrices: ownPrices.map((price) => ({
      ...price,
      before: amountOnWire(price.before),
      after: amountOnWire(price.after),
    })),
    effects: {
      affected: effects.length,
      largestRiseBasisPoints: Number(extent.riseBasisPoints),
      largestFallBasisPoints: Number(extent.fallBasisPoints),
      items: effects.slice(0, shownEffects).map((effect) => ({
        ...effect,
        per: `${effect.per}`,
        beforeMicros: textOf(effect.beforeMicros),
        afterMicros: textOf(effect.afterMicros),
        changeBasisPoints: numberOf(effect.changeBasisPoints),
      })),
    },
  }
}

const versionOnWire = (
  version: Version,
  change: PriceChange | undefined,
  now: { readonly inForce: number; readonly at: Date },
): PriceBookVersion => ({
  version: version.version,
  state: stateOf(version, now),
  effectiveAt: version.effectiveAt.toISOString(),
  createdAt: version.createdAt.toISOString(),
  source: version.changeId === null ? 'shipped' : 'change',
  reason: change?.reason ?? null,
  createdBy: change?.createdBy ?? null,
  approvedBy: change?.status === 'approved' ? change.decidedBy : null,
  changeId: version.changeId,
  nanoUsdPerCredit: `${version.nanoUsdPerCredit}`,
  ownPrices: version.overrides.length,
  markups: version.markups.length,
})

const stateOf = (
  { version, effectiveAt, withdrawnAt }: Version,
  { inForce, at }: { readonly inForce: number; readonly at: Date },
): PriceBookVersion['state'] => {
  if (version === inForce) return 'in_force'
  if (withdrawnAt !== null) return 'withdrawn'
  return effectiveAt > at ? 'scheduled' : 'past'
}

const ownPriceOnWire = (price: OwnPrice): WireOwnPrice => ({
  ...price,
  nanoUsd: `${price.nanoUsd}`,
  per: `${price.per}`,
  changedAt: price.changedAt.toISOString(),
})

const modelOnWire = (price: ModelPrice, own: readonly PriceOverride[]): WireModelPrice => ({
  model: price.modelId,
  contextTokens: price.contextTokens,
  isPriced: price.isPriced,
  lines: priceLines(price, own).map((line) => ({ ...line, nanoUsd: `${line.nanoUsd}`, per: `${line.per}` })),
  periods: price.periods?.length ?? 0,
})
