import type { ReplyInput, RequestOutput } from '../contract/endpoint.ts'
import type { healthEndpoints, KeyHealth as WireKeyHealth } from '../contract/health.ts'
import type { SessionContext } from '../http/handler.ts'
import type { Clock } from '../kit/clock.ts'
import { FaultError, fault, must } from '../kit/fault.ts'
import { platformOrganizationId } from '../kit/id.ts'
import type { Health } from './health.ts'
import type { KeyHealth, SubjectHealth } from './views.ts'

type Table = typeof healthEndpoints
/** All of these are for signed-in people. */
type HealthHandlers = {
  readonly [Name in keyof Table]: (
    received: RequestOutput<Table[Name]>,
    context: SessionContext,
  ) => Promise<ReplyInput<Table[Name]>>
}

export const healthApi = ({ health, clock }: { health: Health; clock: Clock }): HealthHandlers => ({
  async readHealthMatrix() {
    const { services, systemKeys, openElsewhere } = await health.view()
    return {
      services: services.map((service) => ({ ...service, ...breakerOnWire(service) })),
      systemKeys: systemKeys.map((key) => keyOnWire(key, clock())),
      openElsewhere: openElsewhere.map((key) => ({ ...key, ...breakerOnWire(key) })),
    }
  },

  async resetBreaker({ body }, { actor }) {
    const { serviceId, serviceKeyId, organizationId = platformOrganizationId } = body
    if ((serviceId === undefined) === (serviceKeyId === undefined))
      throw new FaultError(
        fault('invalid_request', { message: 'Name a service or a key.', field: 'serviceId' }),
      )
    const which =
      serviceId === undefined
        ? ({ organizationId, kind: 'service_key', subject: serviceKeyId as string } as const)
        : ({ organizationId: platformOrganizationId, kind: 'service', subject: serviceId } as const)
    must(await health.reset(actor, which))
    return { done: true }
  },

  async readServiceHealth(_, { signedIn }) {
    const { services, keys } = await health.viewFor(signedIn.organization.id, signedIn.userId)
    return {
      services: services.map((service) => ({ ...service, ...breakerOnWire(service) })),
      keys: keys.map((key) => keyOnWire(key, clock())),
    }
  },
})

const breakerOnWire = ({ state, since, nextProbeAt, calls, failures }: SubjectHealth) => ({
  state,
  since: since?.toISOString() ?? null,
  nextProbeAt: nextProbeAt?.toISOString() ?? null,
  calls,
  failures,
})

const keyOnWire = (key: KeyHealth, now: Date): WireKeyHealth => ({
  ...breakerOnWire(key),
  serviceKeyId: key.id,
  serviceId: key.serviceId,
  owner: key.owner,
  label: key.label,
  lastFour: key.lastFour,
  priority: key.priority,
  status: statusOf(key, now),
  statusReason: key.statusReason,
  coolingUntil: key.coolingUntil?.toISOString() ?? null,
  recheckAfter: key.recheckAfter?.toISOString() ?? null,
})

const statusOf = ({ status, coolingUntil, suspectedAt }: KeyHealth, now: Date): WireKeyHealth['status'] => {
  if (status !== 'active') return status
  if (suspectedAt !== null) return 'suspected'
  return coolingUntil !== null && coolingUntil > now ? 'cooling' : 'active'
}
