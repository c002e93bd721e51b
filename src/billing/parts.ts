import type { Transaction } from 'kysely'
import type { Database } from '../db/database.ts'
import type { Epoch } from '../db/epoch.ts'
import type { Schema } from '../db/schema.ts'
import type { Clock } from '../kit/clock.ts'
import { FaultError, type Outcome, success } from '../kit/fault.ts'
import type { Log } from '../kit/log.ts'
import type { Ledger } from '../ledger/ledger.ts'
import type { PaymentProvider, ProviderId } from './provider.ts'

/** What the acting files of this room are made from. */
export interface BillingParts {
  readonly database: Database
  readonly epoch: Pick<Epoch, 'announce' | 'change'>
  readonly ledger: Pick<Ledger, 'grant' | 'reverse' | 'refund' | 'subscribe' | 'balance'>
  readonly providers: Readonly<Partial<Record<ProviderId, PaymentProvider>>>
  readonly clock: Clock
  readonly log: Log
}

/** A fault that is thrown in a transaction takes it back and is the outcome. */
export const outcomeOf = async <T>(work: () => Promise<T>): Promise<Outcome<T>> => {
  try {
    return success(await work())
  } catch (error) {
    if (error instanceof FaultError) return { ok: false, fault: error.fault }
    throw error
  }
}

export const inTransaction = <T>(
  { database }: Pick<BillingParts, 'database'>,
  work: (transaction: Transaction<Schema>) => Promise<T>,
): Promise<T> => database.kysely.transaction().execute(work)
