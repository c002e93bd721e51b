import { setTimeout as wait } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openDatabase } from '../../src/db/database.ts'
import { must } from '../../src/kit/fault.ts'
import { checkBudgets, hardOn, passedBy } from '../budget-nodes.ts'
import { operator } from '../scene.ts'
import { openClient, startLoad } from './client.ts'
import { type Fleet, openFleet } from './fleet.ts'

let fleet: Fleet
beforeAll(async () => {
  fleet = await openFleet()
})
afterAll(() => fleet[Symbol.asyncDispose]())

test('64 clients race through three processes on the rest of two budgets, one process is killed: neither is passed, nothing stays reserved', async () => {
  await fleet.systemKey('openai', 1)
  const onCredits = await fleet.person()
  const onOwnKey = await fleet.person({ fallback: 'none', creditMicros: 0n })
  await fleet.ownKey(onOwnKey, 'openai')
  const { budgets } = fleet.rooms
  // Output of a call costs 12 000 micro-credits, or 120 000 nano-dollars, at the most.
  const credits = must(await budgets.create(operator, hardOn(onCredits, 500_000n)))
  const cost = must(await budgets.create(operator, hardOn(onOwnKey, 5_000_000n, { measure: 'own_key_cost' })))
  const database = openDatabase({ url: fleet.databaseUrl, maximumConnections: 2 })
  await using client = openClient()
  const living = [...fleet.gateways]
  let calls = 0
  const load = startLoad(client, 64, (caller) => ({
    url: living[calls++ % living.length]?.url ?? '',
    token: caller % 2 === 0 ? onCredits.token : onOwnKey.token,
    dialect: 'openai',
    streamed: caller % 4 < 2,
    prompt: '[[simulate: tokens 200]]',
    maximumTokens: 200,
  }))
  const state = { isOver: false }
  const looking = (async () => {
    let [most, looks] = [0n, 0]
    for (; !state.isOver; looks++) {
      const over = await passedBy(database)
      if (over > most) most = over
      await wait(10)
    }
    return { most, looks }
  })()
  const isRefused = (owner: string) => (reply: { code: string | null; call: { token: string } }) =>
    reply.code === 'budget_exceeded' && reply.call.token === owner
  await load.more(10, ({ whole }) => whole)
  const [killed] = living.splice(0, 1)
  killed?.signal('SIGKILL')
  await killed?.exit
  await Promise.all([load.more(8, isRefused(onCredits.token)), load.more(8, isRefused(onOwnKey.token))])
  // What the dead process had set aside comes back, and is used by the others.
  const reservedBy = async (processes: string) =>
    (await database.pool.query(`SELECT FROM budget_reservations WHERE process_id ${processes}`)).rows.length
  const alive = 'IN (SELECT id FROM processes WHERE lease_until > now())'
  await expect.poll(() => reservedBy(`NOT ${alive}`), { interval: 100 }).toBe(0)
  const left = async () => {
    const found = await Promise.all(
      [credits, cost].map(({ organizationId, id }) => budgets.find({ organizationId, userId: null }, id)),
    )
    return found
      .map((one) => must(one))
      .filter(({ budget, used }) => used < budget.limit - budget.limit / 20n).length
  }
  await expect.poll(left, { interval: 100 }).toBe(0)
  await load.stop()
  state.isOver = true
  const { most, looks } = await looking

  await expect.poll(() => reservedBy('IS NOT NULL'), { interval: 100 }).toBe(0)
  expect([most, looks > 5]).toEqual([0n, true])
  expect(await checkBudgets(database)).toEqual([])
  for (const { organizationId, id, limit } of [credits, cost]) {
    const { used } = must(await budgets.find({ organizationId, userId: null }, id))
    expect(used).toBeLessThanOrEqual(limit)
  }
  await database.close()
})
