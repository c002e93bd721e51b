import { expect, test } from 'vitest'
import { amountText, differenceText } from './reconciliation-words.ts'

test('a difference is written to its last digit, whatever its size', () => {
  expect(differenceText('1', 'micros')).toBe('+0.000001 credits')
  expect(differenceText('-1', 'nano_usd')).toBe('−$0.000000001')
  expect(amountText('123456789012345678901', 'tokens')).toBe('123,456,789,012,345,678,901 tokens')
  expect(differenceText('-1234', 'count')).toBe('−1,234')
  expect(differenceText('0', 'count')).toBe('0')
})
