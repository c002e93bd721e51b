import { type Fault, failure, type Outcome } from '../kit/fault.ts'
import { coolingFor } from '../keys/health.ts'
import type { ServiceKey } from '../keys/keys.ts'
import type { ModelPrice, PriceBook } from '../metering/price-book.ts'
import {
  dataObstacle,
  type Fallback,
  fallbackFor,
  isGroupAllowed,
  isModelAllowed,
  isServiceAllowed,
  type KeyOwner,
  limitsData,
  narrowFallback,
  needsValidKeys,
  type OrganizationControl,
  tooOldFrom,
  usersManageKeys,
} from '../policy/control.ts'
import { type Entitlements, isIncluded, type OfferedTier } from '../policy/entitlements.ts'
import { wireModelOf } from '../services/address.ts'
import { dataTermsOf } from '../services/data-terms.ts'
import { homeOf } from '../services/same-models.ts'
import type { Endpoint, Service } from '../services/service.ts'
import { arrange, type Lot } from './arrange.ts'
import { creditsFor, type OperationSize, roughly, typicalSize } from './estimate.ts'
import { groupPrefix, type ModelGroup } from './group.ts'
import { keysAt, listedModels } from './key-index.ts'
import { taskOf } from './ability.ts'
import { type Offer, type Resolution, resolveModel, type Translates, type Via } from './offers.ts'
import { whyNone } from './refusal.ts'

/** Why a candidate is on the route; the receipt's `reason`. */
export type RouteReason =
  | 'own-key'
  | 'organization-key'
  | 'alternative-own-key'
  | 'alternative-organization-key'
  | 'system-key-no-own-key'
  | 'system-key-own-key-unusable'
  | 'system-key-own-key-failed'
  | 'alternative-system-key'

/** One model at one service on one service key. */
export interface Candidate {
  readonly service: Service
  readonly model: string
  readonly serviceKey: ServiceKey
  readonly via: Via
  readonly reason: RouteReason
  /** Null only on own keys: system keys need a price. */
  readonly price: ModelPrice | null
  /** `half_open`: it failed before and is to be tried by one operation at a time. */
  readonly health: 'ok' | 'half_open'
}

export interface PassedOver {
  readonly serviceId: string
  readonly model: string
  readonly owner: KeyOwner
  readonly serviceKeyId: string | null
  readonly why:
    | 'not_allowed'
    | 'policy'
    | 'team'
    | 'unproven'
    | 'too_old'
    | 'region'
    | 'training'
    | 'preference'
    | 'tier'
    | 'invalid'
    | 'exhausted'
    | 'suspended'
    | 'revoked'
    | 'cooling'
    | 'breaker_open'
    | 'not_listed'
    | 'no_price'
    | 'no_key'
    | 'no_credits'
    | 'budget'
    | 'not_translatable'
  readonly until?: Date
}

export type BreakerState =
  | { readonly state: 'open'; readonly until: Date }
  | { readonly state: 'half_open' }
  | null

export interface RouteRequest {
  readonly endpoint: Endpoint
  readonly model: string
  readonly control: OrganizationControl
  readonly preferences: ReadonlyMap<string, Fallback>
  /** The call's own, narrower preference. */
  readonly askedFallback: string | undefined
  /** Of the user and of the organisation. */
  readonly ownKeys: readonly ServiceKey[]
  /** Keys of the organisation for teams that this is not called for; to name them where a route is explained. */
  readonly keptKeys?: readonly ServiceKey[]
  readonly systemKeys: readonly ServiceKey[]
  /** Enabled services in the administrator's order. */
  readonly services: readonly Service[]
  readonly priceBook: PriceBook
  readonly now: Date
  /** Whether a service serves by translation what it does not speak; absent: none does. */
  readonly translates?: Translates
  readonly groups?: readonly ModelGroup[]
  readonly breaker?: (serviceKey: ServiceKey) => BreakerState
  /** The address that a key's calls go to; absent: the service's own, or the key's. */
  readonly baseUrlOf?: (serviceKey: ServiceKey) => string | null
  /** Until when a key is at its own rate limit. */
  readonly isFull?: (serviceKey: ServiceKey) => Date | null
  /** What the calls of one conversation have in common; absent: each call is its own. */
  readonly conversation?: string | null
  /** About how much it will use, to compare offers on credits; absent: what is typical of the task. */
  readonly size?: OperationSize
  /** What the caller's tier includes on system keys; absent: everything. */
  readonly entitlements?: Entitlements | null
  /** To say which tier has what this one has not. */
  readonly tiers?: readonly OfferedTier[]
}

