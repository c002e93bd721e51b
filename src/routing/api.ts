import type { Person } from '../access/access.ts'
import type { Budgets } from '../budgets/budgets.ts'
import { refusalAmong } from '../budgets/claim.ts'
import type { AdminService } from '../contract/administration.ts'
import type { Received } from '../contract/endpoints.ts'
import type { Service as WireService } from '../contract/service-keys.ts'
import { defineHandlers } from '../http/handler.ts'
import type { SignedIn } from '../identity/identity.ts'
import type { Insights } from '../insights/insights.ts'
import { forTeams } from '../keys/kept-for-teams.ts'
import type { ServiceKey } from '../keys/keys.ts'
import { FaultError, fault, must } from '../kit/fault.ts'
import type { Ledger } from '../ledger/ledger.ts'
import type { Organizations } from '../organizations/organizations.ts'
import { dataObstacle, mayUserManageKey, usersManageKeys } from '../policy/control.ts'
import { dataTermsOf } from '../services/data-terms.ts'
import { findService, services } from '../services/registry.ts'
import type { Service } from '../services/service.ts'
import { browsedPage } from './browse-models.ts'
import type { Catalogue } from './catalogue.ts'
import { canTranslate } from '../translation/translation.ts'
import { type CoverageRequest, coverageOf, type KnownKey, summaryOf } from './coverage.ts'
import { explainRoute } from './explain.ts'
import { groupPrefix, type ModelGroup } from './group.ts'
import { type UsableModel, usableModels, warmModels } from './model-list.ts'
import { adminGroupOnWire, endpointOfTask, explanationOnWire, groupOnWire, modelOnWire } from './on-wire.ts'
import { type AnyRouteRequest, marketOf, type RequestParts, routeRequest } from './person-request.ts'
import { planRoute, whyForbidden } from './route.ts'
import { suppose } from './suppose.ts'

export interface RoutingApiParts extends RequestParts {
  readonly organizations: Organizations
  readonly ledger: Pick<Ledger, 'balance'>
  readonly insights: Insights
  readonly budgets: Pick<Budgets, 'rooms'>
}

export const routingApi = (parts: RoutingApiParts) => {
  const { catalogue, insights } = parts

  const adminServices = async (): Promise<AdminService[]> => {
    const counts = await insights.systemKeyCounts()
    return catalogue.list().map(({ serviceId, ...setting }) => ({
      ...setting,
      id: serviceId,
      name: services.find((service) => service.id === serviceId)?.name ?? serviceId,
      systemKeyCount: counts.get(serviceId) ?? 0,
    }))
  }

  return defineHandlers<
    | 'listServices'
    | 'listAdminServices'
    | 'changeService'
    | 'listOutboundAllowances'
    | 'addOutboundAllowance'
    | 'removeOutboundAllowance'
    | 'explainRoute'
    | 'explainRouteOfUser'
    | 'listGroups'
    | 'listModels'
    | 'browseModels'
    | 'listAdminGroups'
    | 'createGroup'
    | 'changeGroup'
    | 'removeGroup'
    | 'resetGroup'
  >({
    async listServices(_, { signedIn }) {
      const [request, exceptions] = await Promise.all([
        coverageRequest(parts, signedIn),
        parts.organizations.exceptions(signedIn.organization.id),
      ])
      const own = exceptions.filter(({ userId }) => userId === signedIn.userId)
      const items = services.map((service) => ({
        ...serviceOnWire(service, request, catalogue),
        exception: exceptionOf(own, service),
      }))
      return { items, summary: summaryOf(items.map(({ coverage }) => coverage.status)) }
    },

    async explainRoute({ body }, { reader }) {
      return explain(parts, must(await parts.access.person(reader.organizationId, reader.userId)), body)
    },

    async explainRouteOfUser({ params, body }) {
      const [user] = await insights.users({ id: params.id }, { before: null, limit: 1, now: parts.clock() })
      if (!user) throw new FaultError(fault('not_found'))
      return explain(parts, must(await parts.access.person(user.organizationId, params.id)), body)
    },

    async listModels({ query }, { signedIn }) {
      const { organization, userId } = signedIn
      const person = must(await parts.access.person(organization.id, userId))
      const request = { ...(await routeRequest(parts, person)), endpointOf: endpointOfTask }
      await warmModels(request)
      const found = usableModels(request).filter((model) => isWanted(model, query))
      const items = found.slice(0, query.limit)
      return { items: items.map((model) => modelOnWire(request.priceBook, model)), total: found.length }
    },

    async browseModels({ query }, { signedIn }) {
      const { organization, userId } = signedIn
      const person = must(await parts.access.person(organization.id, userId))
      const request = { ...(await routeRequest(parts, person)), endpointOf: endpointOfTask }
      await warmModels(request)
      return browsedPage(request, query)
    },

    async listGroups(_, { signedIn }) {
      const { organization, userId } = signedIn
      const request = await routeRequest(parts, must(await parts.access.person(organization.id, userId)))
      return {
        items: catalogue.groups.list().map((group) => groupOnWire(group, routeOf(group, request))),
      }
    },

    listAdminGroups: async () => ({
      items: catalogue.groups.listAll().map((group) => adminGroupOnWire(marketOf(parts), group)),
    }),

    createGroup: async ({ body }, { actor }) =>
      adminGroupOnWire(marketOf(parts), must(await catalogue.groups.create(actor, body))),

    async changeGroup({ params, body }, { actor }) {
      return adminGroupOnWire(marketOf(parts), must(await catalogue.groups.change(actor, params.id, body)))
    },

    async removeGroup({ params }, { actor }) {
      must(await catalogue.groups.remove(actor, params.id))
      return { done: true }
    },

    resetGroup: async ({ params }, { actor }) =>
      adminGroupOnWire(marketOf(parts), must(await catalogue.groups.reset(actor, params.id))),

    listAdminServices: async () => ({ items: await adminServices() }),

    async changeService({ params, body }, { actor }) {
      must(await catalogue.change(actor, params.id, body))
      const changed = (await adminServices()).find((service) => service.id === params.id)
      if (!changed) throw new FaultError(fault('not_found'))
      return changed
    },

    listOutboundAllowances: async () => ({ items: catalogue.allowances().map((address) => ({ address })) }),

    async addOutboundAllowance({ body }, { actor }) {
      must(await catalogue.addAllowance(actor, body.address))
      return { address: body.address }
    },

    async removeOutboundAllowance({ query }, { actor }) {
      must(await catalogue.removeAllowance(actor, query.address))
      return { done: true }
    },
  })
}

