import type { Database } from '../db/database.ts'
import type { Clock } from '../kit/clock.ts'
import type { Owner } from './long-operation.ts'
import * as store from './store-resources.ts'

/** Something that a service keeps for one account, by the service's own name of it. */
export interface NamedResource {
  readonly id: string
  readonly kind: string
}

export interface Binding {
  readonly serviceId: string
  readonly resourceId: string
  readonly serviceKeyId: string
  readonly kind: string
  /** False: somebody else's of the same organisation. */
  readonly isMine: boolean
}

/**
 * Whose what services keep is, and which key it was made with. Ids alone prove nothing: where people share a key, the
 * service would show one what another made.
 */
export interface Resources {
  find(owner: Owner, serviceIds: readonly string[], ids: readonly string[]): Promise<Binding[]>
  /** `made`: by this call; `named`: along with something of the caller's. */
  bind(
    owner: Owner,
    at: { readonly serviceId: string; readonly serviceKeyId: string },
    resources: { readonly made: readonly NamedResource[]; readonly named: readonly NamedResource[] },
  ): Promise<void>
  forget(owner: Owner, serviceId: string, id: string): Promise<void>
  sweep(now: Date): Promise<void>
}

/** OpenAI keeps responses for 30 days; longer where they belong to a conversation, which is kept here. */
const passingKeptMs = 90 * 24 * 3600 * 1000
const longestId = 200

export const makeResources = ({ database, clock }: { database: Database; clock: Clock }): Resources => {
  const { kysely } = database
  return {
    find: (owner, serviceIds, ids) => {
      const possible = ids.filter(isPossible)
      return possible.length === 0 ? Promise.resolve([]) : store.find(kysely, owner, serviceIds, possible)
    },
    async bind(owner, { serviceId, serviceKeyId }, { made, named }) {
      const row = { owner, serviceId, serviceKeyId, at: clock() }
      const first = unique(made)
      const ids = new Set(first.map(({ id }) => id))
      const further = unique(named).filter(({ id }) => !ids.has(id))
      if (first.length > 0) await store.insert(kysely, row, first, 'made')
      if (further.length > 0) await store.insert(kysely, row, further, 'named')
    },
    forget: (owner, serviceId, id) => store.remove(kysely, owner, serviceId, id),
    sweep: (now) => store.forgetPassing(kysely, new Date(now.getTime() - passingKeptMs)),
  }
}

const isPossible = (id: string): boolean => id.length > 0 && id.length <= longestId && !id.includes('\0')

const unique = (resources: readonly NamedResource[]): NamedResource[] => [
  ...new Map(
    resources.filter(({ id }) => isPossible(id)).map((resource) => [resource.id, resource]),
  ).values(),
]
