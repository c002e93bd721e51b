import type { Logger } from 'pino'
import { type Actor, recordAudit } from '../audit/audit.ts'
import type { Database } from '../db/database.ts'
import type { Epoch } from '../db/epoch.ts'
import type { Clock } from '../kit/clock.ts'
import { FaultError, failure, fault, type Outcome, success } from '../kit/fault.ts'
import { isId, newId, platformOrganizationId } from '../kit/id.ts'
import type { RateLimits } from '../limits/rate-limits.ts'
import type { Fallback, OrganizationControl } from '../policy/control.ts'
import type { Entitlements, OfferedTier } from '../policy/entitlements.ts'
import { makeAccessStore } from './store.ts'
import { generateToken, hashOfToken } from './token.ts'

/** `operations`: call AI services. `read`: one's own operations and credits. The other two: platform tokens only. */
export const userScopes = ['operations', 'read'] as const
export const platformScopes = ['act_for_users', 'read_metrics'] as const
export type Scope = (typeof userScopes)[number] | (typeof platformScopes)[number]

export interface NewAccessToken {
  readonly organizationId: string
  readonly kind: 'user' | 'platform'
  /** Null for platform tokens. */
  readonly userId: string | null
  readonly name: string
  readonly scopes: readonly Scope[]
  readonly expiresAt: Date | null
  /** What is called with it counts for this team, too; its user has to be a member of it. */
  readonly teamId?: string | null
}

export interface AccessToken extends NewAccessToken {
  readonly id: string
  readonly teamId: string | null
  /** Its team is no more, or its user is not in it any more. */
  readonly isTeamOver: boolean
  readonly lastFour: string
  readonly revokedAt: Date | null
  readonly lastUsedAt: Date | null
  readonly createdAt: Date
}

/** A member of an organisation as the gateway needs them. */
export interface Person {
  readonly organizationId: string
  readonly userId: string
  readonly email: string
  readonly suspended: boolean
  readonly accountId: string | null
  readonly control: OrganizationControl
  /** By service id; `*` is the default. */
  readonly preferences: ReadonlyMap<string, Fallback>
  /** Of the version of the tier that their subscription has. */
  readonly entitlements: Entitlements
  /** That hold for them while an administrator has set none. */
  readonly tierLimits: RateLimits | null
}

export interface Access {
  /** The token is returned here and never again. Rejects with `not_found` where its user is not in its team. */
  createToken(actor: Actor, wanted: NewAccessToken): Promise<{ token: string; accessToken: AccessToken }>
  listTokens(filter: {
    organizationId: string
    kind: 'user' | 'platform'
    userId?: string
    teamId?: string
  }): Promise<AccessToken[]>
  /** When this returns, no process starts an operation with the token. `userId` limits it to one's own tokens. */
  revokeToken(
    actor: Actor,
    token: { organizationId: string; id: string; userId?: string; teamId?: string },
  ): Promise<Outcome<void>>
  /** Existence, revocation and expiry, by the token's hash. Asks the database; the gateway caches what it returns. */
  authenticate(tokenHash: Buffer): Promise<Outcome<AccessToken>>
  person(organizationId: string, userId: string): Promise<Outcome<Person>>
  /** The user a platform token acts for, by id or e-mail address, within the token's reach. */
  personFor(platformToken: AccessToken, reference: string): Promise<Outcome<Person>>
  /** Tiers that can be changed to, in their order, as they are and will be. */
  offeredTiers(): Promise<readonly OfferedTier[]>
  /** Remembers the use of a token; written by `flushUses`, at most once a minute for each. */
  noteUse(token: AccessToken): void
  flushUses(): Promise<void>
}

export const makeAccess = (parts: {
  database: Database
  epoch: Epoch
  clock: Clock
  log: Logger
}): Access => {
  const { database, epoch, clock, log } = parts
  const store = makeAccessStore(database.kysely)
  let uses = new Map<string, { organizationId: string; at: Date }>()

  const personOutcome = (person: Person | undefined): Outcome<Person> => {
    if (!person) return failure('unknown_user')
    return person.suspended ? failure('user_suspended') : success(person)
  }

  return {
    async createToken(actor, wanted) {
      const token = generateToken()
      const accessToken = await epoch.change(wanted.organizationId, async (transaction) => {
        if (wanted.teamId != null && !(await store.lockTeamMember(transaction, wanted)))
          throw new FaultError(fault('not_found', { field: 'teamId' }))
        const created = await store.insert(transaction, {
          ...wanted,
          id: newId(),
          hash: hashOfToken(token),
          lastFour: token.slice(-4),
          createdBy: actor.kind === 'user' ? actor.id : null,
        })
        await recordAudit(transaction, {
          organizationId: wanted.organizationId,
          actor,
          action: 'access_token.created',
          subject: { kind: 'access_token', id: created.id },
          after: {
            name: wanted.name,
            kind: wanted.kind,
            scopes: wanted.scopes,
            userId: wanted.userId,
            ...(wanted.teamId != null && { teamId: wanted.teamId }),
          },
        })
        return created
      })
      return { token, accessToken }
    },

    listTokens: (filter) => store.list(filter),

    async revokeToken(actor, token) {
      const { organizationId, id } = token
      const revoked = await epoch.change(organizationId, async (transaction) => {
        const row = await store.revoke(transaction, token, clock())
        if (row)
          await recordAudit(transaction, {
            organizationId,
            actor,
            action: 'access_token.revoked',
            subject: { kind: 'access_token', id },
            before: { name: row.name },
          })
        return row
      })
      return revoked ? success(undefined) : failure('not_found')
    },

    async authenticate(tokenHash) {
      const found = await store.findByHash(tokenHash)
      return found ? standing(found, clock()) : failure('invalid_token')
    },

    person: async (organizationId, userId) =>
      personOutcome(await store.findPerson({ userId }, organizationId)),

    async personFor(platformToken, reference) {
      const reach =
        platformToken.organizationId === platformOrganizationId ? null : platformToken.organizationId
      const who = isId(reference) ? { userId: reference } : { email: reference }
      return personOutcome(await store.findPerson(who, reach))
    },

    offeredTiers: () => store.offeredTiers(),

    noteUse(token) {
      const last = token.lastUsedAt?.getTime() ?? 0
      const now = clock()
      if (now.getTime() - last > 60_000) uses.set(token.id, { organizationId: token.organizationId, at: now })
    },

    async flushUses() {
      if (uses.size === 0) return
      const batch = uses
      uses = new Map()
      await store
        .touch(batch)
        .catch((error: unknown) => log.warn({ err: error }, 'last use of access tokens not written'))
    },
  }
}

/** Whether a known token may be used now. */
export const standing = (token: AccessToken, now: Date): Outcome<AccessToken> => {
  if (token.revokedAt !== null || token.isTeamOver) return failure('revoked_token')
  if (token.expiresAt !== null && token.expiresAt <= now) return failure('expired_token')
  return success(token)
}
