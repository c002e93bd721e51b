import type { Fault } from '../kit/fault.ts'
import type { ModelPrice, PriceBook } from '../metering/price-book.ts'
import {
  canonicalOf,
  canonicalOfBare,
  homeOf,
  listedNames,
  mayOffer,
  type ModelName,
  namesOf,
} from '../services/same-models.ts'
import type { Endpoint, Service } from '../services/service.ts'
import { type Ability, abilitiesOf, isUnable, taskOf } from './ability.ts'
import { groupPrefix, type ModelGroup } from './group.ts'
import { callerPaths, emptyGroup, notHere, unknownGroup, unknownModel, wrongTask } from './unknown-model.ts'

export type Via = 'pass_through' | 'translation'
export type Translates = (endpoint: Endpoint, service: Service) => boolean

/** One model at one service at one price. */
export interface Offer {
  readonly service: Service
  /** As the service calls it. */
  readonly model: string
  readonly via: Via
  readonly price: ModelPrice | null
  /** Has a price that covers whatever is asked of it. */
  readonly mayUseCredits: boolean
  /** The administrator's order; equal for hosts of one model that was asked for as such. */
  readonly place: number
  /** Between offers of one place. */
  readonly order: number
}

/** What a caller's `model` means. */
export type Resolution =
  | {
      readonly kind: 'offers'
      /** `service`: one service was named. `model`: its vendor's service is meant. `any`: whichever offers it. */
      readonly scope: 'service' | 'model' | 'any'
      readonly asked: readonly Offer[]
      /** The same model elsewhere; empty for `any`. */
      readonly alternatives: readonly Offer[]
      readonly group: ModelGroup | null
    }
  /** Nobody is known to offer it; who has an own key there may try. */
  | { readonly kind: 'guesses'; readonly guesses: readonly Offer[]; readonly fault: Fault }

/** What resolving depends on beside the name. The same objects each time make it a look-up. */
export interface Market {
  readonly services: readonly Service[]
  readonly priceBook: PriceBook
  readonly translates: Translates
  readonly groups: readonly ModelGroup[]
}

/** Callers choose the names, so what is remembered has a limit. */
const rememberedMaximum = 10_000

/** A market's offers, worked out when first asked for. */
interface Stall extends Market {
  readonly byId: ReadonlyMap<string, Service>
  readonly known: Map<string, Resolution>
  readonly names: Map<Endpoint, readonly string[]>
}

const stalls = new WeakMap<object, WeakMap<object, WeakMap<object, WeakMap<object, Stall>>>>()
const nested = <V extends object>(map: WeakMap<object, V>, key: object, make: () => V): V => {
  const known = map.get(key)
  if (known !== undefined) return known
  const made = make()
  map.set(key, made)
  return made
}

const stallOf = (market: Market): Stall => {
  const { services, priceBook, translates, groups } = market
  const byBook = nested(stalls, services, () => new WeakMap())
  const byTranslation = nested(byBook, priceBook, () => new WeakMap())
  const byGroups = nested(byTranslation, translates, () => new WeakMap())
  return nested(byGroups, groups, () => ({
    services,
    priceBook,
    translates,
    groups,
    byId: new Map(services.map((service) => [service.id, service])),
    known: new Map(),
    names: new Map(),
  }))
}

/** The offers that a caller's `model` stands for at an endpoint. */
export const resolveModel = (market: Market, endpoint: Endpoint, model: string): Resolution => {
  const stall = stallOf(market)
  const key = `${endpoint} ${model}`
  const known = stall.known.get(key)
  if (known !== undefined) return known
  const resolution = model.startsWith(groupPrefix)
    ? resolveGroup(stall, endpoint, model)
    : resolveName(stall, endpoint, model)
  if (stall.known.size >= rememberedMaximum) stall.known.clear()
  stall.known.set(key, resolution)
  return resolution
}

const offers = (
  scope: 'service' | 'model' | 'any',
  asked: readonly Offer[],
  alternatives: readonly Offer[] = [],
): Resolution => ({ kind: 'offers', scope, asked, alternatives, group: null })

