import type { StatementCategory, StatementLine } from '../../src/contract/statements.ts'
import type { Chip } from '../ui/filter-chips.tsx'
import type { StatementShow } from './billing-search.ts'

export const chips: readonly Chip<StatementShow>[] = [
  { value: 'usage', label: 'Usage', tone: 'credits' },
  { value: 'purchases', label: 'Purchases', tone: 'own' },
  { value: 'allocations', label: 'Allocations', tone: 'own' },
  { value: 'corrections', label: 'Corrections' },
  { value: 'expiry', label: 'Expired' },
]

const shown: Record<StatementShow, readonly StatementCategory[]> = {
  usage: ['usage', 'release'],
  purchases: ['purchase'],
  allocations: ['allocation'],
  // A refund is of an operation's charge; of a payment, the credits are taken back.
  corrections: ['adjustment', 'refund', 'reversal', 'debt_payment'],
  expiry: ['expiry'],
}

/** As the endpoint takes them; undefined: all. */
export const categoriesOf = (show: StatementShow | undefined): string | undefined =>
  show === undefined ? undefined : shown[show].join(',')

export const categoryNames: Record<StatementCategory, string> = {
  allocation: 'Monthly allocation',
  purchase: 'Purchase',
  adjustment: 'Given',
  usage: 'Operation',
  release: 'Operation, not charged',
  refund: 'Refund',
  reversal: 'Taken back',
  expiry: 'Expired',
  debt_payment: 'Debt paid',
  hold: 'Held',
}

export const categoryName = (line: Pick<StatementLine, 'category'>): string => categoryNames[line.category]

/** What tells a line from others of its kind. */
export const lineSubject = (line: StatementLine): string | null => {
  const { operation, invoice, reason } = line
  const subject = operation ? (operation.model ?? operation.endpoint) : invoice?.number
  return [reason, subject].filter(Boolean).join(', ') || null
}
