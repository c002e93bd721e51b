import { expect, test } from 'vitest'
import type { UsageReport, UsageSums } from '../../src/contract/usage.ts'
import { previewOf } from './limit-preview.ts'

const sums = (creditMicros: string, costNanoUsd = '0'): UsageSums => ({
  operations: 1,
  costNanoUsd,
  creditMicros,
  inputTokens: 0,
  outputTokens: 0,
  unpricedOperations: 0,
})
const days = ['2026-10-30', '2026-10-31', '2026-11-01', '2026-11-02']
const report: UsageReport = {
  by: 'service',
  timeZone: 'UTC',
  days: days.map((day) => ({ day, since: `${day}T00:00:00Z`, until: `${day}T00:00:00Z` })),
  groups: [],
  charted: 1,
  cells: [
    { day: '2026-10-30', group: 'a', payer: 'system', ...sums('60') },
    { day: '2026-10-31', group: 'a', payer: 'system', ...sums('30') },
    { day: '2026-10-31', group: null, payer: 'system', ...sums('11') },
    { day: '2026-11-01', group: 'a', payer: 'system', ...sums('100') },
    { day: '2026-11-02', group: 'a', payer: 'own', ...sums('0', '500') },
  ],
  totals: { own: sums('0'), system: sums('0'), none: sums('0') },
}

test('each month counts anew, and exactly all of a limit is not more than it', () => {
  expect(previewOf(report, 'credits', 100n)).toEqual([
    { month: '2026-10', used: 101n, passedOn: '2026-10-31' },
    { month: '2026-11', used: 100n, passedOn: null },
  ])
})

test('a budget on own keys counts dollars on own keys only', () => {
  expect(previewOf(report, 'own_key_cost', 499n)).toEqual([
    { month: '2026-10', used: 0n, passedOn: null },
    { month: '2026-11', used: 500n, passedOn: '2026-11-02' },
  ])
})
