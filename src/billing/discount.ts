/** Off the monthly price for subscribers who bring their own keys. */
export interface DiscountRule {
  readonly basisPoints: number
  /** The part of the closing period, in basis points of its length, in which a counting key was there. */
  readonly minimumShareBasisPoints: number
  /** And without interruption up to the renewal for so many days. */
  readonly minimumContinuousDays: number
  readonly organizationKeysCount: boolean
}

/** A time in which a counting key was there: active, and found valid by its service. */
export interface Presence {
  readonly from: Date
  /** Null: still. */
  readonly until: Date | null
}

export interface DiscountStanding {
  readonly basisPoints: number
  readonly isEarned: boolean
  readonly hasKeyNow: boolean
  readonly shareBasisPoints: number
  readonly neededShareBasisPoints: number
  readonly continuousDays: number
  readonly neededContinuousDays: number
}
