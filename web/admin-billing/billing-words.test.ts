import { expect, test } from 'vitest'
import { parsePercent, percent } from './billing-words.ts'

test('a percentage is read and written to the basis point, without floating-point remains', () => {
  expect(parsePercent('10')).toBe(1000)
  expect(parsePercent('0.29')).toBe(29)
  expect(parsePercent('100')).toBe(10_000)
  expect(parsePercent('100.01')).toBeNull()
  expect(parsePercent('1.234')).toBeNull()
  expect(parsePercent('-1')).toBeNull()
  expect(percent(29)).toBe('0.29 %')
  for (let points = 0; points <= 10_000; points += 7)
    expect(parsePercent(percent(points).replace(' %', ''))).toBe(points)
})
