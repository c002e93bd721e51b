import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { sameSignalMs } from '../../src/cli/signals.ts'
import { type Bookkeeping, openBookkeeping } from './bookkeeping.ts'
import { type Call, type Client, openClient } from './client.ts'
import { type Fleet, openFleet } from './fleet.ts'

let fleet: Fleet
let client: Client
let books: Bookkeeping
beforeAll(async () => {
  fleet = await openFleet({ processes: 0 })
  client = openClient()
  books = await openBookkeeping(fleet.databaseUrl)
  await fleet.systemKey('openai', 1)
  await fleet.systemKey('anthropic', 1)
})
afterAll(async () => {
  await books[Symbol.asyncDispose]()
  await client[Symbol.asyncDispose]()
  await fleet[Symbol.asyncDispose]()
})

/** Streams of both dialects and a whole reply, under way: each of them has set credits aside. */
const begin = async (prompt: string, drainSeconds: number) => {
  const { token } = await fleet.person()
  const gateway = await fleet.start({ AIDEON_DRAIN_SECONDS: String(drainSeconds) })
  const call = { url: gateway.url, token, streamed: true, prompt, maximumTokens: 200 }
  const calls: Call[] = [
    { ...call, dialect: 'openai' },
    { ...call, dialect: 'anthropic' },
    { ...call, dialect: 'openai', streamed: false },
  ]
  const replies = Promise.all(calls.map((each) => client.send(each)))
  await expect.poll(() => books.unfinishedHolds()).toBe(calls.length)
  return { gateway, replies, call: calls[0] as Call }
}

describe('SIGTERM', () => {
  test('lets running operations end whole, takes no new ones, settles everything, and exits with 0', async () => {
    const { gateway, replies, call } = await begin('[[simulate: slow 1s]] [[simulate: tokens 120]]', 120)
    gateway.signal('SIGTERM')
    const health = async () => (await fetch(`${gateway.url}/healthz`)).status
    await expect.poll(health, { interval: 5 }).toBe(503)
    const refused = await client.send(call)
    expect(refused).toMatchObject({ status: 503, code: 'draining', endedCleanly: true })
    expect(refused.headers['retry-after']).toBeDefined()
    fleet.simulator.hurry()

    expect((await replies).filter((reply) => !reply.whole)).toEqual([])
    expect(await gateway.exit).toEqual({ code: 0, signal: null })
    expect(await books.unfinishedHolds()).toBe(0)
    expect(await books.recordProblems(await replies)).toEqual([])
    expect(await books.ledgerProblems()).toEqual([])
  })

  test('cuts off what is still running when its time is over, as an error, and settles that too', async () => {
    const { gateway, replies } = await begin('[[simulate: endless]]', 1)
    gateway.signal('SIGTERM')
    expect(await gateway.exit).toEqual({ code: 0, signal: null })
    expect((await replies).filter((reply) => reply.whole || reply.endedCleanly)).toEqual([])
    expect(await books.unfinishedHolds()).toBe(0)
    expect(await books.recordProblems(await replies)).toEqual([])
    expect(await books.ledgerProblems()).toEqual([])
  })

  test('a second time ends at once', async () => {
    const { gateway, replies } = await begin('[[simulate: endless]]', 30)
    gateway.signal('SIGTERM')
    const again = setInterval(() => gateway.signal('SIGTERM'), sameSignalMs + 50)
    expect(await gateway.exit).toEqual({ code: 130, signal: null })
    clearInterval(again)
    expect((await replies).filter((reply) => reply.whole)).toEqual([])
  })
})
