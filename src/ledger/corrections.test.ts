import { expect, test } from 'vitest'
import { unreturnedOf } from './corrections.ts'

const parts = (text: string) =>
  text.split(' ').map((part) => {
    const [grantId = '', micros = '0'] = part.split(':')
    return { grantId, micros: BigInt(micros) }
  })

test('what a refund took before a later charge is not taken of the later charge', () => {
  const corrections = [
    { kind: 'refund', returned: parts('a:2') },
    { kind: 'charge', returned: parts('b:1 a:1') },
  ] as const
  expect(unreturnedOf(parts('b:3 a:2'), corrections)).toEqual(parts('b:3 b:1 a:1'))
  expect(unreturnedOf(parts('b:3 a:2'), corrections.toReversed())).toEqual(parts('b:3 a:1 b:1'))
})
