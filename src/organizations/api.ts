import type { AdminOrganization, AdminUser } from '../contract/administration.ts'
import type { memberEndpoints } from '../contract/members.ts'
import type { policyEndpoints } from '../contract/policy.ts'
import { beyondTenants } from '../db/tenant-scope.ts'
import { defineHandlers } from '../http/handler.ts'
import { meOfSession } from '../identity/api.ts'
import type { Identity, Origin, SignedIn } from '../identity/identity.ts'
import type { OrganizationOverview, UserOverview } from '../insights/administration-rows.ts'
import type { Insights } from '../insights/insights.ts'
import { decodeCursor, encodeCursor } from '../kit/cursor.ts'
import { FaultError, fault, must } from '../kit/fault.ts'
import type { Fallback } from '../policy/control.ts'
import { membersOnWire } from './members-on-wire.ts'
import { policiesOnWire, type PolicyWireParts } from './policies-on-wire.ts'

export interface OrganizationApiParts extends PolicyWireParts {
  readonly identity: Identity
  readonly insights: Insights
  readonly demo: boolean
}

export const organizationApi = (parts: OrganizationApiParts) => {
  const { organizations, identity, insights, clock, demo } = parts

  const policies = policiesOnWire(parts)
  const members = membersOnWire(parts)

  /** After a change of where a session works, which is beyond where the request began. */
  const meNow = ({ previousToken }: Origin) =>
    beyondTenants(() => meOfSession(identity, previousToken ?? '', demo))

  const readUser = async (id: string): Promise<AdminUser> => {
    const [user] = await insights.users({ id }, { before: null, limit: 1, now: clock() })
    if (!user) throw new FaultError(fault('not_found'))
    return userOnWire(user)
  }
  const readOrganization = async (id: string): Promise<AdminOrganization> => {
    const [organization] = await insights.organizations({ id }, { before: null, limit: 1 })
    if (!organization) throw new FaultError(fault('not_found'))
    return organizationOnWire(organization)
  }

  return defineHandlers<
    | 'setUp'
    | 'readPreferences'
    | 'changePreferences'
    | 'listOrganizations'
    | 'createOrganization'
    | 'readOrganization'
    | 'changeOrganization'
    | 'listUsers'
    | 'createUser'
    | 'changeUser'
    | keyof typeof policyEndpoints
    | keyof typeof memberEndpoints
  >({
    async setUp({ body }, { origin, setSession }) {
      const opened = must(await organizations.setUp(body, origin))
      setSession(opened)
      return meOfSession(identity, opened.token, demo)
    },

    readPreferences: async (_, { signedIn }) =>
      preferencesOnWire(await organizations.preferences(signedIn.organization.id, signedIn.userId), signedIn),

    async changePreferences({ body }, { signedIn }) {
      const member = { organizationId: signedIn.organization.id, userId: signedIn.userId }
      const wanted = new Map<string, Fallback>([['*', body.default]])
      for (const { serviceId, fallback } of body.services) wanted.set(serviceId, fallback)
      must(await organizations.changePreferences(member, wanted))
      return preferencesOnWire(wanted, signedIn)
    },

    async listOrganizations({ query }) {
      const before = decodeCursor(query.cursor)
      const rows = await insights.organizations({}, { before, limit: query.limit + 1 })
      return {
        items: rows.slice(0, query.limit).map(organizationOnWire),
        nextCursor: nextOf(rows, query.limit),
      }
    },

    async createOrganization({ body }, { actor }) {
      const { id } = await organizations.create(actor, { ...body, kind: 'company' })
      return readOrganization(id)
    },

    readOrganization: ({ params }) => readOrganization(params.id),

    async changeOrganization({ params, body }, { actor }) {
      must(await organizations.change(actor, params.id, body))
      return readOrganization(params.id)
    },

    async listUsers({ query }) {
      const filter = { search: query.search, organizationId: query.organization, id: query.user }
      const page = { before: decodeCursor(query.cursor), limit: query.limit + 1, now: clock() }
      const [rows, total] = await Promise.all([insights.users(filter, page), insights.countUsers(filter)])
      return {
        items: rows.slice(0, query.limit).map(userOnWire),
        nextCursor: nextOf(rows, query.limit),
        total: Number(total),
      }
    },

    async createUser({ body }, { actor }) {
      const { userId } = must(await organizations.createPerson(actor, body))
      const { path, expiresAt } = must(await identity.createSignInLink(actor, userId))
      return { user: await readUser(userId), signInLink: { path, expiresAt: expiresAt.toISOString() } }
    },

    async changeUser({ params, body }, { actor }) {
      // Who runs the platform is a person's decision: a token that leaked makes nobody who outlasts it.
      if (actor.token && body.isPlatformAdministrator)
        throw new FaultError(fault('insufficient_scope', { field: 'isPlatformAdministrator' }))
      must(await organizations.changeUser(actor, params.id, body))
      return readUser(params.id)
    },

    readPolicy: (_, { signedIn }) => policies.read(signedIn.organization.id),
    listPolicyVersions: ({ query }, { signedIn }) => policies.list(signedIn.organization.id, query),
    previewPolicy: ({ body }, { signedIn }) => policies.preview(signedIn.organization.id, body),
    savePolicy: ({ body }, { signedIn, actor }) => policies.save(actor, signedIn.organization.id, body),
    restorePolicy: (asked, { signedIn, actor }) => policies.restore(actor, signedIn.organization.id, asked),
    cancelPolicy: ({ params }, { signedIn, actor }) =>
      policies.cancel(actor, signedIn.organization.id, params.version),

    grantOwnKeyException: (asked, { signedIn, actor }) =>
      policies.except(actor, signedIn.organization.id, asked),
    revokeOwnKeyException: ({ params }, { signedIn, actor }) =>
      policies.endException(actor, signedIn.organization.id, params),

    listWorkplaces: (_, { signedIn }) => members.workplaces(signedIn),
    async switchOrganization({ body }, { signedIn, origin }) {
      must(await organizations.switchOrganization(signedIn, body.organizationId))
      return meNow(origin)
    },
    async createCompany({ body }, { signedIn, origin }) {
      must(await organizations.createCompany(signedIn, body.name))
      return meNow(origin)
    },
    leaveOrganization: (_, { signedIn }) => members.leave(signedIn),
    readOwnOrganization: (_, { signedIn }) => members.read(signedIn),
    renameOrganization: ({ body }, { signedIn, actor }) => members.rename(signedIn, actor, body.name),
    transferOrganization: ({ body }, { signedIn, actor }) => members.transfer(signedIn, actor, body.userId),
    scheduleDeletion: ({ body }, { signedIn, actor }) => members.schedule(signedIn, actor, body.name),
    cancelDeletion: (_, { signedIn, actor }) => members.keep(signedIn, actor),
    listMembers: (asked, { signedIn }) => members.list(signedIn, asked),
    changeMemberRole: (asked, { signedIn, actor }) => members.changeRole(signedIn, actor, asked),
    suspendMember: (asked, { signedIn, actor }) => members.suspend(signedIn, actor, asked),
    restoreMember: (asked, { signedIn, actor }) => members.restore(signedIn, actor, asked),
    removeMember: ({ params }, { signedIn, actor }) => members.remove(signedIn, actor, params.id),
    listInvitations: (_, { signedIn }) => members.invitations(signedIn),
    inviteMember: (asked, { signedIn, actor, baseUrl }) => members.invite(signedIn, actor, asked, baseUrl),
    resendInvitation: ({ params }, { signedIn, actor, baseUrl }) =>
      members.resend(signedIn, actor, params.id, baseUrl),
    withdrawInvitation: ({ params }, { signedIn, actor }) => members.withdraw(signedIn, actor, params.id),
    async readInvitation({ body }, { origin }) {
      const found = must(await organizations.readInvitation(body.token, origin))
      const { organizationName, email, role, invitedByName, expiresAt, userId, isActive } = found
      return {
        organizationName,
        email,
        role,
        invitedBy: invitedByName,
        expiresAt: expiresAt.toISOString(),
        account: userId === null ? 'none' : isActive ? 'active' : 'idle',
      }
    },
    async acceptInvitation({ body }, { origin, setSession }) {
      const opened = must(await organizations.acceptInvitation(body, origin))
      if (opened === null) return { me: null }
      setSession(opened)
      return { me: await meOfSession(identity, opened.token, demo) }
    },
    async joinByInvitation({ body }, { signedIn, origin }) {
      must(await organizations.joinByInvitation(signedIn, body.token))
      return meNow(origin)
    },

    readOrganizationPolicy: ({ params }) => policies.read(params.organization),
    listOrganizationPolicyVersions: ({ params, query }) => policies.list(params.organization, query),
    previewOrganizationPolicy: ({ params, body }) => policies.preview(params.organization, body),
    saveOrganizationPolicy: ({ params, body }, { actor }) => policies.save(actor, params.organization, body),
    restoreOrganizationPolicy: (asked, { actor }) =>
      policies.restore(actor, asked.params.organization, asked),
    cancelOrganizationPolicy: ({ params }, { actor }) =>
      policies.cancel(actor, params.organization, params.version),
  })
}

