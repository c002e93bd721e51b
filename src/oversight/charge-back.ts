import type { ChargeBackBy } from '../contract/oversight.ts'
import type { KeyOwner } from '../policy/control.ts'
import { sharesOf } from './shares.ts'

export interface ChargeSums {
  readonly operations: bigint
  readonly creditMicros: bigint
  readonly organizationKeyNanoUsd: bigint
  readonly userKeyNanoUsd: bigint
  readonly unpricedOperations: bigint
}

/** What one member used of one service on one owner's keys, for one team and cost centre. */
export interface ChargeLine extends ChargeSums {
  readonly costCentre: string | null
  readonly teamId: string | null
  readonly userId: string
  readonly serviceId: string | null
  readonly keyOwner: KeyOwner | null
}

export interface ChargeGroup extends ChargeSums {
  readonly id: string | null
  readonly shareMinor: bigint | null
}

const nothing: ChargeSums = {
  operations: 0n,
  creditMicros: 0n,
  organizationKeyNanoUsd: 0n,
  userKeyNanoUsd: 0n,
  unpricedOperations: 0n,
}

const plus = (a: ChargeSums, b: ChargeSums): ChargeSums => ({
  operations: a.operations + b.operations,
  creditMicros: a.creditMicros + b.creditMicros,
  organizationKeyNanoUsd: a.organizationKeyNanoUsd + b.organizationKeyNanoUsd,
  userKeyNanoUsd: a.userKeyNanoUsd + b.userKeyNanoUsd,
  unpricedOperations: a.unpricedOperations + b.unpricedOperations,
})

export const sumOf = (lines: readonly ChargeSums[]): ChargeSums => lines.reduce(plus, nothing)

const idOf: Record<ChargeBackBy, (line: ChargeLine) => string | null> = {
  cost_centre: (line) => line.costCentre,
  team: (line) => line.teamId,
  member: (line) => line.userId,
  service: (line) => line.serviceId,
  key_owner: (line) => line.keyOwner,
}

const descending = (a: bigint, b: bigint): number => (a === b ? 0 : a < b ? 1 : -1)

/** The lines told apart by one thing, the most charged first; groups and shares add up to the totals. */
export const groupLines = (
  lines: readonly ChargeLine[],
  by: ChargeBackBy,
  amountMinor: bigint | null,
): { readonly groups: readonly ChargeGroup[]; readonly totals: ChargeGroup } => {
  const groups = [...Map.groupBy(lines, idOf[by])]
    .map(([id, of]) => ({ id, ...sumOf(of) }))
    .toSorted(
      (a, b) =>
        descending(a.creditMicros, b.creditMicros) ||
        descending(
          a.organizationKeyNanoUsd + a.userKeyNanoUsd,
          b.organizationKeyNanoUsd + b.userKeyNanoUsd,
        ) ||
        descending(a.operations, b.operations) ||
        (a.id ?? '').localeCompare(b.id ?? ''),
    )
  const shares =
    amountMinor === null
      ? null
      : sharesOf(
          amountMinor,
          groups.map(({ creditMicros }) => creditMicros),
        )
  return {
    groups: groups.map((group, index) => ({ ...group, shareMinor: shares?.[index] ?? null })),
    totals: { id: null, ...sumOf(lines), shareMinor: shares === null ? null : amountMinor },
  }
}
