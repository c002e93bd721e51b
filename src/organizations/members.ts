import type { Transaction } from 'kysely'
import { revokeTokensOf } from '../access/revoke-tokens.ts'
import type { AuditAction } from '../audit/actions.ts'
import { type Actor, recordAudit } from '../audit/audit.ts'
import type { EventType } from '../contract/event-types.ts'
import { may, mayChangeRole, type Role } from '../contract/permissions.ts'
import type { Database } from '../db/database.ts'
import type { Epoch } from '../db/epoch.ts'
import type { Schema } from '../db/schema.ts'
import { beyondTenantsIn } from '../db/tenant-scope.ts'
import { endSessionsIn } from '../identity/end-sessions.ts'
import type { Identity } from '../identity/identity.ts'
import { revokeKeysOf } from '../keys/revoke-keys.ts'
import type { Clock } from '../kit/clock.ts'
import { type Fault, FaultError, failure, fault, must, type Outcome, success } from '../kit/fault.ts'
import type { Ledger } from '../ledger/ledger.ts'
import { requireOwnersWayIn, requireOwnWord } from '../sso/directory.ts'
import { emit } from '../webhooks/events.ts'
import { hasOwnerWithout, type Standing } from './member-rules.ts'
import { outcomeOf } from './outcome.ts'
import type { OrganizationStore } from './store.ts'
import { withdrawInvitationsOf } from './store-invitations.ts'
import * as members from './store-members.ts'

export interface MemberReference {
  readonly organizationId: string
  readonly userId: string
}

export interface NewMember {
  readonly organizationId: string
  /** Somebody who is here, or is made with this; an e-mail address that is taken is a `conflict`. */
  readonly who:
    | { readonly userId: string }
    | {
        readonly person: {
          readonly email: string
          readonly name: string
          readonly passwordHash?: string | null
        }
      }
  readonly role: Role
  /** `free` unless given. */
  readonly tierId?: string
  /** How they came: shown with the member. */
  readonly source: 'operator' | 'self' | 'invitation' | 'sso' | 'provisioning'
}

export interface MemberOptions {
  /**
   * The actor is a member of the organisation, and their own role has to allow the change: it is read again in its
   * transaction. Without it whoever calls has decided that the actor may (the platform, single sign-on, provisioning).
   */
  readonly asMember?: true
  /**
   * Why the member's role forbids the change; null: it does not. Asked in the transaction, with the member locked: whoever
   * decides by a role that was read before would change somebody who was made an owner meanwhile.
   */
  readonly forbids?: (role: Role) => Fault | null
  readonly reason?: string
  /** In the same transaction, at its end: the caller's own rows. */
  readonly also?: (transaction: Transaction<Schema>, userId: string) => Promise<void>
}

/**
 * Who works in an organisation, and as what. Every change is in force on all processes when it returns, audited and told to
 * webhooks; an organisation that has owners never loses the last one who can act.
 */
export interface Members {
  /** With a credit account of their own there. `conflict`: a member already. */
  join(
    actor: Actor,
    wanted: NewMember,
    options?: MemberOptions,
  ): Promise<Outcome<{ userId: string; created: boolean }>>
  changeRole(
    actor: Actor,
    member: MemberReference & { role: Role },
    options?: MemberOptions,
  ): Promise<Outcome<void>>
  /** Their sessions end and their tokens are refused in this organisation, at once; all comes back with `restoreMember`. */
  suspendMember(actor: Actor, member: MemberReference, options?: MemberOptions): Promise<Outcome<void>>
  restoreMember(actor: Actor, member: MemberReference, options?: MemberOptions): Promise<Outcome<void>>
  /** For good: sessions end, tokens are revoked, the secrets of their own keys destroyed. Account and records stay. */
  removeMember(actor: Actor, member: MemberReference, options?: MemberOptions): Promise<Outcome<void>>
  /** The same by the member. */
  leave(member: MemberReference): Promise<Outcome<void>>
  /** The same within a change of the caller's: throws where it would be the last owner. */
  leaveIn(transaction: Transaction<Schema>, actor: Actor, member: MemberReference): Promise<void>
  /** `to` is an owner then, `from` an administrator. */
  transferOwnership(
    actor: Actor,
    transfer: { organizationId: string; from: string; to: string },
  ): Promise<Outcome<void>>
  listMembers(
    organizationId: string,
    filter: members.MemberFilter,
    page: { after: string | null; limit: number },
  ): Promise<{
    members: members.MemberRow[]
    counts: { role: Role; suspended: boolean; count: number }[]
  }>
  overview(organizationId: string): Promise<Outcome<members.OrganizationRow>>
}

