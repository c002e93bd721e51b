import type { Transaction } from 'kysely'
import type { Claim } from '../budgets/claim.ts'
import { endReservations, lockBudgets, type Wanted } from '../budgets/reserving.ts'
import type { Database } from '../db/database.ts'
import { makeGroupCommit } from '../db/group-commit.ts'
import { makeLater } from '../db/later.ts'
import type { Schema } from '../db/schema.ts'
import { isPassing, openWriter, type Unit, unitOf, type Writer } from '../db/writer.ts'
import type { Clock } from '../kit/clock.ts'
import { failure, type Outcome, success } from '../kit/fault.ts'
import { newId } from '../kit/id.ts'
import type { Log } from '../kit/log.ts'
import { formatMicros } from '../kit/money.ts'
import type { HeldOperation } from '../metering/operation.ts'
import { type Account, availableMicros, endHold, type GrantKind, newJournal, openHold } from './account.ts'
import {
  charge,
  type ChargeRequest,
  type Correction,
  type RefundRequest,
  refund,
  type ReversalRequest,
  reverse,
} from './correct.ts'
import { giveGrants, makeUpkeep, type Recovered } from './upkeep.ts'
import * as reads from './store-reads.ts'
import * as ledgerStore from './store.ts'
import { accountWithTier, handOverHold, insertAccount } from './store-upkeep.ts'

export interface HoldRequest {
  readonly organizationId: string
  readonly accountId: string
  readonly operationId: string
  /** With less than this the operation is refused. */
  readonly minimumMicros: bigint
  /** The worst cost. What is affordable between the two is held. */
  readonly maximumMicros: bigint
  readonly operation: HeldOperation
  /** Hard budgets that what is held has to fit into; it is reserved of each in the same commit. */
  readonly budgets?: readonly Claim[]
}

export interface Settlement {
  readonly organizationId: string
  readonly accountId: string
  readonly operationId: string
  /** 0n gives everything back. */
  readonly chargeMicros: bigint
}

/** What became of a settlement. `ended_before`: nothing was done now; `chargeMicros` is what was charged then. */
export type SettleResult =
  | { readonly kind: 'ended' }
  | { readonly kind: 'ended_before'; readonly chargeMicros: bigint }
  | { readonly kind: 'unknown_hold' }

export interface GrantRequest {
  readonly organizationId: string
  readonly accountId: string
  readonly kind: GrantKind
  readonly amountMicros: bigint
  readonly effectiveAt: Date
  readonly expiresAt: Date | null
  readonly burnPriority?: number
  /** The same key is the same grant, whatever else is asked. */
  readonly idempotencyKey: string
  readonly reason: string | null
  readonly createdBy: string
}

