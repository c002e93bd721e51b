import { expect, test } from 'vitest'
import { reversalParts } from './reversal-parts.ts'

test('a reversal takes what is there, then what has expired, and the rest is owed', () => {
  const grant = { remainingMicros: '300', expiredMicros: '100' }
  expect(reversalParts(grant, '200')).toEqual({
    unspentMicros: '200',
    expiredMicros: '0',
    owedMicros: '0',
  })
  expect(reversalParts(grant, '500')).toEqual({
    unspentMicros: '300',
    expiredMicros: '100',
    owedMicros: '100',
  })
})
