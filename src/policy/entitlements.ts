/** What a tier allows on system keys; null: everything. Own keys are their owner's business, in any tier. */
export interface Entitlements {
  readonly tierName: string
  /** Service ids. */
  readonly services: readonly string[] | null
  /** Ids of model groups that may be called by name. */
  readonly groups: readonly string[] | null
}

/** A tier as it is from an instant on, to be told of to whoever needs another one. */
export interface OfferedTier extends Entitlements {
  readonly tierId: string
  readonly effectiveAt: Date
}

/** What somebody wants to use on credits: a service, and the group that it was asked for by. */
export interface Use {
  readonly serviceId: string
  readonly groupId: string | null
}

export const isIncluded = (entitlements: Entitlements | null, { serviceId, groupId }: Use): boolean =>
  entitlements === null ||
  ((entitlements.services === null || entitlements.services.includes(serviceId)) &&
    (groupId === null || entitlements.groups === null || entitlements.groups.includes(groupId)))

/** Names of the tiers that include any of these uses, in the order they are offered in. */
export const tiersWith = (
  offered: readonly OfferedTier[],
  uses: readonly Use[],
  now: Date,
): readonly string[] => {
  const current = new Map<string, OfferedTier>()
  for (const tier of offered) {
    const known = current.get(tier.tierId)
    if (tier.effectiveAt <= now && (known === undefined || known.effectiveAt <= tier.effectiveAt))
      current.set(tier.tierId, tier)
  }
  return [...current.values()]
    .filter((tier) => uses.some((use) => isIncluded(tier, use)))
    .map(({ tierName }) => tierName)
}

/** `Pro`, `Pro or Business`, `Pro, Business or Enterprise`. */
export const eitherOf = (names: readonly string[]): string =>
  names.length < 2 ? (names[0] ?? '') : `${names.slice(0, -1).join(', ')} or ${names.at(-1) ?? ''}`