export interface Ledger {
  /** The user's credit account with its first allocation; the one there is, where there is one. */
  openAccount(
    transaction: Transaction<Schema>,
    account: { organizationId: string; userId: string; tierId: string; at: Date },
  ): Promise<string>
  accountOf(organizationId: string, userId: string): Promise<string | null>
  /** The new tier's allocation is given from the next period on. */
  changeTier(
    transaction: Transaction<Schema>,
    account: { organizationId: string; accountId: string; tierId: string },
  ): Promise<void>
  /** From now on the account's allocations are its subscription's, which says how far they reach. */
  subscribe(
    transaction: Transaction<Schema>,
    account: { organizationId: string; accountId: string; tierId: string; allocatedUntil: Date },
  ): Promise<void>
  grant(
    transaction: Transaction<Schema> | null,
    request: GrantRequest,
  ): Promise<{ grantId: string; created: boolean }>
  /** Takes back (part of) a grant: what is unspent first, the rest is owed. Nothing is done twice. */
  reverse(transaction: Transaction<Schema> | null, request: ReversalRequest): Promise<Correction>
  /** Gives back (part of) what an operation was charged, unwinding the burn order. Nothing is done twice. */
  refund(transaction: Transaction<Schema> | null, request: RefundRequest): Promise<Correction>
  /** Charges an operation more than it was: from what is available, the rest is owed. Nothing is done twice. */
  charge(transaction: Transaction<Schema> | null, request: ChargeRequest): Promise<Correction>
  hold(request: HoldRequest): Promise<Outcome<{ heldMicros: bigint }>>
  /** Ends holds inside the recorder's transaction; one result per settlement, in order. */
  settleAll(unit: Unit, settlements: readonly Settlement[]): Promise<SettleResult[]>
  /**
   * The hold outlives this process from then on: only its settlement ends it, so whoever takes it has to see to that.
   * False: it has ended already, as of a process that was thought dead.
   */
  handOver(
    unit: Unit,
    hold: { organizationId: string; accountId: string; operationId: string },
  ): Promise<boolean>
  /** Gives a hold back outside of a record. */
  release(organizationId: string, operationId: string): Promise<SettleResult>
  balance(organizationId: string, accountId: string): Promise<reads.Balance | null>
  statement(organizationId: string, accountId: string, page?: reads.StatementPage): Promise<reads.Statement>
  /** Every account of an organisation, or of all, with its balance. */
  accounts(page?: reads.AccountPage): Promise<reads.AccountList>
  /** Gives every account the allocation of its current month, once. Gives the number given now. */
  ensureAllocations(now: Date): Promise<number>
  /** Moves what remains of expired grants away. Gives the number of accounts. */
  expireGrants(now: Date): Promise<number>
  /** Sees to the holds of dead processes: see `upkeep.ts`. */
  recoverHolds(now: Date): Promise<Recovered>
  drain(): Promise<void>
  close(): Promise<void>
}

export interface LedgerOptions {
  readonly database: Database
  readonly processId: string
  readonly clock: Clock
  readonly log: Log
  /** How long a dead process's holds stay unresolved before they are given back. */
  readonly graceSeconds?: number
  /** How long a hold waits for a database that does not answer. */
  readonly holdPatienceMs?: number
  /** Tests plant errors here to prove that they would be noticed. */
  readonly store?: typeof ledgerStore
}

const largestBatch = 128

