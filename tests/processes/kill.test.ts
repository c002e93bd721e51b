import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openBookkeeping } from './bookkeeping.ts'
import { openClient, type Reply, startLoad } from './client.ts'
import { type Fleet, openFleet } from './fleet.ts'
import { mixedCalls } from './mixed-calls.ts'

let fleet: Fleet
beforeAll(async () => {
  fleet = await openFleet()
})
afterAll(() => fleet[Symbol.asyncDispose]())

const isWhole = (reply: Reply): boolean => reply.whole

test('kill -9 of one gateway of three under load loses no reply that was received whole, no hold and no credits', async () => {
  await using client = openClient()
  await using books = await openBookkeeping(fleet.databaseUrl)
  const load = startLoad(client, 32, await mixedCalls(fleet))
  await load.more(200, isWhole)
  const [killed] = fleet.gateways
  // The others may all be between two calls when it dies.
  const person = await fleet.person()
  const cutOff = client.send({
    url: killed?.url ?? '',
    token: person.token,
    dialect: 'openai',
    streamed: false,
    prompt: '[[simulate: wait 100s]]',
    maximumTokens: 100,
  })
  const held = "SELECT FROM holds WHERE account_id = $1 AND state = 'open'"
  await expect.poll(() => books.query(held, [person.accountId]), { interval: 10 }).toHaveLength(1)
  killed?.signal('SIGKILL')
  expect(await killed?.exit).toEqual({ code: null, signal: 'SIGKILL' })
  await fleet.restart(0)
  await load.more(20, (reply) => reply.whole && reply.call.url === fleet.gateways[0]?.url)
  const replies = await load.stop()

  await expect.poll(() => books.unfinishedHolds(), { interval: 100 }).toBe(0)
  expect(await books.recordProblems(replies)).toEqual([])
  expect(await books.ledgerProblems()).toEqual([])
  expect(await cutOff).toMatchObject({ whole: false })
  // What it was in the middle of is known, and the callers of the others never noticed.
  const interrupted = "SELECT FROM operations WHERE status = 'interrupted' AND user_id = $1"
  expect(await books.query(interrupted, [person.userId])).toHaveLength(1)
  expect(replies.filter(({ status, call }) => status !== 200 && call.url !== killed?.url)).toEqual([])
})

test('a gateway that stood still until its holds were given back ends no reply as if it were paid for', async () => {
  await using client = openClient()
  await using books = await openBookkeeping(fleet.databaseUrl)
  await fleet.systemKey('openai', 1)
  const person = await fleet.person()
  const [, frozen] = fleet.gateways
  const calls = [true, false].map((streamed) =>
    client.send({
      url: frozen?.url ?? '',
      token: person.token,
      dialect: 'openai',
      streamed,
      prompt: streamed ? '[[simulate: slow 1s]] [[simulate: tokens 120]]' : '[[simulate: wait 100s]]',
      maximumTokens: 200,
    }),
  )
  await expect.poll(() => books.unfinishedHolds(), { interval: 10 }).toBe(2)
  frozen?.signal('SIGSTOP')
  await expect.poll(() => books.unfinishedHolds(), { interval: 100 }).toBe(0)
  fleet.simulator.hurry()
  frozen?.signal('SIGCONT')
  const replies = await Promise.all(calls)
  expect(replies.filter(isWhole)).toEqual([])
  expect(await books.recordProblems(replies)).toEqual([])
  expect(await books.ledgerProblems()).toEqual([])
  expect(await books.account(person.accountId)).toMatchObject({ charged: 0n, available: 100_000_000n })
})

test('a gateway that replied before it recorded would be found out', async () => {
  const script = join(import.meta.dirname, 'early-reply-child.ts')
  await using planted = await openFleet({ processes: 1, script })
  await using client = openClient()
  await using books = await openBookkeeping(planted.databaseUrl)
  const load = startLoad(client, 8, await mixedCalls(planted))
  await load.more(50, isWhole)
  const stopped = load.stop()
  planted.gateways[0]?.signal('SIGKILL')
  await planted.gateways[0]?.exit
  expect(await books.recordProblems(await stopped)).toContainEqual(
    expect.stringMatching(/was received whole and is not on record$/),
  )
})
