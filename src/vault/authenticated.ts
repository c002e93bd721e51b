import { createCipheriv, createDecipheriv, type KeyObject, randomBytes } from 'node:crypto'

/** `format (1 byte) ‖ nonce (12 random bytes) ‖ ciphertext ‖ tag (16 bytes)`, AES-256-GCM. */

const nonceBytes = 12
const tagBytes = 16

export const encrypt = (
  key: KeyObject | Buffer,
  format: number,
  authenticated: Buffer,
  plain: Buffer,
): Buffer => {
  const nonce = randomBytes(nonceBytes)
  const cipher = createCipheriv('aes-256-gcm', key, nonce, { authTagLength: tagBytes }).setAAD(authenticated)
  const body = Buffer.concat([cipher.update(plain), cipher.final()])
  return Buffer.concat([Buffer.of(format), nonce, body, cipher.getAuthTag()])
}

export const decrypt = (
  key: KeyObject | Buffer,
  format: number,
  authenticated: Buffer,
  blob: Buffer,
): Buffer | null => {
  if (blob.length < 1 + nonceBytes + tagBytes || blob[0] !== format) return null
  const nonce = blob.subarray(1, 1 + nonceBytes)
  const body = blob.subarray(1 + nonceBytes, -tagBytes)
  try {
    const decipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: tagBytes })
    decipher.setAAD(authenticated).setAuthTag(blob.subarray(-tagBytes))
    return Buffer.concat([decipher.update(body), decipher.final()])
  } catch {
    // The only failure GCM knows: something of key, nonce, binding, body or tag is not what was sealed.
    return null
  }
}

/** Each part after its length in bytes, so that no two lists of parts give the same bytes. */
export const framed = (parts: readonly string[]): Buffer =>
  Buffer.concat(
    parts.flatMap((part) => {
      const bytes = Buffer.from(part)
      const length = Buffer.alloc(4)
      length.writeUInt32BE(bytes.length)
      return [length, bytes]
    }),
  )
