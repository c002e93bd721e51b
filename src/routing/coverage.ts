import type { Coverage, CoverageSummary } from '../contract/service-keys.ts'
import {
  allowedOwners,
  type Fallback,
  fallbackFor,
  isServiceAllowed,
  type KeyOwner,
  type OrganizationControl,
} from '../policy/control.ts'
import {
  eitherOf,
  type Entitlements,
  isIncluded,
  type OfferedTier,
  tiersWith,
} from '../policy/entitlements.ts'
import { endpoints } from '../services/endpoint.ts'
import { relatedServices } from '../services/same-models.ts'
import type { Endpoint, Service } from '../services/service.ts'
import type { Translates } from './offers.ts'

/** What coverage needs to know of a service key. */
export interface KnownKey {
  readonly serviceId: string
  readonly owner: KeyOwner
  readonly status: 'active' | 'invalid' | 'exhausted' | 'suspended' | 'revoked'
  readonly coolingUntil: Date | null
  /** Teams that a key of the organisation is kept for; absent or null: every member. */
  readonly teamIds?: readonly string[] | null
  /** What the policy has against the key itself; absent or null: nothing. */
  readonly forbidden?: 'policy' | 'unproven' | 'too_old' | DataObstacle | null
}

type DataObstacle = 'region' | 'training'

export interface CoverageRequest {
  readonly control: OrganizationControl
  readonly preferences: ReadonlyMap<string, Fallback>
  /** Of the user and of the organisation. */
  readonly ownKeys: readonly KnownKey[]
  /** Of the organisation, for teams that the user is not in; absent: none. */
  readonly keptKeys?: readonly KnownKey[]
  readonly systemKeys: readonly KnownKey[]
  readonly enabledServices: readonly Service[]
  readonly availableMicros: bigint
  readonly now: Date
  /** Whether a service serves by translation what it does not speak; absent: none does. */
  readonly translates?: Translates
  /** Whether anything at a service has a price, so that it may run on credits; absent: what has shipped prices. */
  readonly isPriced?: (service: Service) => boolean
  /** What the policy has against sending anything to a service's usual address; absent: nothing. */
  readonly dataObstacle?: (service: Service) => DataObstacle | null
  /** What the user's tier includes on system keys; absent: everything. */
  readonly entitlements?: Entitlements | null
  readonly tiers?: readonly OfferedTier[]
}

const allEndpoints = (Object.keys(endpoints) as Endpoint[]).filter((endpoint) => endpoint !== 'raw')

/** The endpoints of ours that a service serves, natively or translated. */
const servedEndpoints = ({ translates }: CoverageRequest, service: Service): Endpoint[] =>
  allEndpoints.filter(
    (endpoint) => service.endpoints[endpoint] !== undefined || translates?.(endpoint, service) === true,
  )

export const summaryOf = (statuses: readonly Coverage['status'][]): CoverageSummary => {
  const count = (wanted: Coverage['status']) => statuses.filter((status) => status === wanted).length
  return {
    total: statuses.length,
    ownKey: count('own_key'),
    alternative: count('alternative'),
    systemCredits: count('system_credits'),
    notCovered: count('not_covered'),
    keysOnly: count('keys_only'),
  }
}

/**
 * Where a user stands with a service, in the order in which the route is planned (route.ts): own key, alternative,
 * system key. Says what a call would do before one is made; pure.
 */
export const coverageOf = (request: CoverageRequest, service: Service): Coverage => {
  const { control, preferences } = request
  if (!request.enabledServices.some((enabled) => enabled.id === service.id))
    return notCovered('The administrator has switched this service off.', null)
  if (!isServiceAllowed(control, service.id))
    return notCovered(
      `Your organisation does not allow ${service.name}.`,
      'Ask an administrator of your organisation for access.',
    )
  if (servedEndpoints(request, service).length === 0) return keysOnly(control, service)
  const [first] = usableOwnKeys(request, service.id)
  if (first !== undefined)
    return { status: 'own_key', keyOwner: first.owner, reason: reasonOf(first), next: null }

  const fallback = fallbackFor(control, preferences, service.id)
  const trouble = troubleWithOwnKey(request, service)
  const start = trouble ?? keptForOthers(request, service) ?? `You have no ${service.name} key.`
  const alternative = alternativeTo(request, service)
  if (alternative !== undefined && (fallback === 'alternative' || fallback === 'alternative_then_system'))
    return {
      status: 'alternative',
      keyOwner: usableOwnKeys(request, alternative.id)[0]?.owner ?? null,
      reason: `${start} Models that ${alternative.name} offers too run on your key there, without credits.`,
      next: null,
    }

  const mayUseSystem = fallback === 'system' || fallback === 'alternative_then_system'
  const hasSystemKey = allowedOwners(control, service.id).has('system') && systemKeyUsable(request, service)
  const isInTier = isIncluded(request.entitlements ?? null, { serviceId: service.id, groupId: null })
  if (hasSystemKey && mayUseSystem && isInTier && request.availableMicros > 0n)
    return {
      status: 'system_credits',
      keyOwner: 'system',
      reason: `${start} Runs on a system key and uses credits.`,
      next: trouble === null ? null : `Replace your ${service.name} key to use no credits.`,
    }
  return whyNot(request, service, { trouble, fallback, hasSystemKey, mayUseSystem, isInTier, alternative })
}

const notCovered = (reason: string, next: string | null): Coverage => ({
  status: 'not_covered',
  keyOwner: null,
  reason,
  next,
})

