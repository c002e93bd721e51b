import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  creditPart,
  creditsToTakeBack,
  discountOn,
  divideHalfEven,
  moneyPart,
  remainingOf,
  stepOf,
} from './proration.ts'

const amount = fc.bigInt({ min: 0n, max: 10n ** 15n })
const period = { startsAt: new Date('2027-01-31T00:00:00Z'), endsAt: new Date('2027-02-28T00:00:00Z') }
const within = fc
  .integer({ min: period.startsAt.getTime(), max: period.endsAt.getTime() })
  .map((ms) => new Date(ms))

test('halves go to the even neighbour, on both sides of zero', () => {
  expect([1n, 3n, 5n, -1n, -3n, 7n].map((n) => divideHalfEven(n, 2n))).toEqual([0n, 2n, 2n, 0n, -2n, 4n])
  expect([10n, 14n, 15n, 16n].map((n) => divideHalfEven(n, 10n))).toEqual([1n, 1n, 2n, 2n])
})

test('a rounding is never off by more than half of a unit', () => {
  fc.assert(
    fc.property(
      fc.bigInt({ min: -(10n ** 20n), max: 10n ** 20n }),
      fc.bigInt({ min: 1n, max: 10n ** 12n }),
      (n, d) => {
        const error = divideHalfEven(n, d) * d - n
        expect(2n * (error < 0n ? -error : error) <= d).toBe(true)
      },
    ),
  )
})

test('a part is between nothing and everything, and credits are rounded down', () => {
  fc.assert(
    fc.property(amount, within, (value, at) => {
      const fraction = remainingOf(period, at)
      expect(moneyPart(value, fraction) >= 0n && moneyPart(value, fraction) <= value).toBe(true)
      const credits = creditPart(value, fraction)
      expect(credits * fraction.whole <= value * fraction.part).toBe(true)
      expect((credits + 1n) * fraction.whole > value * fraction.part).toBe(true)
    }),
  )
  expect(remainingOf(period, period.startsAt)).toMatchObject({
    part: remainingOf(period, period.startsAt).whole,
  })
  expect(moneyPart(999n, remainingOf(period, period.endsAt))).toBe(0n)
  expect(moneyPart(999n, remainingOf(period, new Date('2030-01-01')))).toBe(0n)
})

test('two upgrades one after the other cost what one does, but for the rounding of a unit', () => {
  fc.assert(
    fc.property(amount, amount, within, (first, second, at) => {
      const fraction = remainingOf(period, at)
      const apart = moneyPart(first, fraction) + moneyPart(second, fraction)
      const difference = apart - moneyPart(first + second, fraction)
      expect(difference >= -1n && difference <= 1n).toBe(true)
    }),
  )
})

test('a discount is nothing or less than the price', () => {
  fc.assert(
    fc.property(amount, fc.integer({ min: 0, max: 10_000 }), (price, basisPoints) => {
      const discount = discountOn(price, basisPoints)
      expect(discount >= 0n && discount <= price).toBe(true)
    }),
  )
  expect([1995n, 2000n, 9900n, 5n, 15n].map((price) => discountOn(price, 1000))).toEqual([
    200n,
    200n,
    990n,
    0n,
    2n,
  ])
})

test('refunds in any number of steps take back exactly the credits that were bought', () => {
  fc.assert(
    fc.property(
      fc.bigInt({ min: 1n, max: 10n ** 9n }),
      fc.bigInt({ min: 0n, max: 10n ** 15n }),
      fc.array(fc.bigInt({ min: 1n, max: 10n ** 8n }), { maxLength: 8 }),
      (amountMinor, creditMicros, steps) => {
        let refunded = 0n
        let taken = 0n
        for (const step of [...steps, amountMinor]) {
          const now = step < amountMinor - refunded ? step : amountMinor - refunded
          taken += creditsToTakeBack({ amountMinor, creditMicros }, refunded, now)
          refunded += now
          expect(taken * amountMinor >= creditMicros * refunded && taken <= creditMicros).toBe(true)
        }
        expect(taken).toBe(creditMicros)
      },
    ),
  )
})

test.each([
  // price, currency, at the middle of the period, own-key discount of 10 % on it
  [1999n, 'USD', 1000n, 100n],
  [1501n, 'JPY', 750n, 75n],
  [7_010n, 'KWD', 3_500n, 350n],
  [7_030n, 'KWD', 3_520n, 350n],
])('a part of %s %s and its discount are whole units that can be charged', (price, currency, half, off) => {
  const middle = { part: 1n, whole: 2n }
  const part = moneyPart(price, middle, stepOf(currency))
  expect([part, discountOn(part, 1_000, stepOf(currency))]).toEqual([half, off])
})
