import { type Fault, fault } from '../kit/fault.ts'
import type { ServiceKey } from '../keys/keys.ts'
import {
  type Fallback,
  isModelAllowed,
  isServiceAllowed,
  type OrganizationControl,
  usersManageKeys,
} from '../policy/control.ts'
import {
  eitherOf,
  type Entitlements,
  isIncluded,
  type OfferedTier,
  tiersWith,
} from '../policy/entitlements.ts'
import { findService } from '../services/registry.ts'
import type { Endpoint } from '../services/service.ts'
import { groupPrefix, type ModelGroup } from './group.ts'
import { keysAt } from './key-index.ts'
import type { Offer } from './offers.ts'
import type { PassedOver } from './route.ts'

/** A plan without candidates. */
interface Nothing {
  readonly endpoint: Endpoint
  readonly offers: readonly Offer[]
  readonly group: ModelGroup | null
  readonly control: OrganizationControl
  readonly fallback: Fallback
  readonly askedFallback: string | undefined
  readonly passedOver: readonly PassedOver[]
  readonly ownKeys: readonly ServiceKey[]
  readonly now: Date
  readonly entitlements?: Entitlements | null
  readonly tiers?: readonly OfferedTier[]
}

/** Why no key is left for a call, and what would help. */
export const whyNone = (nothing: Nothing): Fault => {
  const { passedOver, fallback, askedFallback, control } = nothing
  const waiting = whenToComeBack(nothing)
  if (waiting !== null) return waiting
  const isLeftOut = passedOver.some((p) => p.why === 'preference')
  // Other paths of a service name no model, so no price would help.
  const isUnpriced = nothing.endpoint !== 'raw' && nothing.offers.every(({ mayUseCredits }) => !mayUseCredits)
  if (!isLeftOut && isUnpriced && passedOver.some((p) => p.why === 'no_price')) return fault('price_unknown')
  const forbidden = notAllowed(nothing) ?? notWithThisData(nothing)
  if (forbidden !== null) return forbidden
  const outside = passedOver.filter((p) => p.why === 'tier')
  if (outside.length > 0) return notInTier(nothing, outside)
  const helps = [
    ...helpWithKeys(nothing),
    ...(isLeftOut
      ? [`allow a fallback (${askedFallback === undefined ? 'yours' : 'this call’s'} is “${fallback}”)`]
      : []),
    ...(control.systemKeysAllowed ? [] : ['ask your administrator to allow system keys']),
  ]
  return fault('no_route', {
    message: messageOf(nothing),
    next: `${capitalized(helps.join(', or ') || 'ask an administrator')}.`,
  })
}

/** Nothing that was asked for is allowed: no key would help. */
const notAllowed = ({ offers, control, group }: Nothing): Fault | null => {
  if (
    offers.some(
      ({ service, model }) => isServiceAllowed(control, service.id) && isModelAllowed(control, model),
    )
  )
    return null
  const [first] = offers
  if (first === undefined) return null
  const isService = offers.every(({ service }) => !isServiceAllowed(control, service.id))
  const what =
    group === null ? (isService ? nameOf(offers) : first.model) : `any model of ${groupPrefix}${group.id}`
  return fault('policy_denied', {
    message: `Your organisation does not allow ${what}.`,
    next: 'Ask for another one, or an administrator of your organisation for access.',
  })
}

const ofData = (why: PassedOver['why']): why is 'region' | 'training' =>
  why === 'region' || why === 'training'

/** Keys that could serve the call are left out for where their service processes what it is sent, or what for. */
const notWithThisData = ({ passedOver, offers, group }: Nothing): Fault | null => {
  const [first] = passedOver.filter(({ why }) => ofData(why))
  // Whatever else is wrong with the others: had they been fit, the message would be about them.
  if (first === undefined || passedOver.some(({ why }) => isMendable(why))) return null
  return fault('policy_denied', {
    message:
      first.why === 'region'
        ? `Your organisation allows only some data regions, and ${placeOf(offers, group)} does not promise one of them.`
        : `Your organisation allows only services that do not train models with what they are sent, and ${placeOf(offers, group)} does not promise that.`,
    next: 'Use a model at another service, or ask an administrator of your organisation.',
  })
}

/** What the caller or time can put right. */
const isMendable = (why: PassedOver['why']): boolean =>
  why === 'invalid' ||
  why === 'exhausted' ||
  why === 'cooling' ||
  why === 'breaker_open' ||
  why === 'tier' ||
  why === 'preference' ||
  why === 'unproven' ||
  why === 'too_old'