export interface MemberParts {
  readonly database: Database
  readonly epoch: Epoch
  readonly identity: Identity
  readonly ledger: Pick<Ledger, 'openAccount'>
  readonly clock: Clock
  readonly store: OrganizationStore
}

interface Told {
  readonly action: AuditAction
  readonly event: EventType
  readonly before?: object
  readonly after?: object
}

export const makeMembers = (parts: MemberParts) => {
  const { epoch, identity, ledger, clock, store } = parts
  const { kysely } = parts.database

  const tell = async (
    t: Transaction<Schema>,
    actor: Actor,
    { organizationId, userId }: MemberReference,
    { action, event, before, after }: Told,
    reason?: string,
  ): Promise<void> => {
    const subject = { kind: 'user', id: userId }
    await recordAudit(t, { organizationId, actor, action, subject, before, after, reason })
    await emit(t, { organizationId, type: event, data: { userId, ...after }, at: clock() })
  }

  /** Within a transaction that is the caller's: the membership, the account, the trail. Null: by whoever joins. */
  const joinIn = async (
    t: Transaction<Schema>,
    by: Actor | null,
    wanted: NewMember,
    { asMember, reason, also }: MemberOptions = {},
  ): Promise<{ userId: string; created: boolean }> => {
    const { organizationId, who, role, source, tierId = 'free' } = wanted
    if (asMember && by !== null)
      requireMay(await members.lockStandings(t, organizationId, [by.id as string]), by, role)
    if (await store.isDeleted(t, organizationId))
      throw new FaultError(fault('not_found', { field: 'organizationId' }))
    const created = 'person' in who
    const userId = created ? await makeUser(t, who.person) : who.userId
    const actor = by ?? ({ kind: 'user', id: userId } as const)
    const user = await members.readUserToJoin(t, userId)
    if (!user) throw new FaultError(fault('not_found', { field: 'userId' }))
    const at = clock()
    if (!(await store.addMember(t, { organizationId, userId, role, source }, at)))
      throw new FaultError(fault('conflict', { message: 'This user is a member already.' }))
    await ledger.openAccount(t, { organizationId, userId, tierId, at })
    const told = {
      action: 'membership.created',
      event: 'member.joined',
      after: { role, tierId, source },
    } as const
    await tell(t, actor, { organizationId, userId }, told, reason)
    await also?.(t, userId)
    return { userId, created }
  }

  /** A user is nobody's row before they are a member. */
  const makeUser = (
    t: Transaction<Schema>,
    person: { email: string; name: string; passwordHash?: string | null },
  ): Promise<string> =>
    beyondTenantsIn(t, async () =>
      must(await identity.createUser(t, { ...person, passwordHash: person.passwordHash ?? null })),
    )

  /** A change of one who is a member, with everybody locked whom it hangs on. */
  const change = (
    actor: Actor,
    member: MemberReference,
    options: MemberOptions,
    work: (t: Transaction<Schema>, target: Standing, standings: readonly Standing[]) => Promise<void>,
  ): Promise<Outcome<void>> =>
    outcomeOf(() =>
      epoch.change(member.organizationId, async (t) => {
        const named = actor.kind === 'user' && actor.id !== null ? [actor.id, member.userId] : [member.userId]
        const standings = await members.lockStandings(t, member.organizationId, named)
        const target = standings.find((one) => one.userId === member.userId)
        if (!target) throw new FaultError(fault('not_found'))
        if (options.asMember) requireMay(standings, actor, target.role)
        const forbidden = options.forbids?.(target.role)
        if (forbidden) throw new FaultError(forbidden)
        await work(t, target, standings)
        await options.also?.(t, member.userId)
      }),
    )

  /** Nobody is to grant what nobody would have. */
  const withdrawRequests = async (t: Transaction<Schema>, actor: Actor, member: MemberReference) => {
    const { organizationId, userId } = member
    for (const { id, ...asked } of await members.withdrawRequests(t, member, clock())) {
      const subject = { kind: 'access_request', id }
      const after = { userId, ...asked }
      await recordAudit(t, { organizationId, actor, action: 'access_request.withdrawn', subject, after })
      const data = { requestId: id, ...after }
      await emit(t, { organizationId, type: 'request.withdrawn', data, at: clock() })
    }
  }

  const remove = async (
    t: Transaction<Schema>,
    actor: Actor,
    member: MemberReference,
    told: Told,
    reason?: string,
  ): Promise<void> => {
    await revokeTokensOf(t, actor, member, clock())
    await revokeKeysOf(t, actor, member, clock())
    await endSessionsIn(t, member, clock())
    await withdrawInvitationsOf(t, member, () => true, clock())
    await members.payForNobody(t, member)
    await members.retireMachine(t, member, clock())
    await withdrawRequests(t, actor, member)
    await members.deleteMembership(t, member)
    await tell(t, actor, member, told, reason)
  }

  /** Within a transaction that is the caller's. */
  const leaveIn = async (t: Transaction<Schema>, actor: Actor, member: MemberReference): Promise<void> => {
    const standings = await members.lockStandings(t, member.organizationId, [member.userId])
    const target = standings.find((one) => one.userId === member.userId)
    if (!target) throw new FaultError(fault('not_found'))
    if (target.role === 'owner') await requireOwnerWithout(t, member, standings)
    const told = {
      action: 'membership.left',
      event: 'member.left',
      before: { role: target.role },
    } as const
    await remove(t, actor, member, told)
  }

  const room: Members = {
    leaveIn,

    async join(actor, wanted, options = {}) {
      const organization = await store.read(wanted.organizationId)
      if (!organization) return failure('not_found', { field: 'organizationId' })
      if (!(await store.tierExists(wanted.tierId ?? 'free')))
        return failure('invalid_request', { message: 'There is no such tier.', field: 'tierId' })
      return outcomeOf(() => epoch.change(wanted.organizationId, (t) => joinIn(t, actor, wanted, options)))
    },

    changeRole: (actor, member, options = {}) =>
      change(actor, member, options, async (t, target, standings) => {
        if (target.role === member.role) return
        if (options.asMember) requireMay(standings, actor, member.role)
        if (member.role === 'owner' && !target.isPerson) throw new FaultError(noMachine)
        if (target.role === 'owner') await requireOwnerWithout(t, member, standings)
        await members.setRole(t, member, member.role)
        if (member.role === 'owner') await requireOwnWord(t, member)
        await withdrawInvitationsOf(t, member, (role) => !mayChangeRole(member.role, role), clock())
        const told = {
          action: 'membership.changed',
          event: 'member.role_changed',
          before: { role: target.role },
          after: { role: member.role },
        } as const
        await tell(t, actor, member, told, options.reason)
      }),

    suspendMember: (actor, member, options = {}) =>
      change(actor, member, options, async (t, target, standings) => {
        if (target.suspendedAt !== null) return
        if (options.asMember && actor.id === member.userId) throw new FaultError(notOneself)
        if (target.role === 'owner') await requireOwnerWithout(t, member, standings)
        await members.setSuspended(t, member, clock())
        await withdrawInvitationsOf(t, member, () => true, clock())
        await endSessionsIn(t, member, clock())
        const told = { action: 'membership.suspended', event: 'member.suspended' } as const
        await tell(t, actor, member, told, options.reason)
      }),

    restoreMember: (actor, member, options = {}) =>
      change(actor, member, options, async (t, target) => {
        if (target.suspendedAt === null) return
        if (target.isRemoved) throw new FaultError(fault('not_found'))
        await members.setSuspended(t, member, null)
        const told = { action: 'membership.restored', event: 'member.restored' } as const
        await tell(t, actor, member, told, options.reason)
      }),

    removeMember: (actor, member, options = {}) =>
      change(actor, member, options, async (t, target, standings) => {
        if (options.asMember && actor.id === member.userId) throw new FaultError(notOneself)
        if (target.role === 'owner') await requireOwnerWithout(t, member, standings)
        const told = {
          action: 'membership.removed',
          event: 'member.removed',
          before: { role: target.role },
        } as const
        await remove(t, actor, member, told, options.reason)
      }),

    leave: (member) =>
      outcomeOf(() =>
        epoch.change(member.organizationId, (t) => leaveIn(t, { kind: 'user', id: member.userId }, member)),
      ),

    transferOwnership: (actor, { organizationId, from, to }) =>
      change(actor, { organizationId, userId: from }, {}, async (t, target) => {
        const [heir] = (await members.lockStandings(t, organizationId, [to])).filter(
          (one) => one.userId === to,
        )
        if (target.role !== 'owner') throw new FaultError(fault('forbidden'))
        if (heir && !heir.isPerson) throw new FaultError(noMachine)
        if (!heir || heir.suspendedAt !== null || heir.isUserSuspended || from === to)
          throw new FaultError(fault('not_found', { field: 'userId' }))
        await members.setRole(t, { organizationId, userId: to }, 'owner')
        await members.setRole(t, { organizationId, userId: from }, 'administrator')
        await withdrawInvitationsOf(
          t,
          { organizationId, userId: from },
          (role) => !mayChangeRole('administrator', role),
          clock(),
        )
        await requireOwnWord(t, { organizationId, userId: to })
        await requireOwnersWayIn(t, organizationId)
        const told = {
          action: 'organization.transferred',
          event: 'organization.transferred',
          before: { owner: from, role: heir.role },
          after: { owner: to },
        } as const
        await tell(t, actor, { organizationId, userId: to }, told)
      }),

    async listMembers(organizationId, filter, page) {
      const [rows, counts] = await Promise.all([
        members.listMembers(kysely, organizationId, filter, { ...page, now: clock() }),
        members.countMembers(kysely, organizationId),
      ])
      return { members: rows, counts }
    },

    async overview(organizationId) {
      const organization = await members.readOverview(kysely, organizationId)
      return organization ? success(organization) : failure('not_found')
    },
  }
  return { ...room, joinIn }
}

