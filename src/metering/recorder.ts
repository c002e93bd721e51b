import type { Counting } from '../budgets/claim.ts'
import { type Counted, countWithin, endReservations } from '../budgets/reserving.ts'
import type { Database } from '../db/database.ts'
import { isCopyConflict } from '../db/copy.ts'
import { makeGroupCommit } from '../db/group-commit.ts'
import { makeLater } from '../db/later.ts'
import { isPassing, openWriter, type Unit, type Writer } from '../db/writer.ts'
import { FaultError, fault } from '../kit/fault.ts'
import type { Log } from '../kit/log.ts'
import type { Ledger, Settlement, SettleResult } from '../ledger/ledger.ts'
import type { OperationRecord } from './operation.ts'
import {
  copyOperations,
  insertOperations,
  insertOperationsTold,
  isSameRecord,
  operationLines,
  operationValues,
  type RecordedRow,
  recordedOperations,
  recordedValues,
} from './store.ts'

export interface Recorder {
  /**
   * Resolves when the record, and the end of the operation's hold, are committed. Rejects with a FaultError where that
   * cannot be had: the caller must then not receive the end of the reply.
   */
  record(operation: OperationRecord, settlement: Settlement | null, counting?: Counting | null): Promise<void>
  /**
   * The same within a transaction that someone else commits. False: it ended or was recorded otherwise before, and the
   * transaction must be given up.
   */
  recordIn(unit: Unit, operation: OperationRecord, settlement: Settlement | null): Promise<boolean>
  /** Resolves when everything given so far is committed or given up. */
  drain(): Promise<void>
  close(): Promise<void>
}

export interface RecorderOptions {
  readonly database: Database
  readonly ledger: Pick<Ledger, 'settleAll'>
  readonly log: Log
  /** Where budgets are kept: whose an operation is that ends in another process than it began in, and what counted. */
  readonly budgets?: {
    countingFor(operation: OperationRecord, accountId: string | null): Promise<Counting>
    counted(counted: readonly Counted[]): void
  }
  /** How long a record waits for a database that does not answer. */
  readonly patienceMs?: number
}

interface Item {
  readonly operation: OperationRecord
  readonly settlement: Settlement | null
  /** Null: no budget has anything to do with it. */
  readonly counting: Counting | null
}

/** Null: recorded. */
type Refusal = FaultError | null

/** A larger batch costs little less a record, and its first one would wait longer. */
const largestBatch = 128

