import type { Config } from '../config/config.ts'
import { type Database, openDatabase } from '../db/database.ts'
import { joinPostgres } from '../db/postgres.ts'
import { type Log, makeLog } from '../kit/log.ts'
import { redactSecrets } from '../kit/redact.ts'

/** Runs a command on the database of a running gateway, or on the built-in one started for the while. */
export const withDatabase = async <T>(
  config: Config,
  work: (database: Database, log: Log) => Promise<T>,
): Promise<T> => {
  const log = makeLog({ level: config.logLevel === 'info' ? 'warn' : config.logLevel, redact: redactSecrets })
  const postgres = await joinPostgres({ ...config, log })
  const database = openDatabase({ url: postgres.url, applicationName: 'aideon-keys command' })
  try {
    return await work(database, log)
  } finally {
    await database.close()
    await postgres.stop()
  }
}
