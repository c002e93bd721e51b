import type { Access, AccessToken } from '../access/access.ts'
import type { provisioningEndpoints } from '../contract/provisioning.ts'
import { defineHandlers } from '../http/handler.ts'
import type { Clock } from '../kit/clock.ts'
import { decodeNumberCursor, encodeCursor } from '../kit/cursor.ts'
import { FaultError, fault, must } from '../kit/fault.ts'
import { requireMayGive } from '../organizations/may-give.ts'
import type { Provisioning } from './provisioning.ts'

const dayMs = 24 * 3600 * 1000

export const provisioningApi = (parts: { provisioning: Provisioning; access: Access; clock: Clock }) => {
  const { provisioning, access, clock } = parts
  const { store, groups } = provisioning

  return defineHandlers<keyof typeof provisioningEndpoints>({
    async readProvisioning(_, { signedIn, baseUrl }) {
      const organizationId = signedIn.organization.id
      const [tokens, counts, all] = await Promise.all([
        access.listTokens({ organizationId, kind: 'platform', purposes: ['provisioning'] }),
        store.countUsers(organizationId),
        store.groups(organizationId, {}, { offset: 0, limit: 500 }, false),
      ])
      return {
        baseUrl: `${baseUrl}/scim/v2`,
        tokens: tokens.filter((token) => token.revokedAt === null).map(tokenOnWire),
        userCount: counts.all,
        inactiveCount: counts.inactive,
        lastChangeAt: counts.lastChangeAt?.toISOString() ?? null,
        groups: all.map(({ id, displayName, role, memberCount, updatedAt }) => ({
          id,
          name: displayName,
          role: role === 'owner' ? null : role,
          memberCount,
          updatedAt: updatedAt.toISOString(),
        })),
      }
    },

    async listProvisionedUsers({ query }, { signedIn }) {
      const organizationId = signedIn.organization.id
      const offset = Number(decodeNumberCursor(query.cursor) ?? 0n)
      const window = { offset, limit: query.limit + 1 }
      const ids = query.search ? await store.search(organizationId, query.search, window) : null
      const users =
        ids === null
          ? await store.users(organizationId, {}, window)
          : (await Promise.all(ids.map((id) => store.users(organizationId, { id }, null)))).flat()
      return {
        items: users.slice(0, query.limit).map((user) => ({
          id: user.id,
          userName: user.userName,
          email: user.email,
          name: user.name,
          externalId: user.externalId,
          active: user.active,
          role: user.role,
          groups: user.groups.map(({ name }) => name),
          updatedAt: user.updatedAt.toISOString(),
        })),
        nextCursor: users.length > query.limit ? encodeCursor(String(offset + query.limit)) : null,
      }
    },

    async createProvisioningToken({ body }, { signedIn, actor }) {
      const { token, accessToken } = await access.createToken(actor, {
        organizationId: signedIn.organization.id,
        kind: 'platform',
        purpose: 'provisioning',
        userId: null,
        name: body.name,
        scopes: [],
        expiresAt:
          body.expiresInDays === null ? null : new Date(clock().getTime() + body.expiresInDays * dayMs),
      })
      return { token, accessToken: tokenOnWire(accessToken) }
    },

    async revokeProvisioningToken({ params }, { signedIn, actor }) {
      const organizationId = signedIn.organization.id
      // Applications and clients have ids of the same kind, and are ended elsewhere.
      const tokens = await access.listTokens({ organizationId, kind: 'platform', purposes: ['provisioning'] })
      if (!tokens.some(({ id }) => id === params.id)) throw new FaultError(fault('not_found'))
      must(await access.revokeToken(actor, { organizationId, id: params.id }))
      return { done: true }
    },

    async setGroupRole({ params, body }, { signedIn, actor }) {
      const group = { organizationId: signedIn.organization.id, id: params.id, role: body.role }
      const [before] = await store.groups(group.organizationId, { id: group.id }, null, false)
      requireMayGive(signedIn.role, [body.role, before?.role ?? null])
      const by = signedIn.role === 'owner' ? 'owner' : 'administrator'
      return { changed: must(await groups.setRole({ actor, by }, group)) }
    },
  })
}

const tokenOnWire = (token: AccessToken) => ({
  id: token.id,
  name: token.name,
  lastFour: token.lastFour,
  expiresAt: token.expiresAt?.toISOString() ?? null,
  lastUsedAt: token.lastUsedAt?.toISOString() ?? null,
  createdAt: token.createdAt.toISOString(),
})
