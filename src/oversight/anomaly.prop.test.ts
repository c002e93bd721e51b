import fc from 'fast-check'
import { expect, test } from 'vitest'
import { suddenSpend, usualThresholds } from './anomaly.ts'

const dollars = (amount: number) => BigInt(amount) * 1_000_000_000n
const spend = fc.bigInt({ min: 0n, max: dollars(10_000) })
const former = fc.array(fc.oneof(fc.constant(0n), spend), { maxLength: 28 })
const thresholds = fc.record({
  spendFactor: fc.integer({ min: 2, max: 100 }),
  spendFloorNanoUsd: fc.bigInt({ min: 1n, max: dollars(1_000) }),
})

test('more spend never makes an alarm go away, and a higher threshold never makes one', () => {
  fc.assert(
    fc.property(spend, spend, former, thresholds, (spent, more, days, at) => {
      if (suddenSpend(spent, days, at) !== null) expect(suddenSpend(spent + more, days, at)).not.toBeNull()
      else {
        expect(suddenSpend(spent, days, { ...at, spendFactor: at.spendFactor + 1 })).toBeNull()
        expect(suddenSpend(spent, days, { ...at, spendFloorNanoUsd: at.spendFloorNanoUsd + more })).toBeNull()
      }
    }),
  )
})

test('neither the order of days nor days without use change anything', () => {
  fc.assert(
    fc.property(spend, former, fc.nat(20), thresholds, (spent, days, idle, at) => {
      const same = suddenSpend(spent, days, at)
      expect(suddenSpend(spent, days.toReversed(), at)).toEqual(same)
      expect(suddenSpend(spent, [...days, ...Array.from({ length: idle }, () => 0n)], at)).toEqual(same)
    }),
  )
})

test('what happened before is not sudden, and nothing below the floor is', () => {
  fc.assert(
    fc.property(spend, former, thresholds, (spent, days, at) => {
      expect(suddenSpend(spent, [...days, spent], at)).toBeNull()
      if (spent < at.spendFloorNanoUsd) expect(suddenSpend(spent, days, at)).toBeNull()
    }),
  )
})

test('four times an ordinary day is told by default, from five dollars on; of somebody new, from twenty', () => {
  const ordinary = [dollars(2), 0n, dollars(2), dollars(2)]
  expect(suddenSpend(dollars(8), ordinary, usualThresholds)).toEqual({ usualNanoUsd: dollars(2) })
  expect(suddenSpend(dollars(8) - 1n, ordinary, usualThresholds)).toBeNull()
  expect(suddenSpend(dollars(4), [1n, 1n, 1n], usualThresholds)).toBeNull()
  expect(suddenSpend(dollars(19), [], usualThresholds)).toBeNull()
  expect(suddenSpend(dollars(20), [], usualThresholds)).toEqual({ usualNanoUsd: dollars(5) })
})
