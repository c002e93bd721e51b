import { endReservations } from '../budgets/reserving.ts'
import type { Unit, Writer } from '../db/writer.ts'
import { newId } from '../kit/id.ts'
import { type Account, addGrant, endHold, expireDue, type Journal, newJournal } from './account.ts'
import type { GrantRequest } from './ledger.ts'
import { allocationKey, periodAt } from './period.ts'
import type * as ledgerStore from './store.ts'
import * as upkeepStore from './store-upkeep.ts'

type Store = typeof ledgerStore

export interface Given {
  readonly grantId: string
  readonly created: boolean
}

/** Gives each grant once: the account's lock makes look-up and insert one step. */
export const giveGrants = async (
  unit: Unit,
  store: Store,
  requests: readonly GrantRequest[],
  at: Date,
): Promise<Given[]> => {
  const { accounts } = await store.lock(unit, requests.map(accountKey), [])
  const journal = newJournal(at)
  const given = await giveLocked(unit, store, accounts, requests, journal)
  store.writeJournal(unit, journal)
  return given
}

const accountKey = (request: { organizationId: string; accountId: string }): ledgerStore.Key => ({
  organizationId: request.organizationId,
  id: request.accountId,
})

const giveLocked = async (
  unit: Unit,
  store: Store,
  accounts: ReadonlyMap<string, Account>,
  requests: readonly GrantRequest[],
  journal: Journal,
): Promise<Given[]> => {
  const existing = await store.existingGrants(unit, requests)
  return requests.map((request) => {
    const accountText = store.keyText(request.organizationId, request.accountId)
    const account = accounts.get(accountText)
    if (!account) throw new Error('There is no such credit account.')
    const key = `${accountText}/${request.idempotencyKey}`
    const before = existing.get(key)
    if (before) return { grantId: before, created: false }
    const grant: ledgerStore.NewGrant = {
      burnPriority: 100,
      ...request,
      id: newId(),
      remainingMicros: request.amountMicros,
      expiredAt: null,
      createdAt: journal.at,
    }
    existing.set(key, grant.id)
    store.insertGrant(unit, account, grant)
    addGrant(journal, account, grant)
    return { grantId: grant.id, created: true }
  })
}

export interface Recovered {
  /** Holds of processes found dead now. */
  readonly marked: number
  /** Holds of processes that were thought dead and are not. */
  readonly restored: number
  /** Given back, with a record of the interrupted operation. */
  readonly released: number
}

export interface UpkeepOptions {
  readonly writer: Writer
  readonly processId: string
  readonly graceMs: number
  readonly store: Store
}

/** Accounts or holds that one transaction sees to. */
const portion = 200

/**
 * What time does to accounts. Every command may run in any number of processes at once: each decides again under the
 * lock of the account.
 */
