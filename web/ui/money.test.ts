import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { money, moneyText, parseCredits, parseMoney, signedMoney } from './money.ts'

describe('money', () => {
  test('is written with its currency’s places and sign, exactly', () => {
    expect(money('2900', 'USD')).toBe('$29.00')
    expect(money('-261', 'EUR')).toBe('−€2.61')
    expect(money('1250', 'JPY')).toBe('¥1,250')
    expect(money('1', 'USD')).toBe('$0.01')
    expect(money('900719925474099301', 'USD')).toBe('$9,007,199,254,740,993.01')
    expect(signedMoney('900', 'USD')).toBe('+$9.00')
    expect(signedMoney('-900', 'USD')).toBe('−$9.00')
    expect(signedMoney('0', 'USD')).toBe('$0.00')
  })

  test('that is typed is read to the smallest unit, or not at all', () => {
    expect(parseMoney('29', 'USD')).toBe('2900')
    expect(parseMoney(' 1,029.5 ', 'USD')).toBe('102950')
    expect(parseMoney('29.001', 'USD')).toBeNull()
    expect(parseMoney('29.0', 'JPY')).toBeNull()
    expect(parseMoney('-1', 'USD')).toBeNull()
    expect(parseMoney('', 'USD')).toBeNull()
  })

  test('comes back from a field as it was put in', () => {
    fc.assert(
      fc.property(
        fc.bigInt({ min: 0n, max: 10n ** 12n }),
        fc.constantFrom('USD', 'JPY', 'KWD'),
        (minor, currency) => parseMoney(moneyText(minor, currency), currency) === String(minor),
      ),
    )
  })
})

test('credits that are typed are read to the micro-credit, or not at all', () => {
  expect(parseCredits('1.5')).toBe('1500000')
  expect(parseCredits('10,000')).toBe('10000000000')
  expect(parseCredits('0.0000001')).toBeNull()
  expect(parseCredits('1e3')).toBeNull()
})