const isWanted = ({ id, task, first }: UsableModel, query: Received<'listModels'>['query']): boolean => {
  const search = query.search?.trim().toLowerCase() ?? ''
  return (
    (query.task === undefined || query.task === task) &&
    (query.keyOwner === undefined || query.keyOwner === first.serviceKey.owner) &&
    (id.toLowerCase().includes(search) || first.service.name.toLowerCase().includes(search))
  )
}

const routeOf = (group: ModelGroup, request: AnyRouteRequest) =>
  planRoute({ ...request, endpoint: endpointOfTask(group.task), model: groupPrefix + group.id })

const explain = async (parts: RoutingApiParts, person: Person, body: Received<'explainRoute'>['body']) => {
  const { model, endpoint, fallback, conversation, inputTokens, outputTokens, suppose: supposed } = body
  const { organizationId, userId, payerUserId } = person
  const [request, rooms, balance] = await Promise.all([
    routeRequest(parts, person),
    // Those of access tokens are told by a call with the token, and `x-aideon-explain`.
    parts.budgets.rooms({ organizationId, userId, payerUserId, accessTokenId: null, teamId: null }),
    person.accountId === null ? null : parts.ledger.balance(person.organizationId, person.accountId),
  ])
  const availableMicros = supposed.noCredits === true ? 0n : (balance?.availableMicros ?? 0n)
  const ifSo = suppose(request, supposed)
  const sized = inputTokens !== undefined || outputTokens !== undefined
  const explained = explainRoute({
    ...request,
    ...ifSo,
    endpoint,
    model,
    askedFallback: fallback,
    availableMicros,
    conversation: conversation ?? null,
    obstacleOn: ({ service, serviceKey }, creditMicros) => {
      const keyOwner = serviceKey.owner
      const subject = {
        organizationId,
        userId,
        payerUserId,
        accessTokenId: '',
        teamId: null,
        serviceId: service.id,
        serviceKeyId: serviceKey.id,
        keyOwner,
      }
      // On own keys: unless nothing is left.
      const refusal = refusalAmong(rooms, subject, keyOwner === 'system' ? (creditMicros ?? 1n) : 1n)
      return refusal && { why: 'budget', fault: refusal }
    },
    ...(sized ? { size: { inputTokens: inputTokens ?? 0, outputTokens: outputTokens ?? 0 } } : {}),
  })
  const locked = person.control.lockedFallback !== null
  return explanationOnWire(explained, {
    model,
    endpoint,
    locked,
    availableMicros,
    ownKeys: [...ifSo.ownKeys, ...request.keptKeys],
  })
}

