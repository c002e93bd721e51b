import type { Edge } from './edges.ts'
import type { Random } from './random.ts'

/** What users, administrators, Stripe and time do, by which a worker comes to an edge. */
export type Action =
  | 'buy'
  | 'buy_first'
  | 'change'
  | 'pay'
  | 'decide'
  | 'refund'
  | 'refund_there'
  | 'dispute'
  | 'close_dispute'
  | 'top_up'
  | 'month_ends'

interface Step {
  readonly statement: string
  /** While a worker lives to reach it, these are done more often than others. */
  readonly by: readonly Action[]
  /** Passed many times a second: not always at the first. */
  readonly isFrequent?: true
}

export interface Life extends Edge {
  readonly by: readonly Action[]
}

const of = (by: readonly Action[], ...statements: readonly string[]): Step[] =>
  statements.map((statement) => ({ statement, by }))
const often = (...statements: readonly string[]): Step[] =>
  statements.map((statement) => ({ statement, by: [], isFrequent: true }))

/** Statements that an operation passes, from its hold to its record; budgets are those of two of the four callers. */
export const operationSteps: readonly Step[] = often(
  'begin',
  'ledger_lock_accounts',
  'ledger_live_grants',
  'ledger_insert_holds',
  'ledger_update_accounts',
  'ledger_update_grants',
  'ledger_insert_entries',
  'ledger_holds',
  'ledger_grants_of_holds',
  'ledger_end_holds',
  'budgets_ensure_periods',
  'budgets_lock_periods',
  'budgets_rooms',
  'budgets_own_reservations',
  'budgets_reserve',
  'budgets_end_reservations',
  'budgets_count',
  'copy',
  'commit hold',
  'commit record',
)

/** What a purchase, its refund and a change of tier pass, at Stripe and here, and what time asks of a worker. */
export const purchaseSteps: readonly Step[] = [
  ...often('begin', 'commit', 'claim payments', 'claim provider_events', 'ledger_recoverable_holds'),
  ...of(
    ['buy'],
    'news',
    'acknowledge',
    'commit order',
    'lock subscriptions',
    'insert payments',
    'insert audit_entries',
  ),
  ...of(['buy'], 'stripe checkout'),
  ...of(['buy_first', 'buy_first', 'pay'], 'insert payment_customers'),
  ...of(['pay'], 'webhook', 'stripe facts', 'insert provider_events', 'update provider_events'),
  ...of(['pay', 'buy'], 'insert applied_payment_events', 'update configuration_epoch', 'lock payments'),
  ...of(
    ['pay', 'decide', 'buy'],
    'commit paid',
    'update payments',
    'ledger_lock_accounts',
    'ledger_live_grants',
  ),
  ...of(['pay', 'decide', 'buy'], 'ledger_grant_keys', 'ledger_insert_grant', 'ledger_update_accounts'),
  ...of(['pay', 'decide', 'buy'], 'ledger_insert_entries', 'insert invoices', 'insert invoice_lines'),
  ...of(['pay', 'decide', 'buy'], 'insert invoice_numbers', 'update invoices'),
  ...of(['change'], 'commit change', 'insert billing_commands'),
  ...of(['change', 'pay', 'month_ends'], 'update subscriptions'),
  ...of(['month_ends'], 'commit period', 'insert subscription_periods'),
  ...of(['month_ends', 'top_up'], 'stripe charge'),
  ...of(['top_up'], 'insert auto_top_ups'),
  ...of(['refund'], 'stripe refund', 'commit money back'),
  ...of(['refund', 'refund_there', 'dispute'], 'insert payment_refunds', 'commit credits back'),
  ...of(['refund', 'refund_there', 'close_dispute'], 'update payment_refunds', 'ledger_update_grants'),
  ...of(['refund', 'refund_there', 'dispute'], 'ledger_correction_by_key', 'ledger_sums_of_grant'),
  ...of(['refund', 'refund_there', 'dispute'], 'ledger_insert_correction'),
  // Gateways die all the time.
  ...of([], 'ledger_mark_holds', 'ledger_insert_interrupted', 'ledger_end_holds', 'commit interrupted'),
]

/** Whose answer cannot be waited for. */
const withoutAnswer = new Set(['copy', 'acknowledge'])
const phases = ['before', 'sent', 'after'] as const

interface Dealing {
  readonly random: Random
  readonly seed: number
  readonly steps: readonly Step[]
  /** Statements that come before all others: seeds before did not reach them. */
  readonly owed: ReadonlySet<string>
}

/** The edges of a list one after the other, from a place that the seed gives: seeds in a row pass all of them. */
export const dealEdges = ({ random, seed, steps, owed }: Dealing): (() => Life) => {
  const all = phases.flatMap((phase) =>
    steps
      .filter(({ statement }) => phase !== 'after' || !withoutAnswer.has(statement))
      .map((step) => ({ ...step, phase })),
  )
  const first = steps
    .filter(({ statement }) => owed.has(statement))
    .map((step) => ({ ...step, phase: random.pick(['before', 'sent'] as const), isFrequent: undefined }))
  // Steps that meet every edge, and not those of one phase together.
  const stride = strideOf(all.length, steps.length + 1)
  let next = (seed * 37) % all.length
  const pick = () => {
    const owing = first.shift()
    if (owing) return owing
    const picked = all[next % all.length] as (typeof all)[number]
    next += stride
    return picked
  }
  return () => {
    const { phase, statement, by, isFrequent } = pick()
    // Nearly always one of the first few times.
    const count = isFrequent ? Math.floor(random.whole(20) ** 2 / 48) : Math.floor(random.whole(12) / 10)
    return { phase, statement, by, count, victim: random.chance(0.15) ? 'database' : 'process' }
  }
}

const divides = (a: number, b: number): boolean => (b === 0 ? a > 1 : divides(b, a % b))
/** The first from there on that has no divisor in common with the length. */
const strideOf = (length: number, from: number): number =>
  divides(length, from) ? strideOf(length, from + 1) : from

/** Every statement at which something may be killed, once. */
export const everyStep: readonly string[] = [
  ...new Set([...operationSteps, ...purchaseSteps].map(({ statement }) => statement)),
]
