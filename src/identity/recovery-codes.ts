import { hash, randomBytes } from 'node:crypto'

/** Without the letters and digits that are taken for each other. */
const alphabet = 'abcdefghjkmnpqrstuvwxyz23456789'
const groups = 4
const groupLength = 4
const recoveryCodeCount = 10

/** 16 characters of 31: 79 random bits, so that a plain SHA-256 is safe at rest. */
export const generateRecoveryCodes = (): string[] => Array.from({ length: recoveryCodeCount }, generate)

const generate = (): string =>
  Array.from({ length: groups }, () =>
    Array.from({ length: groupLength }, () => alphabet[drawn()] as string).join(''),
  ).join('-')

/** Evenly: bytes beyond the last whole multiple are drawn anew. */
const drawn = (): number => {
  for (;;) {
    const [byte = 0] = randomBytes(1)
    if (byte < alphabet.length * Math.floor(256 / alphabet.length)) return byte % alphabet.length
  }
}

/** However it was typed. With the user, so that one table of hashes is not all users' at once. */
export const hashOfRecoveryCode = (userId: string, code: string): Buffer =>
  hash('sha256', `${userId}:${code.toLowerCase().replaceAll(/[^a-z0-9]/g, '')}`, 'buffer')
