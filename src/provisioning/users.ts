import type { Transaction } from 'kysely'
import type { Actor } from '../audit/audit.ts'
import { mayChangeRole, type Role } from '../contract/permissions.ts'
import type { Epoch } from '../db/epoch.ts'
import type { Schema } from '../db/schema.ts'
import { startAfresh } from '../identity/start-afresh.ts'
import type { Clock } from '../kit/clock.ts'
import { type Fault, FaultError, fault } from '../kit/fault.ts'
import { isId } from '../kit/id.ts'
import type { Members } from '../organizations/members.ts'
import { outcomeOf } from '../organizations/outcome.ts'
import { domainOfEmail } from '../sso/domain.ts'
import { type Filter, matches, parseFilter, requiredText } from './filter.ts'
import type { ProvisionedGroups } from './groups.ts'
import { applyPatch, type Resource } from './patch.ts'
import { type Found, found, problem, problemOf } from './problem.ts'
import { etagOf, type ProvisionedFacts, readUser, userOnScim } from './resource.ts'
import { isTaken, type KnownUser, type ListedUser, type ProvisioningStore } from './store.ts'

export interface Caller {
  readonly organizationId: string
  readonly actor: Actor
  /** Nothing is done that this role may not do by hand. */
  readonly by: 'owner' | 'administrator'
  /** `https://keys.example.com/scim/v2` */
  readonly base: string
}
export interface Wanted {
  readonly filter?: string
  readonly startIndex: number
  readonly count: number
}
export interface Page {
  readonly totalResults: number
  readonly startIndex: number
  readonly resources: readonly Resource[]
}

export interface ProvisionedUsers {
  list(caller: Caller, wanted: Wanted): Promise<Found<Page>>
  read(caller: Caller, id: string): Promise<Found<Resource>>
  create(caller: Caller, body: unknown): Promise<Found<Resource>>
  replace(caller: Caller, id: string, body: unknown, ifMatch?: string): Promise<Found<Resource>>
  patch(caller: Caller, id: string, body: unknown, ifMatch?: string): Promise<Found<Resource>>
  remove(caller: Caller, id: string): Promise<Found<null>>
}

interface UserParts {
  readonly epoch: Pick<Epoch, 'change'>
  readonly members: Pick<Members, 'join' | 'suspendMember' | 'restoreMember' | 'removeMember'>
  readonly clock: Clock
  readonly store: ProvisioningStore
  readonly groups: Pick<ProvisionedGroups, 'followRules'>
}

