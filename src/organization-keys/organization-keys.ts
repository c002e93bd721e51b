import type { Actor } from '../audit/audit.ts'
import type { OrganizationKeyLimits } from '../contract/organization-keys.ts'
import type { Database } from '../db/database.ts'
import type { ServiceKeys, ServiceKeyView } from '../keys/keys.ts'
import type { Clock } from '../kit/clock.ts'
import { failure, type Outcome, success } from '../kit/fault.ts'
import type { Limits, RateLimits } from '../limits/limits.ts'
import * as store from './store.ts'

export interface SharedKey {
  readonly key: ServiceKeyView
  /** That it is kept for; null: it serves every member. */
  readonly teams: store.TeamOfKey[] | null
  readonly limits: OrganizationKeyLimits
  readonly members: bigint
  readonly use: store.UseRow
}

/**
 * The keys that an organisation shares with its members, as those see them who run it: their limits, for all together and for each
 * member, and who used what. What they may cost in a period are budgets (src/budgets/).
 */
export interface OrganizationKeys {
  list(organizationId: string): Promise<SharedKey[]>
  /** Only keys of the organisation: members' own and foreign ones are not found. */
  find(organizationId: string, id: string): Promise<Outcome<SharedKey>>
  memberKeys(organizationId: string): Promise<{ key: ServiceKeyView; name: string; email: string }[]>
  setLimits(
    actor: Actor,
    organizationId: string,
    id: string,
    limits: OrganizationKeyLimits,
  ): Promise<Outcome<void>>
  useByMember(
    organizationId: string,
    id: string,
    days: number,
  ): Promise<Outcome<{ since: Date; items: store.MemberUseRow[] }>>
}

const shownDays = 30
const dayMs = 86_400_000
const unlimited: RateLimits = { requestsPerMinute: null, tokensPerMinute: null, concurrent: null }
const unused = { members: 0n, operations: 0n, inputTokens: 0n, outputTokens: 0n, costNanoUsd: 0n }

export const makeOrganizationKeys = (parts: {
  database: Database
  serviceKeys: Pick<ServiceKeys, 'list' | 'find'>
  limits: Pick<Limits, 'list' | 'set'>
  clock: Clock
}): OrganizationKeys => {
  const { serviceKeys, limits, clock } = parts
  const { kysely } = parts.database
  const sinceDays = (days: number) => new Date(clock().getTime() - days * dayMs)

  const list = async (organizationId: string): Promise<SharedKey[]> => {
    const [keys, ofKeys, ofMembers, used] = await Promise.all([
      serviceKeys.list({ organizationId, owners: ['organization'] }),
      limits.list(organizationId, 'service_key'),
      limits.list(organizationId, 'key_member'),
      store.useByKey(kysely, organizationId, sinceDays(shownDays)),
    ])
    const teams = await store.teamsOf(kysely, organizationId, [
      ...new Set(keys.flatMap(({ teamIds }) => teamIds ?? [])),
    ])
    return keys.map((key) => {
      const { members, ...use } = used.get(key.id) ?? unused
      const eachMember = ofMembers.get(key.id) ?? unlimited
      const kept = key.teamIds?.flatMap((id) => teams.get(id) ?? []) ?? null
      return { key, teams: kept, limits: { key: ofKeys.get(key.id) ?? unlimited, eachMember }, members, use }
    })
  }

  const find = async (organizationId: string, id: string): Promise<Outcome<SharedKey>> => {
    const found = (await list(organizationId)).find(({ key }) => key.id === id)
    return found ? success(found) : failure('not_found')
  }

  return {
    list,
    find,

    async memberKeys(organizationId) {
      const keys = await serviceKeys.list({ organizationId, owners: ['user'] })
      const people = await store.peopleOf(kysely, [...new Set(keys.flatMap(({ userId }) => userId ?? []))])
      return keys.map((key) => ({ key, ...(people.get(key.userId ?? '') ?? { name: '', email: '' }) }))
    },

    async setLimits(actor, organizationId, id, wanted) {
      const key = await serviceKeys.find({ organizationId, id })
      if (key?.owner !== 'organization') return failure('not_found')
      const ofKey = await limits.set(actor, { organizationId, kind: 'service_key', id }, wanted.key)
      return ofKey.ok
        ? limits.set(actor, { organizationId, kind: 'key_member', id }, wanted.eachMember)
        : ofKey
    },

    async useByMember(organizationId, id, days) {
      const key = await serviceKeys.find({ organizationId, id })
      if (key?.owner !== 'organization') return failure('not_found')
      const since = sinceDays(days)
      return success({ since, items: await store.useByMember(kysely, { organizationId, id }, since) })
    },
  }
}
