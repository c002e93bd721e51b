import type { Transaction } from 'kysely'
import type { Access, AccessToken } from '../access/access.ts'
import { type Actor, recordAudit } from '../audit/audit.ts'
import { may, type Role } from '../contract/permissions.ts'
import type { TeamRole } from '../contract/teams.ts'
import type { Database } from '../db/database.ts'
import type { Epoch } from '../db/epoch.ts'
import type { Schema } from '../db/schema.ts'
import type { Clock } from '../kit/clock.ts'
import { FaultError, type Fault, failure, fault, type Outcome, success } from '../kit/fault.ts'
import { newId } from '../kit/id.ts'
import { emit } from '../webhooks/events.ts'
import * as store from './store.ts'

export type { Candidate, MemberRow, TeamRow, UseRow } from './store.ts'

/** A member of an organisation who does something with its teams. */
export interface Manager {
  readonly actor: Actor
  readonly organizationId: string
  readonly userId: string
  readonly role: Role
}

export interface TeamInDetail {
  readonly team: store.TeamRow
  readonly members: readonly store.MemberRow[]
  readonly services: readonly (store.UseRow & { readonly serviceId: string | null })[]
}

/**
 * Teams of an organisation. Whoever manages teams there makes them; a lead looks after the members and access tokens of theirs.
 * What is called with a team's token is its user's operation, on their keys and credits, and counts for the team besides.
 */
export interface Teams {
  list(of: Manager, filter: { isArchived: boolean }): Promise<store.TeamRow[]>
  read(of: Manager, id: string): Promise<Outcome<TeamInDetail>>
  find(of: Manager, id: string): Promise<Outcome<store.TeamRow>>
  create(by: Manager, wanted: { name: string; description: string }): Promise<Outcome<string>>
  change(
    by: Manager,
    id: string,
    wanted: { name?: string | undefined; description?: string | undefined },
  ): Promise<Outcome<void>>
  /** When it returns, no process starts an operation with a token of the team. */
  archive(by: Manager, id: string): Promise<Outcome<void>>
  restore(by: Manager, id: string): Promise<Outcome<void>>
  /** Who could be taken in. */
  candidates(by: Manager, id: string, search: string): Promise<Outcome<store.Candidate[]>>
  setMember(by: Manager, id: string, userId: string, role: TeamRole): Promise<Outcome<void>>
  /** When it returns, no process starts an operation with what they had of the team's tokens. */
  removeMember(by: Manager, id: string, userId: string): Promise<Outcome<void>>
  /** Live ones with their users' names. */
  tokens(of: Manager, id: string): Promise<Outcome<{ token: AccessToken; userName: string }[]>>
  createToken(
    by: Manager,
    id: string,
    wanted: { name: string; expiresAt: Date | null; userId?: string | undefined },
  ): Promise<Outcome<{ token: string; accessToken: AccessToken }>>
  revokeToken(by: Manager, id: string, tokenId: string): Promise<Outcome<void>>
  mayManage(by: Manager, team: Pick<store.TeamRow, 'ownRole'>): boolean
}

const usedDays = 30
const dayMs = 86_400_000

