import { expect, test } from 'vitest'
import { simulate } from './simulation.ts'

/** Seeds that failed once stay here, with what they had found. */
const regressions: readonly number[] = []
const fresh = Math.floor(Math.random() * 2 ** 31)

test.each([...regressions, fresh])(
  'processes and the database killed at every edge of operations and purchases lose nothing and do nothing twice (seed %i)',
  async (seed) => {
    const { problems, kills, operations, news } = await simulate({ seed, seconds: 6 })
    expect(problems, `npm run simulate -- --seed ${seed}`).toEqual([])
    expect(kills.length).toBeGreaterThan(1)
    expect(operations).toBeGreaterThan(5)
    expect(news).toBeGreaterThan(5)
  },
  240_000,
)

test('a worker that acknowledged a purchase before it was committed would be found out', async () => {
  const { problems } = await simulate({ seed: 1, seconds: 60, gateways: 0, defect: 'acknowledges_first' })
  expect(problems).toContainEqual(expect.stringMatching(/was answered and is not there$/))
})
