import type { Transaction } from 'kysely'
import { type Actor, recordAudit } from '../audit/audit.ts'
import { mayChangeRole, type Role } from '../contract/permissions.ts'
import type { Database } from '../db/database.ts'
import type { Schema } from '../db/schema.ts'
import type { Clock } from '../kit/clock.ts'
import { FaultError, failure, fault, type Outcome, success } from '../kit/fault.ts'
import { isId, newId } from '../kit/id.ts'
import type { Members } from '../organizations/members.ts'
import { outcomeOf } from '../organizations/outcome.ts'
import { matches, parseFilter, requiredText } from './filter.ts'
import { applyPatch, type Resource } from './patch.ts'
import { type Found, found, problem, problemOf } from './problem.ts'
import { type GroupFacts, groupOnScim, readGroup } from './resource.ts'
import { isTaken, type ProvisioningStore } from './store.ts'
import type { Caller, Page, Wanted } from './users.ts'

export interface ProvisionedGroups {
  list(caller: Caller, wanted: Wanted, withMembers: boolean): Promise<Found<Page>>
  read(caller: Caller, id: string, withMembers?: boolean): Promise<Found<Resource>>
  create(caller: Caller, body: unknown): Promise<Found<Resource>>
  replace(caller: Caller, id: string, body: unknown): Promise<Found<Resource>>
  patch(caller: Caller, id: string, body: unknown): Promise<Found<Resource>>
  remove(caller: Caller, id: string): Promise<Found<null>>
  /** Roles of these members, or of all, as the groups say; gives how many changed. */
  followRules(
    who: Pick<Caller, 'organizationId' | 'actor' | 'by'>,
    userIds: readonly string[] | null,
    /** A rule that is no more, and whom it was for. */
    former?: { readonly role: Role; readonly userIds: readonly string[] } | null,
  ): Promise<number>
  setRole(
    by: Pick<Caller, 'actor' | 'by'>,
    group: { organizationId: string; id: string; role: Exclude<Role, 'owner'> | null },
  ): Promise<Outcome<number>>
  /** Also of a group that the identity provider has still to tell of: it has the role from then on. */
  setRoleByName(
    by: Pick<Caller, 'actor' | 'by'>,
    group: { organizationId: string; name: string; role: Exclude<Role, 'owner'> | null },
  ): Promise<Outcome<number>>
}

interface GroupParts {
  readonly database: Database
  readonly members: Pick<Members, 'changeRole'>
  readonly clock: Clock
  readonly store: ProvisioningStore
}

