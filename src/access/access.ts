import type { Transaction } from 'kysely'
import type { Logger } from 'pino'
import { type Actor, recordAudit } from '../audit/audit.ts'
import type { Role } from '../contract/permissions.ts'
import type { Database } from '../db/database.ts'
import type { Epoch } from '../db/epoch.ts'
import type { Schema } from '../db/schema.ts'
import type { Clock } from '../kit/clock.ts'
import { FaultError, failure, fault, must, type Outcome, success } from '../kit/fault.ts'
import { isId, newId, platformOrganizationId } from '../kit/id.ts'
import type { TokenPolicy } from '../identity/session-policy.ts'
import type { RateLimits } from '../limits/rate-limits.ts'
import type { Fallback, OrganizationControl } from '../policy/control.ts'
import type { Entitlements, OfferedTier } from '../policy/entitlements.ts'
import { makeAccessStore } from './store.ts'
import { generateToken, hashOfToken } from './token.ts'

/**
 * `operations`: call AI services. `read`: one's own operations and credits. `manage`: the management API, as far as the role
 * reaches. `administer`: the platform's part of it. The other two: platform tokens only.
 */
export const userScopes = ['operations', 'read', 'manage', 'administer'] as const
export const platformScopes = ['act_for_users', 'read_metrics'] as const
export type Scope = (typeof userScopes)[number] | (typeof platformScopes)[number]

/**
 * `bearer`: presented with each call. The others open nothing by themselves: the secret of an OAuth 2.0 client buys
 * short-lived tokens, an application's own signed tokens stand for its row, and provisioning is for /scim/v2 alone.
 */
export type TokenPurpose = 'bearer' | 'client' | 'application' | 'provisioning'

export interface NewAccessToken {
  /** Left out: a new one. */
  readonly id?: string | undefined
  readonly organizationId: string
  /** `bearer` unless given. */
  readonly purpose?: TokenPurpose
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
  readonly purpose: TokenPurpose
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
  readonly role: Role
  readonly suspended: boolean
  readonly accountId: string | null
  /** Of a machine: the member who answers for it, and on whose credits it works. */
  readonly payerUserId: string | null
  readonly control: OrganizationControl
  /** By service id; `*` is the default. */
  readonly preferences: ReadonlyMap<string, Fallback>
  /** Of the version of the tier that their subscription has. */
  readonly entitlements: Entitlements
  /** That hold for them while an administrator has set none. */
  readonly tierLimits: RateLimits | null
  /** What session policies say of tokens that stand for them: their organisation's, and the platform's where it has a say. */
  readonly tokenPolicies: readonly (TokenPolicy & { readonly organizationId: string })[]
  /** Teams that they are in; archived ones are none. */
  readonly teamIds: readonly string[]
  /** When an exception from the control policy ends: what is known of them holds until then. Null: until it is changed. */
  readonly validUntil: Date | null
}

export interface Access {
  /**
   * The token is returned here and never again. Rejects with `not_found` where its user is not in its team, with `conflict`
   * where its user is a machine that works on the credits of another member than the actor.
   */
  createToken(actor: Actor, wanted: NewAccessToken): Promise<{ token: string; accessToken: AccessToken }>
  listTokens(filter: {
    organizationId: string
    kind: 'user' | 'platform'
    userId?: string
    teamId?: string
    /** Bearer tokens unless given. */
    purposes?: readonly TokenPurpose[]
  }): Promise<AccessToken[]>
  /** When this returns, no process starts an operation with the token. `userId` limits it to one's own tokens. */
  revokeToken(
    actor: Actor,
    token: { organizationId: string; id: string; userId?: string; teamId?: string },
    reason?: string,
  ): Promise<Outcome<void>>
  /** The same two inside a transaction of `epoch.change`: for credentials that have a row of their own beside it. */
  insertToken(
    transaction: Transaction<Schema>,
    actor: Actor,
    wanted: NewAccessToken,
  ): Promise<{ token: string; accessToken: AccessToken }>
  revokeTokenIn(
    transaction: Transaction<Schema>,
    actor: Actor,
    token: { organizationId: string; id: string; userId?: string; teamId?: string },
    reason?: string,
  ): Promise<AccessToken | undefined>
  /** Existence, revocation and expiry, by the token's hash. Asks the database; the gateway caches what it returns. */
  authenticate(tokenHash: Buffer): Promise<Outcome<AccessToken>>
  /** A credential that is no bearer token, by its hash, or by its id where something else stands for it. */
  authenticateFor(
    purpose: TokenPurpose,
    credential: { hash: Buffer } | { organizationId: string; id: string },
  ): Promise<Outcome<AccessToken>>
  /** A token that works as its client does, within these scopes, until it expires or the client is revoked. */
  issueClientToken(
    client: AccessToken,
    wanted: { scopes: readonly Scope[]; expiresAt: Date },
  ): Promise<{ token: string }>
  /** Deletes tokens of clients that have expired. */
  sweep(now: Date): Promise<void>
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

  /** A machine spends what another member pays for: nobody else hands out its credentials. */
  const requirePayer = async (transaction: Transaction<Schema>, actor: Actor, wanted: NewAccessToken) => {
    if (actor.kind !== 'user' || wanted.userId === null || wanted.userId === actor.id) return
    const payer = await store.lockPayer(transaction, wanted.organizationId, wanted.userId)
    if (payer !== null && payer !== actor.id) throw new FaultError(paidByAnother)
  }

