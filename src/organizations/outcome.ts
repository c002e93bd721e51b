import { FaultError, type Outcome, success } from '../kit/fault.ts'

/** A fault thrown inside a transaction rolls it back; here it becomes a value again. */
export const outcomeOf = async <T>(work: () => Promise<T>): Promise<Outcome<T>> => {
  try {
    return success(await work())
  } catch (error) {
    if (error instanceof FaultError) return { ok: false, fault: error.fault }
    throw error
  }
}

/** Without the fields that a change leaves out. */
export const defined = <T extends object>(change: T): Partial<T> =>
  Object.fromEntries(Object.entries(change).filter(([, value]) => value !== undefined)) as Partial<T>
