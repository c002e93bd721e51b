import type { Epoch } from './epoch.ts'
import { beyondTenants } from './tenant-scope.ts'

/** What was read, and the organizations whose changes make it stale. */
export interface Loaded<V> {
  readonly value: V
  /** Must name the platform organization too where its state was read. Empty: stale at any change. */
  readonly organizationIds: readonly string[]
}

export interface EpochCache<V> {
  /** The cached value, or undefined when it has to be loaded: for callers who avoid a promise per operation. */
  peek(key: string): V | undefined
  get(key: string): Promise<V>
  /** What time alone has made stale. */
  forget(key: string): void
}

export interface EpochCacheOptions<V> {
  readonly epoch: Pick<Epoch, 'isFresh' | 'current' | 'onChange'>
  readonly load: (key: string) => Promise<Loaded<V>>
  /** The oldest entries go first. */
  readonly maximumEntries?: number
}

/**
 * A cache that never answers with state from before a change that has returned. Concurrent reads of one key are one
 * query, but only within one epoch: an operation that starts after a change does not join a read from before it.
 */
export const makeEpochCache = <V>(options: EpochCacheOptions<V>): EpochCache<V> => {
  const { epoch, load, maximumEntries = 10_000 } = options
  const entries = new Map<string, Loaded<V>>()
  const loading = new Map<string, { at: bigint; loaded: Promise<Loaded<V>> }>()

  epoch.onChange((organizationId) => {
    for (const [key, { organizationIds }] of entries) {
      const concerned =
        organizationId === null || organizationIds.length === 0 || organizationIds.includes(organizationId)
      if (concerned) entries.delete(key)
    }
  })

  const store = (key: string, loaded: Loaded<V>, readAt: bigint): void => {
    if (!epoch.isFresh() || epoch.current() !== readAt) return
    entries.delete(key)
    entries.set(key, loaded)
    const oldest = entries.keys().next()
    if (entries.size > maximumEntries && !oldest.done) entries.delete(oldest.value)
  }

  const read = async (key: string, readAt: bigint): Promise<Loaded<V>> => {
    try {
      // For all who ask later, whoever asked first.
      const loaded = await beyondTenants(() => load(key))
      store(key, loaded, readAt)
      return loaded
    } finally {
      if (loading.get(key)?.at === readAt) loading.delete(key)
    }
  }

  const peek = (key: string): V | undefined => (epoch.isFresh() ? entries.get(key)?.value : undefined)

  return {
    peek,
    forget: (key) => void entries.delete(key),
    get: async (key) => {
      const cached = epoch.isFresh() ? entries.get(key) : undefined
      if (cached) return cached.value
      const at = epoch.current()
      const underWay = loading.get(key)
      // Not fresh: changes may have returned unheard, so the epoch says nothing about a read that is under way.
      if (underWay?.at === at && epoch.isFresh()) return (await underWay.loaded).value
      const loaded = read(key, at)
      loading.set(key, { at, loaded })
      return (await loaded).value
    },
  }
}
