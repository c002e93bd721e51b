/** Corrections of an account: never by changing what was written, always by an entry that takes it back. */
export type AdjustmentKind =
  /** Takes credits of a grant back; what was spent of them is owed. */
  | 'reverse_grant'
  /** Gives back what an operation was charged. */
  | 'reverse_charge'
  /** Gives credits. */
  | 'grant'

export interface AdjustmentRequest {
  readonly organizationId: string
  readonly kind: AdjustmentKind
  /** A grant or an operation of that organisation; to give credits, the account. */
  readonly subjectId: string
  /** All that can be reversed, where it is left out; to give credits it is needed. */
  readonly amountMicros?: bigint
  /** Of credits that are given; left out or null: they do not expire. */
  readonly expiresAt?: Date | null
  readonly reason: string
  readonly idempotencyKey: string
}

export interface Adjustment {
  readonly organizationId: string
  readonly id: string
  readonly accountId: string
  readonly kind: AdjustmentKind
  readonly subjectId: string
  readonly amountMicros: bigint
  readonly expiresAt: Date | null
  readonly reason: string
  /** `waiting`: for a second administrator. */
  readonly status: 'waiting' | 'done' | 'denied'
  readonly requestedBy: string
  readonly decidedBy: string | null
  readonly createdAt: Date
  readonly decidedAt: Date | null
}

/** Credits that one administrator may give alone. */
export interface Gift {
  readonly organizationId: string
  readonly accountId: string
  readonly amountMicros: bigint
  readonly reason: string
  /** Of the account. */
  readonly idempotencyKey: string
}

export interface Given {
  readonly grantId: string
  /** False: it had been given before. */
  readonly created: boolean
}
