import { fault, type Fault } from '../kit/fault.ts'
import { amountText, type Budget, counts, type Subject, subjectText } from './budget.ts'
import { instantText, type Span, spanAt } from './period.ts'

/** A budget in one of its periods: what operations reserve from and count towards. */
export interface Claim extends Span {
  readonly budget: Budget
}

/** What an operation used of a budget. */
export interface Count extends Claim {
  readonly amount: bigint
}

/**
 * What is to be written with an operation's record. Whoever has budgets has one, also with nothing to count: whatever was
 * reserved for the operation goes in the same commit.
 */
export interface Counting {
  readonly operationId: string
  readonly counts: readonly Count[]
}

export const claimText = ({ budget, startsAt }: Claim): string =>
  `${budget.organizationId}/${budget.id}/${startsAt.getTime()}`

const claimOf = (budget: Budget, startedAt: Date): Claim => ({ budget, ...spanAt(budget, startedAt) })

/** The hard budgets that an attempt has to fit into. */
export const hardClaims = (
  budgets: readonly Budget[],
  subject: Subject,
  startedAt: Date,
): readonly Claim[] => {
  const hard = budgets.filter((budget) => budget.enforcement === 'hard' && counts(budget, subject))
  return hard.length === 0 ? none : hard.map((budget) => claimOf(budget, startedAt))
}
const none: readonly Claim[] = []

/** What is known of an operation when it has ended. */
export interface Ended {
  readonly organizationId: string
  readonly id: string
  readonly userId: string
  readonly accessTokenId: string
  readonly teamId: string | null
  readonly serviceId: string | null
  readonly serviceKeyId: string | null
  readonly keyOwner: Subject['keyOwner'] | null
  readonly startedAt: Date
  readonly creditMicros: bigint
  readonly costNanoUsd: bigint | null
}

/** An operation counts in the period in which it began. */
export const countingOf = (
  budgets: readonly Budget[],
  ended: Ended,
  payerUserId: string | null,
): Counting => {
  const { serviceId, keyOwner } = ended
  if (serviceId === null || keyOwner === null) return { operationId: ended.id, counts: [] }
  const amount = keyOwner === 'system' ? ended.creditMicros : (ended.costNanoUsd ?? 0n)
  if (amount === 0n) return { operationId: ended.id, counts: [] }
  const subject: Subject = {
    ...ended,
    serviceId,
    payerUserId,
    serviceKeyId: ended.serviceKeyId ?? '',
    keyOwner,
  }
  return {
    operationId: ended.id,
    counts: budgets
      .filter((budget) => counts(budget, subject))
      .map((budget) => ({ ...claimOf(budget, ended.startedAt), amount })),
  }
}

/** How a budget stands in the middle of a transaction that holds its period's lock. */
export interface Room extends Claim {
  readonly used: bigint
  /** For other operations. */
  readonly reserved: bigint
}

export const restOf = ({ budget, used, reserved }: Room): bigint => {
  const rest = budget.limit - used - reserved
  return rest > 0n ? rest : 0n
}

/** The budget with the least left, as far as that is less than `maximum`. */
export const tightest = (rooms: readonly Room[], maximum: bigint): { rest: bigint; room: Room | null } => {
  let rest = maximum
  let tight: Room | null = null
  for (const room of rooms) {
    const its = restOf(room)
    if (its >= rest) continue
    rest = its
    tight = room
  }
  return { rest, room: tight }
}

/** The refusal of the hard budget that leaves least for an operation that needs as much; null: none stands in its way. */
export const refusalAmong = (rooms: readonly Room[], subject: Subject, needed: bigint): Fault | null => {
  const inForce = rooms.filter(({ budget }) => budget.enforcement === 'hard' && counts(budget, subject))
  const { room } = tightest(inForce, needed)
  return room && budgetExceeded(room, needed)
}

/** Which budget it was, how it stands and when it starts anew: whoever reads it need not look any further. */
export const budgetExceeded = (room: Room, needed: bigint): Fault => {
  const { budget, used, reserved, endsAt } = room
  const text = (amount: bigint) => amountText(budget.measure, amount)
  const aside = reserved > 0n ? `, and ${text(reserved)} are set aside for operations under way` : ''
  return fault('budget_exceeded', {
    message:
      `The budget “${budget.name}” on ${subjectText(budget)} leaves too little for this call: ${text(used)} of ${text(budget.limit)} ` +
      `are used${aside}, and this call needs at least ${text(needed)}. It starts anew at ${instantText(endsAt, zoneOf(budget))}.`,
    next:
      budget.measure === 'credits'
        ? 'Use your own key for the service, wait until the budget starts anew, or have it raised.'
        : 'Wait until the budget starts anew, or have it raised.',
    resetsAt: endsAt,
  })
}

export const zoneOf = (budget: Budget): string =>
  budget.period === 'calendar_month' ? budget.timeZone : (budget.anchor?.timeZone ?? budget.timeZone)
