import { createHash } from 'node:crypto'

/** A vault key. */
export const vaultKeyBytes = 32

const format = 1
const digestBytes = 32

/**
 * What remote providers are given to encrypt: the key behind the digest of its context. Most authenticate the context
 * themselves as well; but Azure's RSA has no place for it, and an old Vault ignores the field without a word.
 */
export const bound = (key: Buffer, context: string): Buffer =>
  Buffer.concat([Buffer.of(format), digestOf(context), key])

/** Null: not what was bound to this context. Wipes what it is given. */
export const unbound = (payload: Buffer, context: string): Buffer | null => {
  try {
    if (payload.length !== 1 + digestBytes + vaultKeyBytes || payload[0] !== format) return null
    if (!payload.subarray(1, 1 + digestBytes).equals(digestOf(context))) return null
    return Buffer.from(payload.subarray(1 + digestBytes))
  } finally {
    payload.fill(0)
  }
}

const digestOf = (context: string): Buffer =>
  createHash('sha256').update('aideon-keys vault key context 1\n').update(context).digest()
