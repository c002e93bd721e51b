import type { Transaction } from 'kysely'
import type { Alerts } from '../alerts/alerts.ts'
import type { Database } from '../db/database.ts'
import type { Schema } from '../db/schema.ts'
import type { Log } from '../kit/log.ts'
import type { Budget } from './budget.ts'
import { type Forecast, forecastOf } from './forecast.ts'
import { type Span, spanAt } from './period.ts'
import type { Counted } from './reserving.ts'
import * as store from './store.ts'
import * as counts from './store-counts.ts'
import * as upkeep from './store-upkeep.ts'
import { newlyReached } from './thresholds.ts'
import { audiencesOf, creditsNotice, forecastNotice, periodNotices } from './words.ts'

export interface WatchParts {
  readonly database: Database
  readonly alerts: Pick<Alerts, 'notifyIn' | 'soon'>
  readonly log: Log
  readonly processId: string
  readonly graceMs: number
}

const hourMs = 3_600_000
/** A threshold passed in a period's last minute is still told in the next. */
const newsAfterEndMs = 48 * hourMs
const forecastEveryMs = hourMs
const creditsEveryMs = 6 * hourMs
/** What one turn of the background work looks at of each; there is one every minute. */
const portion = 25
const accountPortion = 100

/** Tells what is to be told of budgets, once; and what keeps them right by time alone. */
export const makeWatch = (parts: WatchParts) => {
  const { database, alerts, log } = parts
  const { kysely } = database

  const notify = async (
    transaction: Transaction<Schema>,
    budget: Budget,
    notices: readonly ReturnType<typeof forecastNotice>[],
  ): Promise<void> => {
    for (const notice of notices)
      for (const audience of audiencesOf(budget)) await alerts.notifyIn(transaction, { ...notice, audience })
  }

  /** In one commit: it is noted as told, and the alert is there. */
  const tell = async (budget: Budget, span: Span): Promise<number> => {
    const told = await kysely.transaction().execute(async (transaction) => {
      const claimed = await counts.claimNews(transaction, budget, span, (period) => [
        ...newlyReached(period.used, budget.limit, period.fired).map(String),
        ...(period.refusedAt === null ? [] : ['refused']),
      ])
      if (claimed === null || claimed.fresh.length === 0) return 0
      await notify(transaction, budget, periodNotices(budget, span, claimed.period.used, claimed.fresh))
      return claimed.fresh.length
    })
    if (told > 0) alerts.soon()
    return told
  }

  const find = ({ organizationId, id }: upkeep.BudgetKey) => store.findBudget(kysely, organizationId, id)

  const recover = async (now: Date): Promise<number> => {
    const { graceMs, processId } = parts
    const dropped = await upkeep.dropAbandoned(kysely, { at: now, graceMs, ownProcessId: processId })
    if (dropped > 0) log.info({ dropped }, 'what dead processes had reserved of budgets was given back')
    return dropped
  }

  const tellAll = async (now: Date): Promise<void> => {
    for (const news of await upkeep.withNews(kysely, new Date(now.getTime() - newsAfterEndMs))) {
      const budget = await find(news)
      if (budget !== null) await tell(budget, news)
    }
  }

  /**
   * Puts right what was never counted: operations that had begun before the budget was there. Gives the difference, which
   * is nothing for a budget that has been there for a while.
   */
  const recount = async (budget: Budget, span: Span, now: Date): Promise<bigint> => {
    const found = await counts.compare(kysely, budget, span)
    if (found === null || !(await counts.correct(kysely, budget, span, found, now))) return 0n
    return found.total - found.used
  }

  const recountDue = async (now: Date): Promise<void> => {
    for (const due of await upkeep.dueRecounts(kysely, now, portion)) {
      const budget = await find(due)
      if (budget === null) continue
      const difference = await recount(budget, due, now)
      if (difference !== 0n && now.getTime() - budget.createdAt.getTime() > hourMs)
        log.warn(
          { budgetId: budget.id, difference: String(difference) },
          'what counts towards a budget was not what its operations add up to; put right',
        )
    }
  }

  const renewForecast = async (budget: Budget, now: Date): Promise<Forecast> => {
    const span = spanAt(budget, now)
    const [days, [standing]] = await Promise.all([
      counts.usedByDay(kysely, budget, now),
      counts.standingsOf(kysely, [{ budget, span }]),
    ])
    const used = standing?.period?.used ?? 0n
    const forecast = forecastOf({ days, remaining: budget.limit - used, now, until: span.endsAt })
    await counts.writeForecast(kysely, budget, forecast, now)
    if (forecast.state === 'runs_out' && budget.archivedAt === null)
      await tellForecast(budget, span, forecast)
    return forecast
  }

  const tellForecast = async (budget: Budget, span: Span, forecast: Forecast): Promise<void> => {
    await counts.ensurePeriod(kysely, budget, span)
    await kysely.transaction().execute(async (transaction) => {
      const claimed = await counts.claimNews(transaction, budget, span, () => ['forecast'])
      if (claimed === null || claimed.fresh.length === 0) return
      await notify(transaction, budget, [forecastNotice(budget, span, claimed.period.used, forecast)])
    })
    alerts.soon()
  }

  const creditForecast = async (
    account: upkeep.AccountKey,
    now: Date,
  ): Promise<{ left: upkeep.CreditsLeft; forecast: Forecast } | null> => {
    const [left, days] = await Promise.all([
      upkeep.creditsLeft(kysely, account, now),
      counts.creditsByDay(
        kysely,
        account.organizationId,
        account.userId === account.organizationId ? null : account.userId,
        now,
      ),
    ])
    if (left === null) return null
    const forecast = forecastOf({
      days,
      remaining: left.availableMicros,
      now,
      until: left.nextAllocationAt,
    })
    return { left, forecast }
  }

  const watchCredits = async (now: Date): Promise<void> => {
    const before = new Date(now.getTime() - creditsEveryMs)
    for (const account of await upkeep.claimAccounts(kysely, before, now, accountPortion)) {
      const found = await creditForecast(account, now)
      // Who never used any has not run out of them.
      if (found === null || (found.forecast.perDay === null && found.forecast.daysOfData === 0)) continue
      const notice = creditsNotice({ ...account, ...found.left }, found.forecast)
      if (notice === null) continue
      const { organizationId, userId } = account
      await alerts.notifyIn(null, { ...notice, audience: { kind: 'user', organizationId, userId } })
    }
    alerts.soon()
  }

  /** What this process saw told, so that nobody asks the database with every operation past a threshold. */
  const seen = new Map<string, number>()
  const mostSeen = 10_000
  const underWay = new Set<Promise<unknown>>()

  const counted = (all: readonly Counted[]): void => {
    for (const { claim, used } of all) {
      const { budget } = claim
      const text = `${budget.id}/${claim.startsAt.getTime()}/${budget.limit}`
      const passed = newlyReached(used, budget.limit, []).length
      if (passed <= (seen.get(text) ?? 0)) continue
      if (seen.size >= mostSeen) seen.clear()
      seen.set(text, passed)
      const telling = tell(budget, claim)
        .catch((error: unknown) => {
          // The minute's work finds it again.
          log.warn({ err: error, budgetId: budget.id }, 'an alert of a budget could not be raised yet')
        })
        .finally(() => underWay.delete(telling))
      underWay.add(telling)
    }
  }

  return {
    counted,
    recount,
    renewForecast,
    creditForecast,
    tell,
    recover,
    /** One turn of the background work; safe in several processes at once. */
    async tend(now: Date): Promise<void> {
      await recover(now)
      await recountDue(now)
      await tellAll(now)
      const due = await upkeep.dueForecasts(kysely, new Date(now.getTime() - forecastEveryMs), portion)
      for (const key of due) {
        const budget = await find(key)
        if (budget !== null) await renewForecast(budget, now)
      }
      await watchCredits(now)
    },
    async settled(): Promise<void> {
      await Promise.all(underWay)
    },
  }
}
