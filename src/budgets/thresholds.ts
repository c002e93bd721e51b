/** In per cent of the limit, rising. Each is told once in a period. */
export const thresholds = [50, 75, 90, 100] as const
export type Threshold = (typeof thresholds)[number]

/** Exact: no rounding makes a threshold seem reached before it is. */
export const reached = (used: bigint, limit: bigint): Threshold[] =>
  thresholds.filter((threshold) => used * 100n >= limit * BigInt(threshold))

/** What is to be told now of a period of which some was told before. */
export const newlyReached = (used: bigint, limit: bigint, fired: readonly string[]): Threshold[] =>
  reached(used, limit).filter((threshold) => !fired.includes(String(threshold)))

/** 10000 is all of it; rounded down, so that 10000 is never shown of what is not all. */
export const basisPoints = (used: bigint, limit: bigint): number => Number((used * 10_000n) / limit)
