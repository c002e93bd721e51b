import type { Actor } from '../audit/audit.ts'
import type { Alerts } from '../alerts/alerts.ts'
import type { Database } from '../db/database.ts'
import type { Epoch } from '../db/epoch.ts'
import { makeGroupCommit } from '../db/group-commit.ts'
import { isPassing, openWriter } from '../db/writer.ts'
import { beyondTenants } from '../db/tenant-scope.ts'
import type { Clock } from '../kit/clock.ts'
import { failure, type Outcome, success } from '../kit/fault.ts'
import { newId } from '../kit/id.ts'
import type { Log } from '../kit/log.ts'
import type { OperationRecord } from '../metering/operation.ts'
import type { Budget } from './budget.ts'
import { type Counting, countingOf, type Room } from './claim.ts'
import type { Forecast } from './forecast.ts'
import { type BudgetChange, type BudgetDraft, isWithin, makeManage, type Reach } from './manage.ts'
import { type Span, spanAt } from './period.ts'
import { type Counted, lockBudgets, type Wanted } from './reserving.ts'
import * as store from './store.ts'
import * as counts from './store-counts.ts'
import { follow } from './store-followers.ts'
import { accountOf, holderOf } from './store-upkeep.ts'
import { makeWatch } from './watch.ts'

export type { Budget } from './budget.ts'
export type { Claim, Counting, Room } from './claim.ts'
export type { Wanted } from './reserving.ts'
export type { BudgetChange, BudgetDraft, Reach } from './manage.ts'

/** A budget as it stands in a period. */
export interface BudgetStanding {
  readonly budget: Budget
  readonly span: Span
  readonly used: bigint
  readonly reserved: bigint
  readonly fired: readonly string[]
  readonly refusedAt: Date | null
  /** As it was told within the last hour; null: not yet. */
  readonly forecast: Forecast | null
  readonly names: {
    userName: string | null
    accessTokenName: string | null
    teamName: string | null
    serviceKeyName: string | null
    organizationName: string
  }
}

export interface Budgets {
  /** What may count of a caller's operations, to be cached with them under the epoch; null: nothing. */
  read(caller: store.CallerKey): Promise<readonly Budget[] | null>
  /** What counts of everybody's; null: nothing. */
  readWide(): Promise<readonly Budget[] | null>
  /**
   * Sets aside, durably, the most between minimum and maximum that all of the budgets leave; once more for the same
   * operation puts it right. It ends with the operation's record.
   */
  reserve(wanted: Wanted): Promise<Outcome<bigint>>
  /** The hard budgets that a caller's next operation may meet, as they stand now; of access tokens that of the named one. */
  rooms(caller: {
    organizationId: string
    userId: string
    payerUserId: string | null
    accessTokenId: string | null
    /** Of the access token. */
    teamId: string | null
  }): Promise<Room[]>
  /** For operations that end in another process than they began in; `accountId`: whose credits they hold. */
  countingFor(operation: OperationRecord, accountId: string | null): Promise<Counting>
  /** Raises what alerts are due; does not wait. */
  counted(counted: readonly Counted[]): void

  create(actor: Actor, draft: BudgetDraft): Promise<Outcome<Budget>>
  change(actor: Actor, reach: Reach, id: string, change: BudgetChange): Promise<Outcome<Budget>>
  archive(actor: Actor, reach: Reach, id: string): Promise<Outcome<Budget>>
  /** An archived one is in force again, with what it had counted of the period. */
  restore(actor: Actor, reach: Reach, id: string): Promise<Outcome<Budget>>
  find(reach: Reach, id: string): Promise<Outcome<BudgetStanding>>
  list(filter: store.ListFilter): Promise<BudgetStanding[]>
  /** Newest first. */
  history(budget: Budget): Promise<counts.StoredPeriod[]>
  /** When a user's credits run out; null: they have no account. */
  creditForecast(
    organizationId: string,
    userId: string,
  ): Promise<{ availableMicros: bigint; forecast: Forecast } | null>
  /** Gives back what dead processes had reserved; the number of reservations. */
  recover(now: Date): Promise<number>
  /** What has to be done by time alone; every minute or so, in any number of processes. */
  tend(now: Date): Promise<void>
  /** Resolves when the alerts of what was counted so far are raised. */
  settled(): Promise<void>
  close(): Promise<void>
}