/** docs/teams.md */
export const makeTeams = (parts: {
  database: Database
  epoch: Pick<Epoch, 'change'>
  access: Pick<Access, 'listTokens' | 'createToken' | 'revokeToken' | 'revokeTokenIn'>
  clock: Clock
}): Teams => {
  const { database, epoch, access, clock } = parts
  const { kysely } = database

  const usedSince = () => new Date(clock().getTime() - usedDays * dayMs)
  const mayManage: Teams['mayManage'] = ({ role }, { ownRole }) =>
    may(role, 'teams.manage') || ownRole === 'lead'

  /** A team that they do not see is not there. */
  const find = async (of: Manager, id: string): Promise<Outcome<store.TeamRow>> => {
    const { organizationId, userId, role } = of
    const onlyOwn = !may(role, 'teams.read')
    const [found] = await store.listTeams(kysely, {
      organizationId,
      userId,
      id,
      onlyOwn,
      usedSince: usedSince(),
    })
    return found ? success(found) : failure('not_found')
  }
  const findManaged = async (by: Manager, id: string): Promise<Outcome<store.TeamRow>> => {
    const found = await find(by, id)
    if (!found.ok || mayManage(by, found.value)) return found
    return failure('forbidden', {
      message: 'This is for leads of the team, and for whoever manages the teams of the organisation.',
    })
  }

  /** What happens to one team, under its lock, with its line in the trail. */
  const change = (
    { actor, organizationId }: Manager,
    id: string,
    action: 'changed' | 'archived' | 'restored' | 'member_set' | 'member_removed',
    work: (
      transaction: Transaction<Schema>,
      before: NonNullable<Awaited<ReturnType<typeof store.lockTeam>>>,
    ) => Promise<{ before?: object; after?: object }>,
  ): Promise<Outcome<void>> =>
    caught(async () => {
      await epoch.change(organizationId, async (transaction) => {
        const before = await store.lockTeam(transaction, { organizationId, id })
        if (before === undefined) throw new FaultError(fault('not_found'))
        const told = await work(transaction, before)
        await recordAudit(transaction, {
          organizationId,
          actor,
          action: `team.${action}`,
          subject: { kind: 'team', id },
          ...told,
        })
        await emit(transaction, {
          organizationId,
          type: action === 'archived' ? 'team.archived' : 'team.changed',
          data: { id, name: before.name, change: action, ...told.after },
        })
      })
    })

  const revokeTokens = async (
    transaction: Transaction<Schema>,
    { actor, organizationId }: Manager,
    id: string,
    userId: string | null,
  ): Promise<void> => {
    for (const token of await store.liveTokens(transaction, { organizationId, id }, userId))
      await access.revokeTokenIn(transaction, actor, { organizationId, id: token })
  }

  return {
    mayManage,
    find,
    list: ({ organizationId, userId, role }, { isArchived }) =>
      store.listTeams(kysely, {
        organizationId,
        userId,
        isArchived,
        onlyOwn: !may(role, 'teams.read'),
        usedSince: usedSince(),
      }),

    async read(of, id) {
      const found = await find(of, id)
      if (!found.ok) return found
      const key = { organizationId: of.organizationId, id }
      const since = usedSince()
      const [members, services] = await Promise.all([
        store.listMembers(kysely, key, since),
        store.useByService(kysely, key, since),
      ])
      return success({ team: found.value, members, services })
    },

    create: ({ actor, organizationId }, { name, description }) =>
      caught(async () => {
        const id = newId(clock().getTime())
        await kysely.transaction().execute(async (transaction) => {
          await store.insertTeam(transaction, { organizationId, id, name, description, createdAt: clock() })
          await recordAudit(transaction, {
            organizationId,
            actor,
            action: 'team.created',
            subject: { kind: 'team', id },
            after: { name, description },
          })
          await emit(transaction, { organizationId, type: 'team.created', data: { id, name } })
        })
        return id
      }),

    change: (by, id, { name, description }) =>
      change(by, id, 'changed', async (transaction, before) => {
        requireLive(before)
        const after = { name: name ?? before.name, description: description ?? before.description }
        await store.updateTeam(transaction, { organizationId: by.organizationId, id }, after)
        return { before: { name: before.name, description: before.description }, after }
      }),

    archive: (by, id) =>
      change(by, id, 'archived', async (transaction, before) => {
        requireLive(before)
        await revokeTokens(transaction, by, id, null)
        await store.updateTeam(
          transaction,
          { organizationId: by.organizationId, id },
          { archived_at: clock() },
        )
        return { before: { name: before.name } }
      }),

    restore: (by, id) =>
      change(by, id, 'restored', async (transaction, before) => {
        if (before.archivedAt === null)
          throw new FaultError(fault('conflict', { message: 'This team is not archived.' }))
        await store.updateTeam(transaction, { organizationId: by.organizationId, id }, { archived_at: null })
        return { after: { name: before.name } }
      }),

    async candidates(by, id, search) {
      const found = await findManaged(by, id)
      if (!found.ok) return found
      return success(await store.listCandidates(kysely, { organizationId: by.organizationId, id }, search))
    },

    async setMember(by, id, userId, role) {
      const found = await findManaged(by, id)
      if (!found.ok) return found
      const { organizationId } = by
      return change(by, id, 'member_set', async (transaction, before) => {
        requireLive(before)
        if (!(await store.isMember(transaction, organizationId, userId)))
          throw new FaultError(fault('not_found', { field: 'user' }))
        await store.setMember(transaction, { organizationId, id }, userId, role, clock())
        return { after: { userId, role } }
      })
    },

    async removeMember(by, id, userId) {
      // Whoever is in a team may leave it.
      const found = userId === by.userId ? await find(by, id) : await findManaged(by, id)
      if (!found.ok) return found
      return change(by, id, 'member_removed', async (transaction) => {
        const key = { organizationId: by.organizationId, id }
        if (!(await store.removeMember(transaction, key, userId))) throw new FaultError(fault('not_found'))
        await revokeTokens(transaction, by, id, userId)
        return { before: { userId } }
      })
    },

    async tokens(of, id) {
      const found = await find(of, id)
      if (!found.ok) return found
      const { organizationId, userId } = of
      const onlyOwn = !mayManage(of, found.value) && !may(of.role, 'teams.read')
      const filter = { organizationId, kind: 'user', teamId: id } as const
      const listed = await access.listTokens(onlyOwn ? { ...filter, userId } : filter)
      const live = listed.filter(({ revokedAt }) => revokedAt === null)
      const names = await store.namesOf(kysely, [...new Set(live.flatMap((token) => token.userId ?? []))])
      return success(live.map((token) => ({ token, userName: names.get(token.userId ?? '') ?? '' })))
    },

    async createToken(by, id, wanted) {
      const found = await find(by, id)
      if (!found.ok) return found
      const { organizationId } = by
      const userId = wanted.userId ?? by.userId
      const part = await store.roleIn(kysely, { organizationId, id }, userId)
      if (found.value.archivedAt !== null) return { ok: false, fault: isArchived }
      if (part === null) return { ok: false, fault: notInTeam(userId === by.userId) }
      if (userId !== by.userId && (part.kind !== 'service_account' || !may(by.role, 'teams.manage')))
        return failure('forbidden', {
          message:
            'Tokens are made by whom they act for; whoever manages teams makes those of service accounts.',
        })
      return caught(() =>
        access.createToken(by.actor, {
          organizationId,
          kind: 'user',
          userId,
          teamId: id,
          name: wanted.name,
          scopes: ['operations', 'read'],
          expiresAt: wanted.expiresAt,
        }),
      )
    },

    async revokeToken(by, id, tokenId) {
      const found = await find(by, id)
      if (!found.ok) return found
      const which = { organizationId: by.organizationId, id: tokenId, teamId: id }
      return access.revokeToken(
        by.actor,
        mayManage(by, found.value) ? which : { ...which, userId: by.userId },
      )
    },
  }
}

const isArchived: Fault = fault('conflict', { message: 'This team is archived.', next: 'Restore it first.' })

const requireLive = ({ archivedAt }: { archivedAt: Date | null }): void => {
  if (archivedAt !== null) throw new FaultError(isArchived)
}

const notInTeam = (isOneself: boolean): Fault =>
  isOneself
    ? fault('forbidden', {
        message: 'You are not a member of this team.',
        next: 'Have one of its leads take you in.',
      })
    : fault('not_found', { field: 'userId' })

/** What is thrown to give a transaction up is an outcome like others. */
const caught = async <T>(work: () => Promise<T>): Promise<Outcome<T>> => {
  try {
    return success(await work())
  } catch (error) {
    if (error instanceof FaultError) return { ok: false, fault: error.fault }
    if ((error as { constraint?: string }).constraint === 'teams_name')
      return failure('conflict', { message: 'There is a team of this name already.', field: 'name' })
    throw error
  }
}
