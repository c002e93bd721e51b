import type { Config } from '../config/config.ts'
import { verifyLedger } from '../ledger/verify.ts'
import { withDatabase } from './database.ts'
import { explainFailure } from './failure.ts'

/** For machines: 0, every claim holds; 1, one does not; 2, it could not be found out. */
export const ledgerVerifyCommand = (config: Config): Promise<number> =>
  withDatabase(config, async (database) => {
    const { ok, lines } = await verifyLedger(database)
    for (const line of lines) console.log(line)
    return ok ? 0 : 1
  }).catch((error: unknown) => {
    console.error(explainFailure(error))
    return 2
  })
