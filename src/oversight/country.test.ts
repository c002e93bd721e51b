import { expect, test } from 'vitest'
import { countryOf } from './country.ts'

test.each([
  ['de', 'DE'],
  [' BR ', 'BR'],
  ['XX', null],
  ['ZZ', null],
  ['T1', null],
  ['DE, BR', null],
  [['DE', 'BR'], null],
  [undefined, null],
])('what a proxy says, %j, is %j', (said, country) => {
  expect(countryOf({ 'x-country': said }, 'x-country')).toBe(country)
})
