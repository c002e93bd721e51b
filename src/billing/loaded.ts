import { FaultError, fault } from '../kit/fault.ts'
import { periodAt } from './calendar.ts'
import { standing } from './discount.ts'
import type { BillingParts } from './parts.ts'
import { discountOn, stepOf } from './proration.ts'
import { type BillingSettings, defaultSettings } from './settings.ts'
import * as store from './store.ts'
import type { Owner, Subscription, SubscriptionView } from './subscription.ts'
import { tierGiven, type TierVersion } from './tier.ts'

export const settingsOf = async (executor: store.Executor): Promise<BillingSettings> => {
  const stored = await store.readSettings(executor)
  // Of the rule, too, what is new has its default in what was stored before.
  return { ...defaultSettings, ...stored, discount: { ...defaultSettings.discount, ...stored.discount } }
}

const noAccount = () => new FaultError(fault('not_found', { message: 'This user has no credit account.' }))

/** The version in effect, which every tier has from its beginning. */
export const versionOf = async (executor: store.Executor, tierId: string, at: Date): Promise<TierVersion> => {
  const version = await store.versionAt(executor, tierId, at)
  if (!version) throw new Error(`tier ${tierId} has no version`)
  return version
}

/**
 * Makes the subscription of an account that the ledger has looked after so far. It goes on with the period it is in; what
 * its tier costs is not collected until the subscriber changes something or an administrator says so.
 */
const adopt = async (
  t: store.T,
  parts: Pick<BillingParts, 'ledger' | 'clock'>,
  key: store.AccountKey,
): Promise<void> => {
  const account = await store.lockAccount(t, key)
  if (!account) throw noAccount()
  const at = parts.clock()
  const { anchoredAt, allocatedUntil } = account
  const period =
    allocatedUntil > anchoredAt
      ? periodAt(anchoredAt, new Date(allocatedUntil.getTime() - 1), 'UTC')
      : { number: -1, startsAt: anchoredAt, endsAt: anchoredAt }
  const subscription: Subscription = {
    ...key,
    userId: account.userId,
    status: 'active',
    tier: await versionOf(t, account.tierId, at),
    collection: 'none',
    timeZone: 'UTC',
    anchoredAt,
    periodNumber: period.number,
    periodStart: period.startsAt,
    periodEnd: period.endsAt,
    discountBasisPoints: 0,
    pending: null,
    pausedAt: null,
    graceUntil: null,
  }
  if (await store.insertSubscription(t, subscription, at))
    await parts.ledger.subscribe(t, { ...key, tierId: account.tierId, allocatedUntil: period.endsAt })
}

/** Locked, and made where there was none. */
export const lockedSubscription = async (
  t: store.T,
  parts: Pick<BillingParts, 'ledger' | 'clock'>,
  key: store.AccountKey,
): Promise<store.StoredSubscription> => {
  const found = await store.lockSubscription(t, key)
  if (found) return found
  await adopt(t, parts, key)
  const made = await store.lockSubscription(t, key)
  if (!made) throw noAccount()
  return made
}

export const accountKeyOf = async (executor: store.Executor, owner: Owner): Promise<store.AccountKey> => {
  const key = await store.accountOf(executor, owner)
  if (!key) throw noAccount()
  return key
}

/** How the own-key rule stands for the period that closes then. */
export const standingOf = async (
  executor: store.Executor,
  settings: BillingSettings,
  subscription: Subscription,
  period: { startsAt: Date; endsAt: Date },
  at: Date,
) => {
  const since = new Date(period.startsAt.getTime() - settings.discount.minimumContinuousDays * 86_400_000)
  const counting = settings.discount.organizationKeysCount
  const presences = await store.presences(executor, subscription, since, counting)
  return standing(settings.discount, period, presences, at)
}

export const periodOf = (subscription: Subscription) => ({
  startsAt: subscription.periodStart,
  endsAt: subscription.periodEnd,
})

/** What the next period will be of, as things stand. */
export const nextTierOf = async (
  executor: store.Executor,
  settings: BillingSettings,
  subscription: store.StoredSubscription,
  at: Date,
): Promise<TierVersion> => {
  const { pending, accountTierId, givesFree } = subscription
  const tierId =
    pending?.kind === 'cancel'
      ? settings.freeTierId
      : pending?.kind === 'change_tier'
        ? pending.tierId
        : accountTierId
  return tierGiven(givesFree, await versionOf(executor, tierId, at))
}

export const viewOf = async (
  executor: store.Executor,
  subscription: store.StoredSubscription,
  at: Date,
): Promise<SubscriptionView> => {
  const settings = await settingsOf(executor)
  const { revision: _, accountTierId, givesFree: __, ...shown } = subscription
  const discount = await standingOf(executor, settings, subscription, periodOf(subscription), at)
  const tier = await nextTierOf(executor, settings, subscription, subscription.periodEnd)
  const wasChanged = accountTierId !== subscription.tier.tierId && subscription.pending === null
  const isGiven = subscription.collection === 'none' || wasChanged
  const priceMinor = isGiven ? 0n : tier.priceMinor
  const discountMinor = discount.isEarned
    ? discountOn(priceMinor, discount.basisPoints, stepOf(tier.currency))
    : 0n
  return {
    ...shown,
    next:
      subscription.status === 'paused'
        ? null
        : {
            at: subscription.periodEnd,
            tier,
            allocationMicros: tier.allocationMicros,
            priceMinor,
            discountMinor,
            totalMinor: priceMinor - discountMinor,
          },
    discount,
  }
}
