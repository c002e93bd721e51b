import type { Database } from '../db/database.ts'
import { isCopyConflict } from '../db/copy.ts'
import { makeGroupCommit } from '../db/group-commit.ts'
import { makeLater } from '../db/later.ts'
import { isPassing, openWriter, type Unit } from '../db/writer.ts'
import { FaultError, fault } from '../kit/fault.ts'
import type { Log } from '../kit/log.ts'
import type { Ledger, Settlement, SettleResult } from '../ledger/ledger.ts'
import type { OperationRecord } from './operation.ts'
import {
  copyOperations,
  insertOperations,
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
  record(operation: OperationRecord, settlement: Settlement | null): Promise<void>
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
  /** How long a record waits for a database that does not answer. */
  readonly patienceMs?: number
}

interface Item {
  readonly operation: OperationRecord
  readonly settlement: Settlement | null
}

/** Null: recorded. */
type Refusal = FaultError | null

/** A larger batch costs little less a record, and its first one would wait longer. */
const largestBatch = 128

export const makeRecorder = (options: RecorderOptions): Recorder => {
  const { database, ledger, log } = options
  const writer = openWriter(database, { name: 'recorder' })

  /** Copying is for what is surely new: a batch that may have been committed already is inserted around what is there. */
  const run = async (batch: readonly Item[], isRetry: boolean): Promise<Refusal[]> => {
    const settlements = batch.flatMap((item) => item.settlement ?? [])
    const operations = batch.map((item) => item.operation)
    // One statement commits by itself: records on own keys cost one round trip.
    if (settlements.length === 0) {
      const written = isRetry
        ? writer.run(insertOperations, operationValues(operations))
        : writer.copy(copyOperations, operationLines(operations))
      return conclude(operations, await written)
    }
    const { refusals, accepted, inserted } = await writer.transact(async (unit) => {
      const outcomes = await ledger.settleAll(unit, settlements)
      const refusals = refuse(batch, outcomes)
      const accepted = operations.filter((_, index) => !refusals[index])
      const inserted = isRetry
        ? unit.send(insertOperations, operationValues(accepted))
        : unit.copy(copyOperations, operationLines(accepted))
      return { refusals, accepted, inserted }
    })
    const concluded = await conclude(accepted, await inserted)
    const byOperation = new Map(accepted.map((operation, index) => [operation, concluded[index] ?? null]))
    return operations.map((operation, index) => refusals[index] ?? byOperation.get(operation) ?? null)
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
      await writer.transact(async (unit) => {
        const [outcome] = settlement
          ? await ledger.settleAll(unit, [{ ...settlement, chargeMicros: 0n }])
          : []
        // Charged after all: the commit that was not heard of had happened, and the record with it.
        if (outcome?.kind === 'ended_before' && outcome.chargeMicros > 0n) return
        void unit.send(insertOperations, operationValues([interrupted]))
      })
    },
  })

  const group = makeGroupCommit<Item, Refusal>({
    maximumBatch: largestBatch,
    patienceMs: options.patienceMs ?? 10_000,
    run,
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

  return {
    record: async (operation, settlement) => {
      requireAgreement(operation, settlement)
      const refused = await group.submit({ operation, settlement })
      if (refused) throw refused
    },
    recordIn: async (unit, operation, settlement) => {
      requireAgreement(operation, settlement)
      const outcomes = settlement ? await ledger.settleAll(unit, [settlement]) : []
      const [refused] = refuse([{ operation, settlement }], outcomes)
      if (refused) return false
      return (await unit.send(insertOperations, operationValues([operation]))) === 1
    },
    drain: () => group.drain(),
    close: async () => {
      await group.drain()
      late.stop()
      await writer.close()
    },
  }
}

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
