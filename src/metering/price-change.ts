import type { Extent } from './price-difference.ts'
import type { PriceEdit } from './price-terms.ts'

/** A change of prices on its way to a version of the price book. */
export interface PriceChange {
  readonly id: string
  readonly status: 'draft' | 'waiting' | 'approved' | 'discarded' | 'withdrawn'
  readonly revision: number
  readonly edits: readonly PriceEdit[]
  readonly reason: string
  /** Null: when it is approved. */
  readonly effectiveAt: Date | null
  readonly version: number | null
  readonly createdBy: string | null
  /** Wrote the edits as they are. Neither can be the second approver. */
  readonly editedBy: string | null
  readonly createdAt: Date
  readonly decidedBy: string | null
  readonly decidedAt: Date | null
  readonly decisionReason: string | null
}

/** When a change of prices needs a second administrator. */
export interface PriceApproval {
  readonly secondApprover: 'never' | 'above_limit' | 'always'
  /** The largest rise or fall of a price, in basis points, that one administrator may decide alone. */
  readonly limitBasisPoints: number
}

export const defaultApproval: PriceApproval = { secondApprover: 'above_limit', limitBasisPoints: 5_000 }

/** Why a second administrator is needed, or null. A first price charges for nothing that ran before, so it needs none. */
export const whySecond = (
  { secondApprover, limitBasisPoints }: PriceApproval,
  extent: Extent,
): string | null => {
  if (secondApprover === 'never') return null
  if (secondApprover === 'always') return 'Every change of prices needs a second administrator here.'
  const limit = BigInt(limitBasisPoints)
  if (extent.endsFree) return 'What was free of charge is charged for.'
  if (extent.riseBasisPoints > limit)
    return `A price rises by ${percent(extent.riseBasisPoints)}, which is more than ${percent(limit)}.`
  if (extent.fallBasisPoints > limit)
    return `A price falls by ${percent(extent.fallBasisPoints)}, which is more than ${percent(limit)}.`
  return null
}

const percent = (points: bigint): string => {
  const rest = String(points % 100n)
    .padStart(2, '0')
    .replace(/0+$/, '')
  return `${points / 100n}${rest && `.${rest}`} %`
}
