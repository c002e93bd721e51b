import { expect, test } from 'vitest'
import { amount, currency, idempotencyKey } from './billing.ts'

test.each(['-1', '+1', '1.5', '1e3', '0x10', ' 1', '', '١', '1000000000000000', 'NaN', 1, null])(
  'an amount is a whole number that a bigint of the database holds a thousand times over: %o is none',
  (given) => {
    expect(amount.safeParse(given).success).toBe(false)
  },
)

test('the largest amounts are read exactly', () => {
  expect(BigInt(amount.parse('999999999999999'))).toBe(999_999_999_999_999n)
  expect(currency.safeParse('usd').success).toBe(false)
  expect(idempotencyKey.safeParse('x'.repeat(121)).success).toBe(false)
})
