import { hash, randomBytes } from 'node:crypto'
import { crc32 } from 'node:zlib'

const alphabet = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
const randomLength = 30
const checksumLength = 6
const pattern = /^aik_[0-9A-Za-z]{36}$/

/** 30 base62 characters carry 178 random bits, so a plain SHA-256 is enough at rest. */
export const generateToken = (): string => {
  let random = ''
  while (random.length < randomLength) {
    // 248 is the largest multiple of 62 below 256: no character is likelier than another.
    for (const byte of randomBytes(64))
      if (byte < 248 && random.length < randomLength) random += alphabet[byte % 62]
  }
  return `aik_${random}${checksumOf(random)}`
}

/** Shape and checksum only: tells a typing error from an unknown token without asking the database. */
export const isWellFormed = (token: string): boolean =>
  pattern.test(token) && token.slice(-checksumLength) === checksumOf(token.slice(4, -checksumLength))

export const hashOfToken = (token: string): Buffer => hash('sha256', token, 'buffer')

const checksumOf = (random: string): string => {
  let rest = crc32(random)
  let text = ''
  for (let place = 0; place < checksumLength; place++) {
    text = alphabet[rest % 62] + text
    rest = Math.floor(rest / 62)
  }
  return text
}
