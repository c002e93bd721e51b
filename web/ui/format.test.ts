import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  counted,
  exactCredits,
  exactUsd,
  relative,
  shortCredits,
  shortUsd,
  signedCredits,
  utcDay,
} from './format.ts'

const amount = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })

describe('money', () => {
  test('is never written with an exponent, nor loses a digit where every digit is asked for', () => {
    fc.assert(
      fc.property(amount, (value) => {
        for (const text of [exactCredits(value), shortCredits(value), exactUsd(value), shortUsd(value)])
          expect(text).not.toMatch(/e/i)
        const digits = exactCredits(value).replaceAll(',', '').replace('−', '-')
        const [whole = '', fraction = ''] = digits.replace('-', '').split('.')
        const read = BigInt(whole) * 1_000_000n + BigInt(fraction.padEnd(6, '0'))
        expect(digits.startsWith('-') ? -read : read).toBe(value)
      }),
    )
  })

  test.each([
    ['0', '0', '0'],
    ['1', '0.000001', '0.000001'],
    ['102', '0.000102', '0.000102'],
    ['900000', '0.90', '0.900000'],
    ['999999', '0.999999', '0.999999'],
    ['1000000', '1.00', '1.00'],
    ['1234567890', '1,234.57', '1,234.57'],
    ['-2630000', '−2.63', '−2.63'],
  ])('%s micro-credits are %s, in a column %s', (micros, alone, aligned) => {
    expect(shortCredits(micros)).toBe(alone)
    expect(shortCredits(micros, true)).toBe(aligned)
  })

  test.each([
    ['0', '$0.00'],
    ['2', '< $0.000001'],
    ['210500', '$0.000211'],
    ['1070000', '$0.001070'],
    ['999999999', '$1.000000'],
    ['1840000000', '$1.84'],
    ['-84123456789', '−$84.12'],
  ])('%s nano-dollars are %s', (nanoUsd, text) => expect(shortUsd(nanoUsd)).toBe(text))

  test('given credits show a plus, taken ones a minus', () => {
    expect(signedCredits('2000000')).toBe('+2.00')
    expect(signedCredits('-900000')).toBe('−0.900000')
  })
})

test.each([
  [0, 'just now'],
  [-12, '12 seconds ago'],
  [-119, '1 minute ago'],
  [-7300, '2 hours ago'],
  [86_400 * 3 + 5, 'in 3 days'],
  [-86_400 * 60, '1 month ago'],
])('%i seconds from now is “%s”', (seconds, text) => {
  const now = new Date('2026-11-22T12:00:00Z')
  expect(relative(new Date(now.getTime() + seconds * 1000).toISOString(), now)).toBe(text)
})

test('one is counted in the singular, and a day of the API stays that day in every time zone', () => {
  expect(counted(1, 'operation')).toBe('1 operation')
  expect(counted(12_345, 'operation')).toBe('12,345 operations')
  expect(utcDay('2026-11-03')).toBe('3 Nov')
})
