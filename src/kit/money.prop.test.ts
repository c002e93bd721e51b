import fc from 'fast-check'
import { expect, test } from 'vitest'
import { divideUp, formatMicros, parseCredits } from './money.ts'

const micros = fc.bigInt({ min: -(10n ** 17n), max: 10n ** 17n })

test('what is written is read back exactly, without exponent or trailing zeros', () => {
  fc.assert(
    fc.property(micros, (amount) => {
      const text = formatMicros(amount)
      expect(text).toMatch(/^-?\d+(?:\.\d{0,5}[1-9])?$/)
      expect(parseCredits(text)).toBe(amount)
    }),
  )
})

test('what is no amount of credits is not read as one', () => {
  for (const text of ['', '1e3', '1.0000001', '.5', '1,5', '--1', '1.', '0x10', 'NaN'])
    expect(parseCredits(text)).toBeNull()
})

test('rounding up is never below the exact quotient, and less than one above it', () => {
  fc.assert(
    fc.property(
      fc.bigInt({ min: 0n, max: 10n ** 30n }),
      fc.bigInt({ min: 1n, max: 10n ** 12n }),
      (numerator, denominator) => {
        const quotient = divideUp(numerator, denominator)
        expect(quotient * denominator).toBeGreaterThanOrEqual(numerator)
        expect((quotient - 1n) * denominator < numerator || quotient === 0n).toBe(true)
      },
    ),
  )
})
