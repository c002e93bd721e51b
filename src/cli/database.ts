import type { Config } from '../config/config.ts'
import { version } from '../config/version.ts'
import { type Database, openDatabase } from '../db/database.ts'
import { joinPostgres } from '../db/postgres.ts'
import { type Log, makeLog } from '../kit/log.ts'
import { redactSecrets } from '../kit/redact.ts'
import { openRooms, type Rooms } from '../rooms.ts'

/** Runs a command on the database of a running gateway, or on the built-in one started for the while. */
export const withDatabase = <T>(
  config: Config,
  work: (database: Database, log: Log) => Promise<T>,
): Promise<T> =>
  withPostgres(config, async (url, _, log) => {
    const database = openDatabase({ url, applicationName: 'aideon-keys command' })
    try {
      return await work(database, log)
    } finally {
      await database.close()
    }
  })

/** The same for a command that needs the rooms; they bring the schema up to date. */
export const withRooms = <T>(config: Config, work: (rooms: Rooms) => Promise<T>): Promise<T> =>
  withPostgres(config, async (url, embedded, log) => {
    const rooms = await openRooms({ config, url, embedded, version, log })
    try {
      const sealed = rooms.masterKeys.sealed()
      if (sealed !== null)
        console.error(`The vault is sealed: ${sealed.problem.message} ${sealed.problem.next}`)
      return await work(rooms)
    } finally {
      await rooms.close()
    }
  })

const withPostgres = async <T>(
  config: Config,
  work: (url: string, embedded: boolean, log: Log) => Promise<T>,
): Promise<T> => {
  const log = makeLog({ level: config.logLevel === 'info' ? 'warn' : config.logLevel, redact: redactSecrets })
  const postgres = await joinPostgres({ ...config, log })
  try {
    return await work(postgres.url, config.databaseUrl === null, log)
  } finally {
    await postgres.stop()
  }
}
