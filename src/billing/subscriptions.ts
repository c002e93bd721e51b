import { type Actor, recordAudit } from '../audit/audit.ts'
import { FaultError, fault, must, type Outcome } from '../kit/fault.ts'
import { newId } from '../kit/id.ts'
import { type ChangePlan, planChange } from './change.ts'
import {
  accountKeyOf,
  lockedSubscription,
  nextTierOf,
  periodOf,
  settingsOf,
  standingOf,
  versionOf,
  viewOf,
} from './loaded.ts'
import { type BillingParts, inTransaction, outcomeOf } from './parts.ts'
import { beginPeriod, giveUpRenewals } from './renewals.ts'
import * as store from './store.ts'
import { insertPayment, unpaidRenewals } from './store-payments.ts'
import { readTier } from './store-tiers.ts'
import { fromStoredJson, toStoredJson } from './stored-json.ts'
import type {
  ChangePreview,
  Collection,
  Owner,
  Subscription,
  SubscriptionChange,
  SubscriptionView,
} from './subscription.ts'
import { tierGiven } from './tier.ts'

const planFor = async (
  executor: store.Executor,
  subscription: store.StoredSubscription,
  change: SubscriptionChange,
  at: Date,
): Promise<Outcome<ChangePlan>> => {
  const settings = await settingsOf(executor)
  const tierRow = change.kind === 'change_tier' ? ((await readTier(executor, change.tierId)) ?? null) : null
  const now = await standingOf(executor, settings, subscription, periodOf(subscription), at)
  // When the next period begins: now, where the last one is over.
  const then = at < subscription.periodEnd ? subscription.periodEnd : at
  const pending = change.kind === 'undo_pending' ? null : subscription.pending
  const given = async (tierId: string, when: Date) =>
    tierGiven(subscription.givesFree, await versionOf(executor, tierId, when))
  return planChange(
    {
      subscription,
      target: tierRow && {
        version: await given(tierRow.id, at),
        next: await given(tierRow.id, then),
        isArchived: tierRow.archived_at !== null,
      },
      freeTier: await given(settings.freeTierId, at),
      nextTier: await nextTierOf(executor, settings, { ...subscription, pending }, then),
      discountNow: now.isEarned,
      discountBasisPoints: settings.discount.basisPoints,
      collection: settings.provider,
      owesRenewal: (await unpaidRenewals(executor, subscription)).length > 0,
      at,
    },
    change,
  )
}

/** What a payment for a change was calculated from. */
export interface ChangeTerms {
  readonly revision: bigint
  readonly change: SubscriptionChange
  readonly after: Subscription
  readonly lines: ChangePreview['lines']
}

interface Commanded {
  readonly preview: ChangePreview
  readonly paymentId: string | null
}

interface ChangeOnce {
  readonly idempotencyKey: string
  readonly calculatedAt?: Date
}

const longestConsideredMs = 10 * 60_000
/** By which the clock of the process that showed it may be ahead. */
const clocksDifferMs = 5_000

/** When a change is reckoned: as it was shown, or now. Later is cheaper, so nobody gains by an older instant. */
const momentOf = (shown: Date | undefined, { periodStart, periodEnd }: Subscription, now: Date): Date => {
  if (!shown || now >= periodEnd) return now
  const ageMs = now.getTime() - shown.getTime()
  if (ageMs > longestConsideredMs || ageMs < -clocksDifferMs || shown < periodStart)
    throw new FaultError(
      fault('conflict', {
        message: 'The price that was shown is no longer valid.',
        next: 'Look at the preview again: it is calculated anew.',
      }),
    )
  return shown
}

