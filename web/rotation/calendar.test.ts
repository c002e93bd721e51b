import { expect, test } from 'vitest'
import { dayKey, daysOfMonth, monthAfter, monthName } from './calendar.ts'

test.each(['2026-02', '2026-11', '2027-02', '2028-02', '2026-03'])(
  '%s is whole weeks from Monday on',
  (month) => {
    const days = daysOfMonth(month)
    expect(days.length % 7).toBe(0)
    expect(new Date(`${days[0]?.key}T12:00:00`).getDay()).toBe(1)
    const inside = days.filter((day) => !day.isOutside)
    expect(inside.map(({ key }) => key.slice(0, 7)).every((each) => each === month)).toBe(true)
    expect(inside[0]?.day).toBe(1)
    expect(new Set(days.map(({ key }) => key)).size).toBe(days.length)
  },
)

test('months follow each other over the year', () => {
  expect(monthAfter('2026-12', 1)).toBe('2027-01')
  expect(monthAfter('2026-01', -1)).toBe('2025-12')
  expect(monthName('2026-11')).toBe('November 2026')
  expect(dayKey(new Date(2026, 0, 5))).toBe('2026-01-05')
})
