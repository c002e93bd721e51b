/** One process that wraps anew, a row at a time, and says how far it is; it is killed while it does. */
import { openDatabase } from '../../src/db/database.ts'
import { openTestVault } from '../vault.ts'

const database = openDatabase({ url: process.argv[2] as string, maximumConnections: 4 })
const { masterKeys } = await openTestVault(database, { batchSize: 1 })
process.once('disconnect', () => process.exit(0))
const change = await masterKeys.work(({ done }) => {
  process.send?.({ done: Number(done) })
})
process.send?.({ done: Number(change?.done), state: change?.state })
