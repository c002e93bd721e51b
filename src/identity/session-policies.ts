import { type Actor, recordAudit } from '../audit/audit.ts'
import type { Transaction } from 'kysely'
import type { Database } from '../db/database.ts'
import type { Epoch } from '../db/epoch.ts'
import type { Schema } from '../db/schema.ts'
import { beyondTenantsIn } from '../db/tenant-scope.ts'
import type { Clock } from '../kit/clock.ts'
import { FaultError, failure, type Outcome, success } from '../kit/fault.ts'
import { platformOrganizationId } from '../kit/id.ts'
import { requireOwnersWayIn } from '../sso/directory.ts'
import { hasSecondFactor, type SignedIn } from './session.ts'
import { isNetwork, isWithin, noSessionPolicy, type SessionPolicy } from './session-policy.ts'
import { type BreakGlassRow, makePolicyStore } from './store-policies.ts'

/** Each is a way past the company's own sign-on: few enough to keep in a safe. */
const mostBreakGlass = 3

export interface SessionPolicies {
  readSessionPolicy(organizationId: string): Promise<SessionPolicy>
  /** For the next request of every session, and the next operation on every process. Refused where it would keep out who saves it; null: nobody with a session. */
  saveSessionPolicy(
    actor: Actor,
    organizationId: string,
    policy: SessionPolicy,
    by: { who: SignedIn; address: string } | null,
  ): Promise<Outcome<void>>
  listBreakGlass(organizationId: string): Promise<BreakGlassRow[]>
  setBreakGlass(
    actor: Actor,
    member: { organizationId: string; userId: string },
    enabled: boolean,
  ): Promise<Outcome<void>>
}

export const makeSessionPolicies = (parts: {
  database: Database
  clock: Clock
  epoch: Pick<Epoch, 'change'> | null
}): SessionPolicies => {
  const { database, clock, epoch } = parts
  const store = makePolicyStore(database.kysely)
  const change = <T>(organizationId: string, work: (transaction: Transaction<Schema>) => Promise<T>) =>
    epoch ? epoch.change(organizationId, work) : database.kysely.transaction().execute(work)

  return {
    readSessionPolicy: async (organizationId) => (await store.readPolicy(organizationId)) ?? noSessionPolicy,

    async saveSessionPolicy(actor, organizationId, policy, by) {
      const wrong = policy.networks.find((network) => !isNetwork(network))
      if (wrong !== undefined)
        return failure('invalid_request', {
          message: `${wrong} is no address and no range.`,
          field: 'networks',
        })
      if (by !== null && !isWithin(by.address, policy.networks)) return lockedOutByNetwork(by.address)
      const isWholeAccount = by !== null && by.who.onlyOrganizationId === null
      if (policy.secondFactorRequired && isWholeAccount && !hasSecondFactor(by.who)) return lockedOutByFactor
      return change(organizationId, async (transaction) => {
        await store.lockOrganization(transaction, organizationId)
        const before = (await store.readPolicy(organizationId, transaction)) ?? noSessionPolicy
        await store.savePolicy(transaction, organizationId, policy, clock())
        await recordAudit(transaction, {
          organizationId,
          actor,
          action: 'session_policy.changed',
          subject: { kind: 'organization', id: organizationId },
          before,
          after: policy,
        })
        return success(undefined)
      })
    },

    listBreakGlass: (organizationId) =>
      database.kysely.transaction().execute((transaction) =>
        // Whether members have a second factor is in rows of theirs.
        beyondTenantsIn(transaction, () => store.listBreakGlass(organizationId, transaction)),
      ),

    setBreakGlass: (actor, { organizationId, userId }, enabled) =>
      orTakenBack(database, async (transaction) => {
        if (organizationId === platformOrganizationId) return failure('not_found')
        await store.lockOrganization(transaction, organizationId)
        const member = await beyondTenantsIn(transaction, () =>
          store.readMember(transaction, organizationId, userId),
        )
        if (!member) return failure('not_found')
        if (member.isBreakGlass === enabled) return success(undefined)
        if (enabled) {
          if (member.isSuspended || !member.hasPassword || !member.hasSecondFactor) return notFit
          const others = await beyondTenantsIn(transaction, () =>
            store.listBreakGlass(organizationId, transaction),
          )
          if (others.length >= mostBreakGlass) return tooMany
        }
        await store.setBreakGlass(transaction, organizationId, userId, enabled ? clock() : null)
        if (!enabled) await requireOwnersWayIn(transaction, organizationId)
        await recordAudit(transaction, {
          organizationId,
          actor,
          action: enabled ? 'break_glass.allowed' : 'break_glass.withdrawn',
          subject: { kind: 'user', id: userId },
        })
        return success(undefined)
      }),
  }
}

/** What was thrown takes everything back. */
const orTakenBack = async (
  database: Database,
  work: (transaction: Transaction<Schema>) => Promise<Outcome<void>>,
): Promise<Outcome<void>> => {
  try {
    return await database.kysely.transaction().execute(work)
  } catch (error) {
    if (error instanceof FaultError) return { ok: false, fault: error.fault }
    throw error
  }
}

const lockedOutByNetwork = (address: string) =>
  failure('conflict', {
    message: `You are at ${address}, which is in none of these networks: this would keep you out.`,
    next: 'Add your own network, or save it from one of these.',
    field: 'networks',
  })
const lockedOutByFactor = failure('conflict', {
  message: 'You have no second factor yourself: this would keep you out.',
  next: 'Add one under Security first.',
  field: 'secondFactorRequired',
})
const notFit = failure('conflict', {
  message: 'A break-glass account is an active member with a password and a second factor.',
  next: 'Have them set both under Security first.',
})
const tooMany = failure('conflict', {
  message: `An organisation has ${mostBreakGlass} break-glass accounts at most.`,
  next: 'Take it from another member first.',
})
