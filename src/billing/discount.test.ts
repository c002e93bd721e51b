import { expect, test } from 'vitest'
import { type DiscountRule, standing } from './discount.ts'

const rule: DiscountRule = {
  basisPoints: 1000,
  minimumShareBasisPoints: 5000,
  minimumContinuousDays: 0,
  organizationKeysCount: false,
}
const day = (n: number) => new Date(Date.UTC(2027, 3, 1) + Math.round(n * 86_400_000))
/** Thirty days. */
const period = { startsAt: day(0), endsAt: day(30) }
const at = (presences: [number, number | null][], more: Partial<DiscountRule> = {}) =>
  standing(
    { ...rule, ...more },
    period,
    presences.map(([from, until]) => ({ from: day(from), until: until === null ? null : day(until) })),
    period.endsAt,
  )

test.each<[string, [number, number | null][], boolean, number]>([
  ['a key since before the period', [[-100, null]], true, 10_000],
  ['a key for exactly half of it', [[15, null]], true, 5000],
  ['a key for a minute less than half of it', [[15 + 1 / 1440, null]], false, 4999],
  ['a key added a minute before the renewal', [[30 - 1 / 1440, null]], false, 0],
  ['a key deleted a minute before the renewal', [[-100, 30 - 1 / 1440]], false, 9999],
  ['a key deleted at the instant of the renewal', [[-100, 30]], false, 10_000],
  ['a key deleted right after the renewal before', [[-100, 1 / 1440]], false, 0],
  [
    'two keys that follow each other',
    [
      [0, 10],
      [20, null],
    ],
    true,
    6666,
  ],
  [
    'two keys at the same time, which count once',
    [
      [20, null],
      [20, null],
    ],
    false,
    3333,
  ],
  [
    'one key ended and another still there at the renewal',
    [
      [-5, 30],
      [29, null],
    ],
    true,
    10_000,
  ],
  ['a key that comes after the renewal', [[31, null]], false, 0],
  ['no key', [], false, 0],
])('%s', (_, presences, isEarned, shareBasisPoints) => {
  expect(at(presences)).toMatchObject({ isEarned, shareBasisPoints })
})

test('a rule can ask for days without interruption, or for nothing beyond a key at the renewal', () => {
  expect(
    at(
      [
        [0, 10],
        [20, null],
      ],
      { minimumContinuousDays: 10 },
    ).isEarned,
  ).toBe(true)
  expect(
    at(
      [
        [0, 10],
        [20, null],
      ],
      { minimumContinuousDays: 11 },
    ).isEarned,
  ).toBe(false)
  expect(at([[30 - 1 / 1440, null]], { minimumShareBasisPoints: 0 }).isEarned).toBe(true)
  expect(at([[-100, null]], { basisPoints: 0 }).isEarned).toBe(false)
})

test('within a period it tells how much of it is proven so far', () => {
  const half = standing(rule, period, [{ from: day(-9), until: null }], day(12))
  expect(half).toMatchObject({ shareBasisPoints: 4000, isEarned: false, hasKeyNow: true, continuousDays: 21 })
})
