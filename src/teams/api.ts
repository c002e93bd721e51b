import { tokenOnWire } from '../access/token-on-wire.ts'
import type { TeamUse, teamEndpoints } from '../contract/teams.ts'
import { defineHandlers, type SessionContext } from '../http/handler.ts'
import type { Clock } from '../kit/clock.ts'
import { must } from '../kit/fault.ts'
import { may } from '../contract/permissions.ts'
import type { Manager, TeamRow, Teams, UseRow } from './teams.ts'

const dayMs = 86_400_000

export const teamApi = ({ teams, clock }: { teams: Teams; clock: Clock }) => {
  const onWire = (by: Manager, { operations, creditMicros, costNanoUsd, ...row }: TeamRow) => ({
    ...row,
    memberCount: Number(row.memberCount),
    accessTokenCount: Number(row.accessTokenCount),
    createdAt: row.createdAt.toISOString(),
    archivedAt: row.archivedAt?.toISOString() ?? null,
    mayManage: teams.mayManage(by, row),
    use: useOnWire({ operations, creditMicros, costNanoUsd }),
  })
  const view = async (by: Manager, id: string) => onWire(by, must(await teams.find(by, id)))

  return defineHandlers<keyof typeof teamEndpoints>({
    async listTeams({ query }, context) {
      const by = managerOf(context)
      const found = await teams.list(by, { isArchived: query.archived === 'true' })
      return { items: found.map((row) => onWire(by, row)) }
    },
    async createTeam({ body }, context) {
      const by = managerOf(context)
      return view(by, must(await teams.create(by, body)))
    },
    async readTeam({ params }, context) {
      const by = managerOf(context)
      const { team, members, services } = must(await teams.read(by, params.id))
      const seesUse = teams.mayManage(by, team) || may(by.role, 'teams.read')
      return {
        ...onWire(by, team),
        members: members.map(({ operations, creditMicros, costNanoUsd, ...member }) => ({
          ...member,
          joinedAt: member.joinedAt.toISOString(),
          use:
            seesUse || member.userId === by.userId
              ? useOnWire({ operations, creditMicros, costNanoUsd })
              : null,
        })),
        services: services.map(({ serviceId, ...use }) => ({ serviceId, ...useOnWire(use) })),
      }
    },
    async changeTeam({ params, body }, context) {
      const by = managerOf(context)
      must(await teams.change(by, params.id, body))
      return view(by, params.id)
    },
    async archiveTeam({ params }, context) {
      must(await teams.archive(managerOf(context), params.id))
      return { done: true }
    },
    async restoreTeam({ params }, context) {
      const by = managerOf(context)
      must(await teams.restore(by, params.id))
      return view(by, params.id)
    },
    async listTeamCandidates({ params, query }, context) {
      return { items: must(await teams.candidates(managerOf(context), params.id, query.search ?? '')) }
    },
    async setTeamMember({ params, body }, context) {
      must(await teams.setMember(managerOf(context), params.id, params.user, body.role))
      return { done: true }
    },
    async removeTeamMember({ params }, context) {
      must(await teams.removeMember(managerOf(context), params.id, params.user))
      return { done: true }
    },
    async listTeamTokens({ params }, context) {
      const found = must(await teams.tokens(managerOf(context), params.id))
      return {
        items: found.map(({ token, userName }) => ({
          ...tokenOnWire(token),
          userId: token.userId ?? '',
          userName,
        })),
      }
    },
    async createTeamToken({ params, body }, context) {
      const { name, expiresInDays, userId } = body
      const expiresAt = expiresInDays === null ? null : new Date(clock().getTime() + expiresInDays * dayMs)
      const { token, accessToken } = must(
        await teams.createToken(managerOf(context), params.id, { name, expiresAt, userId }),
      )
      return { token, accessToken: tokenOnWire(accessToken) }
    },
    async revokeTeamToken({ params }, context) {
      must(await teams.revokeToken(managerOf(context), params.id, params.token))
      return { done: true }
    },
  })
}

const managerOf = ({ signedIn, actor }: SessionContext): Manager => ({
  actor,
  organizationId: signedIn.organization.id,
  userId: signedIn.userId,
  role: signedIn.role,
})

const useOnWire = ({ operations, creditMicros, costNanoUsd }: UseRow): TeamUse => ({
  operations: Number(operations),
  creditMicros: String(creditMicros),
  costNanoUsd: String(costNanoUsd),
})