export interface Route {
  readonly candidates: readonly Candidate[]
  readonly passedOver: readonly PassedOver[]
  /** The preference that held. */
  readonly fallback: Fallback
  /** That was asked for, if one was. */
  readonly group: ModelGroup | null
  /** The next moment at which time alone changes the route: a key has cooled, a breaker lets a call try. Null: none. */
  readonly validUntil: Date | null
  /** What the candidates were arranged from. */
  readonly lots: readonly Lot[]
}

/** The ordered candidates of one operation (architecture §3), or why there is none. Pure. */
export const planRoute = (request: RouteRequest): Outcome<Route> => {
  const planned = planFor(request, false)
  if (!planned.ok || planned.value.candidates.length > 0) return planned
  return { ok: false, fault: refusalOf(request) }
}

/** A route that was planned without a conversation, for one: what `planRoute` gives when it is told of it. */
export const forConversation = (route: Route, conversation: string | null): Route =>
  conversation === null || route.candidates.length < 2
    ? route
    : { ...route, candidates: arrange(route.lots, conversation) }

/** Why a route that may be planned has no candidate. Looks at every key, for a message that helps. */
export const refusalOf = (request: RouteRequest): Fault => {
  const planned = planFor(request, true)
  if (!planned.ok) return planned.fault
  const { asked, group } = planned.value
  return whyNone({ ...planned.value, ...request, offers: asked, group, control: request.control })
}

/** A route in the making, with what it was made from. */
export interface Plan extends Route {
  readonly asked: readonly Offer[]
  readonly alternatives: readonly Offer[]
  readonly scope: 'service' | 'model' | 'any'
}

type Offered = Extract<Resolution, { kind: 'offers' }>

const neverTranslates: Translates = () => false
const noGroups: readonly ModelGroup[] = []

/** `thorough`: also keys and offers that the preference leaves out anyway, and those for which there is no key. */
export const planFor = (request: RouteRequest, thorough: boolean): Outcome<Plan> => {
  const { services, priceBook, translates = neverTranslates, groups = noGroups } = request
  const resolved = resolveModel({ services, priceBook, translates, groups }, request.endpoint, request.model)
  const offered = resolved.kind === 'offers' ? resolved : guess(request, resolved.guesses)
  if (offered === null) return { ok: false, fault: (resolved as Resolution & { fault: Fault }).fault }

  const { group } = offered
  if (group !== null && !isGroupAllowed(request.control, group.id))
    return failure('policy_denied', {
      message: `Your organisation does not allow ${groupPrefix}${group.id}.`,
      next: 'Ask for another group or model, or an administrator of your organisation for this one.',
    })

  // A group names no service: the default holds for it, and at each service that service's own preference too.
  const serviceId = offered.scope === 'any' ? '*' : (offered.asked[0] as Offer).service.id
  const preference = fallbackFor(request.control, request.preferences, serviceId)
  const narrowed = narrowFallback(preference, request.askedFallback)
  if (!narrowed.ok) return narrowed

  const survey = makeSurvey(request, offered.group, thorough)
  surveyOwnKeys(survey, offered, narrowed.value)
  surveySystemKeys(survey, offered, narrowed.value)
  const { lots, passedOver, validUntil } = survey
  return {
    ok: true,
    value: {
      candidates: lots.length === 0 ? [] : arrange(lots, request.conversation ?? null),
      passedOver,
      fallback: narrowed.value,
      validUntil,
      lots,
      asked: offered.asked,
      alternatives: offered.alternatives,
      scope: offered.scope,
      group: offered.group,
    },
  }
}

/** Without a price (a fine-tune, a model newer than the price book) it can still run on one's own key. */
const guess = ({ ownKeys, model }: RouteRequest, guesses: readonly Offer[]): Offered | null => {
  const found = guesses.find((offer) => {
    const isNamed = offer.model.length < model.length
    // By its name it can only be this vendor's. One that tells nothing would send a prompt, or a slip of the pen, to a
    // service that nobody asked for; so would a server of one's own that takes any model.
    const isTold = homeOf(offer.model) !== null && !offer.service.id.startsWith('custom')
    return keysAt(ownKeys, offer.service.id).some((key) => {
      const listed = listedModels(key)
      return listed === null ? isNamed || isTold : listed.has(offer.model)
    })
  })
  if (found === undefined) return null
  return { kind: 'offers', scope: 'service', asked: [found], alternatives: [], group: null }
}

const mayAlternate = (fallback: Fallback) =>
  fallback === 'alternative' || fallback === 'alternative_then_system'
const mayUseSystem = (fallback: Fallback) => fallback === 'system' || fallback === 'alternative_then_system'