  const insertToken: Access['insertToken'] = async (transaction, actor, wanted) => {
    must(withinReach(actor, wanted))
    await requirePayer(transaction, actor, wanted)
    const token = generateToken()
    if (wanted.teamId != null && !(await store.lockTeamMember(transaction, wanted)))
      throw new FaultError(fault('not_found', { field: 'teamId' }))
    const accessToken = await store.insert(transaction, {
      ...wanted,
      id: wanted.id ?? newId(),
      hash: hashOfToken(token),
      lastFour: token.slice(-4),
      createdBy: actor.kind === 'user' ? actor.id : null,
    })
    await recordAudit(transaction, {
      organizationId: wanted.organizationId,
      actor,
      action: 'access_token.created',
      subject: { kind: 'access_token', id: accessToken.id },
      after: {
        name: wanted.name,
        kind: wanted.kind,
        scopes: wanted.scopes,
        userId: wanted.userId,
        ...(wanted.teamId != null && { teamId: wanted.teamId }),
      },
    })
    return { token, accessToken }
  }

  const revokeTokenIn: Access['revokeTokenIn'] = async (transaction, actor, token, reason) => {
    const row = await store.revoke(transaction, token, clock())
    if (row)
      await recordAudit(transaction, {
        organizationId: token.organizationId,
        actor,
        action: 'access_token.revoked',
        subject: { kind: 'access_token', id: token.id },
        before: { name: row.name },
        ...(reason !== undefined && { reason }),
      })
    return row
  }

  const personOutcome = (person: Person | undefined): Outcome<Person> => {
    if (!person) return failure('unknown_user')
    return person.suspended ? failure('user_suspended') : success(person)
  }

  return {
    createToken: (actor, wanted) =>
      epoch.change(wanted.organizationId, (transaction) => insertToken(transaction, actor, wanted)),
    insertToken,
    revokeTokenIn,

    listTokens: (filter) => store.list(filter),

    async revokeToken(actor, token, reason) {
      const revoked = await epoch.change(token.organizationId, (transaction) =>
        revokeTokenIn(transaction, actor, token, reason),
      )
      return revoked ? success(undefined) : failure('not_found')
    },

    async authenticate(tokenHash) {
      const found = (await store.findByHash(tokenHash)) ?? (await store.findClientToken(tokenHash))
      if (!found) return failure('invalid_token')
      return found.purpose === 'bearer'
        ? standing(found, clock())
        : failure('invalid_token', notABearer[found.purpose])
    },

    async authenticateFor(purpose, credential) {
      const found = await ('hash' in credential
        ? store.findByHash(credential.hash)
        : store.findById(credential.organizationId, credential.id))
      return found?.purpose === purpose ? standing(found, clock()) : failure('invalid_token')
    },

    async issueClientToken(client, { scopes, expiresAt }) {
      const token = generateToken()
      await store.insertClientToken({ client, hash: hashOfToken(token), scopes, expiresAt })
      return { token }
    },

    sweep: (now) => store.sweepClientTokens(now),

    person: async (organizationId, userId) =>
      personOutcome(await store.findPerson({ userId }, organizationId, clock())),

    async personFor(platformToken, reference) {
      const reach =
        platformToken.organizationId === platformOrganizationId ? null : platformToken.organizationId
      const who = isId(reference) ? { userId: reference } : { email: reference }
      return personOutcome(await store.findPerson(who, reach, clock(), reach === null))
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

const paidByAnother = fault('conflict', {
  message: 'It works on the credits of another member, who makes its credentials.',
  next: 'Take the account over first: then it works on yours.',
})

const provedScopes: ReadonlySet<Scope> = new Set(['manage', 'administer'])

/** Otherwise whoever found a token would make one of more reach, or one that outlives its revocation as a manager. */
export const withinReach = (
  { token }: Actor,
  wanted: Pick<NewAccessToken, 'scopes' | 'expiresAt' | 'purpose'>,
): Outcome<void> => {
  if (!token) return success(undefined)
  // Of provisioning and of host applications: these decide who is a member, and for whom others may speak.
  if (wanted.purpose === 'provisioning' || wanted.purpose === 'application')
    return failure('insufficient_scope', { message: 'A token cannot make credentials of this kind.' })
  const missing = wanted.scopes.filter((scope) => provedScopes.has(scope) || !token.scopes.includes(scope))
  if (missing.length > 0)
    return failure('insufficient_scope', {
      message: `A token cannot make one with the scope ${missing.join(', ')}.`,
      next: 'Make it in the dashboard, or with a token that has the scope; manage and administer are for people to give.',
    })
  const outlives =
    token.expiresAt !== null && (wanted.expiresAt === null || wanted.expiresAt > token.expiresAt)
  return outlives
    ? failure('insufficient_scope', {
        message: 'A token cannot make one that outlives it.',
        field: 'expiresInDays',
      })
    : success(undefined)
}

const notABearer = {
  application: {},
  client: {
    message: 'This is the secret of a client, which is exchanged for a token.',
    next: 'Send it to POST /oauth/token with grant_type=client_credentials, and use the token from there.',
  },
  provisioning: {
    message: 'This token is for SCIM provisioning only.',
    next: 'Use it at /scim/v2, and an access token here.',
  },
}

/** Whether a known token may be used now. */
export const standing = (token: AccessToken, now: Date): Outcome<AccessToken> => {
  if (token.revokedAt !== null || token.isTeamOver) return failure('revoked_token')
  if (token.expiresAt !== null && token.expiresAt <= now) return failure('expired_token')
  return success(token)
}