/** By the actor's own role, as it is now. A token must not make somebody who manages after it is revoked. */
export const requireMay = (standings: readonly Standing[], actor: Actor, role: Role): void => {
  if (actor.token && may(role, 'members.manage'))
    throw new FaultError(
      fault('insufficient_scope', {
        message: 'With a token nobody becomes an owner or administrator, or stops being one.',
        next: 'Do it in the dashboard.',
      }),
    )
  const own = standings.find((one) => one.userId === actor.id)
  if (own && own.suspendedAt === null && mayChangeRole(own.role, role)) return
  throw new FaultError(
    fault('forbidden', {
      message: 'Your role does not allow this: owners change everybody, administrators those below them.',
      next: 'Ask an owner of your organisation.',
    }),
  )
}

/** And that one of those who stay gets in, where the company sign-in is required. */
const requireOwnerWithout = async (
  t: Transaction<Schema>,
  { organizationId, userId }: MemberReference,
  standings: readonly Standing[],
): Promise<void> => {
  if (hasOwnerWithout(standings, userId)) return requireOwnersWayIn(t, organizationId, userId)
  throw new FaultError(
    fault('conflict', {
      message: 'The organisation would have no owner who can act.',
      next: 'Make another member an owner first.',
    }),
  )
}

const noMachine = fault('conflict', { message: 'A service account owns no organisation.', field: 'role' })

const notOneself = fault('conflict', {
  message: 'This is your own membership.',
  next: 'Leave the organisation instead.',
})
