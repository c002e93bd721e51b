import { hash } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import { type Access, type AccessToken, type Person, standing } from '../access/access.ts'
import { isWellFormed } from '../access/token.ts'
import { may } from '../contract/permissions.ts'
import type { Epoch } from '../db/epoch.ts'
import type { Budget, Budgets } from '../budgets/budgets.ts'
import { makeEpochCache } from '../db/epoch-cache.ts'
import { forTeams, teamsOfCall } from '../keys/kept-for-teams.ts'
import { compileNetworks, endOfToken } from '../identity/session-policy.ts'
import type { ServiceKey, ServiceKeys } from '../keys/keys.ts'
import type { Clock } from '../kit/clock.ts'
import { type Fault, FaultError, failure, fault, must, type Outcome, success } from '../kit/fault.ts'
import { platformOrganizationId } from '../kit/id.ts'
import type { HostApplications } from '../machines/host-applications.ts'
import { looksLikeHostToken } from '../machines/host-token.ts'
import type { KeyMember, Limits, RateLimits } from '../limits/limits.ts'
import { memberOnKey } from '../limits/rate-limits.ts'
import type { OfferedTier } from '../policy/entitlements.ts'

/** Who calls, and the service keys of their own that policy may let them use. */
export interface Caller {
  readonly token: AccessToken
  readonly person: Person
  readonly ownKeys: readonly ServiceKey[]
  /** Of their organisation, for teams that they do not call for: named in explanations, and never used. */
  readonly keptKeys: readonly ServiceKey[]
  readonly tokenLimits: RateLimits | null
  /** The administrator's for this user, else the tier's. */
  readonly userLimits: RateLimits | null
  /** Of a machine: those of the member on whose credits it works, which its calls take from as well. */
  readonly payerLimits: RateLimits | null
  /** Whether they are the tier's. */
  readonly hasTierLimits: boolean
  /** Of their own and their organisation's service keys, by id. */
  readonly keyLimits: ReadonlyMap<string, RateLimits>
  /** What they may use of service keys that their organisation shares, by the key's id. */
  readonly keyShares: ReadonlyMap<string, KeyMember>
  /** Whether they may call from an address; null: from any. */
  readonly admits: ((address: string) => boolean) | null
  /** What their operations may count towards; null: nothing. */
  readonly budgets: readonly Budget[] | null
}

export interface SystemKeys {
  readonly keys: readonly ServiceKey[]
  readonly limits: ReadonlyMap<string, RateLimits>
  readonly tiers: readonly OfferedTier[]
  /** What everybody's operations may count towards; null: nothing. */
  readonly budgets: readonly Budget[] | null
}

export interface Callers {
  /** Without a wait when cached; never a caller as they were before a change that has returned (src/db/epoch.ts). */
  identify(headers: IncomingHttpHeaders): Outcome<Caller> | Promise<Outcome<Caller>>
  systemKeys(): readonly ServiceKey[] | Promise<readonly ServiceKey[]>
  /** Of system keys, as far as they are known; `systemKeys` makes them known. */
  systemKeyLimits(): ReadonlyMap<string, RateLimits>
  /** Tiers to tell of to whoever needs another one, as far as they are known; `systemKeys` makes them known. */
  offeredTiers(): readonly OfferedTier[]
  /** Those on the caller and those on everybody; null: none. Without a wait when cached. */
  budgetsOf(caller: Caller): readonly Budget[] | null | Promise<readonly Budget[] | null>
}

