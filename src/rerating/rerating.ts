import type { Transaction } from 'kysely'
import type { AuditAction } from '../audit/actions.ts'
import { type Actor, recordAudit } from '../audit/audit.ts'
import type { Database } from '../db/database.ts'
import type { Schema } from '../db/schema.ts'
import type { Clock } from '../kit/clock.ts'
import { failure, FaultError, fault, must, type Outcome, success } from '../kit/fault.ts'
import { newId, platformOrganizationId } from '../kit/id.ts'
import type { Log } from '../kit/log.ts'
import type { Ledger } from '../ledger/ledger.ts'
import type { Prices } from '../metering/prices.ts'
import { byAccount, digestOf, largest, makeRating, type Rating, type Rerated, type Totals } from './rate.ts'
import type { AccountDifference } from './rate.ts'
import * as store from './store.ts'

export interface Scope {
  readonly from: Date
  /** Before this. */
  readonly until: Date
  readonly serviceId: string | null
  /** A name, or a pattern with `*`. */
  readonly model: string | null
  /** That the operations were charged by. */
  readonly priceBookVersion: number | null
  readonly userId: string | null
}

export interface Terms {
  readonly scope: Scope
  readonly toVersion: number
  /** Whether whoever was charged too little is charged the difference. */
  readonly chargesMore: boolean
}

export interface Rerating extends Terms {
  readonly id: string
  readonly status: 'waiting' | 'running' | 'done' | 'denied'
  readonly totals: Totals
  readonly done: number
  /** Left alone, as their charge had been corrected otherwise. */
  readonly changed: number
  readonly reason: string
  readonly chargeReason: string | null
  readonly requestedBy: string | null
  readonly decidedBy: string | null
  readonly createdAt: Date
  readonly decidedAt: Date | null
  readonly finishedAt: Date | null
}

export interface Preview {
  readonly totals: Totals
  readonly accounts: readonly AccountDifference[]
  readonly accountCount: number
  readonly operations: readonly Rerated[]
  readonly needsSecondApprover: boolean
  readonly digest: string
}

export interface Request extends Terms {
  /** Of the preview that was looked at. */
  readonly digest: string
  readonly reason: string
  readonly chargeReason: string | null
  readonly idempotencyKey: string
}

export interface ReratingParts {
  readonly database: Database
  readonly ledger: Pick<Ledger, 'refund' | 'charge'>
  readonly prices: Pick<Prices, 'at' | 'version'>
  /** Above this, in refunds and charges together, a second administrator has to agree. */
  readonly secondApproverAboveMicros: () => Promise<bigint>
  readonly clock: Clock
  readonly log: Log
}

type T = Transaction<Schema>

const shown = 200
/** What is to be done of each is kept in memory until it is written. */
const changesMaximum = 100_000

