import { expect, test } from 'vitest'
import type { UsageGroup, UsageReport, UsageSums } from '../../src/contract/usage.ts'
import { barsOf, changeWords, formatOf, groupFilters, seriesOf, shownSeries } from './usage-figures.ts'

const sums = (part: Partial<UsageSums> = {}): UsageSums => ({
  operations: 0,
  costNanoUsd: '0',
  creditMicros: '0',
  inputTokens: 0,
  outputTokens: 0,
  unpricedOperations: 0,
  ...part,
})
const group = (key: string, part: Partial<UsageGroup> = {}): UsageGroup => ({
  key,
  serviceId: key,
  model: null,
  id: null,
  name: null,
  more: 0,
  own: sums(),
  system: sums(),
  none: sums(),
  ...part,
})
const report: UsageReport = {
  by: 'service',
  timeZone: 'UTC',
  days: [
    { day: '2026-11-01', since: '2026-11-01T00:00:00Z', until: '2026-11-02T00:00:00Z' },
    { day: '2026-11-02', since: '2026-11-02T00:00:00Z', until: '2026-11-03T00:00:00Z' },
  ],
  groups: [group('openai'), group('groq')],
  charted: 1,
  cells: [
    { day: '2026-11-02', group: 'openai', payer: 'own', ...sums({ costNanoUsd: '9007199254740993' }) },
    { day: '2026-11-02', group: null, payer: 'system', ...sums({ creditMicros: '5', operations: 2 }) },
  ],
  totals: { own: sums(), system: sums(), none: sums() },
}

test('every day of the period has a bar, and amounts beyond 2^53 stay exact', () => {
  const bars = barsOf(report, 'own', 'money')
  expect(bars.map(({ key, values }) => [key, values])).toEqual([
    ['2026-11-01', {}],
    ['2026-11-02', { openai: 9007199254740993n }],
  ])
  expect(formatOf('own', 'money')(9007199254740993n)).toBe('$9,007,199.25')
})

test('others share a colour, and a chart names only what it shows', () => {
  const series = seriesOf(report, ({ key }) => key)
  expect(series.map(({ label }) => label)).toEqual(['openai', 'Others'])
  expect(shownSeries(series, barsOf(report, 'system', 'operations')).map(({ key }) => key)).toEqual(['rest'])
})

test('a group leads to its operations; what is lumped together leads nowhere', () => {
  expect(groupFilters('model', group('x', { serviceId: null, model: null }))).toEqual({
    service: 'none',
    usedModel: 'none',
  })
  expect(groupFilters('access_token', group('x', { id: 'an-id' }))).toEqual({ accessToken: 'an-id' })
  expect(groupFilters('service', group('more', { more: 3 }))).toBeNull()
})

test.each([
  [112n, 100n, '+12 %'],
  [965, 1000, '−3.5 %'],
  [0, 8, '−100 %'],
  [5, 0, 'new'],
  [0, 0, null],
  [100, 100, 'unchanged'],
  [1_000_001n, 1_000_000n, 'about the same'],
  [20_000, 1, '+1,999,900 %'],
])('%s after %s is %s', (now, before, words) => {
  expect(changeWords(now, before)).toBe(words)
})
