import { type Fault, fault, type Outcome } from '../kit/fault.ts'
import type { ServiceKey } from '../keys/keys.ts'
import type { ModelPrice, PriceBook } from '../metering/price-book.ts'
import {
  allowedOwners,
  type Fallback,
  fallbackFor,
  type KeyOwner,
  narrowFallback,
  type OrganizationControl,
} from '../policy/control.ts'
import { sameModelAt } from '../services/same-models.ts'
import type { Endpoint, Service } from '../services/service.ts'

/** Why a candidate is on the route; the receipt's `reason`. */
export type RouteReason =
  | 'own-key'
  | 'organization-key'
  | 'alternative-own-key'
  | 'alternative-organization-key'
  | 'system-key-no-own-key'
  | 'system-key-own-key-unusable'
  | 'system-key-own-key-failed'

/** One model at one service on one service key. */
export interface Candidate {
  readonly service: Service
  readonly model: string
  readonly serviceKey: ServiceKey
  readonly via: 'pass_through' | 'translation'
  readonly reason: RouteReason
  /** Null only on own keys: system keys need a price. */
  readonly price: ModelPrice | null
}

export interface PassedOver {
  readonly serviceId: string
  readonly owner: KeyOwner
  readonly serviceKeyId: string | null
  readonly why:
    | 'policy'
    | 'preference'
    | 'invalid'
    | 'exhausted'
    | 'suspended'
    | 'revoked'
    | 'cooling'
    | 'no_price'
  readonly until?: Date
}

export interface RouteRequest {
  readonly endpoint: Endpoint
  readonly model: string
  readonly control: OrganizationControl
  readonly preferences: ReadonlyMap<string, Fallback>
  /** The call's own, narrower preference. */
  readonly askedFallback: string | undefined
  /** Of the user and of the organisation. */
  readonly ownKeys: readonly ServiceKey[]
  readonly systemKeys: readonly ServiceKey[]
  /** Enabled services in the administrator's order. */
  readonly services: readonly Service[]
  readonly priceBook: PriceBook
  readonly now: Date
}

export interface Route {
  readonly candidates: readonly Candidate[]
  readonly passedOver: readonly PassedOver[]
}

interface Offer {
  readonly service: Service
  readonly model: string
  readonly price: ModelPrice | null
}

/** The ordered candidates of one operation (architecture §3), or why there is none. Pure. */
export const planRoute = (request: RouteRequest): Outcome<Route> => {
  const requested = requestedOffer(request)
  if (requested === null) return refuse(whyNoOffer(request))

  const preference = fallbackFor(request.control, request.preferences, requested.service.id)
  const narrowed = narrowFallback(preference, request.askedFallback)
  if (!narrowed.ok) return narrowed
  const fallback = narrowed.value

  const mayAlternate = fallback === 'alternative' || fallback === 'alternative_then_system'
  const mayUseSystem = fallback === 'system' || fallback === 'alternative_then_system'

  const passedOver: PassedOver[] = []
  const own = ownCandidates(request, requested, passedOver, true, {
    user: 'own-key',
    organization: 'organization-key',
  })
  const ownKeyUnusable =
    own.length === 0 && passedOver.some((p) => p.serviceId === requested.service.id && p.why !== 'policy')
  const alternatives = equivalentOffers(request, requested).flatMap((offer) =>
    ownCandidates(request, offer, passedOver, mayAlternate, {
      user: 'alternative-own-key',
      organization: 'alternative-organization-key',
    }),
  )
  const system = systemCandidates(request, requested, passedOver, mayUseSystem, ownKeyUnusable)
  const candidates = [...own, ...alternatives, ...system]
  return candidates.length > 0
    ? { ok: true, value: { candidates, passedOver } }
    : refuse(whyNone(request, requested.service, fallback, passedOver))
}

const refuse = (f: Fault): { ok: false; fault: Fault } => ({ ok: false, fault: f })
const quoted = (model: string) => JSON.stringify(model.slice(0, 80))

const whyNoOffer = ({ model, services, priceBook }: RouteRequest): Fault => {
  const elsewhere = services.find((service) => priceBook.find(service.id, model) !== null)
  const paths = Object.values(elsewhere?.endpoints ?? {})
  if (elsewhere === undefined || paths.length === 0)
    return fault('unknown_model', {
      message: `No service here offers the model ${quoted(model)}.`,
      field: 'model',
    })
  return fault('model_not_for_endpoint', {
    message: `${elsewhere.name} offers the model ${quoted(model)}, but not at this endpoint.`,
    next: `Use ${paths.join(' or ')}.`,
    field: 'model',
  })
}

/** `service/model` names the service; a bare model is its home's: the first service that has a price for it. */
const requestedOffer = ({ endpoint, model, services, priceBook, ownKeys }: RouteRequest): Offer | null => {
  const able = services.filter((service) => service.endpoints[endpoint] !== undefined)
  const takes = (service: Service, name: string) => service.modelShape?.test(name) ?? true
  const slash = model.indexOf('/')
  const named = slash > 0 ? able.find((service) => service.id === model.slice(0, slash)) : undefined
  const wanted: { service: Service; model: string }[] = [
    ...(named ? [{ service: named, model: model.slice(slash + 1) }] : []),
    ...able.map((service) => ({ service, model })),
  ]
  for (const offer of wanted) {
    const price = takes(offer.service, offer.model) ? priceBook.find(offer.service.id, offer.model) : null
    if (price !== null) return { ...offer, price }
  }
  // Without a price (a fine-tune, a model newer than the price book) it can still run on one's own key.
  const unpriced = wanted.find(
    (offer) =>
      takes(offer.service, offer.model) &&
      ownKeys.some((key) => key.serviceId === offer.service.id && key.status !== 'revoked'),
  )
  return unpriced ? { ...unpriced, price: null } : null
}

