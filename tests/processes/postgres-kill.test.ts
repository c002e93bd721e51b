import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Embedded, startEmbedded } from '../../src/db/embedded.ts'
import { silentLog } from '../../src/kit/log.ts'
import { openBookkeeping } from './bookkeeping.ts'
import { openClient, startLoad } from './client.ts'
import { type Fleet, openFleet } from './fleet.ts'
import { mixedCalls } from './mixed-calls.ts'

let directory: string
let server: Embedded
let fleet: Fleet

// A server of this test's own, with the durability of production: the common one does not sync.
beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'aideon-kill-'))
  // mkdtemp's 0700 would keep out the account that the database runs as when root starts it.
  if (process.getuid?.() === 0) chmodSync(directory, 0o755)
  server = await startEmbedded({ dataDirectory: join(directory, 'data'), log: silentLog })
  fleet = await openFleet({ databaseUrl: server.url })
})
afterAll(async () => {
  await fleet?.[Symbol.asyncDispose]()
  await server?.stop()
  rmSync(directory, { recursive: true, force: true })
})

/** Every process of the server but the postmaster. */
const childProcesses = async (): Promise<number[]> => {
  await using books = await openBookkeeping(server.administratorUrl)
  const rows = await books.query('SELECT pid FROM pg_stat_activity WHERE pid <> pg_backend_pid()')
  return rows.map((row) => Number(row['pid']))
}

const nextState = (wanted: Embedded['state']): Promise<void> =>
  new Promise((resolve) => server.onStateChange((state) => state === wanted && resolve()))

test.each([
  ['the postmaster', () => Promise.resolve([])],
  ['all processes', childProcesses],
])(
  'kill -9 of PostgreSQL (%s) under load loses no reply that was received whole, no hold and no credits',
  async (_, others) => {
    await using client = openClient()
    const load = startLoad(client, 32, await mixedCalls(fleet))
    await load.more(150, (reply) => reply.whole)
    const victims = [server.pid ?? 0, ...(await others())]
    const [down, ready] = [nextState('down'), nextState('ready')]
    for (const pid of victims) process.kill(pid, 'SIGKILL')
    await down
    await ready
    // All of them work again, without having been started again.
    const served = (url: string) => load.more(20, (reply) => reply.whole && reply.call.url === url)
    await fleet.whileRunning(Promise.all(fleet.gateways.map(({ url }) => served(url))))
    const replies = await load.stop()

    await using books = await openBookkeeping(server.url)
    await expect.poll(() => books.unfinishedHolds(), { interval: 100 }).toBe(0)
    expect(await books.recordProblems(replies)).toEqual([])
    expect(await books.ledgerProblems()).toEqual([])
    const failed = replies.filter((reply) => !reply.whole)
    expect(failed.filter(({ status, code }) => status !== 503 || code !== 'database_unavailable')).toEqual([])
  },
)