export const makeSubscriptions = (parts: BillingParts) => {
  const { database, epoch, clock } = parts

  const adopted = async (owner: Owner): Promise<store.StoredSubscription> => {
    const key = await accountKeyOf(database.kysely, owner)
    return (
      (await store.readSubscription(database.kysely, key)) ??
      (await inTransaction(parts, (t) => lockedSubscription(t, parts, key)))
    )
  }

  /** Under the lock: the plan again, and either the change or the payment it waits for. */
  const command = async (
    t: store.T,
    actor: Actor,
    subscription: store.StoredSubscription,
    change: SubscriptionChange,
    { idempotencyKey, calculatedAt }: ChangeOnce,
  ): Promise<Commanded> => {
    const at = change.kind === 'change_tier' ? momentOf(calculatedAt, subscription, clock()) : clock()
    const plan = must(await planFor(t, subscription, change, at))
    const { preview } = plan
    const isPaidFirst = preview.chargeNowMinor > 0n && !plan.beginsPeriod
    const paymentId = isPaidFirst ? await requestPayment(t, subscription, plan, idempotencyKey) : null
    if (paymentId === null) await apply(t, parts, subscription, plan, idempotencyKey)
    await recordAudit(t, {
      organizationId: subscription.organizationId,
      actor,
      action: paymentId === null ? 'subscription.changed' : 'subscription.change_requested',
      subject: { kind: 'user', id: subscription.userId },
      before: { status: subscription.status, tier: subscription.tier.tierId },
      after: {
        ...change,
        chargeMinor: String(preview.chargeNowMinor),
        creditMicros: String(preview.creditsNowMicros),
        paymentId,
      },
    })
    return { preview, paymentId }
  }

  const requestPayment = async (
    t: store.T,
    subscription: store.StoredSubscription,
    { preview, after }: ChangePlan,
    idempotencyKey: string,
  ): Promise<string> => {
    const { revision, accountTierId: _, givesFree: __, ...before } = subscription
    const terms: ChangeTerms = {
      revision,
      change: preview.change,
      after: { ...before, ...after },
      lines: preview.lines,
    }
    const payment = await insertPayment(t, {
      ...before,
      provider: after.collection === 'none' ? 'manual' : after.collection,
      purpose: 'tier_change',
      amountMinor: preview.chargeNowMinor,
      currency: after.tier.currency,
      creditMicros: preview.creditsNowMicros,
      description: `${subscription.tier.name} to ${after.tier.name}`,
      tierId: after.tier.tierId,
      terms,
      idempotencyKey: `change:${idempotencyKey}`,
      at: clock(),
      chargeAfter: null,
    })
    return payment.id
  }

  return {
    adopted,

    view: async (owner: Owner): Promise<Outcome<SubscriptionView>> =>
      outcomeOf(async () => viewOf(database.kysely, await adopted(owner), clock())),

    preview: async (owner: Owner, change: SubscriptionChange): Promise<Outcome<ChangePreview>> =>
      outcomeOf(
        async () => must(await planFor(database.kysely, await adopted(owner), change, clock())).preview,
      ),

    /** Once for each key; a payment that it waits for is found by `paymentId`. */
    change: async (
      actor: Actor,
      owner: Owner,
      change: SubscriptionChange,
      once: ChangeOnce,
    ): Promise<Outcome<Commanded & { subscription: Subscription }>> =>
      outcomeOf(async () => {
        const { idempotencyKey } = once
        const key = await accountKeyOf(database.kysely, owner)
        // What the tier includes holds on every process when this returns.
        return epoch.change(owner.organizationId, async (t) => {
          const subscription = await lockedSubscription(t, parts, key)
          const before = await store.findCommand(t, key, idempotencyKey)
          if (before && toStoredJson(fromStoredJson(before.request)) !== toStoredJson(change))
            throw new FaultError(
              fault('conflict', { message: 'This idempotency key was used for another change.' }),
            )
          const done = before
            ? (fromStoredJson(before.result) as Commanded)
            : await command(t, actor, subscription, change, once)
          if (!before)
            await store.insertCommand(t, key, { idempotencyKey, request: change, result: done, at: clock() })
          return { ...done, subscription: (await store.readSubscription(t, key)) as Subscription }
        })
      }),

    endIdle: async (
      t: store.T,
      actor: Actor,
      organizationId: string,
      idle: 'members' | 'organization',
    ): Promise<number> => {
      let count = 0
      for (const key of await store.subscriptionsToEnd(t, organizationId, idle)) {
        const subscription = await lockedSubscription(t, parts, key)
        const change = { kind: 'cancel', when: 'period_end' } as const
        const { tier, collection, pending } = subscription
        const isPaid = tier.priceMinor > 0n && collection !== 'none' && pending?.kind !== 'cancel'
        // Unless it has ended, or is paused, meanwhile.
        if (isPaid && (await planFor(t, subscription, change, clock())).ok) {
          await command(t, actor, subscription, change, { idempotencyKey: `idle:${newId()}` })
          count++
        }
        // A change that waits for its payment does not fit the next revision: refused, or given back once it is paid.
        else await store.writeSubscription(t, subscription)
      }
      return count
    },

    setCollection: async (
      actor: Actor,
      owner: Owner,
      collection: Collection,
      reason: string,
    ): Promise<Outcome<Subscription>> =>
      outcomeOf(async () => {
        const key = await accountKeyOf(database.kysely, owner)
        if (collection !== 'none' && !parts.providers[collection])
          throw new FaultError(
            fault('conflict', { message: `The payment provider ${collection} is not set up here.` }),
          )
        return inTransaction(parts, async (t) => {
          const subscription = await lockedSubscription(t, parts, key)
          const after = { ...subscription, collection }
          await store.writeSubscription(t, after)
          await recordAudit(t, {
            organizationId: owner.organizationId,
            actor,
            action: 'subscription.collection_changed',
            subject: { kind: 'user', id: owner.userId },
            before: { collection: subscription.collection },
            after: { collection },
            reason,
          })
          return after
        })
      }),

    /** Subscriptions for accounts that have none. Gives their number. */
    adoptAll: async (): Promise<number> => {
      let count = 0
      for (;;) {
        const found = await store.accountsToAdopt(database.kysely, 200)
        for (const key of found) await inTransaction(parts, (t) => lockedSubscription(t, parts, key))
        count += found.length
        if (found.length < 200) return count
      }
    },
  }
}

