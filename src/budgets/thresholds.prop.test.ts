import fc from 'fast-check'
import { expect, test } from 'vitest'
import { basisPoints, newlyReached, reached, thresholds } from './thresholds.ts'

const amount = fc.bigInt({ min: 0n, max: 9_000_000_000_000_000_000n })
const limit = fc.bigInt({ min: 1n, max: 999_999_999_999_999_999n })

test('whatever amounts come in whatever steps, each threshold is told once, when its share is reached and not before', () => {
  fc.assert(
    fc.property(limit, fc.array(amount, { maxLength: 30 }), (most, amounts) => {
      let used = 0n
      const fired: string[] = []
      for (const step of amounts) {
        used += step % (most / 3n + 1n)
        const fresh = newlyReached(used, most, fired)
        fired.push(...fresh.map(String))
        for (const threshold of thresholds)
          expect(fired.includes(String(threshold))).toBe(used * 100n >= most * BigInt(threshold))
      }
      expect(new Set(fired).size).toBe(fired.length)
      expect(newlyReached(used, most, fired)).toEqual([])
    }),
  )
})

test('told in any order and by anybody, the same are told', () => {
  fc.assert(
    fc.property(amount, limit, fc.subarray([...thresholds]), (used, most, told) => {
      const fresh = newlyReached(used, most, told.map(String))
      expect(
        [...fresh, ...told.filter((one) => reached(used, most).includes(one))].toSorted((a, b) => a - b),
      ).toEqual(reached(used, most))
    }),
  )
})

test('one unit below a threshold is below it, and 100 % is never shown of less than all', () => {
  fc.assert(
    fc.property(limit, (most) => {
      for (const threshold of thresholds) {
        const least = (most * BigInt(threshold) + 99n) / 100n
        expect(reached(least, most)).toContain(threshold)
        expect(reached(least - 1n, most)).not.toContain(threshold)
      }
      expect(basisPoints(most - 1n, most)).toBeLessThan(10_000)
      expect(basisPoints(most, most)).toBe(10_000)
    }),
  )
})