/** What has been seen of a request's keys so far. */
interface Survey {
  readonly request: RouteRequest
  readonly group: ModelGroup | null
  readonly thorough: boolean
  readonly lots: Lot[]
  readonly passedOver: PassedOver[]
  validUntil: Date | null
}

const makeSurvey = (request: RouteRequest, group: ModelGroup | null, thorough: boolean): Survey => ({
  request,
  group,
  thorough,
  lots: [],
  passedOver: [],
  validUntil: null,
})

const surveyOwnKeys = (survey: Survey, offered: Offered, fallback: Fallback): void => {
  for (const offer of offered.asked) surveyKeys(survey, offer, 0, true, ownReason)
  if (survey.thorough) nameKeptKeys(survey, offered.asked)
  for (const offer of offered.alternatives)
    surveyKeys(survey, offer, 1, mayAlternate(fallback), alternativeReason)
}

const nameKeptKeys = ({ request, passedOver }: Survey, asked: readonly Offer[]): void => {
  for (const { service, model } of asked)
    for (const { id, owner } of keysAt(request.keptKeys ?? [], service.id))
      passedOver.push({ serviceId: service.id, model, owner, serviceKeyId: id, why: 'team' })
}

const ownReason = ({ owner }: ServiceKey): RouteReason => (owner === 'user' ? 'own-key' : 'organization-key')
const alternativeReason = ({ owner }: ServiceKey): RouteReason =>
  owner === 'user' ? 'alternative-own-key' : 'alternative-organization-key'
const noOwnKey = (): RouteReason => 'system-key-no-own-key'
const ownKeyUnusable = (): RouteReason => 'system-key-own-key-unusable'
const alternativeSystemKey = (): RouteReason => 'alternative-system-key'

/**
 * On credits the requested service alone serves, unless alternatives are allowed too. A bare name names no service: where its
 * home has no system key, those of the same model elsewhere take their place.
 */
const surveySystemKeys = (survey: Survey, offered: Offered, fallback: Fallback): void => {
  const { asked, alternatives, scope } = offered
  const { request, thorough, lots, passedOver } = survey
  const own = lots.some(({ stage }) => stage === 0)
  const hasUnusable =
    !own && passedOver.some((p) => isTrouble(p) && asked.some((o) => o.service.id === p.serviceId))
  const reason = hasUnusable ? ownKeyUnusable : noOwnKey
  for (const offer of asked) {
    const { id } = offer.service
    const at = scope === 'any' ? fallbackFor(request.control, request.preferences, id) : fallback
    surveyKeys(survey, offer, 2, mayUseSystem(fallback) && mayUseSystem(at), reason)
  }
  const hasNoHomeKey =
    scope === 'model' && keysAt(request.systemKeys, (asked[0] as Offer).service.id).length === 0
  const mayGoElsewhere = mayUseSystem(fallback) && (mayAlternate(fallback) || hasNoHomeKey)
  if (mayGoElsewhere || thorough)
    for (const offer of alternatives) surveyKeys(survey, offer, 2, mayGoElsewhere, alternativeSystemKey)
  priceLots(survey)
}

const isTrouble = ({ why, owner }: PassedOver): boolean =>
  owner !== 'system' &&
  why !== 'policy' &&
  why !== 'team' &&
  why !== 'not_allowed' &&
  why !== 'no_key' &&
  why !== 'not_listed'

/** Credits are worked out only where offers on credits compete. */
const priceLots = ({ lots, request }: Survey): void => {
  const first = lots.findIndex(({ stage }) => stage === 2)
  if (first === -1 || first === lots.length - 1) return
  const size = roughly(request.size ?? typicalSize(taskOf(request.endpoint)))
  for (let index = first; index < lots.length; index++) {
    const lot = lots[index] as Lot
    lots[index] = { ...lot, creditMicros: creditsFor(request.priceBook, lot.offer, size) }
  }
}