export interface BudgetOptions {
  readonly database: Database
  readonly epoch: Pick<Epoch, 'change' | 'processId'>
  readonly alerts: Pick<Alerts, 'notifyIn' | 'soon'>
  readonly clock: Clock
  readonly log: Log
  /** How long what a dead process reserved stays reserved. */
  readonly graceSeconds?: number
  readonly patienceMs?: number
}

const largestBatch = 128
const periodsShown = 12

/** docs/budgets.md */
export const makeBudgets = (options: BudgetOptions): Budgets => {
  const { database, epoch, clock, log } = options
  const { kysely } = database
  const { processId } = epoch
  const manage = makeManage(options)
  const watch = makeWatch({ ...options, processId, graceMs: (options.graceSeconds ?? 30) * 1_000 })
  const writer = openWriter(database, { name: 'budgets' })

  const reservations = makeGroupCommit<Wanted, Outcome<bigint>>({
    maximumBatch: largestBatch,
    patienceMs: options.patienceMs ?? 3_000,
    isPassing,
    run: (batch) =>
      writer.transact(async (unit) => {
        const rooms = await lockBudgets(unit, batch)
        const results = batch.map((wanted) => {
          const most = rooms.most(wanted)
          if (most.ok) rooms.take(wanted, most.value)
          return most
        })
        rooms.write(processId, clock())
        return results
      }),
    // Should it have been committed after all, the record of the operation that is refused now takes it away.
    onGivenUp: (wanted, error) => {
      log.warn(
        { operationId: wanted.operationId, err: error },
        'the database does not answer: nothing reserved',
      )
      return failure('database_unavailable')
    },
  })

  const standings = async (budgets: readonly Budget[]): Promise<BudgetStanding[]> => {
    const now = clock()
    const wanted = budgets.map((budget) => ({ budget, span: spanAt(budget, now) }))
    const [found, names] = await Promise.all([
      counts.standingsOf(kysely, wanted),
      store.namesFor(kysely, budgets),
    ])
    return wanted.map(({ budget, span }, index) => {
      const { period = null, reserved = 0n, forecast = null } = found[index] ?? {}
      const { userId, accessTokenId, teamId, serviceKeyId } = budget.scope
      return {
        budget,
        span,
        used: period?.used ?? 0n,
        reserved,
        fired: period?.fired ?? [],
        refusedAt: period?.refusedAt ?? null,
        forecast,
        names: {
          userName: userId === null ? null : (names.users.get(userId) ?? null),
          accessTokenName: accessTokenId === null ? null : (names.tokens.get(accessTokenId) ?? null),
          teamName: teamId === null ? null : (names.teams.get(teamId) ?? null),
          serviceKeyName: serviceKeyId === null ? null : (names.serviceKeys.get(serviceKeyId) ?? null),
          organizationName: names.organizations.get(budget.organizationId) ?? '',
        },
      }
    })
  }

  /** Every process counts by now: what had ended before is added here, what is under way by the minute's work. */
  const catchUp = async (budget: Budget): Promise<void> => {
    if (budget.eachMember) return catchUpFollowers(budget)
    const now = clock()
    const span = spanAt(budget, now)
    await counts.ensurePeriod(kysely, budget, span)
    await watch.recount(budget, span, now)
    await watch.renewForecast(budget, now)
    await watch.tell(budget, span)
  }
  const catchUpFollowers = async ({ organizationId, id }: Budget): Promise<void> => {
    for (const budget of await store.listBudgets(kysely, { organizationId, follows: id }))
      await catchUp(budget)
  }

  /** A budget of their own, for whom a caller's operations count, for each that is on each member and that they have none of yet. */
  const withFollowers = async (
    found: readonly Budget[],
    { organizationId, userId, payerUserId }: store.CallerKey,
  ): Promise<readonly Budget[]> => {
    const own = found.filter(({ eachMember }) => !eachMember)
    const followed = new Set(own.map(({ follows, scope }) => `${follows}/${scope.userId}`))
    const membersOf = ({ measure }: Budget) =>
      payerUserId === null || measure !== 'credits' ? [userId] : [userId, payerUserId]
    const made = await Promise.all(
      found
        .filter((budget) => budget.eachMember && budget.organizationId === organizationId)
        .flatMap((budget) => membersOf(budget).map((member) => ({ budget, member })))
        .filter(({ budget, member }) => !followed.has(`${budget.id}/${member}`))
        .map(async ({ budget, member }) => {
          const now = clock()
          const one = await follow(kysely, budget, { userId: member, budgetId: newId(now.getTime()) }, now)
          if (one === null) return null
          const span = spanAt(one, now)
          await counts.ensurePeriod(kysely, one, span)
          await watch.recount(one, span, now)
          return one
        }),
    )
    return [...own, ...made.flatMap((one) => one ?? [])]
  }

  return {
    read: async (caller) => orNull(await withFollowers(await store.budgetsOf(kysely, caller), caller)),
    readWide: async () => orNull(await store.wideBudgets(kysely)),
    // Also those on the whole installation, which no tenant sees.
    rooms: ({ accessTokenId, ...caller }) =>
      beyondTenants(async () => {
        const tokens = { accessTokenId: accessTokenId ?? noToken, tokenOrganizationId: caller.organizationId }
        const found = await Promise.all([
          store.budgetsOf(kysely, { ...caller, ...tokens }),
          store.wideBudgets(kysely),
        ])
        const hard = found
          .flat()
          .filter(({ enforcement, eachMember }) => enforcement === 'hard' && !eachMember)
        return (await standings(hard)).map(({ budget, span, used, reserved }) => ({
          budget,
          ...span,
          used,
          reserved,
        }))
      }),
    reserve: (wanted) => reservations.submit(wanted),
    async countingFor(operation, accountId) {
      // A token of the platform's is not told by the record; its budgets count when they are compared.
      const { organizationId, userId, accessTokenId, teamId } = operation
      const payerUserId = accountId && (await holderOf(kysely, organizationId, accountId))
      const caller = {
        organizationId,
        userId,
        payerUserId,
        accessTokenId,
        teamId,
        tokenOrganizationId: organizationId,
      }
      const [own, wide] = await Promise.all([store.budgetsOf(kysely, caller), store.wideBudgets(kysely)])
      return countingOf([...own, ...wide], operation, payerUserId)
    },
    counted: watch.counted,

    async create(actor, draft) {
      const created = await manage.create(actor, draft)
      if (created.ok) await catchUp(created.value)
      return created
    },
    async change(actor, reach, id, change) {
      const changed = await manage.change(actor, reach, id, change)
      if (changed.ok) {
        await watch.renewForecast(changed.value, clock())
        await watch.tell(changed.value, spanAt(changed.value, clock()))
      }
      return changed
    },
    archive: manage.archive,
    async restore(actor, reach, id) {
      const restored = await manage.restore(actor, reach, id)
      if (restored.ok) await catchUp(restored.value)
      return restored
    },
    async find(reach, id) {
      const budget = await store.findBudget(kysely, reach.organizationId, id)
      if (budget === null || !isWithin(budget, reach)) return failure('not_found')
      const [standing] = await standings([budget])
      return standing ? success(standing) : failure('not_found')
    },
    list: async (filter) => standings(await store.listBudgets(kysely, filter)),
    history: (budget) => counts.periodsOf(kysely, budget, periodsShown),
    async creditForecast(organizationId, userId) {
      const accountId = await accountOf(kysely, organizationId, userId)
      if (accountId === null) return null
      const found = await watch.creditForecast({ organizationId, accountId, userId }, clock())
      return found && { availableMicros: found.left.availableMicros, forecast: found.forecast }
    },
    recover: watch.recover,
    tend: watch.tend,
    settled: watch.settled,
    close: async () => {
      await reservations.drain()
      await watch.settled()
      await writer.close()
    },
  }
}

const noToken = '00000000-0000-0000-0000-000000000000'

const orNull = (budgets: readonly Budget[]): readonly Budget[] | null =>
  budgets.length === 0 ? null : budgets