/** A system key could serve the call, were it not for the caller's tier. */
const notInTier = (nothing: Nothing, outside: readonly PassedOver[]): Fault => {
  const { entitlements = null, tiers = [], group, now } = nothing
  const uses = outside.map(({ serviceId }) => ({ serviceId, groupId: group?.id ?? null }))
  const services = [...new Set(outside.map(({ serviceId }) => serviceId))]
  const isAboutGroup = services.some((serviceId) => isIncluded(entitlements, { serviceId, groupId: null }))
  const what =
    group !== null && isAboutGroup
      ? `${groupPrefix}${group.id} on credits`
      : `${eitherOf(services.map((id) => findService(id)?.name ?? id).slice(0, mostNamed))} on credits`
  const broken = brokenKey(nothing)
  const start =
    broken === null
      ? ''
      : `Your ${broken.service.name} key is ${broken.status === 'invalid' ? 'refused by the service' : 'out of quota'}. `
  const others = tiersWith(tiers, uses, now)
  const helps = [...(others.length > 0 ? [`change to ${eitherOf(others)}`] : []), ...helpWithKeys(nothing)]
  return fault('not_in_tier', {
    message: `${start}Your tier, ${entitlements?.tierName ?? ''}, does not include ${what}.`,
    next: `${capitalized(helps.join(', or ') || 'ask an administrator')}.`,
  })
}

const whenToComeBack = ({ passedOver, now, offers, group }: Nothing): Fault | null => {
  const waiting = passedOver.filter((p) => p.until !== undefined)
  if (waiting.length === 0) return null
  const first = Math.min(...waiting.map((p) => p.until?.getTime() ?? 0))
  const isCooling = waiting.some((p) => p.why === 'cooling')
  return fault('service_overloaded', {
    message: `Every key this call may use at ${placeOf(offers, group)} is ${isCooling ? 'cooling down after a rate limit' : 'left alone for a while after failures'}.`,
    retryAfterSeconds: Math.max(1, Math.ceil((first - now.getTime()) / 1000)),
  })
}

const placeOf = (offers: readonly Offer[], group: ModelGroup | null): string => {
  if (group !== null) return `any service of ${groupPrefix}${group.id}`
  return offers.length === 1 ? nameOf(offers) : 'any service with this model'
}

const nameOf = (offers: readonly Offer[]): string => offers[0]?.service.name ?? 'a service'

const brokenKey = ({ offers, ownKeys }: Nothing) => {
  for (const { service } of offers)
    for (const key of keysAt(ownKeys, service.id))
      if (key.status === 'invalid' || key.status === 'exhausted') return { service, status: key.status }
  return null
}

const messageOf = (nothing: Nothing): string => {
  const { passedOver, offers, group } = nothing
  const broken = brokenKey(nothing)
  if (broken !== null)
    return `Your ${broken.service.name} key is ${broken.status === 'invalid' ? 'refused by the service' : 'out of quota'} and no fallback is left.`
  const ids = new Set(offers.map(({ service }) => service.id))
  if (passedOver.some((p) => p.why === 'unproven') && nothing.ownKeys.length > 0)
    return `Your organisation wants keys that ${nameOf(offers)} has said are valid, and no other key is left.`
  if (passedOver.some((p) => p.why === 'too_old') && nothing.ownKeys.length > 0)
    return `Your ${nameOf(offers)} key is older than your organisation allows, and no other key is left.`
  if (passedOver.some((p) => p.why === 'team'))
    return `Your organisation keeps its ${nameOf(offers)} key for other teams, and no other key is left.`
  const isForbidden = passedOver.some(
    (p) => ids.has(p.serviceId) && (p.why === 'suspended' || (p.why === 'policy' && p.owner === 'user')),
  )
  if (isForbidden)
    return `Your organisation does not allow own keys for ${placeOf(offers, group)}, and no other key is left.`
  return offers.length === 1
    ? `You have no ${nameOf(offers)} key and no fallback is left.`
    : `You have no key for ${placeOf(offers, group)} and no fallback is left.`
}

const mostNamed = 3

const helpWithKeys = (nothing: Nothing): string[] => {
  const broken = brokenKey(nothing)
  if (broken !== null) return [`replace your ${broken.service.name} key`]
  if (nothing.passedOver.some((p) => p.why === 'too_old'))
    return [`replace the secret of your ${nameOf(nothing.offers)} key`]
  const names = nothing.offers
    .filter(({ service }) => usersManageKeys(nothing.control, service.id))
    .map(({ service }) => service.name)
  const named = [...new Set(names)].slice(0, mostNamed)
  return [
    ...(nothing.passedOver.some((p) => p.why === 'team')
      ? ['call with an access token of a team that has a key']
      : []),
    ...(named.length === 0 ? [] : [`add your own ${named.join(', or ')} key`]),
  ]
}

const capitalized = (text: string) => text.charAt(0).toUpperCase() + text.slice(1)
