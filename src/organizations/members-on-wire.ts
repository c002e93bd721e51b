import type { Actor } from '../audit/audit.ts'
import type { ReplyInput, RequestOutput } from '../contract/endpoint.ts'
import type {
  Invitation as WireInvitation,
  Member,
  memberEndpoints,
  OwnOrganization,
} from '../contract/members.ts'
import { roles } from '../contract/permissions.ts'
import type { SignedIn } from '../identity/identity.ts'
import type { Clock } from '../kit/clock.ts'
import { decodeCursor, encodeCursor } from '../kit/cursor.ts'
import { must } from '../kit/fault.ts'
import type { Invitation, SentInvitation } from './invitations.ts'
import type { Organizations } from './organizations.ts'
import type { MemberRow } from './store-members.ts'

type Asked<Name extends keyof typeof memberEndpoints> = RequestOutput<(typeof memberEndpoints)[Name]>
type Told<Name extends keyof typeof memberEndpoints> = ReplyInput<(typeof memberEndpoints)[Name]>

const asMember = { asMember: true } as const
const done = { done: true } as const

/** Members, invitations and workplaces as our API tells them; the role of whoever asks has been looked at before. */
export const membersOnWire = ({ organizations, clock }: { organizations: Organizations; clock: Clock }) => {
  const referenceOf = ({ organization }: SignedIn, userId: string) => ({
    organizationId: organization.id,
    userId,
  })

  const read = async (signedIn: SignedIn): Promise<OwnOrganization> => {
    const overview = must(await organizations.overview(signedIn.organization.id))
    return {
      ...overview,
      createdAt: overview.createdAt.toISOString(),
      deleteAt: overview.deleteAt?.toISOString() ?? null,
      mailed: organizations.invitationsAreMailed,
    }
  }

  return {
    read,

    async workplaces(signedIn: SignedIn): Promise<Told<'listWorkplaces'>> {
      const places = await organizations.listWorkplaces(signedIn.userId)
      return {
        items: places.map((place) => ({ ...place, current: place.id === signedIn.organization.id })),
        mayCreate: organizations.selfService,
      }
    },

    async rename(signedIn: SignedIn, actor: Actor, name: string): Promise<OwnOrganization> {
      must(await organizations.change(actor, signedIn.organization.id, { name }))
      return read(signedIn)
    },

    async schedule(signedIn: SignedIn, actor: Actor, name: string): Promise<OwnOrganization> {
      must(await organizations.scheduleDeletion(actor, signedIn.organization.id, name))
      return read(signedIn)
    },

    async keep(signedIn: SignedIn, actor: Actor): Promise<OwnOrganization> {
      must(await organizations.cancelDeletion(actor, signedIn.organization.id))
      return read(signedIn)
    },

    async list(signedIn: SignedIn, { query }: Asked<'listMembers'>): Promise<Told<'listMembers'>> {
      const { search, role, state, limit, cursor } = query
      const suspended = state === undefined ? undefined : state === 'suspended'
      const { members, counts } = await organizations.listMembers(
        signedIn.organization.id,
        { search, role, suspended },
        { after: decodeCursor(cursor), limit: limit + 1 },
      )
      const last = members[limit - 1]
      return {
        items: members.slice(0, limit).map(memberOnWire),
        nextCursor: members.length > limit && last ? encodeCursor(last.userId) : null,
        counts: {
          total: counts.reduce((sum, { count }) => sum + count, 0),
          suspended: counts.reduce((sum, one) => sum + (one.suspended ? one.count : 0), 0),
          roles: Object.fromEntries(
            roles.map((one) => [one, counts.reduce((sum, of) => sum + (of.role === one ? of.count : 0), 0)]),
          ) as Told<'listMembers'>['counts']['roles'],
        },
      }
    },

    async changeRole(signedIn: SignedIn, actor: Actor, { params, body }: Asked<'changeMemberRole'>) {
      const member = { ...referenceOf(signedIn, params.id), role: body.role }
      must(await organizations.changeRole(actor, member, { ...asMember, reason: body.reason }))
      return done
    },

    async suspend(signedIn: SignedIn, actor: Actor, { params, body }: Asked<'suspendMember'>) {
      const options = { ...asMember, reason: body.reason }
      must(await organizations.suspendMember(actor, referenceOf(signedIn, params.id), options))
      return done
    },

    async restore(signedIn: SignedIn, actor: Actor, { params, body }: Asked<'restoreMember'>) {
      const options = { ...asMember, reason: body.reason }
      must(await organizations.restoreMember(actor, referenceOf(signedIn, params.id), options))
      return done
    },

    async remove(signedIn: SignedIn, actor: Actor, userId: string) {
      must(await organizations.removeMember(actor, referenceOf(signedIn, userId), asMember))
      return done
    },

    async leave(signedIn: SignedIn) {
      must(await organizations.leave(referenceOf(signedIn, signedIn.userId)))
      return done
    },

    async transfer(signedIn: SignedIn, actor: Actor, to: string) {
      const organizationId = signedIn.organization.id
      must(await organizations.transferOwnership(actor, { organizationId, from: signedIn.userId, to }))
      return done
    },

    invitations: async (signedIn: SignedIn): Promise<Told<'listInvitations'>> => ({
      items: (await organizations.listInvitations(signedIn.organization.id)).map((one) =>
        invitationOnWire(one, clock()),
      ),
    }),

    async invite(signedIn: SignedIn, actor: Actor, { body }: Asked<'inviteMember'>, baseUrl: string) {
      const wanted = { organizationId: signedIn.organization.id, ...body }
      return sentOnWire(
        must(await organizations.invite(actor, wanted, sendingOf(signedIn, baseUrl))),
        clock(),
      )
    },

    async resend(signedIn: SignedIn, actor: Actor, id: string, baseUrl: string) {
      const which = { organizationId: signedIn.organization.id, id }
      const sending = sendingOf(signedIn, baseUrl)
      return sentOnWire(must(await organizations.resendInvitation(actor, which, sending)), clock())
    },

    async withdraw(signedIn: SignedIn, actor: Actor, id: string) {
      const which = { organizationId: signedIn.organization.id, id }
      must(await organizations.withdrawInvitation(actor, which))
      return done
    },
  }
}

const sendingOf = ({ name }: SignedIn, baseUrl: string) => ({ baseUrl, inviter: name })

const memberOnWire = ({ joinedAt, suspendedAt, lastUsedAt, ...member }: MemberRow): Member => ({
  ...member,
  joinedAt: joinedAt.toISOString(),
  suspendedAt: suspendedAt?.toISOString() ?? null,
  lastUsedAt: lastUsedAt?.toISOString() ?? null,
})

const invitationOnWire = (invitation: Invitation, now: Date): WireInvitation => ({
  id: invitation.id,
  email: invitation.email,
  role: invitation.role,
  invitedBy: invitation.invitedByName,
  createdAt: invitation.createdAt.toISOString(),
  sentAt: invitation.sentAt.toISOString(),
  expiresAt: invitation.expiresAt.toISOString(),
  state: invitation.expiresAt > now ? 'open' : 'expired',
  delivery: invitation.mailedAt !== null ? 'mailed' : invitation.mailFault === null ? 'shown' : 'not_mailed',
})

const sentOnWire = ({ invitation, path }: SentInvitation, now: Date) => ({
  invitation: invitationOnWire(invitation, now),
  link: path,
})