/** The change itself, under the lock: now, or when its payment has been made. */
export const apply = async (
  t: store.T,
  parts: Pick<BillingParts, 'ledger' | 'clock'>,
  before: store.StoredSubscription,
  plan: Pick<ChangePlan, 'after' | 'beginsPeriod'> & {
    readonly preview: Pick<ChangePreview, 'change' | 'creditsNowMicros'>
  },
  cause: string,
): Promise<string | null> => {
  const { after, preview } = plan
  await store.writeSubscription(t, after)
  const key = { organizationId: after.organizationId, accountId: after.accountId }
  // A charge that has not been made, for credits that were not given.
  if (after.status === 'canceled') await giveUpRenewals(t, key, parts.clock(), { isGiven: false })
  if (after.tier.tierId !== before.tier.tierId)
    await parts.ledger.subscribe(t, { ...key, tierId: after.tier.tierId, allocatedUntil: after.periodEnd })
  if (plan.beginsPeriod) {
    const subscription = await store.lockSubscription(t, key)
    if (subscription) await beginPeriod(t, parts, subscription, parts.clock())
    return null
  }
  if (preview.creditsNowMicros <= 0n) return null
  const { grantId } = await parts.ledger.grant(t, {
    ...key,
    kind: 'allocation',
    amountMicros: preview.creditsNowMicros,
    effectiveAt: parts.clock(),
    expiresAt: after.periodEnd,
    idempotencyKey: `change:${cause}`,
    reason: `Change to ${after.tier.name}`,
    createdBy: 'subscription',
  })
  return grantId
}