/** What past operations would have cost at other prices: a preview, then new entries. Nothing that is on record is changed. */
export const makeReratings = (parts: ReratingParts) => {
  const { database, ledger, prices, clock, log } = parts
  const running = new Map<string, Promise<void>>()
  let isClosing = false

  const rate = async ({ scope, toVersion, chargesMore }: Terms): Promise<Outcome<Rating>> => {
    if (scope.until <= scope.from)
      return failure('invalid_request', { message: 'The time ends before it begins.', field: 'until' })
    const [book, version] = await Promise.all([prices.at(toVersion), prices.version(toVersion)])
    if (book === null || version === null || version.withdrawnAt !== null)
      return failure('invalid_request', {
        message: 'There is no such version of the price book.',
        field: 'toVersion',
      })
    const rating = makeRating(book, chargesMore)
    await store.eachCharged(database, scope, (operation) => {
      rating.take(operation)
      return rating.size() <= changesMaximum
    })
    return rating.size() > changesMaximum
      ? failure('invalid_request', {
          message: `More than ${changesMaximum} operations would change.`,
          next: 'Choose a shorter time, or one service, and do the rest afterwards.',
          field: 'from',
        })
      : success(rating.done())
  }

  const needsSecond = async ({ totals }: Rating, { chargesMore }: Terms): Promise<boolean> =>
    totals.refundMicros + (chargesMore ? totals.chargeMicros : 0n) > (await parts.secondApproverAboveMicros())

  const inTransaction = async <R>(work: (t: T) => Promise<R>): Promise<Outcome<R>> => {
    try {
      return success(await database.kysely.transaction().execute(work))
    } catch (error) {
      if (error instanceof FaultError) return { ok: false, fault: error.fault }
      throw error
    }
  }

  const audit = (t: T, actor: Actor, action: AuditAction, rerating: Rerating, reason?: string) => {
    const { totals } = rerating
    return recordAudit(t, {
      organizationId: platformOrganizationId,
      actor,
      action,
      subject: { kind: 'rerating', id: rerating.id },
      after: {
        scope: rerating.scope,
        toVersion: rerating.toVersion,
        chargesMore: rerating.chargesMore,
        refundMicros: `${totals.refundMicros}`,
        chargeMicros: rerating.chargesMore ? `${totals.chargeMicros}` : '0',
      },
      reason: reason ?? rerating.reason,
    })
  }

  /** One operation: an entry that gives back or charges, or nothing where its charge is another one by now. */
  const correct = async (t: T, rerating: Rerating, item: store.Item): Promise<boolean> => {
    const { organizationId, accountId, operationId, oldMicros, newMicros, netMicros } = item
    if (netMicros !== oldMicros) return false
    const isRefund = newMicros < oldMicros
    const correction = {
      organizationId,
      accountId,
      operationId,
      amountMicros: isRefund ? oldMicros - newMicros : newMicros - oldMicros,
      idempotencyKey: `rerating:${rerating.id}:${operationId}`,
      reason: isRefund ? rerating.reason : (rerating.chargeReason ?? rerating.reason),
      createdBy: rerating.decidedBy ?? rerating.requestedBy ?? 'operator',
    }
    const done = isRefund ? await ledger.refund(t, correction) : await ledger.charge(t, correction)
    if (done.amountMicros !== correction.amountMicros)
      throw new Error(`operation ${operationId} could not be corrected by its difference`)
    return true
  }

  /** Some operations of one account; false: none is left. */
  const step = (rerating: Rerating): Promise<boolean> =>
    database.kysely.transaction().execute(async (t) => {
      const items = await store.nextItems(t, rerating.id)
      if (items === null) return false
      const [first] = items
      if (first === undefined) return true
      const done: string[] = []
      const changed: string[] = []
      for (const item of items) ((await correct(t, rerating, item)) ? done : changed).push(item.operationId)
      await store.markItems(t, rerating.id, first.organizationId, done, 'done')
      await store.markItems(t, rerating.id, first.organizationId, changed, 'changed')
      return true
    })

  const carryOut = async (id: string): Promise<void> => {
    const rerating = await store.readRerating(database.kysely, id)
    if (rerating?.status !== 'running') return
    while (await step(rerating)) if (isClosing) return
    await database.kysely.transaction().execute(async (t) => {
      const now = await store.lockRerating(t, id)
      if (now?.status !== 'running') return
      await store.changeStatus(t, id, { status: 'done', finished_at: clock() })
      await audit(t, { kind: 'gateway', id: null }, 'rerating.done', now)
    })
  }

  /** In the background: thousands of entries take longer than somebody waits for a reply. Resumed by `resume`. */
  const start = (id: string): Promise<void> => {
    const known = running.get(id)
    if (known !== undefined) return known
    const run = carryOut(id)
      .catch((error: unknown) =>
        log.error({ err: error, reratingId: id }, 'a re-rating stopped; it goes on later'),
      )
      .finally(() => running.delete(id))
    running.set(id, run)
    return run
  }

  const read = async (id: string): Promise<Outcome<Rerating>> => {
    const found = await store.readRerating(database.kysely, id)
    return found ? success(found) : failure('not_found')
  }

  const decide = async (
    actor: Actor,
    id: string,
    status: 'running' | 'denied',
    reason?: string,
  ): Promise<Outcome<Rerating>> => {
    const decided = await inTransaction(async (t) => {
      const rerating = await store.lockRerating(t, id)
      if (!rerating) throw new FaultError(fault('not_found'))
      if (rerating.status !== 'waiting')
        throw new FaultError(fault('conflict', { message: `This re-rating is ${rerating.status} already.` }))
      if (status === 'running' && actor.kind !== 'operator' && actor.id === rerating.requestedBy)
        throw new FaultError(
          fault('forbidden', {
            message: 'Whoever asked for a re-rating cannot approve it.',
            next: 'Ask another administrator.',
          }),
        )
      await store.changeStatus(t, id, { status, decided_by: actor.id, decided_at: clock() })
      await audit(t, actor, status === 'running' ? 'rerating.approved' : 'rerating.denied', rerating, reason)
    })
    if (!decided.ok) return decided
    if (status === 'running') void start(id)
    return read(id)
  }

  return {
    /** What a re-rating would do. Nothing is written. */
    async preview(terms: Terms): Promise<Outcome<Preview>> {
      const rated = await rate(terms)
      if (!rated.ok) return rated
      const { totals, changes } = rated.value
      const accounts = byAccount(changes)
      return success({
        totals,
        accounts: accounts.slice(0, shown),
        accountCount: accounts.length,
        operations: largest(changes, shown),
        needsSecondApprover: await needsSecond(rated.value, terms),
        digest: digestOf(termsText(terms), rated.value),
      })
    },

    /** Exactly what was previewed, once for each key. Its entries follow; `settled` waits for them. */
    async request(actor: Actor, wanted: Request): Promise<Outcome<Rerating>> {
      const request = JSON.stringify([termsText(wanted), wanted.digest, wanted.reason, wanted.chargeReason])
      const asBefore = async (): Promise<Outcome<Rerating> | null> => {
        const before = await store.reratingByKey(database.kysely, wanted.idempotencyKey)
        return before === undefined ? null : before.request === request ? read(before.id) : usedKey
      }
      const before = await asBefore()
      if (before !== null) return before
      if (wanted.chargesMore && wanted.chargeReason === null)
        return failure('invalid_request', {
          message: 'Say why whoever was charged too little is charged more.',
          field: 'chargeReason',
        })
      const rated = await rate(wanted)
      if (!rated.ok) return rated
      if (digestOf(termsText(wanted), rated.value) !== wanted.digest)
        // Where the same request has just been carried out, too.
        return (
          (await asBefore()) ??
          failure('conflict', {
            message: 'It would do something else now than what was previewed.',
            next: 'Look at the preview again.',
          })
        )
      if (rated.value.changes.length === 0)
        return failure('conflict', { message: 'No operation’s charge would change.' })
      const waits = (await needsSecond(rated.value, wanted)) && actor.kind !== 'operator'
      const at = clock()
      const rerating: Rerating = {
        id: newId(),
        status: waits ? 'waiting' : 'running',
        scope: wanted.scope,
        toVersion: wanted.toVersion,
        chargesMore: wanted.chargesMore,
        totals: rated.value.totals,
        done: 0,
        changed: 0,
        reason: wanted.reason,
        chargeReason: wanted.chargeReason,
        requestedBy: actor.id,
        decidedBy: waits ? null : actor.id,
        createdAt: at,
        decidedAt: waits ? null : at,
        finishedAt: null,
      }
      const { idempotencyKey } = wanted
      const isMade = must(
        await inTransaction(async (t) => {
          if (!(await store.insertRerating(t, rerating, { idempotencyKey, request }))) return false
          await store.insertChanges(t, rerating.id, rated.value.changes)
          await audit(t, actor, 'rerating.requested', rerating)
          return true
        }),
      )
      if (!isMade) return (await asBefore()) ?? usedKey
      if (!waits) void start(rerating.id)
      return read(rerating.id)
    },

    approve: (actor: Actor, id: string) => decide(actor, id, 'running'),
    deny: (actor: Actor, id: string, reason: string) => decide(actor, id, 'denied', reason),

    read,
    list: (before: string | null, limit: number) => store.listReratings(database.kysely, before, limit),
    accounts: (id: string) => store.accountsOf(database.kysely, id, shown),
    operations: (id: string, before: string | null, limit: number) =>
      store.listItems(database.kysely, id, before, limit),
    emails: (userIds: readonly string[]) => store.emailsOf(database.kysely, userIds),

    /** Goes on with what another process, or this one, began and did not end. */
    async resume(): Promise<void> {
      for (const id of await store.unfinished(database.kysely)) await start(id)
    },
    /** Resolves when nothing is under way in this process. */
    async settled(): Promise<void> {
      await Promise.all(running.values())
    },
    /** Another process, or the next start, goes on. */
    async close(): Promise<void> {
      isClosing = true
      await Promise.all(running.values())
    },
  }
}
export type Reratings = ReturnType<typeof makeReratings>

const usedKey = failure('conflict', { message: 'This idempotency key was used for another re-rating.' })

const termsText = ({ scope, toVersion, chargesMore }: Terms): string => {
  const { from, until, serviceId, model, priceBookVersion, userId } = scope
  return JSON.stringify([from, until, serviceId, model, priceBookVersion, userId, toVersion, chargesMore])
}
