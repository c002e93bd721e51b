/** When an organisation's use is unusual; the numbers are told in docs/oversight.md. */
export interface Thresholds {
  /** So many times an ordinary day. */
  readonly spendFactor: number
  /** Less than this in 24 hours is nobody's alarm. */
  readonly spendFloorNanoUsd: bigint
  readonly tellsModels: boolean
  readonly tellsCountries: boolean
}

export const usualThresholds: Thresholds = {
  spendFactor: 4,
  spendFloorNanoUsd: 5_000_000_000n,
  tellsModels: true,
  tellsCountries: true,
}

/** The 24 hours before now are compared with so many before them. */
export const formerDays = 28
/** With fewer days of use nothing is known to be ordinary yet. */
const leastActiveDays = 3

/**
 * What an ordinary day costs, where the last 24 hours are far above it; null: they are not. Ordinary is the mean of the days
 * on which anything was used, so that weekends make no working day look sudden. It must also be more than on any of them: a day
 * like one that was before is none to tell of. Of whoever is new the floor stands for an ordinary day.
 */
export const suddenSpend = (
  spentNanoUsd: bigint,
  formerNanoUsd: readonly bigint[],
  { spendFactor, spendFloorNanoUsd }: Pick<Thresholds, 'spendFactor' | 'spendFloorNanoUsd'>,
): { readonly usualNanoUsd: bigint } | null => {
  const active = formerNanoUsd.filter((day) => day > 0n)
  const isKnown = active.length >= leastActiveDays
  const usualNanoUsd = isKnown
    ? active.reduce((sum, day) => sum + day, 0n) / BigInt(active.length)
    : spendFloorNanoUsd
  if (spentNanoUsd < spendFloorNanoUsd || spentNanoUsd < usualNanoUsd * BigInt(spendFactor)) return null
  return active.some((day) => day >= spentNanoUsd) ? null : { usualNanoUsd }
}
