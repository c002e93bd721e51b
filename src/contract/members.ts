import { z } from 'zod'
import { defineEndpoints } from './endpoint.ts'
import { me } from './session.ts'
import * as wire from './wire.ts'

const organizationName = z.string().trim().min(1).max(120)
/** 32 random bytes, base64url: the part of /invitation#<token> after the hash, which browsers send to nobody. */
const invitationToken = z.string().regex(/^[A-Za-z0-9_-]{43}$/, 'must be the whole link')

export const ownOrganization = z.object({
  id: wire.id,
  name: z.string(),
  kind: z.enum(['platform', 'personal', 'company']),
  createdAt: wire.time,
  memberCount: wire.count,
  deleteAt: wire.time.nullable().describe('Not null: it is deleted then, unless an owner undoes it'),
  mailed: z.boolean().describe('Invitations are sent by e-mail; else their link is shown to whoever invites'),
})
export type OwnOrganization = z.infer<typeof ownOrganization>

export const workplace = z.object({
  id: wire.id,
  name: z.string(),
  kind: z.enum(['platform', 'personal', 'company']),
  role: wire.role,
  suspended: z.boolean(),
  current: z.boolean(),
})
export type Workplace = z.infer<typeof workplace>

export const member = z.object({
  userId: wire.id,
  email: z.string(),
  name: z.string(),
  kind: z.enum(['person', 'service_account']),
  role: wire.role,
  source: z.string().describe('operator, self, invitation, sso or provisioning'),
  joinedAt: wire.time,
  suspendedAt: wire.time.nullable(),
  lastUsedAt: wire.time.nullable().describe('Of their access tokens here; null: never'),
  serviceKeyCount: wire.count.describe('Keys of their own'),
  accessTokenCount: wire.count,
})
export type Member = z.infer<typeof member>

export const invitation = z.object({
  id: wire.id,
  email: z.string(),
  role: wire.role,
  invitedBy: z.string().nullable().describe('Name of the member who invited'),
  createdAt: wire.time,
  sentAt: wire.time.describe('When the link that works was made'),
  expiresAt: wire.time,
  state: z.enum(['open', 'expired']),
  delivery: z
    .enum(['mailed', 'not_mailed', 'shown'])
    .describe(
      'not_mailed: the mail server did not take it. shown: to whoever invited, as there is no mail server',
    ),
})
export type Invitation = z.infer<typeof invitation>

const sentInvitation = z.object({
  invitation,
  link: z
    .string()
    .nullable()
    .describe(
      '/invitation#<token>: put the address of this installation in front. Shown this once; null: mailed',
    ),
})

const memberParams = wire.idParams.describe('The id of the user')
const reason = z.string().trim().min(1).max(500).optional()

