import type { Database } from '../db/database.ts'
import { beyondTenants } from '../db/tenant-scope.ts'
import type { Clock } from '../kit/clock.ts'
import { platformOrganizationId } from '../kit/id.ts'
import { services } from '../services/registry.ts'
import type { Breaker } from './breaker.ts'
import * as store from './store.ts'

export interface SubjectHealth {
  readonly state: 'closed' | 'open' | 'half_open'
  readonly since: Date | null
  readonly nextProbeAt: Date | null
  /** Of about the last minute, over all processes. */
  readonly calls: number
  readonly failures: number
}

export interface KeyHealth extends store.KeyRow, SubjectHealth {}

export interface ServiceHealth extends SubjectHealth {
  readonly serviceId: string
  readonly name: string
}

export interface HealthMatrix {
  readonly services: readonly (ServiceHealth & {
    /** Keys of users and organizations. */
    readonly ownKeys: { readonly total: number; readonly attention: number; readonly cooling: number }
  })[]
  readonly systemKeys: readonly KeyHealth[]
  /** Keys of users and organizations whose breaker is open: never more than their ids. */
  readonly openElsewhere: readonly (SubjectHealth & {
    readonly organizationId: string
    readonly serviceKeyId: string
  })[]
}

export interface OwnHealth {
  readonly services: readonly ServiceHealth[]
  readonly keys: readonly KeyHealth[]
}

/** Samples are written every ten seconds, and count a minute each. */
const recentMs = 90_000

/** What screens show of breakers and keys, read from the database: the same on every process. */
export const makeHealthViews = ({ database, clock }: { database: Database; clock: Clock }) => {
  const { kysely } = database

  const readSubjects = async (organizationIds: readonly string[], all: boolean) => {
    const now = clock()
    const [open, samples] = await Promise.all([
      all
        ? store.openBreakers(kysely, null)
        : Promise.all(organizationIds.map((id) => store.openBreakers(kysely, id))).then((lists) =>
            lists.flat(),
          ),
      store.readSamples(kysely, organizationIds, new Date(now.getTime() - recentMs)),
    ])
    const bySubject = new Map(open.map((breaker) => [breaker.subject, breaker]))
    const healthOf = (subject: string): SubjectHealth => ({
      ...breakerHealth(bySubject.get(subject), now),
      ...(samples.get(subject) ?? { calls: 0, failures: 0 }),
    })
    return { open, healthOf, now }
  }

  const servicesBy = (healthOf: (subject: string) => SubjectHealth): ServiceHealth[] =>
    services.map(({ id, name }) => ({ serviceId: id, name, ...healthOf(id) }))

  return {
    async matrix(): Promise<HealthMatrix> {
      const { open, healthOf, now } = await readSubjects([platformOrganizationId], true)
      const [keys, ownKeys] = await Promise.all([
        store.readKeys(kysely, platformOrganizationId, null),
        store.countOwnKeys(kysely, platformOrganizationId, now),
      ])
      const none = { total: 0, attention: 0, cooling: 0 }
      return {
        services: servicesBy(healthOf).map((service) => ({
          ...service,
          ownKeys: ownKeys.get(service.serviceId) ?? none,
        })),
        systemKeys: keys.map((key) => ({ ...key, ...healthOf(key.id) })),
        openElsewhere: open
          .filter((b) => b.kind === 'service_key' && b.organizationId !== platformOrganizationId)
          .map(({ organizationId, subject }) => ({
            organizationId,
            serviceKeyId: subject,
            ...healthOf(subject),
          })),
      }
    },

    async own(organizationId: string, userId: string): Promise<OwnHealth> {
      // How the services are doing with the platform's keys is everybody's to see.
      const { healthOf } = await beyondTenants(() =>
        readSubjects([platformOrganizationId, organizationId], false),
      )
      const keys = await store.readKeys(kysely, organizationId, userId)
      return {
        services: servicesBy(healthOf),
        keys: keys.filter(({ owner }) => owner !== 'system').map((key) => ({ ...key, ...healthOf(key.id) })),
      }
    },
  }
}

const breakerHealth = (
  breaker: Breaker | undefined,
  now: Date,
): Pick<SubjectHealth, 'state' | 'since' | 'nextProbeAt'> => {
  if (breaker === undefined || breaker.probeAfter === null)
    return { state: 'closed', since: null, nextProbeAt: null }
  const { since, probeAfter } = breaker
  return { state: now < probeAfter ? 'open' : 'half_open', since, nextProbeAt: probeAfter }
}
