import type {
  StatementBalance,
  StatementLine,
  StatementPageOnWire,
  StatementSummary as SummaryOnWire,
} from '../contract/statements.ts'
import { encodeNumbersCursor } from '../kit/cursor.ts'
import {
  type Balance,
  balanceMicros,
  changeMicros,
  type Line,
  type Pending,
  type Wanted,
} from './statement.ts'
import type { StatementPage, StatementSummary } from './statements.ts'

export const balanceOnWire = (balance: Balance): StatementBalance => ({
  number: Number(balance.number),
  at: balance.at?.toISOString() ?? null,
  balanceMicros: String(balanceMicros(balance)),
  availableMicros: String(balance.availableMicros),
  heldMicros: String(balance.heldMicros),
  debtMicros: String(balance.debtMicros),
})

export const lineOnWire = (line: Line): StatementLine => ({
  number: Number(line.number),
  at: line.at.toISOString(),
  kind: line.kind,
  category: line.category,
  changeMicros: String(changeMicros(line)),
  availableChangeMicros: String(line.availableChangeMicros),
  heldChangeMicros: String(line.heldChangeMicros),
  debtChangeMicros: String(line.debtChangeMicros),
  spentMicros: String(line.spentMicros),
  expiredMicros: String(line.expiredMicros),
  balanceMicros: String(balanceMicros(line.after)),
  availableMicros: String(line.after.availableMicros),
  heldMicros: String(line.after.heldMicros),
  debtMicros: String(line.after.debtMicros),
  hold: line.hold && {
    number: Number(line.hold.number),
    at: line.hold.at.toISOString(),
    heldMicros: String(line.hold.heldMicros),
  },
  operationId: line.operationId,
  operation: line.operation && { ...line.operation, startedAt: line.operation.startedAt.toISOString() },
  grants: line.grants.map((grant) => ({
    ...grant,
    changeMicros: String(grant.changeMicros),
    expiresAt: grant.expiresAt?.toISOString() ?? null,
  })),
  reason: line.reason,
  paymentId: line.paymentId,
  invoice: line.invoice,
})

const pendingOnWire = (pending: Pending) => ({
  ...pending,
  at: pending.at.toISOString(),
  heldMicros: String(pending.heldMicros),
})

export const pageOnWire = (page: StatementPage): StatementPageOnWire => ({
  items: page.lines.map(lineOnWire),
  nextCursor: page.next === null ? null : encodeNumbersCursor([page.next.before, page.next.through]),
  opening: balanceOnWire(page.opening),
  closing: balanceOnWire(page.closing),
  pending: page.pending.map(pendingOnWire),
  pendingMicros: String(page.pendingMicros),
})

export const summaryOnWire = (summary: StatementSummary, wanted: Wanted): SummaryOnWire => {
  const matching = summary.categories.filter(
    ({ category }) =>
      (category !== 'hold' || wanted.withHolds) && (wanted.categories?.includes(category) ?? true),
  )
  return {
    opening: balanceOnWire(summary.opening),
    closing: balanceOnWire(summary.closing),
    categories: summary.categories.map((sum) => ({
      category: sum.category,
      lines: Number(sum.lines),
      changeMicros: String(sum.changeMicros),
      spentMicros: String(sum.spentMicros),
      expiredMicros: String(sum.expiredMicros),
    })),
    matching: {
      lines: Number(matching.reduce((total, sum) => total + sum.lines, 0n)),
      changeMicros: String(matching.reduce((total, sum) => total + sum.changeMicros, 0n)),
    },
  }
}
