/**
 * npm run rotation-crashes: rotations of every driver, killed at every edge: one after the other in one rotation, each by
 * itself, and with workers in processes of their own that get SIGKILL. `npm test` has a short run of it.
 */
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const vitest = fileURLToPath(new URL('../node_modules/vitest/vitest.mjs', import.meta.url))
const run = spawnSync(
  process.execPath,
  [vitest, 'run', 'tests/rotation-crashes.test.ts', ...process.argv.slice(2)],
  {
    stdio: 'inherit',
    env: { ...process.env, ROTATION_CRASHES: 'all' },
  },
)
process.exit(run.status ?? 1)