const nextOf = (rows: readonly { id: string }[], limit: number): string | null =>
  rows.length > limit ? encodeCursor(rows[limit - 1]?.id ?? '') : null

const preferencesOnWire = (preferences: ReadonlyMap<string, Fallback>, signedIn: SignedIn) => ({
  default: preferences.get('*') ?? ('system' as const),
  services: [...preferences]
    .filter(([serviceId]) => serviceId !== '*')
    .map(([serviceId, fallback]) => ({ serviceId, fallback })),
  locked: signedIn.organization.control.lockedFallback,
})

const userOnWire = (user: UserOverview): AdminUser => ({
  ...user,
  suspendedAt: user.suspendedAt?.toISOString() ?? null,
  deleteAt: user.deleteAt?.toISOString() ?? null,
  createdAt: user.createdAt.toISOString(),
  availableMicros: String(user.availableMicros),
  heldMicros: String(user.heldMicros),
  debtMicros: String(user.debtMicros),
  serviceKeyCount: Number(user.serviceKeyCount),
  lastOperationAt: user.lastOperationAt?.toISOString() ?? null,
})

const organizationOnWire = (organization: OrganizationOverview): AdminOrganization => ({
  ...organization,
  memberCount: Number(organization.memberCount),
  suspendedKeyCount: Number(organization.suspendedKeyCount),
  createdAt: organization.createdAt.toISOString(),
})
