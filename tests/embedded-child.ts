/** A gateway's stand-in for the tests of the built-in PostgreSQL: starts one and tells its parent, then waits to be killed. */
import { startEmbedded } from '../src/db/embedded.ts'
import { silentLog } from '../src/kit/log.ts'

try {
  const embedded = await startEmbedded({ dataDirectory: process.argv[2] ?? '', log: silentLog })
  process.send?.({ url: embedded.url, pid: embedded.pid })
} catch (error) {
  process.send?.({ error: error instanceof Error ? error.message : String(error) }, () => process.exit(1))
}
