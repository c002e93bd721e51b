import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'

/** AES-256-GCM as the services use it, each with its own frame around it. */
export const seal = (key: Buffer, plain: Buffer, aad: Buffer) => {
  const iv = randomBytes(12)
  const cipher = createCipheriv('aes-256-gcm', key, iv).setAAD(aad)
  const body = Buffer.concat([cipher.update(plain), cipher.final()])
  return { iv, body, tag: cipher.getAuthTag() }
}

export const unseal = (
  key: Buffer,
  parts: { iv: Buffer; body: Buffer; tag: Buffer },
  aad: Buffer,
): Buffer | null => {
  try {
    const decipher = createDecipheriv('aes-256-gcm', key, parts.iv, { authTagLength: 16 })
    decipher.setAAD(aad).setAuthTag(parts.tag)
    return Buffer.concat([decipher.update(parts.body), decipher.final()])
  } catch {
    return null
  }
}