export const makeUpkeep = (options: UpkeepOptions) => {
  const { writer, store } = options

  /** Allocations of the period that contains `at`; periods that passed meanwhile are not made up for. */
  const allocate = async (
    unit: Unit,
    candidates: readonly upkeepStore.DueAccount[],
    at: Date,
  ): Promise<number> => {
    const { accounts } = await store.lock(unit, candidates, [])
    // Since it was found, an account may have been given a subscription.
    const subscribed = new Set(
      (await upkeepStore.subscribedAccounts(unit, candidates)).map((key) =>
        store.keyText(key.organizationId, key.id),
      ),
    )
    const journal = newJournal(at)
    const requests: GrantRequest[] = []
    for (const due of candidates) {
      const accountText = store.keyText(due.organizationId, due.id)
      const account = accounts.get(accountText)
      if (!account || account.allocatedUntil > at || due.anchoredAt > at) continue
      if (subscribed.has(accountText)) continue
      const period = periodAt(due.anchoredAt, at)
      account.allocatedUntil = period.endsAt
      journal.accounts.add(account)
      if (due.allocationMicros > 0n) requests.push(allocation(due, period))
    }
    const given = requests.length > 0 ? await giveLocked(unit, store, accounts, requests, journal) : []
    store.writeJournal(unit, journal)
    return given.filter((grant) => grant.created).length
  }

  const ensureAllocations = async (now: Date): Promise<number> => {
    let count = 0
    await inPortions(
      (unit) => upkeepStore.dueAccounts(unit, now, portion),
      async (unit, due) => {
        const given = await allocate(unit, due, now)
        return () => void (count += given)
      },
    )
    return count
  }

  const expireGrants = async (now: Date): Promise<number> => {
    let count = 0
    await inPortions(
      (unit) => upkeepStore.accountsWithExpired(unit, now, portion),
      async (unit, keys) => {
        const { accounts } = await store.lock(unit, keys, [])
        const journal = newJournal(now)
        for (const account of accounts.values()) expireDue(journal, account)
        store.writeJournal(unit, journal)
        return () => void (count += journal.accounts.size)
      },
    )
    return count
  }

  /**
   * Holds of a process whose lease ran out become unresolved: it may have died before or after the service was paid.
   * After the grace time they are given back and their operations recorded as interrupted; a caller who fully
   * received a reply is on record already. A process that lives after all gets its holds back before that.
   */
  const recoverHolds = async (now: Date): Promise<Recovered> => {
    const terms = { at: now, graceMs: options.graceMs, ownProcessId: options.processId }
    const counts = { mark: 0, restore: 0, release: 0 }
    await inPortions(
      (unit, after) => upkeepStore.recoverableHolds(unit, terms, after, portion),
      async (unit, candidates) => {
        const { accounts, holds } = await store.lock(unit, candidates.map(accountKey), candidates)
        const recoverable = await upkeepStore.stillRecoverable(unit, terms, candidates)
        const released = recoverable.filter((hold) => hold.recovery === 'release')
        const others = recoverable.filter((hold) => hold.recovery !== 'release')
        upkeepStore.markHolds(unit, others, now)
        giveBack(unit, released, accounts, holds)
        return () => {
          for (const hold of recoverable) counts[hold.recovery]++
        }
      },
    )
    return { marked: counts.mark, restored: counts.restore, released: counts.release }

    function giveBack(
      unit: Unit,
      released: readonly upkeepStore.RecoverableHold[],
      accounts: ledgerStore.Locked['accounts'],
      holds: ledgerStore.Locked['holds'],
    ): void {
      const journal = newJournal(now)
      for (const { organizationId, id, accountId } of released) {
        const account = accounts.get(store.keyText(organizationId, accountId))
        const hold = holds.get(store.keyText(organizationId, id))
        if (!account || !hold) throw new Error('A hold to release was not loaded.')
        endHold(journal, account, hold, 0n)
      }
      const ended = released.map(({ organizationId, id }) => ({
        organizationId,
        operationId: id,
        chargeMicros: 0n,
      }))
      upkeepStore.insertInterrupted(unit, released, now)
      store.endHolds(unit, ended, now)
      store.writeJournal(unit, journal)
      endReservations(
        unit,
        ended.map(({ operationId }) => operationId),
      )
    }
  }

  /**
   * Finds work without locks, then does each portion in its own transaction. What `work` gives back is called when that
   * has committed. Work that is done is not found again; `after` is for look-ups that would find it.
   */
  const inPortions = async <Item extends ledgerStore.Key>(
    find: (unit: Unit, after: ledgerStore.Key) => Promise<Item[]>,
    work: (unit: Unit, items: readonly Item[]) => Promise<() => void>,
  ): Promise<void> => {
    let after: ledgerStore.Key | undefined = upkeepStore.firstKey
    while (after) {
      const from: ledgerStore.Key = after
      const found: Item[] = await writer.transact((unit) => find(unit, from))
      if (found.length > 0) {
        const committed = await writer.transact((unit) => work(unit, found))
        committed()
      }
      after = found.length === portion ? found.at(-1) : undefined
    }
  }

  return { allocate, ensureAllocations, expireGrants, recoverHolds }
}

const allocation = (due: upkeepStore.DueAccount, period: ReturnType<typeof periodAt>): GrantRequest => ({
  organizationId: due.organizationId,
  accountId: due.id,
  kind: 'allocation',
  amountMicros: due.allocationMicros,
  effectiveAt: period.startsAt,
  // No rollover: what is left at the end of the month expires.
  expiresAt: period.endsAt,
  idempotencyKey: allocationKey(period),
  reason: null,
  createdBy: 'allocation',
})
