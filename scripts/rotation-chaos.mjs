/**
 * npm run rotation-chaos -- [--seed N] [--minutes M]: rotations of every driver, one after the other, while replies are lost, lists
 * and keys are late and workers die as the seed draws. Exits 1 at the first that takes a key in use back or leaves one over.
 */
import { parseArgs } from 'node:util'
import { startVitest } from 'vitest/node'

const { values } = parseArgs({
  options: { seed: { type: 'string' }, minutes: { type: 'string', default: '5' } },
})
const seed = Number(values.seed ?? Math.floor(Math.random() * 1_000_000))
const vitest = await startVitest('test', ['tests/rotation-chaos-days.ts'], {
  config: false,
  watch: false,
  globalSetup: ['tests/global-setup.ts'],
  include: ['tests/rotation-chaos-days.ts'],
  provide: { chaos: { seed, minutes: Number(values.minutes) } },
  testTimeout: (Number(values.minutes) + 5) * 60_000,
})
await vitest.close()
