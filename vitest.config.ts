import { configDefaults, defineConfig } from 'vitest/config'

const reportFile = process.env['TEST_REPORT_FILE']

const common = {
  pool: 'forks',
  // Whatever is waited for is an event; these bound the wait for a page or a process on a machine that does other things.
  testTimeout: 300_000,
  hookTimeout: 300_000,
  expect: { poll: { timeout: 120_000 } },
  // A test that needs a second try hides a defect.
  retry: 0,
  restoreMocks: true,
  unstubGlobals: true,
} as const

/** Each in a process of its own: they measure its memory, set its environment, start and kill others. */
const apart = [
  'src/db/embedded.test.ts',
  'src/vault/providers/pkcs11.test.ts',
  'tests/{browser,planted-bugs,processes,simulation,simulator}/**/*.test.ts',
  'tests/{canary,desync,launcher,start}.test.ts',
  'tests/gateway-attacks*.test.ts',
  'tests/peer-failures/leaks.test.ts',
]

export default defineConfig({
  test: {
    // .ci/run reads the counts from this file.
    reporters: reportFile ? ['default', ['json', { outputFile: reportFile }]] : ['default'],
    globalSetup: ['tests/global-setup.ts'],
    // On two cores: browsers and processes leave nearly half of them idle while they wait for each other.
    maxWorkers: 4,
    projects: [
      { test: { ...common, name: 'apart', include: apart } },
      {
        test: {
          ...common,
          name: 'together',
          include: ['{simulator,src,tests,web}/**/*.test.ts'],
          exclude: [...configDefaults.exclude, ...apart],
          // Nothing that a file leaves behind is seen by the next; to load the product anew takes longer than most of them.
          isolate: false,
        },
      },
    ],
  },
})
