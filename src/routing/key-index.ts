import type { ServiceKey } from '../keys/keys.ts'

const none: readonly ServiceKey[] = []
const indexes = new WeakMap<readonly ServiceKey[], Map<string, readonly ServiceKey[]>>()

/**
 * The keys of a service that are not revoked, in their owners' order: a user's before the organisation's, by position; system
 * keys by priority, then position. Lists of keys are cached by whoever plans many routes, so each is sorted once.
 */
export const keysAt = (keys: readonly ServiceKey[], serviceId: string): readonly ServiceKey[] => {
  let index = indexes.get(keys)
  if (index === undefined) {
    index = Map.groupBy(
      keys.filter((key) => key.status !== 'revoked').toSorted(compare),
      (key) => key.serviceId,
    )
    indexes.set(keys, index)
  }
  return index.get(serviceId) ?? none
}

const ownerRanks = { user: 0, organization: 1, system: 2 } as const
const compare = (a: ServiceKey, b: ServiceKey): number =>
  ownerRanks[a.owner] - ownerRanks[b.owner] ||
  (a.priority ?? 9) - (b.priority ?? 9) ||
  a.position - b.position ||
  (a.id < b.id ? -1 : 1)

const lists = new WeakMap<ServiceKey, ReadonlySet<string> | null>()

/** The models that a key's owner lists for it (`settings.models`, by commas); null: any. */
export const listedModels = (key: ServiceKey): ReadonlySet<string> | null => {
  const known = lists.get(key)
  if (known !== undefined) return known
  // A list may be absent where a key comes from a test or from before there were settings.
  const names = (key.settings?.['models'] ?? '')
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '')
  const list = names.length === 0 ? null : new Set(names)
  lists.set(key, list)
  return list
}
