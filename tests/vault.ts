import type { Database } from '../src/db/database.ts'
import { type Epoch, makeEpoch } from '../src/db/epoch.ts'
import { systemClock } from '../src/kit/clock.ts'
import { failure, must } from '../src/kit/fault.ts'
import { type Log, silentLog } from '../src/kit/log.ts'
import { type MasterKeySources, type OpenedVault, openVault } from '../src/vault/open-vault.ts'

/** Of every test whose vault opens at once. */
export const vaultTestKey = Buffer.alloc(32, 'the master key of the tests').toString('base64')

/** A test that needs a network says so itself. */
const nowhere = { request: async () => failure('service_unreachable') }

/** Sources that hold one key, and generate none. */
export const keySources = (key = vaultTestKey): MasterKeySources => ({
  environment: { AIDEON_MASTER_KEY: key },
  dataDirectory: '/nowhere',
  generateAllowed: false,
})

/** The real vault on a test's database, as one process has it. */
export const openTestVault = async (
  database: Database,
  options: {
    epoch?: Epoch
    sources?: MasterKeySources
    log?: Log
    batchSize?: number
    firstRetryMs?: number
  } = {},
): Promise<OpenedVault> => {
  const { log = silentLog, sources = keySources(), batchSize, firstRetryMs } = options
  const epoch = options.epoch ?? makeEpoch({ database, clock: systemClock, log })
  return must(
    await openVault({
      database,
      epoch,
      transport: nowhere,
      clock: systemClock,
      log,
      sources,
      ...(batchSize === undefined ? {} : { batchSize }),
      ...(firstRetryMs === undefined ? {} : { firstRetryMs }),
    }),
  )
}
