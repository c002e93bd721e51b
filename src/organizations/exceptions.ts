import type { Transaction } from 'kysely'
import { type Actor, recordAudit } from '../audit/audit.ts'
import type { Schema } from '../db/schema.ts'
import type { ServiceKeys } from '../keys/keys.ts'
import { FaultError, failure, fault, must, type Outcome, success } from '../kit/fault.ts'
import type { OrganizationControl } from '../policy/control.ts'
import { mayBeExcepted } from '../policy/openings.ts'
import { findService } from '../services/registry.ts'
import { emit } from '../webhooks/events.ts'
import type { PolicyParts } from './policies.ts'
import { type ControlDocument, documentOf } from './policy-document.ts'
import { outcomeOf } from './outcome.ts'
import * as rows from './store-exceptions.ts'

/** A member who may have keys of their own of a service that the control policy gives to the organisation alone. */
export interface OwnKeyException {
  readonly userId: string
  readonly name: string
  readonly email: string
  readonly serviceId: string
  readonly reason: string
  readonly grantedAt: Date
  readonly grantedByEmail: string | null
  readonly expiresAt: Date | null
}

export interface NewException {
  readonly organizationId: string
  readonly userId: string
  readonly serviceId: string
  readonly reason: string
  /** Null: until somebody takes it back. */
  readonly expiresAt: Date | null
  /** Also where the policy of now stands in nobody's way: it counts from the version on that does. */
  readonly evenIfIdle?: boolean
}

/**
 * Exceptions stand beside the policy's versions: a new version leaves them as they are, and they say nothing where it lets
 * everybody have own keys. Each change is in force on every process when it returns, and keys that it allows again come back.
 */
export interface Exceptions {
  exceptions(organizationId: string): Promise<OwnKeyException[]>
  /** The policy as it holds for one member. */
  controlFor(member: { organizationId: string; userId: string }): Promise<Outcome<OrganizationControl>>
  /** `within`: what else happens, in the same transaction. */
  grantException(
    actor: Actor,
    wanted: NewException,
    within?: (transaction: Transaction<Schema>) => Promise<void>,
  ): Promise<Outcome<void>>
  revokeException(
    actor: Actor,
    which: Pick<NewException, 'organizationId' | 'userId' | 'serviceId'>,
  ): Promise<Outcome<void>>
  /** Takes away those whose time is over; in how many organisations. The gateway does not wait for it. */
  endExpiredExceptions(now: Date): Promise<number>
}

/** Suspends and restores members' keys as policy and exceptions say. */
export const putKeysInOrder = async (
  t: Transaction<Schema>,
  serviceKeys: Pick<ServiceKeys, 'applyControlPolicy'>,
  organizationId: string,
  document: ControlDocument,
  at: Date,
) =>
  serviceKeys.applyControlPolicy(
    t,
    organizationId,
    document,
    servicesByUser(await rows.list(t, organizationId, at)),
  )

export const servicesByUser = (
  exceptions: readonly Pick<OwnKeyException, 'userId' | 'serviceId'>[],
): ReadonlyMap<string, readonly string[]> =>
  new Map(
    [...Map.groupBy(exceptions, ({ userId }) => userId)].map(([userId, of]) => [
      userId,
      of.map(({ serviceId }) => serviceId),
    ]),
  )

export const makeExceptions = ({ database, epoch, serviceKeys, clock, store }: PolicyParts): Exceptions => {
  const tell = async (
    t: Transaction<Schema>,
    actor: Actor,
    { organizationId, userId, serviceId }: Pick<NewException, 'organizationId' | 'userId' | 'serviceId'>,
    how: 'granted' | 'revoked' | 'expired',
    more: { expiresAt?: string | null; reason?: string } = {},
  ): Promise<void> => {
    const { reason, ...after } = more
    await recordAudit(t, {
      organizationId,
      actor,
      action: `own_key_exception.${how}`,
      subject: { kind: 'user', id: userId },
      after: { serviceId, ...after },
      reason,
    })
    const type = how === 'granted' ? 'policy.exception_granted' : 'policy.exception_ended'
    await emit(t, { organizationId, type, data: { userId, serviceId, ...after }, at: clock() })
  }

  const change = (
    organizationId: string,
    work: (t: Transaction<Schema>, control: ControlDocument) => Promise<void>,
  ): Promise<Outcome<void>> =>
    outcomeOf(() =>
      epoch.change(organizationId, async (t) => {
        const organization = await store.readForChange(t, organizationId)
        if (!organization || organization.kind === 'platform') throw new FaultError(fault('not_found'))
        const control = documentOf(organization)
        await work(t, control)
        await putKeysInOrder(t, serviceKeys, organizationId, control, clock())
      }),
    )

  return {
    exceptions: (organizationId) => rows.list(database.kysely, organizationId, clock()),

    async controlFor({ organizationId, userId }) {
      const organization = await store.read(organizationId)
      if (!organization) return failure('not_found')
      const exceptions = await rows.list(database.kysely, organizationId, clock())
      return success({
        ...documentOf(organization),
        exceptedServices: servicesByUser(exceptions).get(userId) ?? null,
      })
    },

    grantException: (actor, wanted, within) =>
      change(wanted.organizationId, async (t, control) => {
        const { organizationId, userId, serviceId, reason, expiresAt, evenIfIdle = false } = wanted
        if (!(await rows.isMember(t, organizationId, userId)))
          throw new FaultError(fault('not_found', { field: 'userId' }))
        if (!findService(serviceId))
          throw new FaultError(
            fault('invalid_request', { message: `There is no service ${serviceId}.`, field: 'service' }),
          )
        if (!evenIfIdle) must(mayBeExcepted(control, serviceId))
        if (expiresAt !== null && expiresAt <= clock())
          throw new FaultError(
            fault('invalid_request', { message: 'The end is not in the future.', field: 'expiresAt' }),
          )
        await rows.put(t, wanted, actor.kind === 'user' ? actor.id : null, clock())
        await tell(t, actor, wanted, 'granted', { expiresAt: expiresAt?.toISOString() ?? null, reason })
        await within?.(t)
      }),

    revokeException: (actor, which) =>
      change(which.organizationId, async (t) => {
        if (!(await rows.remove(t, which))) throw new FaultError(fault('not_found'))
        await tell(t, actor, which, 'revoked')
      }),

    async endExpiredExceptions(now) {
      const due = await rows.organizationsWithExpired(database.kysely, now)
      for (const organizationId of due)
        must(
          await change(organizationId, async (t) => {
            for (const ended of await rows.removeExpired(t, organizationId, now))
              await tell(t, { kind: 'gateway', id: null }, { organizationId, ...ended }, 'expired')
          }),
        )
      return due.length
    },
  }
}
