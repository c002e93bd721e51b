import { expect, test } from 'vitest'
import { exactParts } from './exact-parts.ts'

test('no digit of an amount is lost or rounded', () => {
  const texts = ['1997037400', '-3190', '0', '2000000000', '-999999'].map((micros) => {
    const { shown, rest } = exactParts(micros, true)
    return shown + rest
  })
  expect(texts).toEqual(['+1,997.037400', '−0.003190', '0.000000', '+2,000.000000', '−0.999999'])
})