const coverageRequest = async (parts: RoutingApiParts, signedIn: SignedIn): Promise<CoverageRequest> => {
  const { catalogue, serviceKeys, organizations, ledger, prices, clock } = parts
  const { organization, userId, accountId } = signedIn
  const [keys, systemKeys, preferences, balance, found, tiers] = await Promise.all([
    serviceKeys.listForGateway(organization.id, userId),
    serviceKeys.listSystemKeys(),
    organizations.preferences(organization.id, userId),
    accountId === null ? null : ledger.balance(organization.id, accountId),
    parts.access.person(organization.id, userId),
    parts.access.offeredTiers(),
  ])
  const now = clock()
  const { control } = organization
  const person = must(found)
  const { ownKeys, keptKeys } = forTeams(keys, person.teamIds)
  const baseUrlOf = ({ serviceId, baseUrl, settings }: ServiceKey) =>
    catalogue.baseUrlOf(serviceId, baseUrl, settings)
  const judged = (key: ServiceKey): KnownKey => {
    const service = findService(key.serviceId)
    if (!service) return key
    const usersMay = usersManageKeys(control, service.id)
    const offer = { service, model: usualModel(service) }
    return { ...key, forbidden: whyForbidden({ control, now, baseUrlOf }, key, usersMay, offer) }
  }
  return {
    entitlements: person.entitlements,
    tiers,
    control,
    preferences,
    ownKeys: ownKeys.map(judged),
    keptKeys,
    systemKeys: systemKeys.map(judged),
    dataObstacle: (service) => {
      const baseUrl = catalogue.baseUrlOf(service.id)
      // Each key brings an address of its own: it may be one that promises more.
      if (baseUrl === null) return null
      const destination = { serviceId: service.id, model: usualModel(service), baseUrl, settings: {} }
      return dataObstacle(control, dataTermsOf(destination))
    },
    enabledServices: services.filter((service) => catalogue.isEnabled(service.id)),
    availableMicros: balance?.availableMicros ?? 0n,
    now,
    translates: canTranslate,
    // An administrator's own prices count: tasks of Midjourney, which has no shipped ones, are asked for by its name.
    isPriced: ({ id, pricesId }) => pricesId !== null || prices.current().find(id, id) !== null,
  }
}

/** Where services promise something for some models only, one of those. */
const usualModels: Readonly<Record<string, string>> = {
  vertex: 'gemini-2.5-flash',
  bedrock: 'anthropic.claude-sonnet-4-5',
}
const usualModel = ({ id }: Service): string => usualModels[id] ?? ''

const exceptionOf = (
  own: Awaited<ReturnType<Organizations['exceptions']>>,
  { id }: Service,
): WireService['exception'] => {
  const found = own.find(({ serviceId }) => serviceId === id)
  return found ? { expiresAt: found.expiresAt?.toISOString() ?? null } : null
}

const serviceOnWire = (
  service: Service,
  request: CoverageRequest,
  catalogue: Catalogue,
): Omit<WireService, 'exception'> => {
  const allowed = mayUserManageKey(request.control, service.id)
  return {
    id: service.id,
    name: service.name,
    docsUrl: service.docsUrl,
    keysUrl: service.keysUrl,
    keyHint: service.keyHint,
    keyShapes: service.keyShapes.map(({ pattern, specific }) => ({ pattern: pattern.source, specific })),
    needsBaseUrl: service.baseUrlFor === undefined && catalogue.baseUrlOf(service.id) === null,
    baseUrlHint: service.baseUrlHint ?? null,
    secretKind: service.secretKind ?? 'word',
    settingFields: (service.settingFields ?? []).map(({ pattern, inSecret = null, ...field }) => ({
      ...field,
      pattern: pattern.source,
      flags: pattern.flags,
      inSecret,
    })),
    tasks: [...service.tasks],
    enabled: catalogue.isEnabled(service.id),
    coverage: coverageOf(request, service),
    mayManageKey: allowed.ok,
    mayNotBecause: allowed.ok ? null : allowed.fault.message,
  }
}
