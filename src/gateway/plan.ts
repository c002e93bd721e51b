import { conversationOf } from '../dialects/conversation.ts'
import type { ParsedRequest } from '../dialects/dialect.ts'
import type { ServiceKey } from '../keys/keys.ts'
import { type Fault, fault, type Outcome, success } from '../kit/fault.ts'
import type { PriceBook } from '../metering/price-book.ts'
import {
  type Candidate,
  forConversation,
  isKeyAllowed,
  planRoute,
  type Route,
  type RouteRequest,
} from '../routing/route.ts'
import { sharedService } from '../routing/shared-service.ts'
import { canTranslate } from '../translation/translation.ts'
import type { Caller } from './callers.ts'
import type { Operation } from './operation.ts'
import type { GatewayParts } from './parts.ts'

interface Planned {
  readonly request: RouteRequest
  readonly route: Route
}

/** Different models and preferences that one caller asks for; more than that is somebody trying names. */
const rememberedRoutes = 64

/**
 * Plans routes, once for all calls of a caller that ask for the same while nothing has changed: what a route is made from
 * is replaced, never altered, and what time alone changes ends with `validUntil`.
 */
export const makePlan = ({ callers, catalogue, clock, health, rateLimits }: GatewayParts) => {
  const remembered = new WeakMap<Caller, Map<string, Planned>>()

  const baseUrlOf = ({ serviceId, baseUrl, settings }: ServiceKey) =>
    catalogue.baseUrlOf(serviceId, baseUrl, settings)
  const isFullFor =
    ({ keyShares }: Caller) =>
    ({ id, organizationId }: ServiceKey): Date | null =>
      rateLimits.isFull(id, clock(), organizationId, keyShares.get(id))
  const isAsHealthy = ({ serviceKey, health: planned }: Candidate, { isFull }: RouteRequest): boolean =>
    (health.breaker(sharedService(serviceKey), serviceKey.id) === null) === (planned === 'ok') &&
    (isFull?.(serviceKey) ?? null) === null

  const isCurrent = ({ request, route }: Planned, fresh: RouteRequest): boolean =>
    request.services === fresh.services &&
    request.systemKeys === fresh.systemKeys &&
    request.priceBook === fresh.priceBook &&
    request.groups === fresh.groups &&
    route.candidates.every((candidate) => isAsHealthy(candidate, fresh)) &&
    (route.validUntil === null || route.validUntil > fresh.now)

  const plan = (caller: Caller, request: RouteRequest): Outcome<Route> => {
    const name = `${request.endpoint} ${request.askedFallback ?? ''} ${request.model}`
    const routes = remembered.get(caller) ?? new Map<string, Planned>()
    const known = routes.get(name)
    if (known !== undefined && isCurrent(known, request)) return success(known.route)
    const route = planRoute(request)
    if (!route.ok) return route
    if (routes.size >= rememberedRoutes) routes.clear()
    remembered.set(caller, routes.set(name, { request, route: route.value }))
    return route
  }

  const requestFor = (
    operation: Operation,
    caller: Caller,
    { endpoint, model }: Pick<ParsedRequest, 'endpoint' | 'model'>,
    askedFallback: string | undefined,
    priceBook: PriceBook,
  ): RouteRequest | Promise<RouteRequest> => {
    const { target } = operation
    const only = target.kind === 'operation' ? target.service : null
    const requestWith = (systemKeys: readonly ServiceKey[]): RouteRequest => ({
      endpoint,
      model: only === null ? model : `${only.id}/${model}`,
      control: caller.person.control,
      preferences: caller.person.preferences,
      askedFallback,
      ownKeys: caller.ownKeys,
      keptKeys: caller.keptKeys,
      systemKeys,
      services: only === null ? catalogue.enabled() : [only],
      priceBook,
      now: clock(),
      translates: canTranslate,
      groups: catalogue.groups.list(),
      baseUrlOf,
      breaker: (serviceKey) => health.breaker(sharedService(serviceKey), serviceKey.id),
      isFull: isFullFor(caller),
      entitlements: caller.person.entitlements,
      tiers: callers.offeredTiers(),
    })
    const system = callers.systemKeys()
    return system instanceof Promise ? system.then(requestWith) : requestWith(system)
  }

  /** What the policy of now has against asking a key, free of charge, about what was made with it before. */
  const forbidden = (
    { person: { control } }: Caller,
    serviceKey: ServiceKey,
    made: Pick<Candidate, 'service' | 'model'>,
  ): Fault | null =>
    isKeyAllowed({ control, now: clock(), baseUrlOf }, serviceKey, made) ? null : noLongerAllowed

  return { plan, requestFor, forbidden }
}

const noLongerAllowed = fault('policy_denied', {
  message: 'Your organisation no longer allows what this was made with.',
  next: 'Ask an administrator of your organisation for access to it.',
})

/** Where a service remembers prompts, the calls of one conversation should meet the same key. */
export const stickTo = (route: Route, request: ParsedRequest, given: string | undefined): Route =>
  hasEquals(route) ? forConversation(route, given ?? conversationOf(request)) : route

const equals = new WeakMap<Route, boolean>()

/** Whether a conversation could change the order: reading one out of a request costs as much as reading the request. */
const hasEquals = (route: Route): boolean => {
  if (route.candidates.length < 2) return false
  const known = equals.get(route)
  if (known !== undefined) return known
  const found = route.lots.some(
    ({ offer, stage, candidates, creditMicros }, at) =>
      offer.service.cachesPrompts === true &&
      (hasEqualKeys(candidates) ||
        route.lots.some(
          (other, index) =>
            index !== at &&
            other.stage === stage &&
            other.offer.place === offer.place &&
            other.creditMicros === creditMicros,
        )),
  )
  equals.set(route, found)
  return found
}

const hasEqualKeys = (candidates: readonly Candidate[]): boolean => {
  const priorities = candidates.flatMap(({ serviceKey }) => serviceKey.priority ?? [])
  return new Set(priorities).size < priorities.length
}
