/** One process that wraps anew, a row at a time, until it has done so many: then it kills itself in the middle of the next. */
import { openDatabase } from '../../src/db/database.ts'
import { openTestVault } from '../vault.ts'

const [, , url, killAt] = process.argv
const database = openDatabase({ url: url as string, maximumConnections: 4 })
const { masterKeys } = await openTestVault(database, { batchSize: 1 })
process.once('disconnect', () => process.exit(0))
await masterKeys.work(({ done }) => {
  // Not from outside: by the time that somebody else does it, it may be at the end.
  if (Number(done) >= Number(killAt)) setImmediate(() => process.kill(process.pid, 'SIGKILL'))
})
process.exit(0)
