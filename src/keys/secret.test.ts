import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { anthropic } from '../services/anthropic.ts'
import { midjourney } from '../services/midjourney.ts'
import { openai } from '../services/openai.ts'
import { lastFourOf, readSecret, resemblanceWarning } from './secret.ts'

describe('what came along with a pasted secret is taken off', () => {
  test.each([' secret-123\n', '"secret-123"', `'secret-123'`, '`secret-123`', '\t" secret-123 "\r\n'])(
    '%j',
    (pasted) => {
      expect(readSecret(pasted)).toEqual({ ok: true, value: 'secret-123' })
    },
  )
})

describe('what cannot be a key is refused, and the refusal does not repeat it', () => {
  test.each([
    ['nothing', '  '],
    ['quotes', '""'],
    ['too short', 'short12'],
    ['too long', 'x'.repeat(8193)],
    ['far too long', 'x'.repeat(1_000_000)],
    ['two words', 'secret-123 secret-456'],
    ['a line break', 'secret\nsecret-456'],
    ['a header injection', 'secret-123\r\nx-evil: 1'],
    ['a NUL', 'secret-\u0000123'],
    ['a zero-width space', 'secret-\u200b123'],
    ['a typographic dash', 'sk–proj–123456'],
    ['the masked form', 'sk-proj-****************abcd'],
    ['the elided form', 'sk-proj-…abcd1234'],
  ])('%s', (_, pasted) => {
    const refused = readSecret(pasted)
    expect(refused).toMatchObject({ ok: false, fault: { code: 'key_malformed', field: 'secret' } })
    if (pasted.trim().length > 6) expect(JSON.stringify(refused)).not.toContain(pasted.trim().slice(0, 7))
  })
})

test('any word of visible ASCII of a key’s length is taken as it is: prefixes change', () => {
  const words = fc
    .array(fc.integer({ min: 0x21, max: 0x7e }), { minLength: 8, maxLength: 200 })
    .map((codes) => String.fromCharCode(...codes))
    .filter((word) => !/[*]{3}/.test(word) && !/^["'`]|["'`]$/.test(word))
  fc.assert(
    fc.property(words, (word) => {
      expect(readSecret(word)).toEqual({ ok: true, value: word })
    }),
  )
})

describe('a JSON document as a secret', () => {
  const document = {
    type: 'service_account',
    private_key_id: '0123456789abcdef0123',
    private_key: '-----BEGIN PRIVATE KEY-----\nMIIE vQ\n-----END PRIVATE KEY-----\n',
  }

  test('is stored without its white space, spaces and line ends within it kept', () => {
    const read = readSecret(` \r\n${JSON.stringify(document, null, 2)}\n`, 'json')
    expect(read).toEqual({ ok: true, value: JSON.stringify(document) })
  })

  test.each([
    ['a word', 'sk-proj-1234567890'],
    ['a list', '[{}]'],
    ['nothing', ''],
    ['null', 'null'],
    ['half of it', JSON.stringify(document).slice(0, 80)],
    ['too long', JSON.stringify({ a: 'x'.repeat(16 * 1024) })],
    ['too many bytes', JSON.stringify({ a: 'é'.repeat(9 * 1024) })],
    ['far too long', `${' '.repeat(40_000)}{}`],
  ])('%s is refused', (_, pasted) => {
    const refused = readSecret(pasted, 'json')
    expect(refused).toMatchObject({ ok: false, fault: { code: 'key_malformed', field: 'secret' } })
    expect(JSON.stringify(refused)).not.toContain('MIIE')
  })

  test('is told by the end of its key’s id, never by that of the secret', () => {
    expect(lastFourOf(JSON.stringify(document), 'json')).toBe('0123')
    expect(lastFourOf(JSON.stringify({ ...document, private_key_id: 'short' }), 'json')).toBe('')
    expect(lastFourOf('{"refresh_token":"1234567890abcdefgh"}', 'json')).toBe('')
  })

  test('is not taken where a word is asked for', () => {
    expect(readSecret(JSON.stringify(document)).ok).toBe(false)
  })
})

test('at most four characters are shown, and never more than a quarter', () => {
  expect(lastFourOf('sk-proj-abcdefghijklmnop')).toBe('mnop')
  expect(lastFourOf('secret-12345')).toBe('345')
  expect(lastFourOf('12345678')).toBe('78')
})

test('only a key that looks like another service’s, and not like this one’s, is warned about', () => {
  const antKey = `sk-ant-api03-${'a'.repeat(95)}`
  expect(resemblanceWarning(openai, antKey)).toContain('Anthropic')
  expect(resemblanceWarning(anthropic, antKey)).toBeNull()
  expect(resemblanceWarning(openai, `sk-${'a'.repeat(32)}`)).toBeNull()
  expect(resemblanceWarning(midjourney, 'any-secret-at-all')).toBeNull()
})
