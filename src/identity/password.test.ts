import { argon2Sync } from 'node:crypto'
import { expect, test } from 'vitest'
import { hashPassword, verifyPassword } from './password.ts'

const text = (bytes: Buffer): string => bytes.toString('base64').replaceAll('=', '')

test('a hash carries its parameters and verifies only its own password', async () => {
  const stored = await hashPassword('correct horse battery')
  expect(stored).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/)
  expect(await verifyPassword('correct horse battery', stored)).toEqual({ matches: true, outdated: false })
  expect(await verifyPassword('correct horse batterz', stored)).toEqual({ matches: false, outdated: false })
})

test('the same password has another hash each time', async () => {
  expect(await hashPassword('twice')).not.toBe(await hashPassword('twice'))
})

test('hashes are those of argon2id as others compute it', async () => {
  const salt = Buffer.from('somesaltsomesalt')
  const parameters = { message: 'x', nonce: salt, memory: 19_456, passes: 2, parallelism: 1, tagLength: 32 }
  const tag = argon2Sync('argon2id', parameters)
  const stored = `$argon2id$v=19$m=19456,t=2,p=1$${text(salt)}$${text(tag)}`
  expect(await verifyPassword('x', stored)).toEqual({ matches: true, outdated: false })
})

test('a password typed in another Unicode composition is the same password', async () => {
  const stored = await hashPassword('caf\u00e9 au lait')
  expect((await verifyPassword('cafe\u0301 au lait', stored)).matches).toBe(true)
})

test.each([null, '', 'plaintext', '$argon2id$v=19$m=19456,t=2,p=1$AAAA', '$2b$10$abcdefghijklmnopqrstuv'])(
  'a stored value that is no argon2id hash (%j) matches nothing',
  async (stored) => {
    expect(await verifyPassword('', stored)).toEqual({ matches: false, outdated: false })
  },
)