export const makeUsers = ({ epoch, members, clock, store, groups }: UserParts): ProvisionedUsers => {
  const find = async ({ organizationId }: Caller, id: string): Promise<ListedUser | undefined> =>
    isId(id) ? (await store.users(organizationId, { id }, null))[0] : undefined

  const read: ProvisionedUsers['read'] = async (caller, id) => {
    const user = await find(caller, id)
    return user ? found(userOnScim(caller.base, user)) : notFound
  }

  /** Whose e-mail domain it is says who may be made of, or added by, an address: never the address alone. */
  const requireDomain = async (organizationId: string, email: string): Promise<Found<null>> => {
    const domain = domainOfEmail(email)
    if (domain !== null && (await store.hasVerifiedDomain(organizationId, domain))) return found(null)
    return problem(
      403,
      `The domain ${domain ?? 'of this address'} is not verified for your organisation: verify it under single sign-on, or invite the person.`,
    )
  }

  const join = (caller: Caller, facts: ProvisionedFacts, known: KnownUser | undefined) =>
    members.join(
      caller.actor,
      {
        organizationId: caller.organizationId,
        who: known ? { userId: known.userId } : { person: { email: facts.email, name: facts.name } },
        role: 'member',
        source: 'provisioning',
      },
      {
        also: async (t, id) => {
          const { organizationId, actor } = caller
          if (known) await startAfresh(t, actor, { organizationId, userId: id }, clock())
          await store.insertUser(t, { organizationId, id }, facts, clock())
        },
      },
    )

  /** As `forbids` of a change of members. */
  const requireRole = async (t: Transaction<Schema>, caller: Caller, id: string): Promise<void> => {
    const { organizationId } = caller
    const forbidden = forbidsRole(caller, await store.lockRole(t, { organizationId, id }))
    if (forbidden) throw new FaultError(forbidden)
  }

  /** A member already, by whatever way they came: what is told of them is kept from now on. */
  const link = async (
    caller: Caller,
    facts: ProvisionedFacts,
    { userId: id }: KnownUser,
  ): Promise<Found<string>> => {
    const { organizationId } = caller
    const linked = await outcomeOf(() =>
      // Gateways know people by e-mail address and by the host application's name for them, too.
      epoch.change(organizationId, async (t) => {
        await requireRole(t, caller, id)
        await store.insertUser(t, { organizationId, id }, facts, clock())
      }),
    )
    return linked.ok ? found(id) : problemOf(linked.fault)
  }

  const create = async (caller: Caller, facts: ProvisionedFacts): Promise<Found<string>> => {
    const known = await store.findByEmail(caller.organizationId, facts.email)
    if (known?.kind === 'service_account') return taken
    if (known?.isProvisioned) return taken
    const beyond = problemOfRole(caller, known?.role ?? null)
    if (beyond) return beyond
    if (known && known.role !== null) return link(caller, facts, known)
    const domain = await requireDomain(caller.organizationId, facts.email)
    if (!domain.ok) return domain
    const joined = await join(caller, facts, known)
    return joined.ok ? found(joined.value.userId) : problemOf(joined.fault)
  }

  /** Members whom an administrator here suspended come back only where the provider says so anew. */
  const followActive = async (caller: Caller, userId: string, active: boolean): Promise<Found<null>> => {
    const { organizationId, actor } = caller
    const follow = active ? members.restoreMember : members.suspendMember
    const done = await follow(actor, { organizationId, userId }, forbidding(caller))
    return done.ok ? found(null) : problemOf(done.fault)
  }

  /** Who they are elsewhere is nothing that this organisation’s provider decides. */
  const mayRename = async (
    { organizationId }: Caller,
    user: ListedUser,
    facts: ProvisionedFacts,
  ): Promise<Found<boolean>> => {
    const known = await store.findById(organizationId, user.id)
    if (!known || known.isPlatformAdministrator || known.otherMemberships > 0) return found(false)
    if (facts.email.toLowerCase() === user.email.toLowerCase()) return found(true)
    for (const email of [user.email, facts.email]) {
      const domain = await requireDomain(organizationId, email)
      if (!domain.ok) return domain
    }
    return found(true)
  }

  const change = async (caller: Caller, user: ListedUser, facts: ProvisionedFacts): Promise<Found<null>> => {
    const rename = await mayRename(caller, user, facts)
    if (!rename.ok) return rename
    // Whoever is to work no more must not go on because a row could not be written.
    if (user.active && !facts.active) {
      const done = await followActive(caller, user.id, false)
      if (!done.ok) return done
    }
    const place = { organizationId: caller.organizationId, id: user.id }
    const changed = await outcomeOf(() =>
      epoch.change(caller.organizationId, async (t) => {
        await requireRole(t, caller, user.id)
        if (!(await store.changeUser(t, place, facts, { version: user.version, at: clock() }))) return false
        if (rename.value) await store.changePerson(t, place, facts)
        return true
      }),
    )
    if (!changed.ok) return problemOf(changed.fault)
    if (!changed.value) return problem(412, 'The user was changed meanwhile. Read it again.')
    return !user.active && facts.active ? followActive(caller, user.id, true) : found(null)
  }

  const changed = async (
    caller: Caller,
    id: string,
    ifMatch: string | undefined,
    factsOf: (user: ListedUser) => Found<ProvisionedFacts>,
  ): Promise<Found<Resource>> => {
    const user = await find(caller, id)
    if (!user) return notFound
    const beyond = problemOfRole(caller, user.role)
    if (beyond) return beyond
    if (ifMatch !== undefined && ifMatch !== '*' && ifMatch !== etagOf(user.version))
      return problem(412, 'The user was changed meanwhile. Read it again.')
    const facts = factsOf(user)
    if (!facts.ok) return facts
    const done = await unlessTaken(() => change(caller, user, facts.value))
    return done.ok ? read(caller, id) : done
  }

  return {
    read,

    async list(caller, { filter: text, startIndex, count }) {
      const { organizationId, base } = caller
      if (text === undefined || text.trim() === '') {
        const { all } = await store.countUsers(organizationId)
        const users =
          count === 0 ? [] : await store.users(organizationId, {}, { offset: startIndex - 1, limit: count })
        return found({
          totalResults: all,
          startIndex,
          resources: users.map((user) => userOnScim(base, user)),
        })
      }
      const filter = parseFilter(text)
      if (!filter.ok) return filter
      const users = await store.users(organizationId, narrowed(filter.value), null)
      const fitting = users
        .map((user) => userOnScim(base, user))
        .filter((user) => matches(filter.value, user))
      const resources = fitting.slice(startIndex - 1, startIndex - 1 + count)
      return found({ totalResults: fitting.length, startIndex, resources })
    },

    async create(caller, body) {
      const facts = readUser(body)
      if (!facts.ok) return facts
      const [same] = await store.users(caller.organizationId, { userName: facts.value.userName }, null)
      if (same) return taken
      const id = await unlessTaken(() => create(caller, facts.value))
      if (!id.ok) return id
      if (!facts.value.active) {
        const done = await followActive(caller, id.value, false)
        if (!done.ok) return done
      }
      await groups.followRules(caller, [id.value])
      return read(caller, id.value)
    },

    replace: (caller, id, body, ifMatch) => changed(caller, id, ifMatch, () => readUser(body)),

    patch: (caller, id, body, ifMatch) =>
      changed(caller, id, ifMatch, (user) => {
        const patched = applyPatch({ ...user.resource, active: user.active }, body)
        return patched.ok ? readUser(patched.value) : patched
      }),

    async remove(caller, id) {
      const user = await find(caller, id)
      if (!user) return notFound
      const beyond = problemOfRole(caller, user.role)
      if (beyond) return beyond
      const member = { organizationId: caller.organizationId, userId: id }
      const removed = await members.removeMember(caller.actor, member, forbidding(caller))
      return removed.ok ? found(null) : problemOf(removed.fault)
    },
  }
}

