import type { Transaction } from 'kysely'
import type { Actor } from '../audit/audit.ts'
import type { Role } from '../contract/permissions.ts'
import type { Database } from '../db/database.ts'
import type { Epoch } from '../db/epoch.ts'
import type { Schema } from '../db/schema.ts'
import { beyondTenants } from '../db/tenant-scope.ts'
import { workIn } from '../identity/work-in.ts'
import { FaultError, failure, fault, type Outcome, success } from '../kit/fault.ts'
import { newId } from '../kit/id.ts'
import type { makeMembers } from './members.ts'
import type { NewOrganization } from './organizations.ts'
import { outcomeOf } from './outcome.ts'
import * as workplaces from './store-workplaces.ts'

export interface Workplace {
  readonly id: string
  readonly name: string
  readonly kind: 'platform' | 'personal' | 'company'
  readonly role: Role
  readonly suspended: boolean
}

interface Sitting {
  readonly sessionId: string
  readonly userId: string
}

/** Where a user may work: one session works in one organisation at a time. */
export interface Workplaces {
  /** Companies may be made by whoever is signed in. */
  readonly selfService: boolean
  listWorkplaces(userId: string): Promise<Workplace[]>
  switchOrganization(sitting: Sitting, organizationId: string): Promise<Outcome<void>>
  /** `who` owns it, and their session works there. */
  createCompany(who: Sitting, name: string): Promise<Outcome<{ organizationId: string }>>
}

/** Each is there for good, so one person cannot have any number of them. */
const mostOwned = 5

export const makeWorkplaces = (parts: {
  readonly database: Database
  readonly epoch: Epoch
  readonly selfService: boolean
  readonly joinIn: ReturnType<typeof makeMembers>['joinIn']
  readonly insertOrganization: (
    transaction: Transaction<Schema>,
    actor: Actor,
    id: string,
    wanted: NewOrganization,
  ) => Promise<void>
}): Workplaces => {
  const { database, epoch, selfService, joinIn, insertOrganization } = parts

  return {
    selfService,

    // About other organisations than the session's, all of this: each names its user.
    listWorkplaces: (userId) => beyondTenants(() => workplaces.listWorkplaces(database.kysely, userId)),

    switchOrganization: (sitting, organizationId) =>
      beyondTenants(async () =>
        (await workIn(database.kysely, { ...sitting, organizationId }))
          ? success(undefined)
          : failure('not_found', {
              field: 'organizationId',
              message:
                'You cannot work there: you are no member, or suspended, or signed in for one organisation.',
            }),
      ),

    createCompany: (who, name) =>
      beyondTenants(async () => {
        if (!selfService)
          return failure('forbidden', {
            message: 'Companies are made by the administrators of this installation.',
            next: 'Ask one of them.',
          })
        const organizationId = newId()
        const actor = { kind: 'user', id: who.userId } as const
        return outcomeOf(() =>
          epoch.change(organizationId, async (t) => {
            if ((await workplaces.lockOwnedCompanies(t, who.userId)) >= mostOwned)
              throw new FaultError(
                fault('conflict', { message: `One person owns ${mostOwned} companies at most.` }),
              )
            await insertOrganization(t, actor, organizationId, { name, kind: 'company', selfService: true })
            await joinIn(t, actor, { organizationId, who, role: 'owner', source: 'self' })
            await workIn(t, { ...who, organizationId })
            return { organizationId }
          }),
        )
      }),
  }
}
