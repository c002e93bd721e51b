import type { Transaction } from 'kysely'
import { type Actor, recordAudit } from '../audit/audit.ts'
import type { Database } from '../db/database.ts'
import type { Epoch } from '../db/epoch.ts'
import type { JsonValue, Schema } from '../db/schema.ts'
import type { Identity, NewUser, OpenedSession, Origin } from '../identity/identity.ts'
import type { ServiceKeys } from '../keys/keys.ts'
import type { Clock } from '../kit/clock.ts'
import { failure, FaultError, fault, must, type Outcome, success } from '../kit/fault.ts'
import { newId } from '../kit/id.ts'
import type { Ledger } from '../ledger/ledger.ts'
import type { ControlPolicy, Fallback, OrganizationControl } from '../policy/control.ts'
import { findService } from '../services/registry.ts'
import { makeOrganizationStore } from './store.ts'

export type Role = 'owner' | 'administrator' | 'member'

export interface Organization extends OrganizationControl {
  readonly id: string
  readonly name: string
  readonly kind: 'platform' | 'personal' | 'company'
  readonly isDemo: boolean
}

export interface NewOrganization {
  readonly name: string
  readonly kind: 'personal' | 'company'
  readonly controlPolicy?: ControlPolicy
  readonly isDemo?: boolean
}

export interface Member {
  readonly organizationId: string
  readonly userId: string
  readonly role: Role
}

export interface NewPerson extends NewUser {
  /** Null: a personal organisation of their own, with the role of its owner. */
  readonly organizationId: string | null
  readonly role?: Role
  readonly tierId?: string
  readonly isDemo?: boolean
}

/** What an administrator may change of an organisation; what is left out stays. */
export interface ControlChange {
  readonly name?: string
  readonly controlPolicy?: ControlPolicy
  readonly criticalServices?: readonly string[]
  readonly systemKeysAllowed?: boolean
  readonly lockedFallback?: Fallback | null
}

export interface UserChange {
  readonly tierId?: string
  readonly suspended?: boolean
  readonly isPlatformAdministrator?: boolean
}

export interface Organizations {
  create(actor: Actor, wanted: NewOrganization): Promise<Organization>
  read(organizationId: string): Promise<Outcome<Organization>>
  /** A company by its exact name; the oldest when several share it. */
  findByName(name: string): Promise<Organization | null>
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
  addMember(actor: Actor, member: Member, tierId?: string): Promise<Outcome<void>>
  changeRole(actor: Actor, member: Member): Promise<Outcome<void>>
  /** When this returns, every process decides by the new policy, and the keys it forbids are suspended. */
  change(actor: Actor, organizationId: string, change: ControlChange): Promise<Outcome<Organization>>
  changeUser(actor: Actor, userId: string, change: UserChange): Promise<Outcome<void>>
  /** The same idempotency key gives once, whatever else is asked. */
  grantCredits(
    actor: Actor,
    userId: string,
    gift: { amountMicros: bigint; reason: string; idempotencyKey: string },
  ): Promise<Outcome<{ organizationId: string; grantId: string; created: boolean }>>
  /** By service id; `*` is the default. */
  preferences(organizationId: string, userId: string): Promise<ReadonlyMap<string, Fallback>>
  /** Replaces all of them; `policy_denied` while the organisation locks the preference. */
  changePreferences(
    member: { organizationId: string; userId: string },
    preferences: ReadonlyMap<string, Fallback>,
  ): Promise<Outcome<void>>
}

export interface OrganizationParts {
  readonly database: Database
  readonly epoch: Epoch
  readonly identity: Identity
  readonly ledger: Pick<Ledger, 'openAccount' | 'changeTier' | 'grant'>
  readonly serviceKeys: Pick<ServiceKeys, 'applyControlPolicy'>
  readonly clock: Clock
}

