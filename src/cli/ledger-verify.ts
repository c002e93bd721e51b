import type { Config } from '../config/config.ts'
import { verifyLedger } from '../ledger/verify.ts'
import { withDatabase } from './database.ts'

export const ledgerVerifyCommand = (config: Config): Promise<number> =>
  withDatabase(config, async (database) => {
    const { ok, lines } = await verifyLedger(database)
    for (const line of lines) console.log(line)
    return ok ? 0 : 1
  })
