import { createCipheriv, hkdfSync, randomBytes } from 'node:crypto'
import type { Database } from '../src/db/database.ts'
import { platformOrganizationId } from '../src/kit/id.ts'
import type { SealedSecret, SecretBinding } from '../src/vault/vault.ts'

/**
 * How secrets were sealed before there were organization keys: data keys wrapped by a key derived from the operator's own.
 * Written down on its own here, so that what the vault can still open does not change with the vault.
 */
export const formerVault = (bytes: Buffer) => {
  const derived = (purpose: string, length: number) =>
    Buffer.from(hkdfSync('sha256', bytes, 'aideon-keys master key 1', purpose, length))
  const masterKeyId = `mk_${derived('id', 8).toString('hex')}`
  const seal = (binding: SecretBinding, secret: string): SealedSecret => {
    const dek = randomBytes(32)
    return {
      masterKeyId,
      wrappedKey: encrypt(derived('wrap', 32), associatedData('wrapped key', binding, masterKeyId), dek),
      sealedSecret: encrypt(dek, associatedData('secret', binding, masterKeyId), Buffer.from(secret)),
    }
  }
  return { masterKeyId, seal, fingerprintKey: derived('fingerprint', 32) }
}

/** The record by which such an installation knew its key. */
export const storeFormerCanary = async ({ pool }: Database, bytes: Buffer): Promise<void> => {
  const { masterKeyId, wrappedKey, sealedSecret } = formerVault(bytes).seal(
    {
      organizationId: platformOrganizationId,
      owner: 'system',
      userId: null,
      serviceId: 'vault canary',
      serviceKeyId: platformOrganizationId,
      version: 1,
    },
    randomBytes(32).toString('base64'),
  )
  const value = {
    masterKeyId,
    wrappedKey: wrappedKey.toString('base64'),
    sealedSecret: sealedSecret.toString('base64'),
  }
  await pool.query(`INSERT INTO installation (name, value) VALUES ('vault_canary', $1)`, [
    JSON.stringify(value),
  ])
}

const encrypt = (key: Buffer, authenticated: Buffer, plain: Buffer): Buffer => {
  const nonce = randomBytes(12)
  const cipher = createCipheriv('aes-256-gcm', key, nonce, { authTagLength: 16 }).setAAD(authenticated)
  const body = Buffer.concat([cipher.update(plain), cipher.final()])
  return Buffer.concat([Buffer.of(1), nonce, body, cipher.getAuthTag()])
}

const associatedData = (layer: string, binding: SecretBinding, masterKeyId: string): Buffer =>
  Buffer.concat(
    [
      `aideon-keys ${layer} 1`,
      masterKeyId,
      binding.organizationId,
      binding.owner,
      binding.userId === null ? 'nobody' : `user ${binding.userId}`,
      binding.serviceId,
      binding.serviceKeyId,
      String(binding.version),
    ].flatMap((part) => {
      const bytes = Buffer.from(part)
      const length = Buffer.alloc(4)
      length.writeUInt32BE(bytes.length)
      return [length, bytes]
    }),
  )
