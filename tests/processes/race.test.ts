import { afterAll, beforeAll, expect, test } from 'vitest'
import { openBookkeeping } from './bookkeeping.ts'
import { openClient, startLoad } from './client.ts'
import { type Fleet, openFleet } from './fleet.ts'

let fleet: Fleet
beforeAll(async () => {
  fleet = await openFleet()
})
afterAll(() => fleet[Symbol.asyncDispose]())

const given = 400_000n
const tokens = 200
/** Output costs 60 micro-credits a token; the input, also as it is bounded for a hold, far less than the rest. */
const oneCall = 13_000n

test('64 clients racing through three processes spend a user’s last credits and not one more', async () => {
  const person = await fleet.person({ creditMicros: given })
  await fleet.systemKey('openai', 1)
  await using client = openClient()
  await using books = await openBookkeeping(fleet.databaseUrl)

  let calls = 0
  const load = startLoad(client, 64, (caller) => ({
    url: fleet.gateways[calls++ % fleet.gateways.length]?.url ?? '',
    token: person.token,
    dialect: 'openai',
    streamed: caller % 2 === 0,
    prompt: `race [[simulate: tokens ${tokens}]]`,
    // Some leave the length open, and set aside whatever there is.
    maximumTokens: caller % 8 === 0 ? null : tokens,
  }))
  const problems: string[] = []
  let samples = 0
  for (let charged = 0n; charged <= given - oneCall; samples++) {
    problems.push(...(await books.ledgerProblems()))
    charged = (await books.account(person.accountId)).charged
  }
  const replies = await load.stop()

  expect(samples).toBeGreaterThan(5)
  expect(problems).toEqual([])
  expect(replies.filter(({ status }) => status !== 200 && status !== 402)).toEqual([])
  for (const { url } of fleet.gateways) {
    const statuses = replies.filter(({ call }) => call.url === url).map(({ status }) => status)
    expect(new Set(statuses)).toEqual(new Set([200, 402]))
  }
  expect(await books.ledgerProblems()).toEqual([])
  expect(await books.recordProblems(replies)).toEqual([])
  expect(await books.unfinishedHolds()).toBe(0)
  const account = await books.account(person.accountId)
  expect(account).toMatchObject({ given, debt: 0n, available: given - account.charged })
  expect(account.available).toBeLessThan(oneCall)
})
