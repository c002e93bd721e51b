import { expect, test } from 'vitest'
import { newPassword } from './wire.ts'

test.each([
  ['twelve characters of any kind', 'αβγ δεζ 1!ηθ', true],
  ['eleven', 'elevenchars', false],
  ['a sentence of a hundred', 'horse '.repeat(17), true],
  ['two hundred and fifty-six', 'x'.repeat(256), true],
  ['more work than a request may ask for', 'x'.repeat(257), false],
])('a new password may be long and of whatever, but not short: %s', (_, text, allowed) => {
  expect(newPassword.safeParse(text).success).toBe(allowed)
  if (allowed) expect(newPassword.parse(text)).toBe(text)
})
