import { afterAll, beforeAll, expect, test } from 'vitest'
import { rotateInChaos } from './rotation-chaos.ts'
import { openRotationStage, type RotationStage } from './rotation-stage.ts'

let at: RotationStage
beforeAll(async () => {
  at = await openRotationStage()
})
afterAll(async () => {
  await at[Symbol.asyncDispose]()
})

/** One bad day each; all drivers, and as many days as there is time for: npm run rotation-chaos. */
test.each([
  ['openai', 1],
  ['aws bedrock keys', 4],
  ['fireworks', 5],
  ['perplexity', 6],
  ['anthropic', 7],
] as const)(
  '%s: on a bad day, too, no key in use is taken back and none is left over',
  async (name, seed) => {
    const tenant = await at.tenant(name)
    const traffic = name === 'openai' || name === 'perplexity' ? at.traffic(tenant, { everyMs: 20 }) : null
    const { state } = await rotateInChaos(at, tenant, name, seed)
    expect(['done', 'failed_safe']).toContain(state)
    if (traffic) expect(await traffic.stop()).toBeGreaterThan(0)
  },
)