/** The keys of one offer that may be used become a lot; the others are passed over, with the reason. */
const surveyKeys = (
  survey: Survey,
  offer: Offer,
  stage: 0 | 1 | 2,
  isPreferred: boolean,
  reason: (key: ServiceKey) => RouteReason,
): void => {
  const { request, passedOver } = survey
  const { service, model, via, price } = offer
  const keys = keysAt(stage === 2 ? request.systemKeys : request.ownKeys, service.id)
  if (keys.length === 0) {
    if (survey.thorough)
      passedOver.push({
        serviceId: service.id,
        model,
        owner: stage === 2 ? 'system' : 'user',
        serviceKeyId: null,
        why: 'no_key',
      })
    return
  }
  const usersMay = usersManageKeys(request.control, service.id)
  const isAllowed = isOfferAllowed(request.control, offer)
  const use = { serviceId: service.id, groupId: survey.group?.id ?? null }
  const isInTier = stage !== 2 || isIncluded(request.entitlements ?? null, use)
  let candidates: Candidate[] | null = null
  let isHalfOpen = true
  for (const key of keys) {
    const breaker = request.breaker?.(key) ?? null
    const cooling = coolingFor(key, model, request.now) ?? request.isFull?.(key) ?? null
    const why = isAllowed
      ? whyPassed(request, key, usersMay, offer, isPreferred, isInTier, cooling, breaker)
      : 'not_allowed'
    if (why === null) {
      const health = breaker === null ? 'ok' : 'half_open'
      isHalfOpen &&= health === 'half_open'
      candidates ??= []
      candidates.push({ service, model, serviceKey: key, via, reason: reason(key), price, health })
      changesAt(survey, key.owner === 'system' ? null : tooOldFrom(request.control, key.versionSince))
      continue
    }
    const until = why === 'cooling' ? cooling : why === 'breaker_open' ? untilOf(breaker) : null
    const passed = { serviceId: service.id, model, owner: key.owner, serviceKeyId: key.id, why }
    passedOver.push(until === null ? passed : { ...passed, until })
    changesAt(survey, until)
  }
  if (candidates !== null) survey.lots.push({ offer, stage, creditMicros: null, isHalfOpen, candidates })
}

const changesAt = (survey: Survey, at: Date | null): void => {
  if (at !== null && (survey.validUntil === null || at < survey.validUntil)) survey.validUntil = at
}

const isOfferAllowed = (
  control: OrganizationControl,
  { service, model }: Pick<Offer, 'service' | 'model'>,
): boolean => isServiceAllowed(control, service.id) && isModelAllowed(control, model)

const untilOf = (breaker: BreakerState): Date | null => (breaker?.state === 'open' ? breaker.until : null)

/** What the policy has against a key of an allowed offer; null: nothing. */
export const whyForbidden = (
  { control, now, baseUrlOf }: Pick<RouteRequest, 'control' | 'now' | 'baseUrlOf'>,
  key: ServiceKey,
  usersMay: boolean,
  { service, model }: Pick<Offer, 'service' | 'model'>,
): 'policy' | 'unproven' | 'too_old' | 'region' | 'training' | null => {
  if (key.owner === 'user' && !usersMay) return 'policy'
  if (key.owner === 'system' && !control.systemKeysAllowed) return 'policy'
  if (key.owner !== 'system') {
    if (key.verdict !== 'valid' && needsValidKeys(control)) return 'unproven'
    const end = tooOldFrom(control, key.versionSince)
    if (end !== null && end <= now) return 'too_old'
  }
  if (!limitsData(control)) return null
  const settings = key.settings ?? {}
  const baseUrl = baseUrlOf
    ? baseUrlOf(key)
    : (key.baseUrl ?? service.baseUrlFor?.(settings) ?? service.baseUrl)
  const destination = {
    serviceId: service.id,
    model: wireModelOf(service, model, settings),
    baseUrl,
    settings,
  }
  return dataObstacle(control, dataTermsOf(destination))
}

/** Whether the policy, whatever else is said of it, lets a key be used for what is offered. */
export const isKeyAllowed = (
  request: Pick<RouteRequest, 'control' | 'now' | 'baseUrlOf'>,
  key: ServiceKey,
  offer: Pick<Offer, 'service' | 'model'>,
): boolean =>
  isOfferAllowed(request.control, offer) &&
  whyForbidden(request, key, usersManageKeys(request.control, offer.service.id), offer) === null

/** The first reason against a key, or null: policy, preference, price, its own state, the caller's tier, then health. */
const whyPassed = (
  request: RouteRequest,
  key: ServiceKey,
  usersMay: boolean,
  offer: Offer,
  isPreferred: boolean,
  isInTier: boolean,
  cooling: Date | null,
  breaker: BreakerState,
): PassedOver['why'] | null => {
  const forbidden = whyForbidden(request, key, usersMay, offer)
  if (forbidden !== null) return forbidden
  if (listedModels(key)?.has(offer.model) === false) return 'not_listed'
  if (!isPreferred) return 'preference'
  // Before what may pass: without a price it is no use to come back later.
  if (key.owner === 'system' && !offer.mayUseCredits) return 'no_price'
  if (key.status !== 'active') return key.status
  // A tier that has it would help: not so with a key that nobody can use.
  if (!isInTier) return 'tier'
  if (cooling !== null) return 'cooling'
  return breaker?.state === 'open' ? 'breaker_open' : null
}