export const makeOrganizations = (parts: OrganizationParts): Organizations => {
  const { database, epoch, identity, ledger, serviceKeys, clock } = parts
  const store = makeOrganizationStore(database.kysely)

  const insertOrganization = async (
    t: Transaction<Schema>,
    actor: Actor,
    id: string,
    wanted: NewOrganization,
  ) => {
    await store.insert(t, id, wanted)
    await recordAudit(t, {
      organizationId: id,
      actor,
      action: 'organization.created',
      subject: { kind: 'organization', id },
      after: { name: wanted.name, kind: wanted.kind, controlPolicy: wanted.controlPolicy ?? 'user_control' },
    })
  }

  const joinOrganization = async (t: Transaction<Schema>, actor: Actor, member: Member, tierId: string) => {
    if (!(await store.addMember(t, member, clock())))
      throw new FaultError(fault('conflict', { message: 'This user is a member already.' }))
    await ledger.openAccount(t, {
      organizationId: member.organizationId,
      userId: member.userId,
      tierId,
      at: clock(),
    })
    await recordAudit(t, {
      organizationId: member.organizationId,
      actor,
      action: 'membership.created',
      subject: { kind: 'user', id: member.userId },
      after: { role: member.role, tierId },
    })
  }

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
    await joinOrganization(t, by, { organizationId, userId, role }, person.tierId ?? 'free')
    return userId
  }

  const checkPerson = async (person: NewPerson): Promise<Outcome<string | null>> => {
    if (person.organizationId !== null && !(await store.read(person.organizationId)))
      return failure('not_found', { field: 'organizationId' })
    if (!(await store.tierExists(person.tierId ?? 'free'))) return unknownTier
    return person.password === undefined ? success(null) : identity.hashPassword(person.password)
  }

  return {
    async create(actor, wanted) {
      const id = newId()
      await epoch.change(id, (t) => insertOrganization(t, actor, id, wanted))
      return must(await this.read(id))
    },

    async read(id) {
      const organization = await store.read(id)
      return organization ? success(organization) : failure('not_found')
    },

    findByName: async (name) => (await store.findByName(name)) ?? null,

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
      const passwordHash = await identity.hashPassword(password)
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

    async addMember(actor, member, tierId = 'free') {
      if (!(await store.read(member.organizationId))) return failure('not_found')
      if (!(await store.tierExists(tierId))) return unknownTier
      return outcomeOf(() =>
        epoch.change(member.organizationId, (t) => joinOrganization(t, actor, member, tierId)),
      )
    },

    async changeRole(actor, member) {
      const before = await epoch.change(member.organizationId, async (t) => {
        const role = await store.changeRole(t, member)
        if (role !== undefined)
          await recordAudit(t, {
            organizationId: member.organizationId,
            actor,
            action: 'membership.changed',
            subject: { kind: 'user', id: member.userId },
            before: { role },
            after: { role: member.role },
          })
        return role
      })
      return before === undefined ? failure('not_found') : success(undefined)
    },

    async change(actor, organizationId, change) {
      const unknown = change.criticalServices?.find((serviceId) => !findService(serviceId))
      if (unknown !== undefined)
        return failure('invalid_request', {
          message: `There is no service ${unknown}.`,
          field: 'criticalServices',
        })
      return outcomeOf(() =>
        epoch.change(organizationId, async (t) => {
          const before = await store.readForChange(t, organizationId)
          if (!before) throw new FaultError(fault('not_found'))
          const after = { ...before, ...defined(change) }
          await store.change(t, organizationId, change)
          await serviceKeys.applyControlPolicy(t, organizationId, after)
          await recordAudit(t, {
            organizationId,
            actor,
            action: 'organization.changed',
            subject: { kind: 'organization', id: organizationId },
            before: pick(before, change),
            after: pick(after, change),
          })
          return after
        }),
      )
    },

    async changeUser(actor, userId, change) {
      if (change.tierId !== undefined && !(await store.tierExists(change.tierId))) return unknownTier
      const user = await store.findUser(database.kysely, { id: userId })
      if (!user) return failure('not_found')
      return outcomeOf(() =>
        epoch.change(user.organizationId, async (t) => {
          const before = await store.findUser(t, { id: userId })
          if (!before) throw new FaultError(fault('not_found'))
          const loses = change.suspended === true || change.isPlatformAdministrator === false
          if (loses && before.isPlatformAdministrator) await keepAnAdministrator(t, userId)
          await store.changeUser(t, userId, {
            suspendedAt: change.suspended === undefined ? undefined : change.suspended ? clock() : null,
            isPlatformAdministrator: change.isPlatformAdministrator,
          })
          if (change.suspended) await identity.revokeAllSessions(t, userId)
          if (change.tierId !== undefined && before.accountId !== null)
            await ledger.changeTier(t, {
              organizationId: user.organizationId,
              accountId: before.accountId,
              tierId: change.tierId,
            })
          await recordAudit(t, {
            organizationId: user.organizationId,
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

    async grantCredits(actor, userId, { amountMicros, reason, idempotencyKey }) {
      const user = await store.findUser(database.kysely, { id: userId })
      if (!user?.accountId) return failure('not_found')
      const { organizationId, accountId } = user
      const given = await database.kysely.transaction().execute(async (t) => {
        const grant = await ledger.grant(t, {
          organizationId,
          accountId,
          kind: 'adjustment',
          amountMicros,
          effectiveAt: clock(),
          expiresAt: null,
          idempotencyKey: `adjustment:${idempotencyKey}`,
          reason,
          createdBy: actor.id ?? actor.kind,
        })
        if (grant.created)
          await recordAudit(t, {
            organizationId,
            actor,
            action: 'credits.granted',
            subject: { kind: 'user', id: userId },
            after: { grantId: grant.grantId, amountMicros: String(amountMicros) },
            reason,
          })
        return grant
      })
      return success({ organizationId, ...given })
    },

    preferences: (organizationId, userId) => store.preferences(database.kysely, organizationId, userId),

    async changePreferences(member, preferences) {
      const unknown = [...preferences.keys()].find(
        (serviceId) => serviceId !== '*' && !findService(serviceId),
      )
      if (unknown !== undefined)
        return failure('invalid_request', { message: `There is no service ${unknown}.`, field: 'services' })
      return outcomeOf(() =>
        epoch.change(member.organizationId, async (t) => {
          const organization = await store.readForChange(t, member.organizationId)
          if (organization?.lockedFallback)
            throw new FaultError(
              fault('policy_denied', {
                message: 'Your organisation has fixed the fallback preference for everybody.',
              }),
            )
          const before = await store.preferences(t, member.organizationId, member.userId)
          await store.replacePreferences(t, member, preferences)
          await recordAudit(t, {
            organizationId: member.organizationId,
            actor: { kind: 'user', id: member.userId },
            action: 'fallback_preference.changed',
            subject: { kind: 'user', id: member.userId },
            before: Object.fromEntries(before),
            after: Object.fromEntries(preferences),
          })
        }),
      )
    },
  }

  async function keepAnAdministrator(t: Transaction<Schema>, userId: string): Promise<void> {
    const others = (await store.lockAdministrators(t)).filter((id) => id !== userId)
    if (others.length === 0)
      throw new FaultError(
        fault('conflict', {
          message: 'This is the last platform administrator.',
          next: 'Make another user a platform administrator first.',
        }),
      )
  }
}

const unknownTier = failure('invalid_request', { message: 'There is no such tier.', field: 'tierId' })

/** A fault thrown inside a transaction rolls it back; here it becomes a value again. */
const outcomeOf = async <T>(work: () => Promise<T>): Promise<Outcome<T>> => {
  try {
    return success(await work())
  } catch (error) {
    if (error instanceof FaultError) return { ok: false, fault: error.fault }
    throw error
  }
}

const defined = <T extends object>(change: T): Partial<T> =>
  Object.fromEntries(Object.entries(change).filter(([, value]) => value !== undefined)) as Partial<T>

/** The changed fields, before or after. */
const pick = (organization: Organization, change: ControlChange): JsonValue =>
  Object.fromEntries(
    (Object.keys(defined(change)) as (keyof ControlChange)[]).map((name) => [
      name,
      organization[name] as JsonValue,
    ]),
  )
