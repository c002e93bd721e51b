import type { Access, AccessToken } from '../access/access.ts'
import { hashOfToken, isWellFormed } from '../access/token.ts'
import type { Actor } from '../audit/audit.ts'
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
  /** Of the organisation whose token it is; nothing that is done with it reaches beyond. */
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
      access.noteUse(token.value)
      const by = await store.authorOf(token.value.organizationId, token.value.id)
      return success({ ...token.value, by })
    },
    users: makeUsers({ ...parts, store, groups }),
    groups,
    store,
  }
}

export const actorOf = (token: AccessToken): Actor => ({ kind: 'platform_token', id: token.id })