export const makeCallers = (parts: {
  access: Access
  keys: ServiceKeys
  limits: Pick<Limits, 'read' | 'list'>
  budgets: Pick<Budgets, 'read' | 'readWide'>
  /** Whose signed tokens stand for users; left out: nobody's. */
  machines?: { readonly applications: Pick<HostApplications, 'authenticate'> }
  epoch: Epoch
  clock: Clock
}): Callers => {
  const { access, keys, limits, budgets, machines, epoch, clock } = parts
  /** Signed tokens on their way to be read: a cache is asked by their hash, and keeps none. */
  const handed = new Map<string, string>()

  const identityOf = async (key: string): Promise<{ token: AccessToken; person: Person }> => {
    const text = handed.get(key)
    if (text !== undefined) return hostCallerOf(text)
    const token = must(await access.authenticate(Buffer.from(key.slice(0, hashLength), 'hex')))
    return { token, person: must(await personOf(access, token, key.slice(hashLength) || undefined)) }
  }

  const hostCallerOf = async (text: string) => {
    const caller = must((await machines?.applications.authenticate(text)) ?? failure('invalid_token'))
    if (!caller.token.scopes.includes('operations')) throw new FaultError(fault('insufficient_scope'))
    return caller
  }

  /** Looked at anew every few minutes, for keys that the application has withdrawn meanwhile. */
  const identifyHost = (text: string, headers: IncomingHttpHeaders) => {
    if (headers['x-aideon-user'] !== undefined) return failure('insufficient_scope', namesItsUser)
    const period = Math.floor(clock().getTime() / hostTokenPeriodMs)
    const key = `${hash('sha256', text, 'hex')}#${period}`
    const cached = known(key)
    if (cached !== undefined) return use(cached)
    // A load begins within the call, if it begins at all.
    handed.set(key, text)
    const loading = load(key)
    handed.delete(key)
    return loading
  }

  // Keyed by the token's hash, so that no token stays in memory. Refusals are thrown: they must not fill the cache.
  const cache = makeEpochCache<Caller>({
    epoch,
    load: async (key) => {
      const { token, person } = await identityOf(key)
      if (!may(person.role, 'own.use')) throw new FaultError(looksOn(person))
      const { organizationId, userId, payerUserId } = person
      const who = {
        organizationId,
        userId,
        payerUserId,
        accessTokenId: token.id,
        tokenOrganizationId: token.organizationId,
        teamId: token.teamId,
      }
      const [sharedAndOwn, keyLimits, shares, ownLimits, ownBudgets] = await Promise.all([
        keys.listForGateway(organizationId, userId),
        limits.list(organizationId, 'service_key'),
        limits.list(organizationId, 'key_member'),
        limits.read(who),
        budgets.read(who),
      ])
      const organizationIds = [person.organizationId, token.organizationId]
      // Of those whose changes are heard of here.
      const policies = person.tokenPolicies.filter((one) => organizationIds.includes(one.organizationId))
      return {
        value: {
          // It ends by itself, like any other, while it is cached.
          token: { ...token, expiresAt: endOfToken(policies, token) },
          person,
          ...forTeams(sharedAndOwn, teamsOfCall(token, person)),
          keyLimits,
          keyShares: sharesOf(shares, userId),
          admits: admitting(policies),
          budgets: ownBudgets,
          ...withTierLimits(ownLimits, person),
        },
        organizationIds,
      }
    },
  })
  const systemKeys = makeEpochCache<SystemKeys>({
    epoch,
    load: async () => {
      const [found, itsLimits, tiers, wide] = await Promise.all([
        keys.listSystemKeys(),
        limits.list(platformOrganizationId, 'service_key'),
        access.offeredTiers(),
        budgets.readWide(),
      ])
      return {
        value: { keys: found, limits: itsLimits, tiers, budgets: wide },
        organizationIds: [platformOrganizationId],
      }
    },
  })

  /** An exception from the control policy can end while it is cached. */
  const known = (key: string): Caller | undefined => {
    const cached = cache.peek(key)
    if (cached?.person.validUntil == null || cached.person.validUntil > clock()) return cached
    cache.forget(key)
    return undefined
  }

  const load = async (key: string): Promise<Outcome<Caller>> => {
    try {
      return use(await cache.get(key))
    } catch (error) {
      if (error instanceof FaultError) return { ok: false, fault: error.fault }
      throw error
    }
  }

  /** A token can expire while it is cached. */
  const use = (caller: Caller): Outcome<Caller> => {
    const valid = standing(caller.token, clock())
    if (!valid.ok) return valid
    access.noteUse(caller.token)
    return success(caller)
  }

  return {
    identify(headers) {
      const token = tokenOf(headers)
      if (token === undefined || token === '') return failure('missing_token')
      if (looksLikeHostToken(token)) return identifyHost(token, headers)
      const reference = headers['x-aideon-user'] as string | undefined
      const key = hash('sha256', token, 'hex') + (reference ?? '')
      const cached = known(key)
      if (cached !== undefined) return use(cached)
      return isWellFormed(token) ? load(key) : failure('invalid_token')
    },
    systemKeys: () => systemKeys.peek('')?.keys ?? systemKeys.get('').then(({ keys: found }) => found),
    systemKeyLimits: () => systemKeys.peek('')?.limits ?? noLimits,
    offeredTiers: () => systemKeys.peek('')?.tiers ?? noTiers,
    budgetsOf(caller) {
      const known = systemKeys.peek('')
      return known === undefined
        ? systemKeys.get('').then((system) => together(caller.budgets, system.budgets))
        : together(caller.budgets, known.budgets)
    },
  }
}