export const makeGroups = ({ database, members, clock, store }: GroupParts): ProvisionedGroups => {
  const read: ProvisionedGroups['read'] = async ({ organizationId, base }, id, withMembers = true) => {
    const [group] = isId(id) ? await store.groups(organizationId, { id }, null, withMembers) : []
    return group ? found(groupOnScim(base, group)) : notFound
  }

  const followRules: ProvisionedGroups['followRules'] = async (
    { organizationId, actor, by },
    userIds,
    former = null,
  ) => {
    let changed = 0
    let wanted = userIds
    for (let round = 0; round < mostRounds && wanted?.length !== 0; round++) {
      const others: string[] = []
      const due = await store.dueRoles(organizationId, wanted, former)
      for (const { userId, current, role } of due) {
        if (!mayChangeRole(by, current) || !mayChangeRole(by, role)) continue
        const done = await members.changeRole(
          actor,
          { organizationId, userId, role },
          {
            reason: 'Groups of the identity provider',
            forbids: (now) => (now === current ? null : fault('conflict')),
          },
        )
        // One who left meanwhile needs no role.
        if (done.ok) changed++
        else if (done.fault.code === 'conflict') others.push(userId)
      }
      wanted = others
    }
    return changed
  }

  /** Name and members together; gives whose groups changed. */
  const write = async (
    { organizationId, actor, by }: Caller,
    id: string,
    facts: GroupFacts,
    isNew: boolean,
  ): Promise<Found<readonly string[]>> => {
    const place = { organizationId, id }
    const written = await outcomeOf(() =>
      database.kysely.transaction().execute(async (t) => {
        if (isNew) await store.insertGroup(t, place, facts, clock())
        else
          await store.changeGroup(
            t,
            place,
            { displayName: facts.displayName, externalId: facts.externalId },
            clock(),
          )
        const before = new Set(await store.memberIds(t, place))
        const wanted = facts.memberIds === null ? before : new Set(facts.memberIds)
        const added = [...wanted].filter((one) => !before.has(one))
        const gone = [...before].filter((one) => !wanted.has(one))
        const [group] = await store.groups(organizationId, { id }, null, false, t)
        if (group?.role && added.length + gone.length > 0 && !mayChangeRole(by, group.role))
          throw new FaultError(ownersGroup)
        const unknown = await store.addMembers(t, place, added)
        if (unknown.length > 0) throw new FaultError(noSuchMembers(unknown))
        await store.removeMembers(t, place, gone)
        await recordAudit(t, {
          organizationId,
          actor,
          action: isNew ? 'provisioned_group.created' : 'provisioned_group.changed',
          subject: { kind: 'provisioned_group', id },
          after: { name: facts.displayName, added: added.slice(0, 50), removed: gone.slice(0, 50) },
        })
        return [...added, ...gone]
      }),
    )
    return written.ok ? found(written.value) : problemOf(written.fault)
  }

  const save = async (
    caller: Caller,
    id: string,
    facts: Found<GroupFacts>,
    isNew: boolean,
  ): Promise<Found<Resource>> => {
    if (!facts.ok) return facts
    try {
      const concerned = await write(caller, id, facts.value, isNew)
      if (!concerned.ok) return concerned
      await followRules(caller, concerned.value)
      return read(caller, id)
    } catch (error) {
      if (isTaken(error)) return problem(409, 'There is a group of this name already.', 'uniqueness')
      throw error
    }
  }

  const setRole: ProvisionedGroups['setRole'] = async ({ actor, by }, { organizationId, id, role }) => {
    const place = { organizationId, id }
    const [before] = await store.groups(organizationId, { id }, null, false)
    const userIds = await database.kysely.transaction().execute(async (t) => {
      if (!(await store.changeGroup(t, place, { role }, clock()))) return null
      await auditRole(t, actor, { ...place, role })
      return store.memberIds(t, place)
    })
    if (userIds === null) return failure('not_found')
    const former = before?.role ? { role: before.role, userIds } : null
    return success(await followRules({ organizationId, actor, by }, null, former))
  }

  const auditRole = (
    t: Transaction<Schema>,
    actor: Actor,
    { organizationId, id, role }: { organizationId: string; id: string; role: Role | null },
  ): Promise<void> =>
    recordAudit(t, {
      organizationId,
      actor,
      action: 'provisioned_group.role_set',
      subject: { kind: 'provisioned_group', id },
      after: { role },
    })

  return {
    read,
    followRules,
    setRole,

    async setRoleByName({ actor, by }, { organizationId, name, role }) {
      const which = { displayName: name }
      const [group] = await store.groups(organizationId, which, null, false)
      if (group) return setRole({ actor, by }, { organizationId, id: group.id, role })
      await database.kysely.transaction().execute(async (t) => {
        await store.awaitGroup(t, { organizationId, name, role })
        await auditRole(t, actor, { organizationId, id: name, role })
      })
      return success(0)
    },

    async list(caller, { filter: text, startIndex, count }, withMembers) {
      const { organizationId, base } = caller
      if (text === undefined || text.trim() === '') {
        const window = { offset: startIndex - 1, limit: count }
        const groups = count === 0 ? [] : await store.groups(organizationId, {}, window, withMembers)
        return found({
          totalResults: await store.countGroups(organizationId),
          startIndex,
          resources: groups.map((group) => groupOnScim(base, group)),
        })
      }
      const filter = parseFilter(text)
      if (!filter.ok) return filter
      const which = {
        id: requiredText(filter.value, 'id'),
        displayName: requiredText(filter.value, 'displayname'),
      }
      // A filter may ask for members, whatever is to be shown of them.
      const groups = await store.groups(organizationId, which, null, withMembers || /members/i.test(text))
      const fitting = groups
        .map((group) => groupOnScim(base, group))
        .filter((group) => matches(filter.value, group))
      const resources = fitting.slice(startIndex - 1, startIndex - 1 + count)
      return found({ totalResults: fitting.length, startIndex, resources })
    },

    create: (caller, body) => save(caller, newId(), readGroup(body), true),

    async replace(caller, id, body) {
      const before = await read(caller, id, false)
      if (!before.ok) return before
      const facts = readGroup(body)
      // What a replacement leaves out is not there any more.
      return save(
        caller,
        id,
        facts.ok ? found({ ...facts.value, memberIds: facts.value.memberIds ?? [] }) : facts,
        false,
      )
    },

    async patch(caller, id, body) {
      const before = await read(caller, id)
      if (!before.ok) return before
      const patched = applyPatch(before.value, body)
      if (!patched.ok) return patched
      return save(caller, id, readGroup({ members: [], ...patched.value }), false)
    },

    async remove(caller, id) {
      const { organizationId, actor } = caller
      const before = await read(caller, id)
      if (!before.ok) return before
      const [group] = await store.groups(organizationId, { id }, null, false)
      if (group?.role && !mayChangeRole(caller.by, group.role)) return problemOf(ownersGroup)
      const concerned = await database.kysely.transaction().execute(async (t) => {
        const memberIds = await store.memberIds(t, { organizationId, id })
        await store.deleteGroup(t, { organizationId, id })
        await recordAudit(t, {
          organizationId,
          actor,
          action: 'provisioned_group.deleted',
          subject: { kind: 'provisioned_group', id },
          before: { name: before.value['displayName'] },
        })
        return memberIds
      })
      await followRules(caller, concerned, group?.role ? { role: group.role, userIds: concerned } : null)
      return found(null)
    },
  }
}

/** What is due is looked for again of whose role somebody else changed meanwhile. */
const mostRounds = 3

const noSuchMembers = (ids: readonly string[]) =>
  fault('invalid_request', {
    message: `These are no users of your organisation: ${ids.slice(0, 5).join(', ').slice(0, 300)}`,
  })
const ownersGroup = fault('forbidden', {
  message:
    'Members of this group are administrators, and this token was made by one: they are changed with a token that an owner has made.',
})
const notFound = problem(404, 'There is no such group in your organisation.')
