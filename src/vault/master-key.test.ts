import { randomBytes } from 'node:crypto'
import { expect, test } from 'vitest'
import { isTrivial, makeMasterKey, parseMasterKey, parseMasterKeyFile } from './master-key.ts'

const bytes = randomBytes(32)

test.each(['hex', 'base64', 'base64url'] as const)('32 bytes in %s are read', (encoding) => {
  expect(parseMasterKey(` ${bytes.toString(encoding)}\n`)).toEqual(bytes)
})

test.each([
  ['nothing', ''],
  ['a passphrase', 'correct horse battery staple'],
  ['31 bytes', randomBytes(31).toString('base64')],
  ['33 bytes', randomBytes(33).toString('base64')],
  ['31 bytes in hex', randomBytes(31).toString('hex')],
  ['another character', `${bytes.toString('base64').slice(0, -2)}!=`],
])('%s is refused', (_, text) => {
  expect(parseMasterKey(text)).toBeNull()
})

test('a file may hold the bytes themselves', () => {
  expect(parseMasterKeyFile(bytes)).toEqual(bytes)
  expect(parseMasterKeyFile(Buffer.from(bytes.toString('hex')))).toEqual(bytes)
  expect(parseMasterKeyFile(randomBytes(31))).toBeNull()
})

test('one byte repeated is trivial', () => {
  expect(isTrivial(Buffer.alloc(32))).toBe(true)
  expect(isTrivial(bytes)).toBe(false)
})

test('the bytes are wiped, and the derived keys differ from them and from each other', () => {
  const copy = Buffer.from(bytes)
  const masterKey = makeMasterKey(copy)
  expect(copy).toEqual(Buffer.alloc(32))
  const [wrap, fingerprint] = [masterKey.wrap.export(), masterKey.fingerprint.export()]
  expect(wrap).not.toEqual(fingerprint)
  expect(wrap).not.toEqual(bytes)
  expect(makeMasterKey(Buffer.from(bytes)).id).toBe(masterKey.id)
  expect(makeMasterKey(randomBytes(32)).id).not.toBe(masterKey.id)
})
