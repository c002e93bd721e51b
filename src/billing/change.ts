import { failure, type Outcome, success } from '../kit/fault.ts'
import { isTimeZone } from './calendar.ts'
import { discountText } from './invoice.ts'
import { creditPart, discountOn, type Fraction, moneyPart, remainingOf, stepOf } from './proration.ts'
import type { ChangePreview, Collection, Subscription, SubscriptionChange } from './subscription.ts'
import type { TierVersion } from './tier.ts'

/** What a change is decided from. All of it is read under the lock when the change is made. */
export interface ChangeFacts {
  readonly subscription: Subscription
  /** The tier that is asked for, as it is in effect now. */
  readonly target: {
    readonly version: TierVersion
    /** As it will be when the next period begins. */
    readonly next: TierVersion
    readonly isArchived: boolean
  } | null
  readonly freeTier: TierVersion
  /** The version that the next period will have, unless this change is to another tier. */
  readonly nextTier: TierVersion
  /** Whether the own-key rule is met as of now. */
  readonly discountNow: boolean
  readonly discountBasisPoints: number
  /** How this installation collects what users change to by themselves. */
  readonly collection: Exclude<Collection, 'none'>
  /** A period that has begun is invoiced and not paid. */
  readonly owesRenewal: boolean
  readonly at: Date
}

export interface ChangePlan {
  readonly preview: ChangePreview
  /** The subscription after it, when nothing is left to be paid. */
  readonly after: Subscription
  /** A paused subscription whose period has ended begins a new one now. */
  readonly beginsPeriod: boolean
}

/** The change and its exact price; the preview and the command are both this. */
export const planChange = (facts: ChangeFacts, change: SubscriptionChange): Outcome<ChangePlan> => {
  switch (change.kind) {
    case 'change_tier':
      return planTier(facts, change)
    case 'cancel':
      return planCancel(facts, change)
    case 'undo_pending':
      if (facts.subscription.pending === null) return refused('No change waits for the end of the period.')
      return plan(facts, change, { pending: null })
    case 'pause':
      if (facts.subscription.status !== 'active') return refused('Only an active subscription can be paused.')
      // Nobody is past due while paused: whoever paused and resumed would have every month without paying for one.
      if (facts.owesRenewal) return refused(payFirst)
      return plan(facts, change, { status: 'paused', pausedAt: facts.at })
    case 'resume':
      return planResume(facts, change)
    case 'set_time_zone':
      if (!isTimeZone(change.timeZone))
        return failure('invalid_request', { message: 'There is no such time zone.', field: 'timeZone' })
      return plan(facts, change, { timeZone: change.timeZone })
  }
}

const refused = (message: string) => failure('conflict', { message })
const payFirst = 'A payment is due. Pay it first.'

type Change<Kind> = Extract<SubscriptionChange, { kind: Kind }>

const planTier = (facts: ChangeFacts, change: Change<'change_tier'>): Outcome<ChangePlan> => {
  const { subscription, target } = facts
  const { tier } = subscription
  if (target === null || target.isArchived)
    return failure('invalid_request', { message: 'There is no such tier to change to.', field: 'tierId' })
  if (subscription.status === 'paused') return refused('The subscription is paused. Resume it first.')
  if (subscription.status === 'past_due') return refused(payFirst)
  // Canceled in the middle of a period that was given and never paid.
  if (subscription.status === 'canceled' && facts.owesRenewal) return refused(payFirst)
  if (target.version.tierId === tier.tierId) return refused('This is the tier already.')
  if (tier.priceMinor > 0n && target.version.priceMinor > 0n && tier.currency !== target.version.currency)
    return refused('The tiers have prices in different currencies. Cancel at the end of the period first.')
  return isUpgrade(tier, target.version)
    ? planUpgrade(facts, change, target)
    : plan(
        facts,
        change,
        { pending: { kind: 'change_tier', tierId: target.version.tierId } },
        { nextTier: target.next, effectiveAt: subscription.periodEnd, afterTier: target.next },
      )
}

/** Dearer, or as dear with no fewer credits. */
const isUpgrade = (from: TierVersion, to: TierVersion): boolean =>
  to.priceMinor > from.priceMinor ||
  (to.priceMinor === from.priceMinor && to.allocationMicros >= from.allocationMicros)

const planUpgrade = (
  facts: ChangeFacts,
  change: Change<'change_tier'>,
  { version: to, next }: NonNullable<ChangeFacts['target']>,
): Outcome<ChangePlan> => {
  const { subscription } = facts
  const { tier, discountBasisPoints } = subscription
  // Nothing would be left to pay for, and the next period would begin on the dearer tier.
  if (facts.at >= subscription.periodEnd)
    return refused('The period has just ended. Try again in a minute, when the next one has begun.')
  const left = remainingOf({ startsAt: subscription.periodStart, endsAt: subscription.periodEnd }, facts.at)
  const step = stepOf(to.currency)
  const proration = prorated(to.priceMinor - tier.priceMinor, left, step)
  const discount = discountOn(proration, discountBasisPoints, step)
  const lines: ChangePreview['lines'] = [
    ...(proration > 0n
      ? [
          {
            kind: 'proration' as const,
            description: `${tier.name} to ${to.name} for the rest of the period`,
            amountMinor: proration,
          },
        ]
      : []),
    ...(discount > 0n
      ? [
          {
            kind: 'discount' as const,
            description: discountText(discountBasisPoints),
            amountMinor: -discount,
          },
        ]
      : []),
  ]
  return plan(
    facts,
    change,
    {
      tier: to,
      status: 'active',
      pending: null,
      // What an administrator gave is paid for from the subscriber's own upgrade on.
      collection: subscription.collection === 'none' ? facts.collection : subscription.collection,
    },
    { nextTier: next, lines, credits: creditPart(to.allocationMicros - tier.allocationMicros, left) },
  )
}

