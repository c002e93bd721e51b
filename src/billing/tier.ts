import type { RateLimits } from '../limits/rate-limits.ts'

/** What a tier allows beside its credits; null: everything, no limit. */
export interface Entitlements {
  /** Service ids that system keys may be used for. */
  readonly services: readonly string[] | null
  /** Model groups that may be called by name. */
  readonly groups: readonly string[] | null
  readonly rateLimits: RateLimits | null
}

/** What a tier was from `effectiveAt` on. Versions are never changed: a new one follows. */
export interface TierVersion {
  readonly tierId: string
  readonly version: number
  readonly name: string
  readonly priceMinor: bigint
  readonly currency: string
  readonly allocationMicros: bigint
  /** The most unspent credits of an allocation that are carried into the next period; 0n: none. */
  readonly rolloverCapMicros: bigint
  readonly entitlements: Entitlements
  readonly effectiveAt: Date
  readonly createdAt: Date
  readonly createdBy: string
  readonly reason: string
}

/** To the accounts of a company that somebody made by themselves, a tier that costs nothing gives nothing: anybody could make more of them. */
export const tierGiven = (givesFree: boolean, version: TierVersion): TierVersion =>
  givesFree || version.priceMinor > 0n ? version : { ...version, allocationMicros: 0n }

export interface Tier {
  readonly id: string
  readonly position: number
  /** Nobody can change to it any more; who has it keeps it. */
  readonly archivedAt: Date | null
  /** In effect now. */
  readonly current: TierVersion
  /** Of those that take effect later, the first. */
  readonly next: TierVersion | null
  readonly subscribers: number
}

/** What an administrator asks for: a tier with a new id is made, one that exists gets a new version. */
export interface TierDraft {
  readonly tierId: string
  readonly name: string
  readonly priceMinor: bigint
  readonly currency: string
  readonly allocationMicros: bigint
  readonly rolloverCapMicros: bigint
  readonly entitlements: Entitlements
  readonly position?: number
  /** Now, where it is left out. */
  readonly effectiveAt?: Date
  readonly reason: string
}

export interface TierPreview {
  readonly before: TierVersion | null
  /** Have the tier now, or change to it at the end of their period. */
  readonly subscribers: number
  /** When the first and the last of them get the new version: at the end of their period. */
  readonly firstRenewalAt: Date | null
  readonly lastRenewalAt: Date | null
  /** What all of them pay more or less in a month, before discounts. */
  readonly monthlyDifferenceMinor: bigint
  readonly monthlyDifferenceMicros: bigint
}