/** The same model at other services that speak the same dialect at this endpoint. */
const equivalentOffers = ({ endpoint, services, priceBook }: RouteRequest, requested: Offer): Offer[] =>
  services.flatMap((service) => {
    const model = sameModelAt(requested.service.id, requested.model, service.id)
    const isAble = service.endpoints[endpoint] !== undefined
    if (model === undefined || service.id === requested.service.id || !isAble) return []
    const price = priceBook.find(service.id, model)
    return price === null ? [] : [{ service, model, price }]
  })

const ownCandidates = (
  request: RouteRequest,
  offer: Offer,
  passedOver: PassedOver[],
  isPreferred: boolean,
  reasons: { user: RouteReason; organization: RouteReason },
): Candidate[] => {
  const owners = allowedOwners(request.control, offer.service.id)
  const keys = request.ownKeys.filter((key) => key.serviceId === offer.service.id)
  return [...keys]
    .sort((a, b) => ownerRank(a.owner) - ownerRank(b.owner) || a.position - b.position || compareIds(a, b))
    .filter((key) => isUsable(key, owners, isPreferred, request.now, passedOver))
    .map((serviceKey) => ({
      ...offer,
      serviceKey,
      via: 'pass_through',
      reason: serviceKey.owner === 'user' ? reasons.user : reasons.organization,
    }))
}

const systemCandidates = (
  request: RouteRequest,
  offer: Offer,
  passedOver: PassedOver[],
  isPreferred: boolean,
  ownKeyUnusable: boolean,
): Candidate[] => {
  const owners = allowedOwners(request.control, offer.service.id)
  const keys = request.systemKeys
    .filter((key) => key.serviceId === offer.service.id)
    .sort((a, b) => (a.priority ?? 9) - (b.priority ?? 9) || a.position - b.position || compareIds(a, b))
    .filter((key) => isUsable(key, owners, isPreferred, request.now, passedOver))
  if (offer.price === null || offer.service.unpricedModels?.test(offer.model)) {
    for (const key of keys) passedOver.push(passedBecause(key, 'no_price'))
    return []
  }
  const reason = ownKeyUnusable ? 'system-key-own-key-unusable' : 'system-key-no-own-key'
  return keys.map((serviceKey) => ({ ...offer, serviceKey, via: 'pass_through', reason }))
}

const ownerRank = (owner: KeyOwner) => (owner === 'user' ? 0 : 1)
const compareIds = (a: ServiceKey, b: ServiceKey) => (a.id < b.id ? -1 : 1)

const isUsable = (
  key: ServiceKey,
  owners: ReadonlySet<KeyOwner>,
  isPreferred: boolean,
  now: Date,
  passedOver: PassedOver[],
): boolean => {
  if (key.status === 'revoked') return false
  if (!owners.has(key.owner)) passedOver.push(passedBecause(key, 'policy'))
  else if (!isPreferred) passedOver.push(passedBecause(key, 'preference'))
  else if (key.status !== 'active') passedOver.push(passedBecause(key, key.status))
  else if (key.coolingUntil !== null && key.coolingUntil > now)
    passedOver.push({ ...passedBecause(key, 'cooling'), until: key.coolingUntil })
  else return true
  return false
}

const passedBecause = (key: ServiceKey, why: PassedOver['why']): PassedOver => ({
  serviceId: key.serviceId,
  owner: key.owner,
  serviceKeyId: key.id,
  why,
})

const whyNone = (
  request: RouteRequest,
  service: Service,
  fallback: Fallback,
  passedOver: PassedOver[],
): Fault => {
  const cooling = passedOver.filter((p) => p.why === 'cooling' && p.until !== undefined)
  if (cooling.length > 0) {
    const first = Math.min(...cooling.map((p) => p.until?.getTime() ?? 0))
    return fault('service_overloaded', {
      message: `Every key this call may use at ${service.name} is cooling down after a rate limit.`,
      retryAfterSeconds: Math.max(1, Math.ceil((first - request.now.getTime()) / 1000)),
    })
  }
  const has = (why: PassedOver['why'], owner?: KeyOwner) =>
    passedOver.some((p) => p.why === why && (owner === undefined || p.owner === owner))
  const ownKeys = request.ownKeys.filter((key) => key.serviceId === service.id && key.status !== 'revoked')
  const brokenOwn = ownKeys.find((key) => key.status === 'invalid' || key.status === 'exhausted')
  const message = brokenOwn
    ? `Your ${service.name} key is ${brokenOwn.status === 'invalid' ? 'refused by the service' : 'out of quota'} and no fallback is left.`
    : has('suspended') || has('policy', 'user')
      ? `Your organisation does not allow own keys for ${service.name}, and no other key is left.`
      : `You have no ${service.name} key and no fallback is left.`
  const helps = [
    ...(brokenOwn
      ? [`replace your ${service.name} key`]
      : has('policy', 'user')
        ? []
        : [`add your own ${service.name} key`]),
    ...(has('preference')
      ? [
          `allow a fallback (${request.askedFallback === undefined ? 'yours' : 'this call’s'} is “${fallback}”)`,
        ]
      : []),
    ...(request.control.systemKeysAllowed ? [] : ['ask your administrator to allow system keys']),
  ]
  if (has('no_price') && !has('preference')) return fault('price_unknown')
  return fault('no_route', {
    message,
    next: `${capitalized(helps.join(', or ') || 'ask an administrator')}.`,
  })
}

const capitalized = (text: string) => text.charAt(0).toUpperCase() + text.slice(1)
