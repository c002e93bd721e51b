import type { Transaction } from 'kysely'
import { type Actor, recordAudit } from '../audit/audit.ts'
import type { Database } from '../db/database.ts'
import type { Epoch } from '../db/epoch.ts'
import type { JsonValue, Schema } from '../db/schema.ts'
import type { ServiceKeys } from '../keys/keys.ts'
import type { Clock } from '../kit/clock.ts'
import { failure, FaultError, fault, must, type Outcome, success } from '../kit/fault.ts'
import type { Log } from '../kit/log.ts'
import type { Organization } from './organizations.ts'
import { emit } from '../webhooks/events.ts'
import { putKeysInOrder } from './exceptions.ts'
import { outcomeOf } from './outcome.ts'
import { type ControlDocument, documentOf, isSamePolicy, tidy, unknownServiceIn } from './policy-document.ts'
import * as rows from './store-policies.ts'
import type { OrganizationStore } from './store.ts'

export interface PolicyVersion {
  readonly version: number
  readonly state: 'scheduled' | 'in_force' | 'superseded' | 'cancelled'
  readonly document: ControlDocument
  readonly reason: string | null
  readonly restores: number | null
  readonly author: { readonly kind: string; readonly id: string | null; readonly email: string | null }
  readonly createdAt: Date
  readonly startsAt: Date
  readonly endedAt: Date | null
}

export interface WantedPolicy {
  readonly document: ControlDocument
  readonly reason: string
  /** The version it was written against. */
  readonly basedOn: number
  /** Null: now. */
  readonly startsAt: Date | null
}

export interface WantedRestore extends Pick<WantedPolicy, 'reason' | 'basedOn'> {
  readonly version: number
}

export interface Amendment {
  readonly amend: (control: ControlDocument) => ControlDocument | null
  readonly reason: string
  readonly within: (t: Transaction<Schema>, version: number | null) => Promise<void>
}

/** Why a policy is as it is: versions that are only ever added. */
export interface Policies {
  policy(organizationId: string): Promise<Outcome<{ current: PolicyVersion; scheduled: PolicyVersion[] }>>
  policyVersions(
    organizationId: string,
    page: { before: bigint | null; limit: number },
  ): Promise<PolicyVersion[]>
  /** Faults: `conflict` when another version is in force than it was based on; `invalid_request` when nothing would change. */
  savePolicy(actor: Actor, organizationId: string, wanted: WantedPolicy): Promise<Outcome<PolicyVersion>>
  /** What a version said, as a new one. Faults as of `savePolicy`. */
  restorePolicy(actor: Actor, organizationId: string, wanted: WantedRestore): Promise<Outcome<PolicyVersion>>
  cancelPolicy(actor: Actor, organizationId: string, version: number): Promise<Outcome<PolicyVersion>>
  /**
   * A change of whatever policy is in force then; `amend` gives null where nothing needs to change. `within`: what else happens,
   * in the same transaction, with the version that was made.
   */
  amendPolicy(actor: Actor, organizationId: string, amendment: Amendment): Promise<Outcome<void>>
  /** Puts scheduled versions in force whose time has come; how many. */
  startDuePolicies(now: Date): Promise<number>
}

/** A version that comes into force, or is written down for later. */
interface Enactment {
  readonly actor: Actor
  readonly before: Organization
  readonly document: ControlDocument
  readonly reason: string | null
  readonly restores: number | null
}

export interface PolicyParts {
  readonly database: Database
  readonly epoch: Epoch
  readonly serviceKeys: Pick<ServiceKeys, 'applyControlPolicy'>
  readonly clock: Clock
  readonly log: Log
  readonly store: OrganizationStore
}

