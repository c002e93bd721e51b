import { Resolver } from 'node:dns/promises'
import { failure, type Outcome, success } from '../kit/fault.ts'

/** The TXT records of a name, each in the pieces it came in; none is an answer, too. */
export type FindTextRecords = (name: string) => Promise<Outcome<string[][]>>

const noSuchRecord = new Set(['ENODATA', 'ENOTFOUND'])

/** Asks the system's own name servers and reads text only: nothing is connected to. */
export const findTextRecords: FindTextRecords = async (name) => {
  const resolver = new Resolver({ timeout: 3_000, tries: 2 })
  try {
    return success(await resolver.resolveTxt(name))
  } catch (error) {
    if (noSuchRecord.has((error as NodeJS.ErrnoException).code ?? '')) return success([])
    return failure('service_unreachable', { message: 'The name servers did not answer.' })
  }
}