export const memberEndpoints = defineEndpoints({
  listWorkplaces: {
    method: 'GET',
    path: '/me/organizations',
    auth: 'session',
    permission: 'own.read',
    group: 'organisation',
    summary: 'Every organisation you are a member of',
    reply: z.object({
      items: z.array(workplace),
      mayCreate: z.boolean().describe('Whether you may make a company by yourself'),
    }),
  },
  switchOrganization: {
    method: 'PUT',
    path: '/me/organization',
    auth: 'session',
    permission: 'own.account',
    group: 'organisation',
    summary: 'Work in another organisation you are a member of, in this session',
    body: z.object({ organizationId: wire.id }),
    reply: me,
  },
  createCompany: {
    method: 'POST',
    path: '/me/organizations',
    auth: 'session',
    permission: 'own.account',
    ofWholeAccount: true,
    group: 'organisation',
    status: 201,
    summary: 'Make a company, be its owner and work in it; where this installation allows that',
    body: z.object({ name: organizationName }),
    reply: me,
  },
  leaveOrganization: {
    method: 'POST',
    path: '/me/organization/leave',
    auth: 'session',
    permission: 'own.account',
    stepUp: true,
    group: 'organisation',
    summary: 'Leave it: your tokens there are revoked, your keys there destroyed; its last owner cannot',
    reply: wire.done,
  },

  readOwnOrganization: {
    method: 'GET',
    path: '/organization',
    auth: 'session',
    permission: 'own.read',
    group: 'organisation',
    summary: 'The organisation you work in',
    reply: ownOrganization,
  },
  renameOrganization: {
    method: 'PATCH',
    path: '/organization',
    auth: 'session',
    permission: 'organization.change',
    group: 'organisation',
    summary: 'Give it another name',
    body: z.object({ name: organizationName }),
    reply: ownOrganization,
  },
  transferOrganization: {
    method: 'POST',
    path: '/organization/transfer',
    auth: 'session',
    browserOnly: true,
    permission: 'organization.own',
    stepUp: true,
    group: 'organisation',
    summary: 'Hand it over: another member is an owner then, you an administrator',
    body: z.object({ userId: wire.id }),
    reply: wire.done,
  },
  scheduleDeletion: {
    method: 'POST',
    path: '/organization/deletion',
    auth: 'session',
    permission: 'organization.own',
    stepUp: true,
    group: 'organisation',
    status: 201,
    summary:
      'Delete it when the grace time is over: tokens, keys and memberships; books and audit trail stay',
    body: z.object({ name: z.string().describe('Its name, to be sure') }),
    reply: ownOrganization,
  },
  cancelDeletion: {
    method: 'DELETE',
    path: '/organization/deletion',
    auth: 'session',
    permission: 'organization.own',
    group: 'organisation',
    summary: 'Keep it after all',
    reply: ownOrganization,
  },

  listMembers: {
    method: 'GET',
    path: '/organization/members',
    auth: 'session',
    permission: 'members.read',
    group: 'members',
    summary: 'Members of your organisation, by name',
    query: wire.pageQuery.extend({
      search: z.string().max(120).optional().describe('Part of name or e-mail'),
      role: wire.role.optional(),
      state: z.enum(['active', 'suspended']).optional(),
    }),
    reply: wire.page(member).extend({
      counts: z.object({
        total: wire.count,
        suspended: wire.count,
        roles: z.record(wire.role, wire.count),
      }),
    }),
  },
  changeMemberRole: {
    method: 'PUT',
    path: '/organization/members/:id/role',
    auth: 'session',
    permission: 'members.manage',
    stepUp: true,
    group: 'members',
    summary: 'Give a member another role; administrators only below their own',
    params: memberParams,
    body: z.object({ role: wire.role, reason }),
    reply: wire.done,
  },
  suspendMember: {
    method: 'POST',
    path: '/organization/members/:id/suspend',
    auth: 'session',
    permission: 'members.manage',
    stepUp: true,
    group: 'members',
    summary: 'Their sessions end and their tokens are refused here, until they are restored',
    params: memberParams,
    body: z.object({ reason }),
    reply: wire.done,
  },
  restoreMember: {
    method: 'POST',
    path: '/organization/members/:id/restore',
    auth: 'session',
    permission: 'members.manage',
    stepUp: true,
    group: 'members',
    summary: 'A suspended member works again, with the tokens and keys they had',
    params: memberParams,
    body: z.object({ reason }),
    reply: wire.done,
  },
  removeMember: {
    method: 'DELETE',
    path: '/organization/members/:id',
    auth: 'session',
    permission: 'members.manage',
    stepUp: true,
    group: 'members',
    summary: 'For good: their tokens here are revoked and their own keys here destroyed',
    params: memberParams,
    reply: wire.done,
  },

  listInvitations: {
    method: 'GET',
    path: '/organization/invitations',
    auth: 'session',
    permission: 'members.read',
    group: 'members',
    summary: 'Invitations that nobody has answered yet, newest first',
    reply: z.object({ items: z.array(invitation) }),
  },
  inviteMember: {
    method: 'POST',
    path: '/organization/invitations',
    auth: 'session',
    permission: 'members.manage',
    stepUp: true,
    group: 'members',
    status: 201,
    summary: 'Invite somebody by e-mail address; without a mail server you get the link and pass it on',
    body: z.object({ email: wire.email, role: wire.role.default('member') }),
    reply: sentInvitation,
  },
  resendInvitation: {
    method: 'POST',
    path: '/organization/invitations/:id/resend',
    auth: 'session',
    permission: 'members.manage',
    stepUp: true,
    group: 'members',
    summary: 'A new link, with its whole time again; the one before does not work any more',
    params: wire.idParams,
    reply: sentInvitation,
  },
  withdrawInvitation: {
    method: 'DELETE',
    path: '/organization/invitations/:id',
    auth: 'session',
    permission: 'members.manage',
    group: 'members',
    summary: 'The link does not work any more',
    params: wire.idParams,
    reply: wire.done,
  },

  readInvitation: {
    method: 'POST',
    path: '/invitations/read',
    auth: 'public',
    throttled: true,
    group: 'members',
    summary: 'What an invitation is to, for whoever has its link',
    body: z.object({ token: invitationToken }),
    reply: z.object({
      organizationName: z.string(),
      email: z.string(),
      role: wire.role,
      invitedBy: z.string().nullable(),
      expiresAt: wire.time,
      account: z
        .enum(['none', 'active', 'idle'])
        .describe(
          'active: sign in with it to take this. idle: it can work nowhere now, and takes this at once',
        ),
    }),
  },
  acceptInvitation: {
    method: 'POST',
    path: '/invitations/accept',
    auth: 'public',
    throttled: true,
    group: 'members',
    summary: 'Take an invitation as somebody who has no account yet, and sign in',
    body: z.object({
      token: invitationToken,
      name: wire.personName.optional().describe('Of a new account'),
      password: wire.newPassword.optional().describe('Of a new account'),
    }),
    reply: z.object({ me: me.nullable().describe('null: sign in with the account you had') }),
  },
  joinByInvitation: {
    method: 'POST',
    path: '/me/organizations/join',
    auth: 'session',
    permission: 'own.account',
    group: 'members',
    summary: 'Take an invitation to your own e-mail address, and work there in this session',
    body: z.object({ token: invitationToken }),
    reply: me,
  },
})
