import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { forecastOf, leastDays, trailingDays } from './forecast.ts'

const now = new Date('2026-11-20T12:00:00Z')
const monthEnd = new Date('2026-12-01T00:00:00Z')
const day = 86_400_000

/** What was used on the last days, today first. */
const days = (...used: number[]): bigint[] =>
  Array.from({ length: trailingDays + 1 }, (_, index) => BigInt(used[index] ?? 0))
const ask = (used: bigint[], remaining: bigint, until: Date | null = monthEnd) =>
  forecastOf({ days: used, remaining, now, until })

describe('what is told', () => {
  test('nothing used, and nothing to go by yet, are told as that', () => {
    expect(ask(days(), 100n)).toMatchObject({ state: 'nothing_used', method: null, runsOutAt: null })
    expect(ask(days(5), 100n)).toMatchObject({ state: 'not_enough_data', daysOfData: 0, perDay: null })
    expect(ask(days(5, 5, 5), 100n)).toMatchObject({ state: 'not_enough_data', daysOfData: 2 })
    expect(ask(days(5, 5, 5, 5), 100n)).toMatchObject({ state: 'lasts', daysOfData: 3 })
  })

  test('an even use of 10 a day leaves 50 for five days', () => {
    const told = ask(days(...Array.from({ length: 29 }, () => 10)), 50n)
    expect(told).toMatchObject({ state: 'runs_out', perDay: 10n, daysOfData: 28, until: monthEnd })
    expect(told.runsOutAt).toEqual(new Date(now.getTime() + 5 * day))
  })

  test('of the last week and the last four, the faster one counts', () => {
    const rising = days(...Array.from({ length: 7 }, () => 20), ...Array.from({ length: 22 }, () => 1))
    expect(ask(rising, 100n)).toMatchObject({ method: 'trailing_7_days', perDay: 20n })
    const quietWeek = days(...Array.from({ length: 7 }, () => 0), ...Array.from({ length: 22 }, () => 8))
    expect(ask(quietWeek, 100n)).toMatchObject({ method: 'trailing_28_days', perDay: 6n })
  })

  test('what lasts until it starts anew lasts; exactly until then, too', () => {
    const even = days(...Array.from({ length: 29 }, () => 10))
    // 10.5 days are left of November.
    expect(ask(even, 105n)).toMatchObject({ state: 'lasts', runsOutAt: monthEnd })
    expect(ask(even, 104n)).toMatchObject({ state: 'runs_out' })
    expect(ask(even, 10_000n, null)).toMatchObject({ state: 'runs_out' })
  })

  test('nothing left has run out, whatever the rate', () => {
    expect(ask(days(), 0n)).toMatchObject({ state: 'ran_out' })
    expect(ask(days(5, 5, 5, 5), -3n)).toMatchObject({ state: 'ran_out' })
  })

  test('a use that ended before the first whole day is no rate', () => {
    expect(ask(days(0, 0, 0, 9), 10n)).toMatchObject({ state: 'nothing_used' })
  })
})

test('a faster use never runs out later, and more that is left never sooner', () => {
  const used = fc.array(fc.nat({ max: 1_000_000 }), { minLength: 29, maxLength: 29 })
  fc.assert(
    fc.property(used, fc.nat({ max: 1_000_000 }), fc.nat({ max: 1_000_000 }), (amounts, left, more) => {
      const first = [...amounts.slice(0, leastDays), ...amounts.slice(leastDays)].map((n) => BigInt(n + 1))
      const end = (used_: bigint[], remaining: bigint) => {
        const told = forecastOf({ days: used_, remaining, now, until: null })
        return told.runsOutAt?.getTime() ?? Number.POSITIVE_INFINITY
      }
      const [slow, fast] = [
        end(first, BigInt(left + 1)),
        end(
          first.map((n) => n * 2n),
          BigInt(left + 1),
        ),
      ]
      expect(fast).toBeLessThanOrEqual(slow)
      expect(end(first, BigInt(left + 1 + more))).toBeGreaterThanOrEqual(slow)
    }),
  )
})