export const makeLedger = (options: LedgerOptions): Ledger => {
  const { database, processId, clock, log, store = ledgerStore } = options
  const holdWriter = openWriter(database, { name: 'holds' })
  // Apart, so that nobody without a budget waits for the lock of somebody else's.
  const budgetedWriter = openWriter(database, { name: 'budgeted holds' })
  const commands = openWriter(database, { name: 'ledger' })
  const upkeep = makeUpkeep({
    writer: commands,
    processId,
    graceMs: (options.graceSeconds ?? 30) * 1_000,
    store,
  })

  /** In a transaction of the caller's, or one of its own. */
  const within = async <T>(
    transaction: Transaction<Schema> | null,
    work: (unit: Unit) => Promise<T>,
  ): Promise<T> => {
    if (!transaction) return commands.transact(work)
    const unit = unitOf(transaction)
    const result = await work(unit)
    await unit.sent()
    return result
  }

  const runHolds = (writer: Writer) => (batch: readonly HoldRequest[], isRetry: boolean) =>
    writer.transact(async (unit) => {
      const at = clock()
      const locked = await store.lock(unit, batch.map(accountKey), isRetry ? batch.map(holdKey) : [])
      const budgeted = batch.filter(hasBudgets)
      const rooms = budgeted.length > 0 ? await lockBudgets(unit, budgeted.map(wantedOf)) : null
      const journal = newJournal(at)
      const opened: ledgerStore.NewHold[] = []
      const results = batch.map((request): Outcome<{ heldMicros: bigint }> => {
        const { organizationId, accountId, operationId, operation } = request
        const existing = locked.holds.get(ledgerStore.keyText(organizationId, operationId))
        if (existing) return heldBefore(existing)
        const account = locked.accounts.get(ledgerStore.keyText(organizationId, accountId))
        const most = rooms && hasBudgets(request) ? rooms.most(wantedOf(request)) : null
        if (most?.ok === false) return most
        const maximumMicros = most?.value ?? request.maximumMicros
        const hold = account && openHold(journal, account, { ...request, maximumMicros })
        if (!hold) return tooFewCredits(request, account, at)
        if (most) rooms?.take(wantedOf(request), hold.amountMicros)
        opened.push({ ...hold, organizationId, accountId, operation })
        return success({ heldMicros: hold.amountMicros })
      })
      store.insertHolds(unit, opened, processId, at)
      rooms?.write(processId, at)
      store.writeJournal(unit, journal)
      return results
    })

  const settleAll = async (unit: Unit, settlements: readonly Settlement[]): Promise<SettleResult[]> => {
    const at = clock()
    const locked = await store.lock(unit, settlements.map(accountKey), settlements.map(holdKey))
    const journal = newJournal(at)
    const ended = new Map<string, ledgerStore.EndedHold>()
    const results = settlements.map((settlement): SettleResult => {
      const { organizationId, accountId, operationId, chargeMicros } = settlement
      const key = ledgerStore.keyText(organizationId, operationId)
      const hold = locked.holds.get(key)
      const account = locked.accounts.get(ledgerStore.keyText(organizationId, accountId))
      if (chargeMicros < 0n) throw new RangeError('A charge cannot be negative.')
      if (!hold || !account || hold.accountId !== accountId) return { kind: 'unknown_hold' }
      const before = ended.get(key)?.chargeMicros ?? endedWith(hold)
      if (before !== null) return { kind: 'ended_before', chargeMicros: before }
      endHold(journal, account, hold, chargeMicros)
      ended.set(key, { organizationId, operationId, chargeMicros })
      return { kind: 'ended' }
    })
    store.endHolds(unit, [...ended.values()], at)
    store.writeJournal(unit, journal)
    return results
  }

  /** Outside of a record: what was reserved of budgets for it goes with it. */
  const giveUp = (unit: Unit, settlement: Settlement): Promise<SettleResult[]> => {
    const results = settleAll(unit, [settlement])
    endReservations(unit, [settlement.operationId])
    return results
  }

  const release = async (organizationId: string, operationId: string): Promise<SettleResult> => {
    const accountId = await reads.accountOfHold(database, organizationId, operationId)
    if (!accountId) return { kind: 'unknown_hold' }
    const settlement = { organizationId, accountId, operationId, chargeMicros: 0n }
    const [result] = await commands.transact((unit) => giveUp(unit, settlement))
    return result ?? { kind: 'unknown_hold' }
  }

  // Holds whose commit was never heard of: the operation was refused, but the credits may be set aside, and nobody else
  // gives back the holds of a living process. The account is locked first: a COMMIT still under way is waited for.
  const doubtful = makeLater<HoldRequest>({
    log,
    work: async (hold) =>
      void (await commands.transact((unit) => giveUp(unit, { ...hold, chargeMicros: 0n }))),
  })

  const holdsBy = (writer: Writer) =>
    makeGroupCommit<HoldRequest, Outcome<{ heldMicros: bigint }>>({
      maximumBatch: largestBatch,
      patienceMs: options.holdPatienceMs ?? 3_000,
      run: runHolds(writer),
      isPassing,
      onGivenUp: (request, error) => {
        log.warn(
          { operationId: request.operationId, err: error },
          'hold given up: the database does not answer',
        )
        doubtful.add(request)
        return failure('database_unavailable')
      },
    })
  const holds = holdsBy(holdWriter)
  const budgetedHolds = holdsBy(budgetedWriter)

  return {
    openAccount: async (transaction, account) => {
      const unit = unitOf(transaction)
      const id = await insertAccount(unit, { ...account, id: newId() })
      const due = await accountWithTier(unit, { organizationId: account.organizationId, id })
      await upkeep.allocate(unit, due, account.at)
      await unit.sent()
      return id
    },
    accountOf: (organizationId, userId) => reads.accountOf(database, organizationId, userId),
    changeTier: async (transaction, { organizationId, accountId, tierId }) => {
      await transaction
        .updateTable('credit_accounts')
        .set({ tier_id: tierId })
        .where('organization_id', '=', organizationId)
        .where('id', '=', accountId)
        .execute()
    },
    subscribe: async (transaction, { organizationId, accountId, tierId, allocatedUntil }) => {
      await transaction
        .updateTable('credit_accounts')
        .set({ is_subscribed: true, tier_id: tierId, allocated_until: allocatedUntil })
        .where('organization_id', '=', organizationId)
        .where('id', '=', accountId)
        .execute()
    },
    grant: async (transaction, request) =>
      first(await within(transaction, (unit) => giveGrants(unit, store, [request], clock()))),
    reverse: (transaction, request) => within(transaction, (unit) => reverse(unit, store, request, clock())),
    refund: (transaction, request) => within(transaction, (unit) => refund(unit, store, request, clock())),
    charge: (transaction, request) => within(transaction, (unit) => charge(unit, store, request, clock())),
    hold: (request) => (hasBudgets(request) ? budgetedHolds : holds).submit(request),
    settleAll,
    handOver: async (unit, hold) => {
      // Whoever recovers holds decides under this lock.
      await store.lock(unit, [accountKey(hold)], [])
      return (await handOverHold(unit, holdKey(hold))) === 1
    },
    release,
    balance: (organizationId, accountId) => reads.balance(database, organizationId, accountId, clock()),
    statement: (organizationId, accountId, page) =>
      reads.statement(database, organizationId, accountId, page),
    accounts: (page) => reads.accounts(database, clock(), page),
    ensureAllocations: upkeep.ensureAllocations,
    expireGrants: upkeep.expireGrants,
    recoverHolds: upkeep.recoverHolds,
    drain: async () => void (await Promise.all([holds.drain(), budgetedHolds.drain()])),
    close: async () => {
      await Promise.all([holds.drain(), budgetedHolds.drain()])
      doubtful.stop()
      await Promise.all([holdWriter.close(), budgetedWriter.close(), commands.close()])
    },
  }
}

