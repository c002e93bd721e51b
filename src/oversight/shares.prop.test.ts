import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type ChargeLine, groupLines, sumOf } from './charge-back.ts'
import { sharesOf } from './shares.ts'

const weights = fc.array(fc.bigInt({ min: -(10n ** 9n), max: 10n ** 15n }), { minLength: 1, maxLength: 12 })
const amounts = fc.bigInt({ min: 0n, max: 10n ** 12n })
const sum = (values: readonly bigint[]) => values.reduce((total, value) => total + value, 0n)

test('shares add up to the amount, each is less than a unit off, and whoever weighs more gets no less', () => {
  fc.assert(
    fc.property(amounts, weights, (amount, of) => {
      const shares = sharesOf(amount, of)
      const total = sum(of)
      if (total <= 0n) {
        expect(shares).toBeNull()
        return
      }
      expect(sum(shares ?? [])).toBe(amount)
      for (const [index, weight] of of.entries()) {
        const off = (shares?.[index] ?? 0n) * total - amount * weight
        expect(off > -total && off < total).toBe(true)
        for (const [other, lighter] of of.entries())
          if (weight > lighter) expect((shares?.[index] ?? 0n) >= (shares?.[other] ?? 0n)).toBe(true)
      }
    }),
  )
})

test('a third each of a hundred is a hundred', () => {
  expect(sharesOf(100n, [1n, 1n, 1n])).toEqual([34n, 33n, 33n])
  expect(sharesOf(100n, [0n, 0n])).toBeNull()
  expect(sharesOf(10n, [3n, -1n])).toEqual([15n, -5n])
})

const line: fc.Arbitrary<ChargeLine> = fc.record({
  costCentre: fc.option(fc.constantFrom('A', 'B', 'C')),
  teamId: fc.option(fc.constantFrom('t1', 't2')),
  userId: fc.constantFrom('u1', 'u2', 'u3'),
  serviceId: fc.option(fc.constantFrom('openai', 'groq')),
  keyOwner: fc.option(fc.constantFrom('user', 'organization', 'system')),
  operations: fc.bigInt({ min: 0n, max: 1_000n }),
  creditMicros: fc.bigInt({ min: -(10n ** 6n), max: 2n ** 62n }),
  organizationKeyNanoUsd: fc.bigInt({ min: 0n, max: 2n ** 62n }),
  userKeyNanoUsd: fc.bigInt({ min: 0n, max: 2n ** 62n }),
  unpricedOperations: fc.bigInt({ min: 0n, max: 9n }),
})

test('by whatever lines are told apart, each is in one group, and groups and shares add up to the totals', () => {
  fc.assert(
    fc.property(fc.array(line), fc.option(amounts), (lines, amount) => {
      for (const by of ['cost_centre', 'team', 'member', 'service', 'key_owner'] as const) {
        const { groups, totals } = groupLines(lines, by, amount)
        expect({ ...totals, ...sumOf(groups) }).toEqual(totals)
        expect({ ...totals, ...sumOf(lines) }).toEqual(totals)
        expect(new Set(groups.map(({ id }) => id)).size).toBe(groups.length)
        if (totals.shareMinor === null)
          expect(groups.every(({ shareMinor }) => shareMinor === null)).toBe(true)
        else expect(sum(groups.map(({ shareMinor }) => shareMinor ?? 0n))).toBe(amount)
      }
    }),
  )
})
