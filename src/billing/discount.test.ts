import { expect, test } from 'vitest'
import { type DiscountRule, standing } from './discount.ts'

const rule: DiscountRule = {
  basisPoints: 1000,
  minimumShareBasisPoints: 5000,
  minimumContinuousDays: 0,
  organizationKeysCount: false,
  addresses: ['proxy.example:8443'],
}
const day = (n: number) => new Date(Date.UTC(2027, 3, 1) + Math.round(n * 86_400_000))
/** Thirty days. */
const period = { startsAt: day(0), endsAt: day(30) }
const span = ([from, until]: [number, number | null]) => ({
  from: day(from),
  until: until === null ? null : day(until),
})
const at = (presences: [number, number | null][], more: Partial<DiscountRule> = {}) =>
  standing(
    { ...rule, ...more },
    period,
    presences.map((one) => ({ ...span(one), baseUrl: null, taken: [] })),
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
  const half = standing(rule, period, [key([-9, null])], day(12))
  expect(half).toMatchObject({ shareBasisPoints: 4000, isEarned: false, hasKeyNow: true, continuousDays: 21 })
})

const key = (
  time: [number, number | null],
  taken: [number, number | null, string?][] = [],
  baseUrl: string | null = null,
) => ({
  ...span(time),
  baseUrl,
  taken: taken.map(([from, until, elsewhere = null]) => ({ ...span([from, until]), baseUrl: elsewhere })),
})

test.each<[string, Parameters<typeof key>[], boolean, number, [number, number]]>([
  ['a key that somebody else has had for longer', [[[-5, null], [[-10, null]]]], false, 0, [1, 0]],
  ['a key that somebody else had and gave up', [[[-5, null], [[-10, 6]]]], true, 8000, [0, 0]],
  ['a key that somebody else had in the middle', [[[0, null], [[10, 20]]]], true, 6666, [0, 0]],
  [
    'a key that two others had, one after the other',
    [
      [
        [0, null],
        [
          [-9, 12],
          [11, 20],
        ],
      ],
    ],
    false,
    3333,
    [0, 0],
  ],
  [
    'a key that was another’s at an address where keys do not count',
    [[[0, null], [[-9, null, 'https://x.example/v1']]]],
    true,
    10_000,
    [0, 0],
  ],
  ['a key at an address of its own', [[[-9, null], [], 'https://x.example/v1']], false, 0, [0, 1]],
  [
    'a key at an address whose port is another',
    [[[-9, null], [], 'https://proxy.example/v1']],
    false,
    0,
    [0, 1],
  ],
  ['a key at a listed address', [[[-9, null], [], 'https://proxy.example:8443/v1']], true, 10_000, [0, 0]],
  ['a key of two, one of them another’s', [[[-9, null], [[-10, null]]], [[-1, null]]], true, 10_000, [1, 0]],
])('%s', (_, keys, isEarned, shareBasisPoints, [keysOfOthers, keysElsewhere]) => {
  const found = standing(
    rule,
    period,
    keys.map((one) => key(...one)),
    period.endsAt,
  )
  expect(found).toMatchObject({ isEarned, shareBasisPoints, keysOfOthers, keysElsewhere })
})
