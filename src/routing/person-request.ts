import type { Access, Person } from '../access/access.ts'
import { forTeams } from '../keys/kept-for-teams.ts'
import type { ServiceKey, ServiceKeys } from '../keys/keys.ts'
import type { Clock } from '../kit/clock.ts'
import type { Prices } from '../metering/prices.ts'
import { canTranslate } from '../translation/translation.ts'
import type { Catalogue } from './catalogue.ts'
import type { Market } from './offers.ts'
import type { BreakerState, RouteRequest } from './route.ts'
import { sharedService } from './shared-service.ts'

export interface RequestParts {
  readonly catalogue: Catalogue
  readonly serviceKeys: Pick<ServiceKeys, 'listForGateway' | 'listSystemKeys'>
  readonly access: Pick<Access, 'person' | 'offeredTiers'>
  readonly prices: Pick<Prices, 'current'>
  /** Absent: no breaker is ever open. */
  readonly health?: { breaker(serviceId: string | null, serviceKeyId: string): BreakerState }
  readonly clock: Clock
}

export const marketOf = ({ catalogue, prices }: Pick<RequestParts, 'catalogue' | 'prices'>): Market => ({
  services: catalogue.enabled(),
  priceBook: prices.current(),
  translates: canTranslate,
  groups: catalogue.groups.list(),
})

export type AnyRouteRequest = Omit<RouteRequest, 'endpoint' | 'model' | 'keptKeys' | keyof Market> &
  Market & { readonly keptKeys: readonly ServiceKey[] }

/** What the gateway would plan a call of this person with; with a token of no team unless teams are given. */
export const routeRequest = async (
  parts: RequestParts,
  person: Person,
  teamIds = person.teamIds,
): Promise<AnyRouteRequest> => {
  const { serviceKeys, health, clock } = parts
  const [keys, systemKeys, tiers] = await Promise.all([
    serviceKeys.listForGateway(person.organizationId, person.userId),
    serviceKeys.listSystemKeys(),
    parts.access.offeredTiers(),
  ])
  return {
    ...marketOf(parts),
    control: person.control,
    preferences: person.preferences,
    askedFallback: undefined,
    ...forTeams(keys, teamIds),
    systemKeys,
    now: clock(),
    baseUrlOf: ({ serviceId, baseUrl, settings }) => parts.catalogue.baseUrlOf(serviceId, baseUrl, settings),
    breaker: (serviceKey) => health?.breaker(sharedService(serviceKey), serviceKey.id) ?? null,
    entitlements: person.entitlements,
    tiers,
  }
}
