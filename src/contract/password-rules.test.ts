import { expect, test } from 'vitest'
import { adviceOn, whyObvious } from './password-rules.ts'

const ada = { email: 'ada.lovelace@example.com', name: 'Ada Lovelace' }

test.each([
  'aaaaaaaaaaaa',
  'abcabcabcabcabc',
  '123456789012',
  'qwertyuiopas',
  '210987654321',
  'password1234!',
  'P@ssw0rd12345',
  'AideonKeys2026!',
  'adalovelace1815',
  'Lovelace-1815!!',
])('%s is obvious', (password) => {
  expect(whyObvious(password, ada)).not.toBeNull()
})

test.each([
  'correct horse battery',
  'tr0mbone under the stairs',
  'my password is not this',
  'vkjqh-3n2kx-0wq',
  'ÄÖÜ sind Umlaute',
  '密码不是这个很简单的吧啊',
])('%s is not', (password) => {
  expect(whyObvious(password, ada)).toBeNull()
})

test.each([
  ['', { kind: 'short', missing: 12 }],
  ['aaaaaaaaaaa', { kind: 'short', missing: 1 }],
  ['aaaaaaaaaaaa', { kind: 'obvious', because: 'few' }],
  ['abcdabcdabcd', { kind: 'obvious', because: 'repeated' }],
  ['zyxwvutsrqpo', { kind: 'obvious', because: 'row' }],
  ['Lovelace-1815!!', { kind: 'obvious', because: 'words' }],
  ['vkjqh-3n2kx-', { kind: 'fair' }],
  ['correct horse battery', { kind: 'good' }],
])('of %j somebody who types it is told %j', (password, advice) => {
  expect(adviceOn(password, ada)).toEqual(advice)
})
