import { expect, test } from 'vitest'
import type { Usage } from '../../src/contract/operations.ts'
import { usageBars, usageByPayer } from './usage-days.ts'

const row = (day: string, keyOwner: 'user' | 'organization' | 'system' | null, operations: number) => ({
  day,
  keyOwner,
  operations,
  creditMicros: keyOwner === 'system' ? '9007199254740993' : '0',
  costNanoUsd: '1',
  inputTokens: 1,
  outputTokens: 1,
})
const usage: Usage = {
  since: '2026-11-01T10:00:00.000Z',
  until: '2026-11-04T10:00:00.000Z',
  timeZone: 'UTC',
  days: [
    row('2026-11-01', 'user', 3),
    row('2026-11-01', 'system', 2),
    row('2026-11-04', 'system', 5),
    row('2026-11-04', null, 1),
  ],
  services: [],
  totals: {
    operations: 11,
    creditMicros: '18014398509481986',
    costNanoUsd: '4',
    inputTokens: 4,
    outputTokens: 4,
  },
}

test('every day has a bar, those without operations too, and the bars add up to the totals', () => {
  const bars = usageBars(usage)
  expect(bars.map(({ key }) => key)).toEqual(['2026-11-01', '2026-11-02', '2026-11-03', '2026-11-04'])
  const sum = bars.flatMap(({ values }) => Object.values(values)).reduce((total, value) => total + value, 0)
  expect(sum).toBe(usage.totals.operations)
})

test('the payers’ sums are exact beyond what a number holds', () => {
  const totals = Object.fromEntries(usageByPayer(usage).map((each) => [each.payer, each]))
  expect(totals['system']?.creditMicros).toBe(usage.totals.creditMicros)
  expect(totals['user']?.operations).toBe(3)
  expect(totals['none']?.operations).toBe(1)
})