/** What an index can find, the rest is looked through. */
const narrowed = (filter: Filter) => ({
  id: requiredText(filter, 'id'),
  userName: requiredText(filter, 'username'),
  externalId: requiredText(filter, 'externalid'),
})

const unlessTaken = async <T>(work: () => Promise<Found<T>>): Promise<Found<T>> => {
  try {
    return await work()
  } catch (error) {
    if (isTaken(error)) return taken
    throw error
  }
}

const notFound = problem(404, 'There is no such user in your organisation.')
const ownersStay = fault('forbidden', {
  message:
    'Owners of the organisation are not managed by its identity provider. Another owner can change their role first.',
})
const administratorsStay = fault('forbidden', {
  message:
    'This token was made by an administrator: administrators are changed with one that an owner has made.',
})
const forbidsRole = ({ by }: Caller, role: Role | null): Fault | null => {
  if (role === 'owner') return ownersStay
  return role === null || mayChangeRole(by, role) ? null : administratorsStay
}
const forbidding = (caller: Caller) => ({ forbids: (role: Role) => forbidsRole(caller, role) })
const problemOfRole = (caller: Caller, role: Role | null) => {
  const forbidden = forbidsRole(caller, role)
  return forbidden && problemOf(forbidden)
}
const taken = problem(409, 'There is a user with this userName or e-mail address already.', 'uniqueness')