export const makeRecorder = (options: RecorderOptions): Recorder => {
  const { database, ledger, log, budgets } = options
  const plainWriter = openWriter(database, { name: 'recorder' })
  // Apart, so that nobody without a budget waits for the lock of somebody else's.
  const countingWriter = openWriter(database, { name: 'counting recorder' })

  /** Copying is for what is surely new: a batch that may have been committed already is inserted around what is there. */
  const runOn = async (writer: Writer, batch: readonly Item[], isRetry: boolean): Promise<Refusal[]> => {
    const settlements = batch.flatMap((item) => item.settlement ?? [])
    const operations = batch.map((item) => item.operation)
    const isCounted = batch.some(({ counting }) => counting !== null)
    // One statement commits by itself: records on own keys cost one round trip.
    if (settlements.length === 0 && !isCounted) {
      const written = isRetry
        ? writer.run(insertOperations, operationValues(operations))
        : writer.copy(copyOperations, operationLines(operations))
      return conclude(operations, await written)
    }
    const { refusals, accepted, inserted, counted } = await writer.transact(async (unit) => {
      const outcomes = settlements.length > 0 ? await ledger.settleAll(unit, settlements) : []
      const refusals = refuse(batch, outcomes)
      const kept = batch.filter((_, index) => !refusals[index])
      const accepted = kept.map(({ operation }) => operation)
      if (isRetry && isCounted) return { refusals, accepted, ...(await recordAgain(unit, kept)) }
      const inserted = isRetry
        ? unit.send(insertOperations, operationValues(accepted))
        : unit.copy(copyOperations, operationLines(accepted))
      return { refusals, accepted, inserted, counted: isCounted ? count(unit, kept) : null }
    })
    if (counted !== null) budgets?.counted(await counted)
    const concluded = await conclude(accepted, await inserted)
    const byOperation = new Map(accepted.map((operation, index) => [operation, concluded[index] ?? null]))
    return operations.map((operation, index) => refusals[index] ?? byOperation.get(operation) ?? null)
  }

  /** What may have been committed before counts once: only what is recorded now is added. */
  const recordAgain = async (unit: Unit, items: readonly Item[]) => {
    const rows = await unit.ask<{ id: string }>(
      insertOperationsTold,
      operationValues(items.map(({ operation }) => operation)),
    )
    const recorded = new Set(rows.map(({ id }) => id))
    const counted = count(unit, items, (id) => recorded.has(id))
    return { inserted: Promise.resolve(rows.length), counted }
  }

  /** Records that were there already are ours where a commit was not heard of, otherwise someone else's. */
  const conclude = async (operations: readonly OperationRecord[], inserted: number): Promise<Refusal[]> => {
    if (inserted === operations.length) return operations.map(() => null)
    const { rows } = await database.pool.query<RecordedRow>({
      ...recordedOperations,
      values: recordedValues(operations),
    })
    const recorded = new Map(rows.map((row) => [row.id, row]))
    return operations.map((operation) => {
      const row = recorded.get(operation.id)
      return row && isSameRecord(row, operation) ? null : refusal('It was recorded differently before.')
    })
  }

  // The caller did not get the end of these replies, so they are not charged: as for a process that died.
  const late = makeLater<Item>({
    log,
    work: async ({ operation, settlement }) => {
      const interrupted = interruptedRecord(operation)
      await plainWriter.transact(async (unit) => {
        const [outcome] = settlement
          ? await ledger.settleAll(unit, [{ ...settlement, chargeMicros: 0n }])
          : []
        // Charged after all: the commit that was not heard of had happened, and the record with it.
        if (outcome?.kind === 'ended_before' && outcome.chargeMicros > 0n) return
        endReservations(unit, [operation.id])
        void unit.send(insertOperations, operationValues([interrupted]))
      })
    },
  })

  const groupOn = (writer: Writer) =>
    makeGroupCommit<Item, Refusal>({
      maximumBatch: largestBatch,
      patienceMs: options.patienceMs ?? 10_000,
      run: (batch, isRetry) => runOn(writer, batch, isRetry),
      isPassing: (error) => isPassing(error) || isCopyConflict(error, copyOperations),
      onGivenUp: (item, error) => {
        log.error(
          { operationId: item.operation.id, err: error },
          'record given up: the database does not answer',
        )
        late.add(item)
        return new FaultError(fault('database_unavailable'))
      },
    })

  const plain = groupOn(plainWriter)
  const counted = groupOn(countingWriter)

  return {
    record: async (operation, settlement, counting = null) => {
      requireAgreement(operation, settlement)
      const refused = await (counting === null ? plain : counted).submit({ operation, settlement, counting })
      if (refused) throw refused
    },
    recordIn: async (unit, operation, settlement) => {
      requireAgreement(operation, settlement)
      const counting = (await budgets?.countingFor(operation, settlement?.accountId ?? null)) ?? null
      const outcomes = settlement ? await ledger.settleAll(unit, [settlement]) : []
      const [refused] = refuse([{ operation, settlement, counting }], outcomes)
      if (refused) return false
      const isRecorded = (await unit.send(insertOperations, operationValues([operation]))) === 1
      if (isRecorded && counting !== null) budgets?.counted(await countWithin(unit, [counting]))
      return isRecorded
    },
    drain: async () => void (await Promise.all([plain.drain(), counted.drain()])),
    close: async () => {
      await Promise.all([plain.drain(), counted.drain()])
      late.stop()
      await Promise.all([plainWriter.close(), countingWriter.close()])
    },
  }
}

/** Not awaited before the transaction ends: where that fails, so does this, and nobody is to be told twice. */
const count = (unit: Unit, items: readonly Item[], adds: (operationId: string) => boolean = always) => {
  const counted = countWithin(
    unit,
    items.flatMap(({ counting }) => {
      if (counting === null) return []
      return [adds(counting.operationId) ? counting : { ...counting, counts: [] }]
    }),
  )
  counted.catch(() => {})
  return counted
}
const always = () => true

/** The record must never claim other credits than the ledger moved. */
const requireAgreement = (operation: OperationRecord, settlement: Settlement | null): void => {
  const sameOperation =
    !settlement ||
    (settlement.operationId === operation.id && settlement.organizationId === operation.organizationId)
  if (!sameOperation || operation.creditMicros !== (settlement?.chargeMicros ?? 0n))
    throw new Error(`The record of operation ${operation.id} and its settlement do not agree.`)
}

/** Items whose hold ended otherwise, or was never there to charge: nothing of them may be recorded as asked. */
const refuse = (batch: readonly Item[], outcomes: readonly SettleResult[]): Refusal[] => {
  let next = 0
  return batch.map(({ settlement }) => {
    if (!settlement) return null
    const outcome = outcomes[next++]
    if (outcome?.kind === 'ended') return null
    if (outcome?.kind === 'ended_before' && outcome.chargeMicros === settlement.chargeMicros) return null
    if (outcome?.kind === 'unknown_hold' && settlement.chargeMicros === 0n) return null
    return refusal('Its credits were settled differently before.')
  })
}

const refusal = (message: string): FaultError =>
  new FaultError(fault('internal', { message: `The operation could not be recorded. ${message}` }))

const interruptedRecord = (operation: OperationRecord): OperationRecord => ({
  ...operation,
  status: 'interrupted',
  faultCode: 'database_unavailable',
  creditMicros: 0n,
})