export const makePolicies = (parts: PolicyParts) => {
  const { database, epoch, serviceKeys, clock, log, store } = parts

  /** Within the transaction of a change of configuration, with the organisation locked. */
  const enact = async (t: Transaction<Schema>, { actor, before, ...next }: Enactment): Promise<number> => {
    const at = clock()
    const document = tidy(next.document)
    await rows.supersede(t, before.id, at)
    const version = await rows.insertVersion(t, {
      organizationId: before.id,
      state: 'in_force',
      document,
      reason: next.reason,
      restores: next.restores,
      author: actor,
      at,
      startsAt: at,
    })
    await takeEffect(t, actor, before, { version, document, reason: next.reason })
    return version
  }

  const takeEffect = async (
    t: Transaction<Schema>,
    actor: Actor,
    before: Organization,
    next: { version: number; document: ControlDocument; reason: string | null },
  ): Promise<void> => {
    await rows.putInForce(t, before.id, next.document)
    const { suspended, restored } = await putKeysInOrder(t, serviceKeys, before.id, next.document, clock())
    await recordAudit(t, {
      organizationId: before.id,
      actor,
      action: 'control_policy.changed',
      subject: { kind: 'organization', id: before.id },
      before: tidy(documentOf(before)),
      after: {
        ...(next.document as unknown as Record<string, JsonValue>),
        version: next.version,
        keysSuspended: [...suspended],
        keysRestored: [...restored],
      },
      reason: next.reason ?? undefined,
    })
    await emit(t, {
      organizationId: before.id,
      type: 'policy.changed',
      data: { version: next.version, keysSuspended: suspended.length, keysRestored: restored.length },
      at: clock(),
    })
  }

  const lock = async (t: Transaction<Schema>, organizationId: string): Promise<Organization> => {
    const organization = await store.readForChange(t, organizationId)
    if (!organization || organization.kind === 'platform') throw new FaultError(fault('not_found'))
    return organization
  }

  const versionOf = async (organizationId: string, version: number): Promise<PolicyVersion> =>
    (await rows.findVersion(database.kysely, organizationId, version)) as PolicyVersion

  const changed = (
    organizationId: string,
    work: (t: Transaction<Schema>, before: Organization) => Promise<number>,
  ): Promise<Outcome<PolicyVersion>> =>
    outcomeOf(async () => {
      const version = await epoch.change(organizationId, async (t) => work(t, await lock(t, organizationId)))
      return versionOf(organizationId, version)
    })

  const schedule = async (
    t: Transaction<Schema>,
    { actor, before, document, reason }: Enactment,
    startsAt: Date,
  ): Promise<number> => {
    const version = await rows.insertVersion(t, {
      organizationId: before.id,
      state: 'scheduled',
      document: tidy(document),
      reason,
      restores: null,
      author: actor,
      at: clock(),
      startsAt,
    })
    await recordAudit(t, {
      organizationId: before.id,
      actor,
      action: 'control_policy.scheduled',
      subject: { kind: 'organization', id: before.id },
      after: {
        ...(tidy(document) as unknown as Record<string, JsonValue>),
        version,
        startsAt: startsAt.toISOString(),
      },
      reason: reason ?? undefined,
    })
    await emit(t, {
      organizationId: before.id,
      type: 'policy.scheduled',
      data: { version, startsAt: startsAt.toISOString() },
      at: clock(),
    })
    return version
  }

  const policies: Policies = {
    async policy(organizationId) {
      const current = await rows.findVersion(database.kysely, organizationId, 'in_force')
      if (!current) return failure('not_found')
      return success({ current, scheduled: await rows.listScheduled(database.kysely, organizationId) })
    },

    policyVersions: (organizationId, page) => rows.listVersions(database.kysely, organizationId, page),

    async savePolicy(actor, organizationId, { document, reason, basedOn, startsAt }) {
      const known = unknownServiceIn(document)
      if (!known.ok) return known
      if (startsAt !== null && startsAt <= clock())
        return failure('invalid_request', { message: 'The start is not in the future.', field: 'startsAt' })
      return changed(organizationId, async (t, before) => {
        await requireInForce(t, organizationId, basedOn)
        const enactment = { actor, before, document, reason, restores: null }
        if (startsAt !== null) return schedule(t, enactment, startsAt)
        if (isSamePolicy(documentOf(before), document)) throw new FaultError(nothingChanges)
        return enact(t, enactment)
      })
    },

    restorePolicy: (actor, organizationId, { version, reason, basedOn }) =>
      changed(organizationId, async (t, before) => {
        const found = await rows.findVersion(t, organizationId, version)
        if (!found) throw new FaultError(fault('not_found'))
        await requireInForce(t, organizationId, basedOn)
        must(unknownServiceIn(found.document))
        if (isSamePolicy(documentOf(before), found.document)) throw new FaultError(nothingChanges)
        return enact(t, { actor, before, document: found.document, reason, restores: version })
      }),

    cancelPolicy: (actor, organizationId, version) =>
      changed(organizationId, async (t, before) => {
        if (!(await rows.findVersion(t, organizationId, version))) throw new FaultError(fault('not_found'))
        if (!(await rows.endSchedule(t, organizationId, version, { state: 'cancelled', at: clock() })))
          throw new FaultError(fault('conflict', { message: 'This version is not waiting for its start.' }))
        await recordAudit(t, {
          organizationId,
          actor,
          action: 'control_policy.cancelled',
          subject: { kind: 'organization', id: before.id },
          after: { version },
        })
        await emit(t, { organizationId, type: 'policy.cancelled', data: { version }, at: clock() })
        return version
      }),

    amendPolicy: (actor, organizationId, { amend, reason, within }) =>
      outcomeOf(() =>
        epoch.change(organizationId, async (t) => {
          const before = await lock(t, organizationId)
          const document = amend(documentOf(before))
          if (document !== null) must(unknownServiceIn(document))
          const version =
            document === null || isSamePolicy(documentOf(before), document)
              ? null
              : await enact(t, { actor, before, document, reason, restores: null })
          await within(t, version)
        }),
      ),

    async startDuePolicies(now) {
      let started = 0
      for (const due of await rows.dueVersions(database.kysely, now)) {
        const outcome = await changed(due.organizationId, async (t, before) => {
          // Another process may have been first.
          await rows.supersede(t, due.organizationId, now)
          if (!(await rows.endSchedule(t, due.organizationId, due.version, { state: 'in_force' })))
            throw new FaultError(fault('conflict'))
          const next = (await rows.findVersion(t, due.organizationId, due.version)) as PolicyVersion
          await takeEffect(t, { kind: 'gateway', id: null }, before, next)
          return due.version
        })
        if (outcome.ok) started += 1
        else if (outcome.fault.code !== 'conflict')
          log.error({ ...due, err: outcome.fault }, 'a scheduled control policy could not start')
      }
      return started
    },
  }
  return { ...policies, enact }
}

const requireInForce = async (
  t: Transaction<Schema>,
  organizationId: string,
  basedOn: number,
): Promise<void> => {
  const version = (await rows.findVersion(t, organizationId, 'in_force'))?.version ?? 0
  if (version === basedOn) return
  throw new FaultError(
    fault('conflict', {
      message: `Version ${version} is in force; this was decided against version ${basedOn}.`,
      next: 'Look at what has changed meanwhile, and save again.',
    }),
  )
}

const nothingChanges = fault('invalid_request', {
  message: 'This is what the policy in force says already.',
  field: 'document',
})