/** A dearer tier is never had for nothing: what would be less than the smallest unit is one. */
const prorated = (differenceMinor: bigint, left: Fraction, step: bigint): bigint => {
  const part = moneyPart(differenceMinor, left, step)
  return differenceMinor > 0n && part === 0n ? step : part
}

const planCancel = (facts: ChangeFacts, change: Change<'cancel'>): Outcome<ChangePlan> => {
  const { subscription, freeTier } = facts
  // Without a price there is nothing to cancel: who could go back at once could come again for the credits at once.
  const isFree = subscription.tier.tierId === freeTier.tierId || subscription.tier.priceMinor === 0n
  if (subscription.status === 'canceled' || isFree) return refused('There is no paid tier to cancel.')
  if (change.when === 'now')
    // What is left of the period's credits has been paid for and stays until its end.
    return plan(
      facts,
      change,
      { status: 'canceled', tier: freeTier, pending: null, pausedAt: null, graceUntil: null },
      { nextTier: freeTier },
    )
  if (subscription.status === 'paused') return refused('The subscription is paused. Cancel it now instead.')
  if (subscription.pending?.kind === 'cancel') return refused('It ends at the end of the period already.')
  return plan(
    facts,
    change,
    { pending: { kind: 'cancel' } },
    { nextTier: freeTier, effectiveAt: subscription.periodEnd, afterTier: freeTier, afterStatus: 'canceled' },
  )
}

/** Within the period it goes on; after its end a new one begins now, on a new day. */
const planResume = (facts: ChangeFacts, change: Change<'resume'>): Outcome<ChangePlan> => {
  const { subscription, at } = facts
  if (subscription.status !== 'paused') return refused('The subscription is not paused.')
  if (at < subscription.periodEnd) return plan(facts, change, { status: 'active', pausedAt: null })
  const again = {
    status: 'active',
    pausedAt: null,
    anchoredAt: at,
    periodNumber: -1,
    periodStart: at,
    periodEnd: at,
  } as const
  const price = subscription.collection === 'none' ? 0n : facts.nextTier.priceMinor
  // It was away: no key history earns a discount for a period that has not been.
  const lines: ChangePreview['lines'] =
    price > 0n
      ? [{ kind: 'subscription', description: `${facts.nextTier.name}, one month`, amountMinor: price }]
      : []
  return plan(facts, change, again, {
    lines,
    credits: facts.nextTier.allocationMicros,
    beginsPeriod: true,
  })
}

interface Details {
  readonly nextTier?: TierVersion
  readonly afterTier?: TierVersion
  readonly afterStatus?: Subscription['status']
  readonly effectiveAt?: Date
  readonly lines?: ChangePreview['lines']
  readonly credits?: bigint
  readonly beginsPeriod?: boolean
}

const plan = (
  facts: ChangeFacts,
  change: SubscriptionChange,
  patch: Partial<Subscription>,
  details: Details = {},
): Outcome<ChangePlan> => {
  const { subscription, at } = facts
  const after: Subscription = { ...subscription, ...patch }
  const nextTier = details.nextTier ?? facts.nextTier
  const lines = details.lines ?? []
  const renews = after.status !== 'paused'
  const nextPrice = after.collection === 'none' ? 0n : nextTier.priceMinor
  const left = remainingOf({ startsAt: subscription.periodStart, endsAt: subscription.periodEnd }, at)
  return success({
    after,
    beginsPeriod: details.beginsPeriod ?? false,
    preview: {
      change,
      calculatedAt: at,
      effectiveAt: details.effectiveAt ?? at,
      before: { status: subscription.status, tier: subscription.tier },
      after: {
        status: details.afterStatus ?? after.status,
        tier: details.afterTier ?? after.tier,
      },
      currency: nextPrice > 0n ? nextTier.currency : after.tier.currency,
      lines,
      chargeNowMinor: lines.reduce((sum, line) => sum + line.amountMinor, 0n),
      creditsNowMicros: details.credits ?? 0n,
      periodEnd: subscription.periodEnd,
      nextChargeMinor: renews
        ? nextPrice -
          (facts.discountNow
            ? discountOn(nextPrice, facts.discountBasisPoints, stepOf(nextTier.currency))
            : 0n)
        : 0n,
      nextAllocationMicros: renews ? nextTier.allocationMicros : 0n,
      remainingMs: left.part,
      periodMs: left.whole,
    },
  })
}
