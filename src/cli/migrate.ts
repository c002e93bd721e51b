import type { Config } from '../config/config.ts'
import { migrate } from '../db/migrate.ts'
import { withDatabase } from './database.ts'

export const migrateCommand = (config: Config): Promise<number> =>
  withDatabase(config, async (database, log) => {
    const { applied } = await migrate(database, { log })
    console.log(applied.length === 0 ? 'The database is up to date.' : `Applied ${applied.join(', ')}.`)
    return 0
  })
