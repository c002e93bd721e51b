import type { Access, AccessToken, Scope } from '../access/access.ts'
import { revokeTokensOf } from '../access/revoke-tokens.ts'
import { type Actor, recordAudit } from '../audit/audit.ts'
import { mayChangeRole, type Role } from '../contract/permissions.ts'
import type { Epoch } from '../db/epoch.ts'
import { beyondTenantsIn } from '../db/tenant-scope.ts'
import type { Clock } from '../kit/clock.ts'
import { FaultError, fault, type Outcome } from '../kit/fault.ts'
import { newId } from '../kit/id.ts'
import { defined, outcomeOf } from '../organizations/outcome.ts'
import type { MachineStore, ServiceAccountRow } from './store.ts'

/** Who asks, with the role that they have there now. */
export interface By {
  readonly actor: Actor
  /** Who pays for what they make or take over; null: nobody. */
  readonly userId: string | null
  readonly role: Role
}
export interface Place {
  readonly organizationId: string
  readonly id: string
}

export interface ServiceAccountChange {
  readonly name?: string
  readonly description?: string
  readonly role?: Role
  readonly suspended?: boolean
  /** The one who asks answers for it from now on. */
  readonly takeOver?: true
}

export interface NewCredential {
  readonly kind: 'token' | 'client'
  readonly name: string
  readonly scopes: readonly Scope[]
  readonly expiresAt: Date | null
}

export interface ServiceAccounts {
  list(organizationId: string): Promise<readonly ServiceAccountRow[]>
  create(
    by: By,
    wanted: { organizationId: string; name: string; description: string; role: Role },
  ): Promise<Outcome<ServiceAccountRow>>
  /** When this returns, it is in force for whatever begins on any process. */
  change(by: By, place: Place, change: ServiceAccountChange): Promise<Outcome<ServiceAccountRow>>
  remove(by: By, place: Place): Promise<Outcome<void>>
  listCredentials(place: Place): Promise<Outcome<readonly AccessToken[]>>
  /** The secret is returned here and never again. */
  createCredential(
    by: By,
    place: Place,
    wanted: NewCredential,
  ): Promise<Outcome<{ secret: string; credential: AccessToken }>>
  revokeCredential(by: By, place: Place, credentialId: string): Promise<Outcome<void>>
}

/** Each is a member that lists and checks go through. */
const mostAccounts = 200

/** Members that are machines: no password, no session, no e-mail; only what they are given here. */
export const makeServiceAccounts = (parts: {
  epoch: Epoch
  access: Access
  store: MachineStore
  clock: Clock
}): ServiceAccounts => {
  const { epoch, access, store, clock } = parts

  const find = async ({ organizationId, id }: Place): Promise<ServiceAccountRow> => {
    const [account] = await store.list(organizationId, id)
    if (!account) throw new FaultError(fault('not_found'))
    return account
  }
  /** One that the asker could not have made is not theirs to change, either. */
  const findFor = async ({ role }: By, place: Place): Promise<ServiceAccountRow> => {
    const account = await find(place)
    if (!mayChangeRole(role, account.role)) throw new FaultError(aboveYou)
    return account
  }

  return {
    list: (organizationId) => store.list(organizationId, null),

    create: ({ actor, userId, role: byRole }, wanted) =>
      outcomeOf(async () => {
        const { organizationId, name, description, role } = wanted
        if (!mayChangeRole(byRole, role)) throw new FaultError(aboveYou)
        const id = newId()
        await epoch.change(organizationId, async (t) => {
          if ((await store.count(t, organizationId)) >= mostAccounts) throw new FaultError(tooMany)
          const paysUserId = userId && (await store.payerOf(t, organizationId, userId))
          // The wall lets requests write their own user only.
          await beyondTenantsIn(t, () => store.insertUser(t, { id, name }))
          await store.insertAccount(t, { organizationId, id, description, role, paysUserId, at: clock() })
          await recordAudit(t, {
            organizationId,
            actor,
            action: 'service_account.created',
            subject: { kind: 'user', id },
            after: { name, description, role, paysUserId },
          })
        })
        return find({ organizationId, id })
      }),

    change: (by, place, change) =>
      outcomeOf(async () => {
        const before = await findFor(by, place)
        if (change.role !== undefined && !mayChangeRole(by.role, change.role)) throw new FaultError(aboveYou)
        await epoch.change(place.organizationId, async (t) => {
          const { name, suspended } = change
          if (name !== undefined) await beyondTenantsIn(t, () => store.rename(t, place.id, name))
          const suspendedAt = suspended === undefined ? undefined : suspended ? clock() : null
          if (change.role !== undefined || suspendedAt !== undefined)
            await store.changeMembership(t, place, { role: change.role, suspendedAt })
          const paysUserId = change.takeOver
            ? by.userId && (await store.payerOf(t, place.organizationId, by.userId))
            : undefined
          if (change.description !== undefined || paysUserId !== undefined)
            await store.changeAccount(t, place, { description: change.description, paysUserId })
          await recordAudit(t, {
            organizationId: place.organizationId,
            actor: by.actor,
            action: 'service_account.changed',
            subject: { kind: 'user', id: place.id },
            before: {
              name: before.name,
              description: before.description,
              role: before.role,
              suspended: before.suspendedAt !== null,
              paysUserId: before.paysUserId,
            },
            after: defined({ ...change, takeOver: undefined, paysUserId }),
          })
        })
        return find(place)
      }),

    remove: (by, place) =>
      outcomeOf(async () => {
        const { name } = await findFor(by, place)
        await epoch.change(place.organizationId, async (t) => {
          // The membership stays, since what it did is on record under it; it opens nothing any more.
          await store.changeMembership(t, place, { role: 'member', suspendedAt: clock() })
          await store.changeAccount(t, place, { removedAt: clock() })
          await store.leaveTeams(t, place)
          await revokeTokensOf(
            t,
            by.actor,
            { organizationId: place.organizationId, userId: place.id },
            clock(),
          )
          await recordAudit(t, {
            organizationId: place.organizationId,
            actor: by.actor,
            action: 'service_account.removed',
            subject: { kind: 'user', id: place.id },
            before: { name },
          })
        })
      }),

    listCredentials: ({ organizationId, id }) =>
      outcomeOf(async () => {
        await find({ organizationId, id })
        const tokens = await access.listTokens({
          organizationId,
          kind: 'user',
          userId: id,
          purposes: ['bearer', 'client'],
        })
        return tokens.filter((token) => token.revokedAt === null)
      }),

    createCredential: (by, place, wanted) =>
      outcomeOf(async () => {
        await findFor(by, place)
        const { token, accessToken } = await access.createToken(by.actor, {
          organizationId: place.organizationId,
          kind: 'user',
          purpose: wanted.kind === 'client' ? 'client' : 'bearer',
          userId: place.id,
          name: wanted.name,
          scopes: wanted.scopes,
          expiresAt: wanted.expiresAt,
        })
        return { secret: token, credential: accessToken }
      }),

    async revokeCredential(by, place, credentialId) {
      const found = await outcomeOf(() => findFor(by, place))
      if (!found.ok) return found
      return access.revokeToken(by.actor, {
        organizationId: place.organizationId,
        id: credentialId,
        userId: place.id,
      })
    },
  }
}

const aboveYou = fault('forbidden', {
  message: 'Only owners may give machines the role of an administrator, or change those that have it.',
  next: 'Ask an owner of your organisation.',
})
const tooMany = fault('conflict', {
  message: `An organisation may have ${mostAccounts} service accounts.`,
  next: 'Remove one that nothing uses any more; one account may have many credentials.',
})