const resolveName = (stall: Stall, endpoint: Endpoint, model: string): Resolution => {
  const slash = model.indexOf('/')
  const service = slash > 0 ? stall.byId.get(model.slice(0, slash)) : undefined
  const named =
    service === undefined
      ? null
      : offerAt(stall, endpoint, service, model.slice(slash + 1), slash + 1 === model.length)
  if (
    named !== null &&
    (named.price !== null || isListed(named.service.id, named.model) || isModelless(endpoint, named))
  )
    return offers('service', [named], elsewhere(stall, endpoint, named))

  return (
    resolveBare(stall, endpoint, model) ??
    resolvePriced(stall, endpoint, model) ?? {
      kind: 'guesses',
      // A call that names a service is nobody else's business, also where that service has no such endpoint.
      guesses: service === undefined ? guessesOf(stall, endpoint, model) : named === null ? [] : [named],
      fault: whyNoOffer(stall, endpoint, model),
    }
  )
}

/** What no model name decides: other paths of a service. */
const isModelless = (endpoint: Endpoint, offer: Offer): boolean => endpoint === 'raw' || offer.model === ''

const isListed = (serviceId: string, model: string): boolean => {
  const canonical = canonicalOf(serviceId, model)
  const listed = canonical === null ? undefined : nameAt(namesOf(canonical), serviceId)
  return listed?.isCertain === true && listed.model.toLowerCase() === model.toLowerCase()
}

const nameAt = (names: readonly ModelName[], serviceId: string): ModelName | undefined =>
  names.find((name) => name.serviceId === serviceId)

/** Null where the service does not serve the endpoint, cannot have a model of that name, or has it for another task. */
const offerAt = (
  stall: Stall,
  endpoint: Endpoint,
  service: Service,
  model: string,
  anyShape = false,
): Offer | null => {
  const via = viaOf(stall.translates, endpoint, service, model)
  if (via === null) return null
  const takesName = endpoint === 'raw' || anyShape || (service.modelShape?.test(model) ?? true)
  if (!takesName) return null
  const price = stall.priceBook.find(service.id, model)
  if (isUnable(endpoint, abilitiesAt(stall, service, model, price))) return null
  return {
    service,
    model,
    via,
    price,
    mayUseCredits: price !== null && service.unpricedModels?.test(model) !== true,
    place: 0,
    order: 0,
  }
}

/** What is known of a model where it comes from holds for it everywhere; of a name that nobody has heard of, nothing. */
const abilitiesAt = (
  { priceBook }: Market,
  service: Service,
  model: string,
  price: ModelPrice | null,
): readonly Ability[] | null => {
  if (price !== null) return abilitiesOf(service, model, price)
  if (!isListed(service.id, model)) return null
  const canonical = canonicalOf(service.id, model) ?? model
  const home = homeOf(canonical)
  const known = home === null ? null : priceBook.find(home, canonical)
  // Of the open models in the table, all that no word tells apart are for chats.
  return abilitiesOf(service, canonical, known) ?? (home === null ? ['chat'] : null)
}

export const viaOf = (
  translates: Translates,
  endpoint: Endpoint,
  service: Service,
  model: string,
): Via | null => {
  const isNative =
    service.endpoints[endpoint] !== undefined && (service.nativeModels?.[endpoint]?.test(model) ?? true)
  if (isNative) return 'pass_through'
  return translates(endpoint, service) ? 'translation' : null
}

/** A name without a service: the vendor's service first; an open model has none and is asked for at all its hosts. */
const resolveBare = (stall: Stall, endpoint: Endpoint, model: string): Resolution | null => {
  const canonical = canonicalOfBare(model)
  if (canonical === null) return null
  const home = homeOf(canonical)
  const all = offersNamed(stall, endpoint, namesOf(canonical), model)
  if (all.length === 0) return null
  const own = all.find(({ service }) => service.id === home)
  if (own === undefined) return offers('any', sameplace(all))
  return offers('model', [own], inOrder(all.filter((offer) => offer !== own)))
}

const offersNamed = (
  stall: Stall,
  endpoint: Endpoint,
  names: readonly ModelName[],
  written: string,
): Offer[] => {
  const home = homeOf(written)
  const isKnown = (serviceId: string, model: string) => stall.priceBook.find(serviceId, model) !== null
  // Rules say how a name would be written elsewhere, not that there is such a model.
  const exists =
    home === null || isKnown(home, written) || names.some((name) => name.isCertain && name.serviceId === home)
  return names.flatMap(({ serviceId, model, isCertain }) => {
    const service = stall.byId.get(serviceId)
    if (service === undefined) return []
    // A dated name stays as it was written where it comes from.
    const name = serviceId === home && canonicalOfBare(written) !== written ? written.trim() : model
    const offer = offerAt(stall, endpoint, service, name)
    return offer !== null && (offer.price !== null || (isCertain && exists)) ? [offer] : []
  })
}

