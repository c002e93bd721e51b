import fc from 'fast-check'
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

test('days in which somebody else had the key before the period are none without interruption', () => {
  const rows = [key([-20, null], [[-30, -5]])]
  expect(standing(rule, period, rows, day(3))).toMatchObject({ hasKeyNow: true, continuousDays: 8 })
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
  ['a key that somebody else gave up in the period', [[[-5, null], [[-10, 6]]]], false, 0, [1, 0]],
  ['a key that somebody else gave up before the period', [[[-5, null], [[-10, 0]]]], true, 10_000, [0, 0]],
  ['a key that somebody else had until it came', [[[15, null], [[0, 15]]]], false, 0, [1, 0]],
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

/** Who has the one key at which times, as `own_key_presences` tells it: rows with those that began before them. */
const holdings = fc.array(
  fc.record({ who: fc.nat({ max: 2 }), from: fc.nat({ max: 200 }), days: fc.integer({ min: 1, max: 60 }) }),
  { minLength: 2, maxLength: 20 },
)

test('however subscribers hand one key to each other, no two of them have a discount for it at the same time', () => {
  fc.assert(
    fc.property(holdings, fc.tuple(fc.nat({ max: 29 }), fc.nat({ max: 29 })), (rows, [second, third]) => {
      const all = rows
        .map((row) => ({ ...row, ...span([row.from, row.from + row.days]), baseUrl: null }))
        .toSorted((a, b) => a.from.getTime() - b.from.getTime())
      const earned = [0, second, third].flatMap((offset, who) =>
        Array.from({ length: 7 }, (_, month) => {
          const [startsAt, endsAt] = [day(offset + month * 30), day(offset + month * 30 + 30)]
          const keys = all.flatMap((one, index) =>
            one.who === who
              ? [{ ...one, taken: all.slice(0, index).filter((before) => before.who !== who) }]
              : [],
          )
          return { who, startsAt, endsAt, ...standing(rule, { startsAt, endsAt }, keys, endsAt) }
        }).filter(({ isEarned }) => isEarned),
      )
      for (const one of earned)
        for (const other of earned)
          if (one.who !== other.who)
            expect(one.startsAt >= other.endsAt || other.startsAt >= one.endsAt).toBe(true)
    }),
    { numRuns: 500 },
  )
})
