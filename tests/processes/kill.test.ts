import { join } from 'node:path'
import { expect, test } from 'vitest'
import { openBookkeeping } from './bookkeeping.ts'
import { openClient, type Reply, startLoad } from './client.ts'
import { openFleet } from './fleet.ts'
import { mixedCalls } from './mixed-calls.ts'

const isWhole = (reply: Reply): boolean => reply.whole

test('kill -9 of one gateway of three under load loses no reply that was received whole, no hold and no credits', async () => {
  await using fleet = await openFleet()
  await using client = openClient()
  await using books = await openBookkeeping(fleet.databaseUrl)
  const load = startLoad(client, 32, await mixedCalls(fleet))
  await load.more(200, isWhole)
  const [killed] = fleet.gateways
  killed?.signal('SIGKILL')
  expect(await killed?.exit).toEqual({ code: null, signal: 'SIGKILL' })
  await fleet.restart(0)
  await load.more(20, (reply) => reply.whole && reply.call.url === fleet.gateways[0]?.url)
  const replies = await load.stop()

  await expect.poll(() => books.unfinishedHolds(), { timeout: 30_000, interval: 100 }).toBe(0)
  expect(await books.recordProblems(replies)).toEqual([])
  expect(await books.ledgerProblems()).toEqual([])
  // It was in the middle of something, and the callers of the others never noticed.
  expect(await books.query("SELECT FROM operations WHERE status = 'interrupted'")).not.toEqual([])
  expect(replies.filter(({ status, call }) => status !== 200 && call.url !== killed?.url)).toEqual([])
}, 90_000)

test('a gateway that replied before it recorded would be found out', async () => {
  const script = join(import.meta.dirname, 'early-reply-child.ts')
  await using fleet = await openFleet({ processes: 1, script })
  await using client = openClient()
  await using books = await openBookkeeping(fleet.databaseUrl)
  const load = startLoad(client, 8, await mixedCalls(fleet))
  await load.more(50, isWhole)
  const stopped = load.stop()
  fleet.gateways[0]?.signal('SIGKILL')
  await fleet.gateways[0]?.exit
  expect(await books.recordProblems(await stopped)).toContainEqual(
    expect.stringMatching(/was received whole and is not on record$/),
  )
}, 60_000)