/** No key, of whoever, would make a call possible, so none is asked for. */
const keysOnly = (control: OrganizationControl, service: Service): Coverage => ({
  status: 'keys_only',
  keyOwner: null,
  reason: allowedOwners(control, service.id).has('user')
    ? `${service.name} keys can be stored and checked here. Calls through this gateway are not possible yet.`
    : 'Calls through this gateway are not possible yet.',
  next: null,
})

const isUsable = (key: KnownKey, now: Date): boolean =>
  key.status === 'active' && !key.forbidden && (key.coolingUntil === null || key.coolingUntil <= now)

/** The user's before the organisation's. */
const usableOwnKeys = ({ ownKeys, control, now }: CoverageRequest, serviceId: string): KnownKey[] => {
  const allowed = allowedOwners(control, serviceId)
  return ownKeys
    .filter((key) => key.serviceId === serviceId && allowed.has(key.owner) && isUsable(key, now))
    .sort((a, b) => Number(a.owner !== 'user') - Number(b.owner !== 'user'))
}

const reasonOf = ({ owner, teamIds }: KnownKey): string => {
  if (owner === 'user') return 'Runs on your own key, without credits.'
  return teamIds
    ? 'Runs on a key that your organisation keeps for a team of yours, without credits.'
    : 'Runs on your organisation’s key, without credits.'
}

const systemKeyUsable = (request: CoverageRequest, service: Service): boolean =>
  (request.isPriced?.(service) ?? service.pricesId !== null) &&
  request.systemKeys.some((key) => key.serviceId === service.id && isUsable(key, request.now))

/** A service with an own key that offers models of this one at the same endpoints. */
const alternativeTo = (request: CoverageRequest, service: Service): Service | undefined => {
  const related = relatedServices(service.id)
  const served = servedEndpoints(request, service)
  return request.enabledServices.find(
    (other) =>
      related.has(other.id) &&
      usableOwnKeys(request, other.id).length > 0 &&
      servedEndpoints(request, other).some((endpoint) => served.includes(endpoint)),
  )
}

const keptForOthers = ({ keptKeys = [] }: CoverageRequest, { id, name }: Service): string | null =>
  keptKeys.some(({ serviceId }) => serviceId === id)
    ? `Your organisation keeps its ${name} key for other teams.`
    : null

const troubleWithOwnKey = ({ ownKeys, control, now }: CoverageRequest, service: Service): string | null => {
  const key = ownKeys.find(
    (own) => own.serviceId === service.id && own.owner === 'user' && own.status !== 'revoked',
  )
  if (!key) return null
  if (key.status === 'suspended' || !allowedOwners(control, service.id).has('user'))
    return 'Your key is suspended, because your organisation manages the keys of this service.'
  if (key.status === 'invalid') return `${service.name} refuses your key.`
  if (key.status === 'exhausted') return 'Your key has no quota left at the service.'
  if (key.forbidden === 'unproven')
    return 'Your organisation uses only keys that their service said are valid.'
  if (key.forbidden === 'too_old') return 'Your key is older than your organisation allows.'
  return key.coolingUntil !== null && key.coolingUntil > now
    ? 'Your key is limited by the service for now.'
    : null
}

const whyNot = (
  request: CoverageRequest,
  service: Service,
  known: {
    trouble: string | null
    fallback: Fallback
    hasSystemKey: boolean
    mayUseSystem: boolean
    isInTier: boolean
    alternative: Service | undefined
  },
): Coverage => {
  const obstacle = request.dataObstacle?.(service) ?? null
  if (obstacle !== null)
    return notCovered(
      obstacle === 'region'
        ? `Your organisation allows only some data regions, and ${service.name} does not promise one of them.`
        : `Your organisation allows only services that do not train models with what they are sent, and ${service.name} does not promise that.`,
      'Ask an administrator of your organisation.',
    )
  const mayAdd = allowedOwners(request.control, service.id).has('user')
  const { trouble } = known
  const start =
    trouble ?? keptForOthers(request, service) ?? `There is no ${service.name} key that you may use.`
  const helps: string[] = []
  if (mayAdd)
    helps.push(
      trouble === null ? `add your own ${service.name} key` : `replace or re-check your ${service.name} key`,
    )
  if (known.hasSystemKey && known.mayUseSystem && !known.isInTier) {
    const { entitlements, tiers = [], now } = request
    const others = tiersWith(tiers, [{ serviceId: service.id, groupId: null }], now)
    if (others.length > 0) helps.push(`change to ${eitherOf(others)}`)
    return notCovered(
      `${start} Your tier, ${entitlements?.tierName ?? ''}, does not include ${service.name} on credits.`,
      sentence(helps.length > 0 ? helps : ['ask an administrator']),
    )
  }
  if (known.hasSystemKey && known.mayUseSystem) {
    helps.push('wait for the next monthly allocation')
    return notCovered(`${start} A system key could serve you, but you have no credits left.`, sentence(helps))
  }
  const couldFallBack = known.hasSystemKey || known.alternative !== undefined
  if (couldFallBack && request.control.lockedFallback === null) helps.push('change your fallback preference')
  const why = couldFallBack ? ` Your fallback preference does not allow what is left.` : ''
  return notCovered(
    start + why,
    sentence(helps.length > 0 ? helps : ['ask an administrator of your organisation']),
  )
}

const sentence = (helps: readonly string[]): string => {
  const text = helps.join(', or ')
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`
}
