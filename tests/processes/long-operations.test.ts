import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openReceiver, setTaskPrices } from '../midjourney-gateway.ts'
import type { StagePerson } from '../scene.ts'
import { type Bookkeeping, openBookkeeping } from './bookkeeping.ts'
import { type Fleet, openFleet } from './fleet.ts'

let fleet: Fleet
let books: Bookkeeping
beforeAll(async () => {
  fleet = await openFleet({ processes: 2, script: join(import.meta.dirname, 'midjourney-child.ts') })
  books = await openBookkeeping(fleet.databaseUrl)
  await setTaskPrices(fleet.rooms, { imagine: 40_000_000n })
  await fleet.systemKey('midjourney', 1)
})
afterAll(async () => {
  await books[Symbol.asyncDispose]()
  await fleet[Symbol.asyncDispose]()
})

const submit = async (person: StagePerson, url: string, body: unknown): Promise<string> => {
  const reply = await fetch(`${url}/mj/submit/imagine`, {
    method: 'POST',
    headers: { 'mj-api-secret': person.token, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
  expect(await reply.json()).toMatchObject({ code: 1 })
  return reply.headers.get('x-aideon-operation') ?? ''
}

const states = async (ids: readonly string[]) =>
  (
    await books.query('SELECT state, ended_at IS NOT NULL AS over FROM long_operations WHERE id = ANY ($1)', [
      ids,
    ])
  ).map(({ state }) => String(state))
const untilOver = (ids: readonly string[]) =>
  expect
    .poll(
      async () => (await states(ids)).filter((state) => state === 'submitted' || state === 'running').length,
    )
    .toBe(0)

test('kill -9 of every gateway while tasks run loses none: their holds stay, and each is settled once after the restart', async () => {
  await using receiver = await openReceiver(fleet.rooms)
  const person = await fleet.person()
  const [first, second] = fleet.gateways
  const tasks = [
    { prompt: '[[simulate: wait 999s]]', notifyHook: receiver.url },
    { prompt: '[[simulate: wait 999s]] and' },
    { prompt: '[[simulate: wait 999s]] [[simulate: error 500]]' },
    { prompt: '[[simulate: wait 100ms]]' },
  ]
  const ids = await Promise.all(
    tasks.map((task, index) => submit(person, (index % 2 === 0 ? first : second)?.url ?? '', task)),
  )
  for (const gateway of fleet.gateways) gateway.signal('SIGKILL')
  await Promise.all(fleet.gateways.map((gateway) => gateway.exit))
  const open = await books.unfinishedHolds()
  expect(open).toBeGreaterThanOrEqual(3)
  await fleet.restart(0)
  fleet.simulator.hurry()

  await untilOver(ids)
  expect((await states(ids)).toSorted()).toEqual(['failed', 'succeeded', 'succeeded', 'succeeded'])
  await expect.poll(() => books.unfinishedHolds()).toBe(0)
  expect(await books.account(person.accountId)).toMatchObject({
    available: 88_000_000n,
    charged: 12_000_000n,
  })
  const recorded = await books.query('SELECT id, status FROM operations WHERE id = ANY ($1)', [ids])
  expect(recorded.map(({ status }) => String(status)).toSorted()).toEqual([
    'failed',
    'succeeded',
    'succeeded',
    'succeeded',
  ])
  expect(await books.ledgerProblems()).toEqual([])
  await expect.poll(() => receiver.received.at(-1)?.body ?? '').toContain('"SUCCESS"')
})

test('a task outlives by far what a dead process’s hold is given, and is charged when it ends', async () => {
  const person = await fleet.person()
  const gateway = await fleet.start()
  const id = await submit(person, gateway.url, { prompt: '[[simulate: wait 999s]]' })
  gateway.signal('SIGKILL')
  await gateway.exit
  // The lease is over, and the grace time of 1 s with it: a hold of the process itself is given back by then.
  const lease = "SELECT FROM processes WHERE pid = $1 AND lease_until > now() - interval '2 seconds'"
  await expect.poll(async () => (await books.query(lease, [gateway.pid])).length).toBe(0)
  expect(await states([id])).toEqual([expect.stringMatching(/^(submitted|running)$/)])
  expect(await books.query('SELECT state, kept_by FROM holds WHERE id = $1', [id])).toEqual([
    { state: 'open', kept_by: 'long_operation' },
  ])
  fleet.simulator.hurry()
  await untilOver([id])
  expect(await states([id])).toEqual(['succeeded'])
  expect(await books.account(person.accountId)).toMatchObject({ available: 96_000_000n })
  expect(await books.ledgerProblems()).toEqual([])
})

test('kill -9 in the middle of submissions leaves every hold with a task or given back', async () => {
  const person = await fleet.person({ creditMicros: 10_000_000_000n })
  const gateway = await fleet.start()
  let accepted = 0
  const killed = new AbortController()
  const client = async () => {
    while (!killed.signal.aborted)
      await submit(person, gateway.url, { prompt: '[[simulate: wait 50ms]]' }).then(
        () => accepted++,
        () => killed.abort(),
      )
  }
  const clients = Array.from({ length: 16 }, client)
  await expect.poll(() => accepted, { interval: 5 }).toBeGreaterThan(60)
  gateway.signal('SIGKILL')
  await Promise.all(clients)
  await expect.poll(() => books.unfinishedHolds(), { interval: 100 }).toBe(0)
  const [row] = await books.query(
    `SELECT count(*) FILTER (WHERE status = 'succeeded') AS succeeded, sum(credit_micros) AS charged FROM operations WHERE user_id = $1`,
    [person.userId],
  )
  expect(Number(row?.['succeeded'])).toBeGreaterThanOrEqual(accepted)
  expect(BigInt(row?.['charged'] ?? 0)).toBe(BigInt(row?.['succeeded'] ?? 0) * 4_000_000n)
  expect(await books.ledgerProblems()).toEqual([])
})
