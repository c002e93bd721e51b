import type { AccessToken as WireAccessToken } from '../contract/access-tokens.ts'
import { tokenOnWire } from './token-on-wire.ts'
import { may, type Permission, permissions } from '../contract/permissions.ts'
import { defineHandlers } from '../http/handler.ts'
import type { Clock } from '../kit/clock.ts'
import { FaultError, fault, must } from '../kit/fault.ts'
import { platformOrganizationId } from '../kit/id.ts'
import { type Access, type AccessToken, platformScopes } from './access.ts'

const permissionNames = Object.keys(permissions) as Permission[]
const dayMs = 24 * 3600 * 1000

export const accessApi = ({ access, clock }: { access: Access; clock: Clock }) => {
  const expiry = (days: number | null) => (days === null ? null : new Date(clock().getTime() + days * dayMs))

  return defineHandlers<
    | 'readCaller'
    | 'listAccessTokens'
    | 'createAccessToken'
    | 'revokeAccessToken'
    | 'listPlatformTokens'
    | 'createPlatformToken'
    | 'revokePlatformToken'
  >({
    readCaller: async (_, { signedIn, actor }) => ({
      user: { id: signedIn.userId, email: signedIn.email, name: signedIn.name },
      organization: {
        id: signedIn.organization.id,
        name: signedIn.organization.name,
        kind: signedIn.organization.kind,
      },
      role: signedIn.role,
      permissions: permissionNames.filter((permission) => may(signedIn.role, permission)),
      isPlatformAdministrator: signedIn.isPlatformAdministrator,
      accessToken: actor.token
        ? {
            id: actor.token.id,
            scopes: [...actor.token.scopes],
            expiresAt: actor.token.expiresAt?.toISOString() ?? null,
          }
        : null,
    }),

    async listAccessTokens(_, { signedIn }) {
      const filter = {
        organizationId: signedIn.organization.id,
        kind: 'user',
        userId: signedIn.userId,
      } as const
      return { items: live(await access.listTokens(filter)) }
    },

    async createAccessToken({ body }, { signedIn, actor }) {
      if (body.scopes.includes('administer') && !signedIn.isPlatformAdministrator)
        throw new FaultError(fault('forbidden', { field: 'scopes' }))
      const { token, accessToken } = await access.createToken(actor, {
        organizationId: signedIn.organization.id,
        kind: 'user',
        userId: signedIn.userId,
        name: body.name,
        scopes: body.scopes,
        expiresAt: expiry(body.expiresInDays),
      })
      return { token, accessToken: tokenOnWire(accessToken) }
    },

    async revokeAccessToken({ params }, { signedIn, actor }) {
      const which = { organizationId: signedIn.organization.id, id: params.id, userId: signedIn.userId }
      must(await access.revokeToken(actor, which))
      return { done: true }
    },

    async listPlatformTokens() {
      const filter = { organizationId: platformOrganizationId, kind: 'platform' } as const
      return { items: live(await access.listTokens(filter)) }
    },

    async createPlatformToken({ body }, { actor }) {
      const { token, accessToken } = await access.createToken(actor, {
        organizationId: platformOrganizationId,
        kind: 'platform',
        userId: null,
        name: body.name,
        scopes: platformScopes,
        expiresAt: expiry(body.expiresInDays),
      })
      return { token, accessToken: tokenOnWire(accessToken) }
    },

    async revokePlatformToken({ params }, { actor }) {
      must(await access.revokeToken(actor, { organizationId: platformOrganizationId, id: params.id }))
      return { done: true }
    },
  })
}

const live = (tokens: AccessToken[]): WireAccessToken[] =>
  tokens.filter((token) => token.revokedAt === null).map(tokenOnWire)
