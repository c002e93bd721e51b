import { expect, test } from 'vitest'
import { dateIn, formerPeriod, type Period, periodFault, periodWords, presetPeriod } from './period.ts'

const text = ({ from, to }: Period) => `${from} ${to}`

test.each([
  ['7d', '2026-03-03', '2026-02-25 2026-03-03'],
  ['30d', '2028-03-01', '2028-02-01 2028-03-01'],
  ['month', '2026-11-22', '2026-11-01 2026-11-22'],
  ['last_month', '2027-01-31', '2026-12-01 2026-12-31'],
  ['last_month', '2028-03-31', '2028-02-01 2028-02-29'],
] as const)('%s on %s is %s', (preset, today, expected) => {
  expect(text(presetPeriod(preset, today))).toBe(expected)
})

test.each([
  // As many days before.
  ['2026-11-16 2026-11-22', '2026-11-09 2026-11-15'],
  ['2026-11-22 2026-11-22', '2026-11-21 2026-11-21'],
  // A month as far as it has gone, and whole months with whole ones.
  ['2026-11-01 2026-11-22', '2026-10-01 2026-10-22'],
  ['2026-03-01 2026-03-30', '2026-02-01 2026-02-28'],
  ['2026-02-01 2026-02-28', '2026-01-01 2026-01-31'],
  ['2026-03-01 2026-03-31', '2026-02-01 2026-02-28'],
  ['2026-01-01 2026-01-15', '2025-12-01 2025-12-15'],
])('%s is compared with %s', (period, former) => {
  const [from = '', to = ''] = period.split(' ')
  expect(text(formerPeriod({ from, to }))).toBe(former)
})

test('today is the day of the time zone', () => {
  const moment = new Date('2026-11-22T23:30:00Z')
  expect(dateIn(moment, 'UTC')).toBe('2026-11-22')
  expect(dateIn(moment, 'Europe/Berlin')).toBe('2026-11-23')
})

test('a period that is none says why', () => {
  expect(periodFault({ from: '2026-01-01', to: '2026-12-31' })).toBeNull()
  expect(periodFault({ from: '2026-01-02', to: '2026-01-01' })).toContain('before')
  expect(periodFault({ from: '2026-01-01', to: '2027-01-02' })).toContain('366')
  expect(periodFault({ from: '', to: '2027-01-02' })).toContain('needed')
})

test('a period is told in words once, without repeating month or year', () => {
  expect(periodWords({ from: '2026-11-01', to: '2026-11-22' })).toBe('1 to 22 Nov 2026')
  expect(periodWords({ from: '2026-10-28', to: '2026-11-03' })).toBe('28 Oct to 3 Nov 2026')
  expect(periodWords({ from: '2026-12-28', to: '2027-01-03' })).toBe('28 Dec 2026 to 3 Jan 2027')
  expect(periodWords({ from: '2026-11-03', to: '2026-11-03' })).toBe('3 Nov 2026')
})