const hasBudgets = (request: HoldRequest): boolean =>
  request.budgets !== undefined && request.budgets.length > 0

const wantedOf = (request: HoldRequest): Wanted => ({
  organizationId: request.organizationId,
  operationId: request.operationId,
  claims: request.budgets ?? [],
  minimum: request.minimumMicros,
  maximum: request.maximumMicros,
})

const accountKey = (item: { organizationId: string; accountId: string }): ledgerStore.Key => ({
  organizationId: item.organizationId,
  id: item.accountId,
})

const holdKey = (item: { organizationId: string; operationId: string }): ledgerStore.Key => ({
  organizationId: item.organizationId,
  id: item.operationId,
})

const first = <T>(items: readonly T[]): T => {
  const item = items[0]
  if (item === undefined) throw new Error('Nothing came back.')
  return item
}

/** A retry found its hold: the connection broke after the commit. */
const heldBefore = (hold: ledgerStore.StoredHold): Outcome<{ heldMicros: bigint }> =>
  endedWith(hold) === null
    ? success({ heldMicros: hold.amountMicros })
    : failure('internal', { message: 'The operation’s hold has ended already.' })

const endedWith = (hold: ledgerStore.StoredHold): bigint | null =>
  hold.state === 'settled' || hold.state === 'released' ? (hold.settledMicros ?? 0n) : null

/** A user without an account has no credits either. */
const tooFewCredits = (request: HoldRequest, account: Account | undefined, at: Date) => {
  const available = account ? availableMicros(account, at) : 0n
  return failure('insufficient_credits', {
    message: `There are not enough credits for this call: it needs at least ${formatMicros(request.minimumMicros)}, and ${formatMicros(available)} are available.`,
  })
}
