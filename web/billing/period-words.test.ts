import { expect, test } from 'vitest'
import { percent, savingPercent, shareReachedAt, validity } from './period-words.ts'

test('percentages are written without needless places', () => {
  expect([1000, 750, 1025, 0].map(percent)).toEqual(['10 %', '7.5 %', '10.25 %', '0 %'])
})

test('how long credits are valid is told in months or whole years', () => {
  expect([null, 1, 6, 12, 24].map(validity)).toEqual([
    'they do not expire',
    'valid for a month',
    'valid for 6 months',
    'valid for a year',
    'valid for 2 years',
  ])
})

test('a pack’s saving is rounded down, and none is claimed where there is none', () => {
  const rate = '1000000'
  expect(savingPercent({ creditMicros: '2000000000', priceMinor: '1900' }, rate)).toBe(5)
  expect(savingPercent({ creditMicros: '500000000', priceMinor: '500' }, rate)).toBe(0)
  expect(savingPercent({ creditMicros: '500000000', priceMinor: '600' }, rate)).toBe(0)
})

test('when the own-key share is reached is told only if it is within this period', () => {
  const period = { periodStart: '2026-11-01T00:00:00.000Z', periodEnd: '2026-12-01T00:00:00.000Z' }
  const now = new Date('2026-11-10T00:00:00Z')
  const standing = { shareBasisPoints: 3000, neededShareBasisPoints: 5000 }
  expect(shareReachedAt(standing, period, now)).toBe('2026-11-16T00:00:00.000Z')
  expect(shareReachedAt(standing, period, new Date('2026-11-26T00:00:00Z'))).toBeNull()
  expect(shareReachedAt({ ...standing, shareBasisPoints: 5000 }, period, now)).toBeNull()
})
