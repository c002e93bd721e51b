import { defineConfig } from 'vitest/config'

const reportFile = process.env['TEST_REPORT_FILE']

export default defineConfig({
  test: {
    include: [
      'src/**/*.test.ts',
      'src/**/*.test.tsx',
      'web/**/*.test.ts',
      'web/**/*.test.tsx',
      'simulator/**/*.test.ts',
      'tests/**/*.test.ts',
    ],
    // .ci/run reads the counts from this file.
    reporters: reportFile ? ['default', ['json', { outputFile: reportFile }]] : ['default'],
    globalSetup: ['tests/global-setup.ts'],
    pool: 'forks',
    // On two cores: browsers and processes leave nearly half of them idle while they wait for each other.
    maxWorkers: 4,
    testTimeout: 30_000,
    hookTimeout: 60_000,
    // A page or a process on a busy machine; whatever is waited for is an event, this only bounds the wait.
    expect: { poll: { timeout: 15_000 } },
    // A test that needs a second try hides a defect.
    retry: 0,
    restoreMocks: true,
  },
})
