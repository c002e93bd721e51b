import type { AccessToken as WireAccessToken } from '../contract/access-tokens.ts'
import type { AccessToken } from './access.ts'

export const tokenOnWire = (token: AccessToken): WireAccessToken => ({
  id: token.id,
  name: token.name,
  lastFour: token.lastFour,
  scopes: [...token.scopes],
  teamId: token.teamId,
  expiresAt: token.expiresAt?.toISOString() ?? null,
  lastUsedAt: token.lastUsedAt?.toISOString() ?? null,
  createdAt: token.createdAt.toISOString(),
})