const hashLength = 64
const hostTokenPeriodMs = 5 * 60_000
const namesItsUser = {
  message: 'A signed token names its user itself.',
  next: 'Leave x-aideon-user out.',
}
const noShares: ReadonlyMap<string, KeyMember> = new Map()
const sharesOf = (shares: ReadonlyMap<string, RateLimits>, userId: string): ReadonlyMap<string, KeyMember> =>
  shares.size === 0
    ? noShares
    : new Map([...shares].map(([id, limits]) => [id, { id: memberOnKey(id, userId), limits }]))
const admitting = (policies: Person['tokenPolicies']): Caller['admits'] => {
  const lists = policies
    .filter(({ bindsOperations, networks }) => bindsOperations && networks.length > 0)
    .map(({ networks }) => compileNetworks(networks))
  return lists.length === 0 ? null : (address) => lists.every((isWithin) => isWithin(address))
}
/** Whatever stands for them: their own token, a machine's, an application's or the platform's. */
const looksOn = ({ role }: Person): Fault =>
  fault('forbidden', {
    message: `The role of this user in their organisation (${role}) does not allow calling AI services.`,
    next: 'Ask an owner or administrator of the organisation for another role.',
  })
const noLimits: ReadonlyMap<string, RateLimits> = new Map()
const together = (own: readonly Budget[] | null, wide: readonly Budget[] | null) =>
  own === null || wide === null ? (own ?? wide) : [...own, ...wide]
const noTiers: readonly OfferedTier[] = []

/** A tier's limits hold for all that works on the credits of one member together. */
const withTierLimits = (
  { tokenLimits, userLimits, payerLimits }: Awaited<ReturnType<Limits['read']>>,
  { tierLimits, payerUserId }: Person,
) =>
  payerUserId === null
    ? {
        tokenLimits,
        userLimits: userLimits ?? tierLimits,
        payerLimits: null,
        hasTierLimits: userLimits === null && tierLimits !== null,
      }
    : {
        tokenLimits,
        userLimits,
        payerLimits: payerLimits ?? tierLimits,
        hasTierLimits: payerLimits === null && tierLimits !== null,
      }

const personOf = (
  access: Access,
  token: AccessToken,
  reference: string | undefined,
): Promise<Outcome<Person>> | Outcome<Person> => {
  if (token.kind === 'platform') {
    if (!token.scopes.includes('act_for_users')) return failure('insufficient_scope')
    if (reference === undefined)
      return failure('unknown_user', {
        message: 'A platform token must name the user it acts for.',
        next: 'Send x-aideon-user with the user’s id or e-mail address.',
      })
    return access.personFor(token, reference)
  }
  if (!token.scopes.includes('operations')) return failure('insufficient_scope')
  if (reference !== undefined)
    return failure('insufficient_scope', {
      message: 'Only a platform token may act for another user.',
      next: 'Leave x-aideon-user out.',
    })
  return access.person(token.organizationId, token.userId as string)
}

/** OpenAI's clients send a Bearer token, Anthropic's x-api-key, Google's x-goog-api-key, Midjourney's mj-api-secret. */
const tokenOf = (headers: IncomingHttpHeaders): string | undefined => {
  const { authorization } = headers
  if (authorization?.slice(0, 7).toLowerCase() === 'bearer ') return authorization.slice(7).trim()
  const given = headers['x-api-key'] ?? headers['x-goog-api-key'] ?? headers['mj-api-secret']
  return (given as string | undefined)?.trim()
}
