import type { Received } from '../contract/endpoints.ts'
import type { BrowsedModel, ListedPrice, ServedBy } from '../contract/models.ts'
import { decodeNumberCursor, encodeCursor } from '../kit/cursor.ts'
import { pricesAt } from '../metering/cost.ts'
import type { ModelPrice, PriceBook } from '../metering/price-book.ts'
import type { Service } from '../services/service.ts'
import { creditsFor, typicalSize } from './estimate.ts'
import { groupPrefix } from './group.ts'
import { type ModelListRequest, modelNames, taskOfId } from './model-list.ts'
import { type Offer, resolveModel } from './offers.ts'
import { type Candidate, planRoute } from './route.ts'

type Query = Received<'browseModels'>['query']

/** A page of every name known here, what cannot be called now included. */
export const browsedPage = (request: ModelListRequest, query: Query) => {
  const matching = [...modelNames(request)]
    .map((model) => sightOf(request, model))
    .filter((sight) => isWanted(sight, query))
  const counts: Record<ServedBy, number> = { own_key: 0, organization_key: 0, credits: 0, not_available: 0 }
  for (const sight of matching) counts[sight.servedBy] += 1
  const wanted =
    query.servedBy === undefined ? matching : matching.filter((sight) => sight.servedBy === query.servedBy)
  const from = Number(decodeNumberCursor(query.cursor) ?? 0n)
  const until = from + query.limit
  return {
    items: wanted.slice(from, until).map((sight) => onWire(request, sight)),
    nextCursor: until < wanted.length ? encodeCursor(BigInt(until)) : null,
    total: wanted.length,
    counts,
  }
}

/** A name with what a call for it would run on; the rest is worked out for those that are shown. */
interface Sight {
  readonly model: string
  readonly task: ReturnType<typeof taskOfId>
  readonly servedBy: ServedBy
  readonly first: Candidate | null
  readonly offer: Offer | null
  readonly why: string | null
}

const owners = { user: 'own_key', organization: 'organization_key', system: 'credits' } as const

const sightOf = (request: ModelListRequest, model: string): Sight => {
  const task = taskOfId(request, model)
  const endpoint = request.endpointOf(task) ?? 'chat_completions'
  const route = planRoute({ ...request, endpoint, model })
  const first = route.ok ? (route.value.candidates[0] ?? null) : null
  const resolved = resolveModel(request, endpoint, model)
  const offer = (resolved.kind === 'offers' ? resolved.asked[0] : resolved.guesses[0]) ?? null
  return {
    model,
    task,
    servedBy: first === null ? 'not_available' : owners[first.serviceKey.owner],
    first,
    offer,
    why: route.ok ? null : `${route.fault.message} ${route.fault.next}`,
  }
}

const serviceOf = ({ first, offer }: Sight): Service | null => first?.service ?? offer?.service ?? null

const isWanted = (sight: Sight, query: Query): boolean => {
  if (query.task !== undefined && query.task !== sight.task) return false
  const service = serviceOf(sight)
  if (query.service !== undefined && query.service !== service?.id) return false
  const text = `${sight.model} ${service?.name ?? ''}`.toLowerCase()
  return (query.search ?? '')
    .toLowerCase()
    .split(/\s+/)
    .every((part) => text.includes(part))
}

const onWire = (request: ModelListRequest, sight: Sight): BrowsedModel => {
  const { model, task, first, offer, why } = sight
  const service = serviceOf(sight)
  const price = first === null ? (offer?.price ?? null) : first.price
  const group = request.groups.find(({ id }) => groupPrefix + id === model)
  return {
    model,
    kind: group === undefined ? 'model' : 'group',
    label: group?.label ?? null,
    description: group?.description ?? null,
    task,
    endpoint: request.endpointOf(task) ?? 'chat_completions',
    servedBy: sight.servedBy,
    serviceId: service?.id ?? null,
    serviceName: service?.name ?? null,
    serviceModel: first?.model ?? offer?.model ?? null,
    translated: (first ?? offer)?.via === 'translation',
    why,
    contextTokens: price?.contextTokens ?? null,
    prices: price === null ? [] : pricesOf(price, request.now),
    creditMicros: creditsOf(request.priceBook, sight),
  }
}

const creditsOf = (priceBook: PriceBook, { first, task }: Sight): string | null => {
  if (first === null) return null
  if (first.serviceKey.owner !== 'system') return '0'
  const credits = creditsFor(priceBook, first, typicalSize(task))
  // What charges by something that a typical call does not count (tasks) is not free of charge.
  return credits === null || (credits === 0n && chargesAnything(first.price)) ? null : `${credits}`
}

const chargesAnything = (price: ModelPrice | null): boolean =>
  price !== null &&
  [
    ...Object.values(price.rates).flatMap((rates) => rates.map(({ nanoUsdPerMillion }) => nanoUsdPerMillion)),
    ...(price.unitRates ?? []).map(({ nanoUsd }) => nanoUsd),
  ].some((amount) => amount > 0n)

const perMillion = '1000000'

const pricesOf = (price: ModelPrice, now: Date): ListedPrice[] => {
  const { rates, unitRates = [] } = pricesAt(price, now)
  return [
    ...Object.entries(rates).flatMap(([what, tiers]) =>
      tiers.map((tier) => ({
        what,
        nanoUsd: `${tier.nanoUsdPerMillion}`,
        per: perMillion,
        fromInputTokens: tier.fromInputTokens,
      })),
    ),
    ...unitRates.map(({ unit, nanoUsd, per }) => ({
      what: unit,
      nanoUsd: `${nanoUsd}`,
      per: `${per}`,
      fromInputTokens: 0,
    })),
  ]
}
