import { z } from 'zod'
import { accessToken, createdAccessToken, newAccessToken } from './access-tokens.ts'
import { defineEndpoints } from './endpoint.ts'
import * as wire from './wire.ts'

export const teamRole = z.enum(['lead', 'member']).describe('lead: looks after members and access tokens')
export type TeamRole = z.infer<typeof teamRole>

const teamName = wire.label
const description = z.string().trim().max(500)

/** What was called with a team’s access tokens. */
export const teamUse = z.object({
  operations: wire.count,
  creditMicros: wire.micros,
  costNanoUsd: wire.nanoUsd.describe(
    'What keys of the organisation and of members cost, as far as prices are known',
  ),
})
export type TeamUse = z.infer<typeof teamUse>

export const team = z.object({
  id: wire.id,
  name: z.string(),
  description: z.string(),
  createdAt: wire.time,
  archivedAt: wire.time.nullable(),
  memberCount: wire.count,
  accessTokenCount: wire.count.describe('Live ones'),
  ownRole: teamRole.nullable().describe('Yours in it; null: you are not a member of it'),
  mayManage: z.boolean().describe('You look after its members and access tokens'),
  use: teamUse.describe('In the last 30 days'),
})
export type Team = z.infer<typeof team>

export const teamMember = z.object({
  userId: wire.id,
  name: z.string(),
  email: z.string(),
  kind: z.enum(['person', 'service_account']),
  role: teamRole,
  joinedAt: wire.time,
  use: teamUse.nullable().describe('With the team’s tokens, in the last 30 days; null: not for you to see'),
})
export type TeamMember = z.infer<typeof teamMember>

export const teamToken = accessToken.extend({ userId: wire.id, userName: z.string() })
export type TeamToken = z.infer<typeof teamToken>

const teamView = team.extend({
  members: z.array(teamMember),
  services: z.array(teamUse.extend({ serviceId: z.string().nullable() })).describe('The use by service'),
})
export type TeamView = z.infer<typeof teamView>

const memberOfTeam = z.object({ id: wire.id, user: wire.id })

export const teamEndpoints = defineEndpoints({
  listTeams: {
    method: 'GET',
    path: '/teams',
    auth: 'session',
    permission: 'own.read',
    group: 'teams',
    summary: 'The teams you are in; all of the organisation, if your role reads them',
    query: z.object({ archived: z.enum(['true', 'false']).default('false') }),
    reply: z.object({ items: z.array(team) }),
  },
  createTeam: {
    method: 'POST',
    path: '/teams',
    auth: 'session',
    permission: 'teams.manage',
    group: 'teams',
    status: 201,
    summary: 'Make a team or project: it has members, access tokens and budgets of its own',
    body: z.object({ name: teamName, description: description.default('') }),
    reply: team,
  },
  readTeam: {
    method: 'GET',
    path: '/teams/:id',
    auth: 'session',
    permission: 'own.read',
    group: 'teams',
    summary: 'A team with its members and what was used with its access tokens',
    params: wire.idParams,
    reply: teamView,
  },
  changeTeam: {
    method: 'PATCH',
    path: '/teams/:id',
    auth: 'session',
    permission: 'teams.manage',
    group: 'teams',
    summary: 'Change its name or description',
    params: wire.idParams,
    body: z.object({ name: teamName.optional(), description: description.optional() }),
    reply: team,
  },
  archiveTeam: {
    method: 'POST',
    path: '/teams/:id/archive',
    auth: 'session',
    permission: 'teams.manage',
    stepUp: true,
    group: 'teams',
    summary: 'Its access tokens are revoked; its numbers stay',
    params: wire.idParams,
    reply: wire.done,
  },
  restoreTeam: {
    method: 'POST',
    path: '/teams/:id/restore',
    auth: 'session',
    permission: 'teams.manage',
    group: 'teams',
    summary: 'An archived team goes on; its access tokens stay revoked',
    params: wire.idParams,
    reply: team,
  },
  listTeamCandidates: {
    method: 'GET',
    path: '/teams/:id/candidates',
    auth: 'session',
    permission: 'own.use',
    group: 'teams',
    summary: 'Members of the organisation who are not in the team; for whoever looks after it',
    params: wire.idParams,
    query: z.object({ search: z.string().max(120).optional().describe('Part of name or e-mail') }),
    reply: z.object({
      items: z
        .array(teamMember.pick({ userId: true, name: true, email: true, kind: true }))
        .describe('At most 50'),
    }),
  },
  setTeamMember: {
    method: 'PUT',
    path: '/teams/:id/members/:user',
    auth: 'session',
    permission: 'own.use',
    group: 'teams',
    summary:
      'Take a member of the organisation into the team, or change their part in it; for its leads, too',
    params: memberOfTeam,
    body: z.object({ role: teamRole.default('member') }),
    reply: wire.done,
  },
  removeTeamMember: {
    method: 'DELETE',
    path: '/teams/:id/members/:user',
    auth: 'session',
    permission: 'own.use',
    group: 'teams',
    summary: 'Take a member out of the team, or leave it: their access tokens of the team are revoked',
    params: memberOfTeam,
    reply: wire.done,
  },
  listTeamTokens: {
    method: 'GET',
    path: '/teams/:id/access-tokens',
    auth: 'session',
    permission: 'own.read',
    group: 'teams',
    summary: 'Live access tokens of the team; only yours, unless you look after it',
    params: wire.idParams,
    reply: z.object({ items: z.array(teamToken) }),
  },
  createTeamToken: {
    method: 'POST',
    path: '/teams/:id/access-tokens',
    auth: 'session',
    permission: 'own.use',
    stepUp: true,
    group: 'teams',
    status: 201,
    summary: 'An access token whose use counts for the team; it acts for you and is shown once',
    params: wire.idParams,
    body: newAccessToken.omit({ scopes: true }).extend({
      userId: wire.id
        .optional()
        .describe('A service account in the team that it acts for; for whoever manages teams'),
    }),
    reply: createdAccessToken,
  },
  revokeTeamToken: {
    method: 'DELETE',
    path: '/teams/:id/access-tokens/:token',
    auth: 'session',
    permission: 'own.use',
    group: 'teams',
    summary: 'Revoke an access token of the team: yours, or any if you look after it',
    params: z.object({ id: wire.id, token: wire.id }),
    reply: wire.done,
  },
})
