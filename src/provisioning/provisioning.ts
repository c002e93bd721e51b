import type { Access, AccessToken } from '../access/access.ts'
import { hashOfToken, isWellFormed } from '../access/token.ts'
import type { Actor } from '../audit/audit.ts'
import { may } from '../contract/permissions.ts'
import type { Database } from '../db/database.ts'
import type { Epoch } from '../db/epoch.ts'
import type { Clock } from '../kit/clock.ts'
import { failure, type Outcome, success } from '../kit/fault.ts'
import type { Members } from '../organizations/members.ts'
import { makeGroups, type ProvisionedGroups } from './groups.ts'
import { makeProvisioningStore, type ProvisioningStore } from './store.ts'
import { makeUsers, type ProvisionedUsers } from './users.ts'

export type { Page, Wanted } from './users.ts'

/** Users and groups as an identity provider tells them: docs/provisioning.md */
export interface Provisioning {
  /**
   * Of the organisation whose token it is; nothing that is done with it reaches beyond. It ends with the first use after
   * whoever made it may not manage members any more, and rests while they are suspended.
   */
  authenticate(bearer: string): Promise<Outcome<ProvisioningToken>>
  readonly users: ProvisionedUsers
  readonly groups: ProvisionedGroups
  readonly store: Pick<ProvisioningStore, 'countUsers' | 'groups' | 'search' | 'users'>
}

export interface ProvisioningToken extends AccessToken {
  /** Whoever made it: it does nothing that they may not do by hand. */
  readonly by: 'owner' | 'administrator'
}

export interface ProvisioningParts {
  readonly database: Database
  readonly epoch: Pick<Epoch, 'change'>
  readonly access: Access
  readonly members: Pick<Members, 'join' | 'changeRole' | 'suspendMember' | 'restoreMember' | 'removeMember'>
  readonly clock: Clock
}

export const makeProvisioning = (parts: ProvisioningParts): Provisioning => {
  const { database, access } = parts
  const store = makeProvisioningStore(database.kysely)
  const groups = makeGroups({ ...parts, store })
  return {
    async authenticate(bearer) {
      if (!isWellFormed(bearer)) return failure('invalid_token')
      const token = await access.authenticateFor('provisioning', { hash: hashOfToken(bearer) })
      if (!token.ok) return token
      const { organizationId, id } = token.value
      const author = await store.authorOf(organizationId, id)
      // Before suspension, which passes: whoever is deleted is suspended, too, and does not come back.
      if (author.role === null || !may(author.role, 'members.manage')) {
        await access.revokeToken({ kind: 'gateway', id: null }, { organizationId, id }, authorGone)
        return failure('revoked_token', { message: authorGone })
      }
      if (author.isSuspended) return failure('user_suspended', authorSuspended)
      access.noteUse(token.value)
      return success({ ...token.value, by: author.role === 'owner' ? 'owner' : 'administrator' })
    },
    users: makeUsers({ ...parts, store, groups }),
    groups,
    store,
  }
}

const authorGone = 'Whoever made this token may not manage members any more, so it was revoked.'
const authorSuspended = {
  message: 'Whoever made this token is suspended.',
  next: 'Make a new token under Provisioning, or have them restored.',
}

export const actorOf = (token: AccessToken): Actor => ({ kind: 'platform_token', id: token.id })
