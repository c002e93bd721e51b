/** Corrections of an account: never by changing what was written, always by an entry that takes it back. */
export type AdjustmentKind =
  /** Takes credits of a grant back; what was spent of them is owed. */
  | 'reverse_grant'
  /** Gives back what an operation was charged. */
  | 'reverse_charge'

export interface AdjustmentRequest {
  readonly organizationId: string
  readonly kind: AdjustmentKind
  /** A grant or an operation of that organisation. */
  readonly subjectId: string
  /** All that can be reversed, where it is left out. */
  readonly amountMicros?: bigint
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
  readonly reason: string
  /** `waiting`: for a second administrator. */
  readonly status: 'waiting' | 'done' | 'denied'
  readonly requestedBy: string
  readonly decidedBy: string | null
  readonly createdAt: Date
  readonly decidedAt: Date | null
}