/** As some service's price list writes it, whoever it belongs to. */
const resolvePriced = (stall: Stall, endpoint: Endpoint, model: string): Resolution | null => {
  for (const service of stall.services) {
    if (!mayHave(service, model)) continue
    const offer = offerAt(stall, endpoint, service, model)
    if (offer !== null && offer.price !== null)
      return offers('model', [offer], elsewhere(stall, endpoint, offer))
  }
  return null
}

const mayHave = (service: Service, model: string): boolean =>
  service.modelShape !== undefined || mayOffer(service.id, model)

/** The same model at other services. */
const elsewhere = (stall: Stall, endpoint: Endpoint, { service, model }: Offer): Offer[] => {
  const canonical = canonicalOf(service.id, model)
  if (canonical === null) return []
  const names = namesOf(canonical).filter(({ serviceId }) => serviceId !== service.id)
  return inOrder(offersNamed(stall, endpoint, names, canonical))
}

/** Untouched bytes before translated ones, then the order of names. */
const natively = (found: readonly Offer[]): Offer[] =>
  found.toSorted((a, b) => Number(a.via === 'translation') - Number(b.via === 'translation'))
const inOrder = (found: readonly Offer[]): Offer[] =>
  natively(found).map((offer, index) => ({ ...offer, place: index + 1 }))
const sameplace = (found: readonly Offer[], place = 0): Offer[] =>
  natively(found).map((offer, index) => ({ ...offer, place, order: index }))

const guessesOf = (stall: Stall, endpoint: Endpoint, model: string): Offer[] =>
  stall.services.flatMap((service) => {
    const offer = mayOffer(service.id, model) ? offerAt(stall, endpoint, service, model) : null
    return offer === null ? [] : [offer]
  })

const resolveGroup = (stall: Stall, endpoint: Endpoint, model: string): Resolution => {
  const id = model.slice(groupPrefix.length)
  const group = stall.groups.find((known) => known.id === id)
  const unknown = (refusal: Fault): Resolution => ({ kind: 'guesses', guesses: [], fault: refusal })
  if (group === undefined) return unknown(unknownGroup(stall.groups, model))
  if (taskOf(endpoint) !== group.task) return unknown(wrongTask(group))
  const asked = group.models.flatMap((name, place) => {
    const found = resolveName(stall, endpoint, name)
    if (found.kind === 'offers')
      return sameplace(
        found.scope === 'service' ? found.asked : [...found.asked, ...found.alternatives],
        place,
      )
    // A service's model without a price still runs on an own key there.
    const guess = found.guesses[0]
    if (guess === undefined) return []
    const isMeant = name.startsWith(`${guess.service.id}/`) || homeOf(name) === guess.service.id
    return isMeant ? [{ ...guess, place }] : []
  })
  if (asked.length === 0) return unknown(emptyGroup(group))
  return { kind: 'offers', scope: 'any', asked, alternatives: [], group }
}

const whyNoOffer = (stall: Stall, endpoint: Endpoint, model: string): Fault => {
  const served = callerPaths.filter(([other]) => isOfferedAt(stall, other, model))
  return served.length > 0
    ? notHere(
        model,
        taskOf(endpoint),
        [...new Set(served.map(([other]) => taskOf(other)))],
        served.map(([, path]) => path),
      )
    : unknownModel(model, knownNames(stall, endpoint))
}

const isOfferedAt = (stall: Stall, endpoint: Endpoint, model: string): boolean => {
  const slash = model.indexOf('/')
  const service = slash > 0 ? stall.byId.get(model.slice(0, slash)) : undefined
  const named = service === undefined ? null : offerAt(stall, endpoint, service, model.slice(slash + 1))
  if (named !== null && (named.price !== null || isListed(named.service.id, named.model))) return true
  return (resolveBare(stall, endpoint, model) ?? resolvePriced(stall, endpoint, model)) !== null
}

const knownNames = (stall: Stall, endpoint: Endpoint): readonly string[] => {
  const known = stall.names.get(endpoint)
  if (known !== undefined) return known
  const names = new Set(stall.groups.map(({ id }) => groupPrefix + id))
  const isAble = (service: Service) =>
    service.endpoints[endpoint] !== undefined || stall.translates(endpoint, service)
  const able = new Set(stall.services.filter(isAble).map(({ id }) => id))
  for (const id of able)
    for (const { modelId, isPriced } of stall.priceBook.models(id)) if (isPriced) names.add(modelId)
  for (const name of listedNames())
    if (able.has(name.serviceId)) names.add(canonicalOf(name.serviceId, name.model) ?? name.model)
  const all = [...names]
  stall.names.set(endpoint, all)
  return all
}
