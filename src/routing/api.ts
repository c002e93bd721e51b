import type { AdminService } from '../contract/administration.ts'
import type { Service as WireService } from '../contract/service-keys.ts'
import { defineHandlers } from '../http/handler.ts'
import type { SignedIn } from '../identity/identity.ts'
import type { Insights } from '../insights/insights.ts'
import type { ServiceKeys } from '../keys/keys.ts'
import type { Clock } from '../kit/clock.ts'
import { FaultError, fault, must } from '../kit/fault.ts'
import type { Ledger } from '../ledger/ledger.ts'
import type { Organizations } from '../organizations/organizations.ts'
import { mayUserManageKey } from '../policy/control.ts'
import { services } from '../services/registry.ts'
import type { Service } from '../services/service.ts'
import type { Catalogue } from './catalogue.ts'
import { type CoverageRequest, coverageOf } from './coverage.ts'

export interface RoutingApiParts {
  readonly catalogue: Catalogue
  readonly serviceKeys: Pick<ServiceKeys, 'listForGateway' | 'listSystemKeys'>
  readonly organizations: Organizations
  readonly ledger: Pick<Ledger, 'balance'>
  readonly insights: Insights
  readonly clock: Clock
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
  >({
    async listServices(_, { signedIn }) {
      const request = await coverageRequest(parts, signedIn)
      return { items: services.map((service) => serviceOnWire(service, request, catalogue)) }
    },

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

const coverageRequest = async (parts: RoutingApiParts, signedIn: SignedIn): Promise<CoverageRequest> => {
  const { catalogue, serviceKeys, organizations, ledger, clock } = parts
  const { organization, userId, accountId } = signedIn
  const [ownKeys, systemKeys, preferences, balance] = await Promise.all([
    serviceKeys.listForGateway(organization.id, userId),
    serviceKeys.listSystemKeys(),
    organizations.preferences(organization.id, userId),
    accountId === null ? null : ledger.balance(organization.id, accountId),
  ])
  return {
    control: organization.control,
    preferences,
    ownKeys,
    systemKeys,
    enabledServices: services.filter((service) => catalogue.isEnabled(service.id)),
    availableMicros: balance?.availableMicros ?? 0n,
    now: clock(),
  }
}

const serviceOnWire = (service: Service, request: CoverageRequest, catalogue: Catalogue): WireService => {
  const allowed = mayUserManageKey(request.control, service.id)
  return {
    id: service.id,
    name: service.name,
    docsUrl: service.docsUrl,
    keysUrl: service.keysUrl,
    keyHint: service.keyHint,
    keyShapes: service.keyShapes.map(({ pattern, specific }) => ({ pattern: pattern.source, specific })),
    needsBaseUrl: catalogue.baseUrlOf(service.id) === null,
    tasks: [...service.tasks],
    enabled: catalogue.isEnabled(service.id),
    coverage: coverageOf(request, service),
    mayManageKey: allowed.ok,
    mayNotBecause: allowed.ok ? null : allowed.fault.message,
  }
}
