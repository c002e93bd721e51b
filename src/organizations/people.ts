import type { Transaction } from 'kysely'
import { type Actor, recordAudit } from '../audit/audit.ts'
import type { Role } from '../contract/permissions.ts'
import type { Database } from '../db/database.ts'
import type { Epoch } from '../db/epoch.ts'
import type { Schema } from '../db/schema.ts'
import type { Identity, NewUser, OpenedSession, Origin } from '../identity/identity.ts'
import type { Clock } from '../kit/clock.ts'
import { failure, FaultError, fault, must, type Outcome, success } from '../kit/fault.ts'
import { newId } from '../kit/id.ts'
import type { Ledger } from '../ledger/ledger.ts'
import type { makeMembers, NewMember } from './members.ts'
import type { NewOrganization } from './organizations.ts'
import { defined, outcomeOf } from './outcome.ts'
import type { OrganizationStore } from './store.ts'

export interface Member {
  readonly organizationId: string
  readonly userId: string
  readonly role: Role
  readonly source?: NewMember['source']
}

export interface NewPerson extends NewUser {
  /** Null: a personal organisation of their own, with the role of its owner. */
  readonly organizationId: string | null
  readonly role?: Role
  readonly tierId?: string
  readonly isDemo?: boolean
}

export interface UserChange {
  /** Whose account there has the tier; left out: where they joined first. */
  readonly organizationId?: string
  readonly tierId?: string
  readonly suspended?: boolean
  readonly isPlatformAdministrator?: boolean
}

export interface People {
  /** User, membership, credit account with its first allocation: all or nothing. */
  createPerson(actor: Actor, person: NewPerson): Promise<Outcome<{ userId: string; organizationId: string }>>
  findPerson(
    reference: { id: string } | { email: string },
  ): Promise<{ userId: string; organizationId: string; accountId: string | null } | null>
  /** The first administrator, by the one-time link; signs them in. */
  setUp(
    input: { token: string; email: string; name: string; password: string },
    origin: Origin,
  ): Promise<Outcome<OpenedSession>>
  changeUser(actor: Actor, userId: string, change: UserChange): Promise<Outcome<void>>
}

interface PeopleParts {
  readonly database: Database
  readonly epoch: Epoch
  readonly identity: Identity
  readonly ledger: Pick<Ledger, 'accountOf' | 'openAccount' | 'changeTier'>
  readonly clock: Clock
  readonly store: OrganizationStore
  readonly insertOrganization: (
    transaction: Transaction<Schema>,
    actor: Actor,
    id: string,
    wanted: NewOrganization,
  ) => Promise<void>
  readonly joinIn: ReturnType<typeof makeMembers>['joinIn']
}

/** Users as members: they join with a credit account, change tier, are suspended. */
export const makePeople = (parts: PeopleParts): People => {
  const { database, epoch, identity, ledger, clock, store, insertOrganization, joinIn } = parts

  const insertPerson = async (
    t: Transaction<Schema>,
    actor: Actor | null,
    person: NewPerson,
    passwordHash: string | null,
    organizationId: string,
  ): Promise<string> => {
    const userId = must(await identity.createUser(t, { ...person, passwordHash }))
    const by = actor ?? { kind: 'user', id: userId }
    if (person.organizationId === null)
      await insertOrganization(t, by, organizationId, {
        name: person.name,
        kind: 'personal',
        isDemo: person.isDemo,
      })
    const role = person.organizationId === null ? 'owner' : (person.role ?? 'member')
    const tierId = person.tierId ?? 'free'
    await joinIn(t, by, { organizationId, who: { userId }, role, tierId, source: 'operator' })
    return userId
  }

  const checkPerson = async (person: NewPerson): Promise<Outcome<string | null>> => {
    if (person.organizationId !== null && !(await store.read(person.organizationId)))
      return failure('not_found', { field: 'organizationId' })
    if (!(await store.tierExists(person.tierId ?? 'free'))) return unknownTier
    return person.password === undefined ? success(null) : identity.hashPassword(person.password, person)
  }

  const keepAnAdministrator = async (t: Transaction<Schema>, userId: string): Promise<void> => {
    const others = (await store.lockAdministrators(t)).filter((id) => id !== userId)
    if (others.length === 0)
      throw new FaultError(
        fault('conflict', {
          message: 'This is the last platform administrator.',
          next: 'Make another user a platform administrator first.',
        }),
      )
  }

  return {
    async createPerson(actor, person) {
      const passwordHash = await checkPerson(person)
      if (!passwordHash.ok) return passwordHash
      const organizationId = person.organizationId ?? newId()
      return outcomeOf(async () => ({
        organizationId,
        userId: await epoch.change(organizationId, (t) =>
          insertPerson(t, actor, person, passwordHash.value, organizationId),
        ),
      }))
    },

    async findPerson(reference) {
      const user = await store.findUser(database.kysely, reference)
      return user ? { userId: user.id, organizationId: user.organizationId, accountId: user.accountId } : null
    },

    async setUp({ token, email, name, password }, origin) {
      const allowed = await identity.countLinkAttempt(origin.address)
      if (!allowed.ok) return allowed
      if (!(await identity.needsSetUp())) return failure('invalid_link')
      const person: NewPerson = { email, name, organizationId: null, isPlatformAdministrator: true }
      const passwordHash = await identity.hashPassword(password, person)
      if (!passwordHash.ok) return passwordHash
      const organizationId = newId()
      return outcomeOf(() =>
        epoch.change(organizationId, async (t) => {
          must(await identity.useSetUpLink(t, token))
          const userId = await insertPerson(t, null, person, passwordHash.value, organizationId)
          return identity.openSession(t, userId, origin)
        }),
      )
    },

    async changeUser(actor, userId, change) {
      if (change.tierId !== undefined && !(await store.tierExists(change.tierId))) return unknownTier
      const user = await store.findUser(database.kysely, { id: userId })
      if (!user) return failure('not_found')
      const { organizationId = user.organizationId } = change
      const accountId = await ledger.accountOf(organizationId, userId)
      // Somebody who is suspended is so wherever they are a member.
      const concerned = change.suspended === undefined ? organizationId : null
      return outcomeOf(() =>
        epoch.change(concerned, async (t) => {
          const before = await store.findUser(t, { id: userId })
          if (!before) throw new FaultError(fault('not_found'))
          const loses = change.suspended === true || change.isPlatformAdministrator === false
          if (loses && before.isPlatformAdministrator) await keepAnAdministrator(t, userId)
          await store.changeUser(t, userId, {
            suspendedAt: change.suspended === undefined ? undefined : change.suspended ? clock() : null,
            isPlatformAdministrator: change.isPlatformAdministrator,
          })
          const { isPlatformAdministrator = before.isPlatformAdministrator } = change
          // Also of whoever gains rights: a session that was taken over before must not grow with them.
          if (change.suspended || isPlatformAdministrator !== before.isPlatformAdministrator)
            await identity.revokeAllSessions(t, userId)
          if (change.tierId !== undefined && accountId !== null)
            await ledger.changeTier(t, { organizationId, accountId, tierId: change.tierId })
          await recordAudit(t, {
            organizationId,
            actor,
            action: 'user.changed',
            subject: { kind: 'user', id: userId },
            before: {
              tierId: before.tierId,
              suspended: before.suspendedAt !== null,
              isPlatformAdministrator: before.isPlatformAdministrator,
            },
            after: { ...defined(change) },
          })
        }),
      )
    },
  }
}

const unknownTier = failure('invalid_request', { message: 'There is no such tier.', field: 'tierId' })
