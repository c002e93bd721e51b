import { createCipheriv, createDecipheriv, type KeyObject, randomBytes } from 'node:crypto'

const nonceBytes = 12
const tagBytes = 16

/** AES-256-GCM: nonce ‖ ciphertext ‖ tag. */
export const encrypt = (key: KeyObject, plain: Buffer, authenticated: Buffer): Buffer => {
  const nonce = randomBytes(nonceBytes)
  const cipher = createCipheriv('aes-256-gcm', key, nonce, { authTagLength: tagBytes }).setAAD(authenticated)
  return Buffer.concat([nonce, cipher.update(plain), cipher.final(), cipher.getAuthTag()])
}

/** Null: something of key, nonce, authenticated text, body or tag is not what it was. */
export const decrypt = (key: KeyObject, blob: Buffer, authenticated: Buffer): Buffer | null => {
  if (blob.length < nonceBytes + tagBytes) return null
  try {
    const decipher = createDecipheriv('aes-256-gcm', key, blob.subarray(0, nonceBytes), {
      authTagLength: tagBytes,
    })
    decipher.setAAD(authenticated).setAuthTag(blob.subarray(-tagBytes))
    return Buffer.concat([decipher.update(blob.subarray(nonceBytes, -tagBytes)), decipher.final()])
  } catch {
    return null
  }
}
