import { createCipheriv, createDecipheriv, createHmac, type KeyObject, randomBytes } from 'node:crypto'
import { failure, type Outcome, success } from '../kit/fault.ts'
import type { MasterKey } from './master-key.ts'

/**
 * Envelope encryption (docs/vault.md). Each version of a secret has its own random data key (DEK); the DEK is
 * wrapped by a key derived from the master key. Both layers authenticate the whole binding, so a sealed secret
 * opens only in the row it was sealed for. Whatever does not match is `secret_unreadable`; what is stored is
 * never returned as it is.
 */
export interface Vault {
  readonly masterKeyId: string
  /** A fresh DEK for each call: sealing the same secret twice gives unrelated bytes. */
  seal(binding: SecretBinding, secret: string): SealedSecret
  open(binding: SecretBinding, sealed: SealedSecret): Outcome<string>
  /** Tells duplicates within one organization and service, and nothing across them. */
  fingerprint(organizationId: string, serviceId: string, secret: string): Buffer
}

/** The place a secret was sealed for. */
export interface SecretBinding {
  readonly organizationId: string
  readonly owner: 'user' | 'organization' | 'system'
  readonly userId: string | null
  readonly serviceId: string
  readonly serviceKeyId: string
  readonly version: number
}

export interface SealedSecret {
  readonly masterKeyId: string
  readonly wrappedKey: Buffer
  readonly sealedSecret: Buffer
}

/** First byte of both blobs, and part of what they authenticate. */
const formatVersion = 1
const nonceBytes = 12
const tagBytes = 16
const dekBytes = 32

type Layer = 'wrapped key' | 'secret'

export const makeVault = (masterKey: MasterKey): Vault => {
  const seal: Vault['seal'] = (binding, secret) => {
    const dek = randomBytes(dekBytes)
    try {
      return {
        masterKeyId: masterKey.id,
        wrappedKey: encrypt(masterKey.wrap, associatedData('wrapped key', binding, masterKey.id), dek),
        sealedSecret: encrypt(dek, associatedData('secret', binding, masterKey.id), Buffer.from(secret)),
      }
    } finally {
      dek.fill(0)
    }
  }

  const unwrap = (binding: SecretBinding, sealed: SealedSecret): Outcome<Buffer> => {
    if (sealed.masterKeyId !== masterKey.id) return failure('secret_unreadable')
    const dek = decrypt(
      masterKey.wrap,
      associatedData('wrapped key', binding, sealed.masterKeyId),
      sealed.wrappedKey,
    )
    if (dek?.length !== dekBytes) return failure('secret_unreadable')
    return success(dek)
  }

  return {
    masterKeyId: masterKey.id,
    seal,
    open: (binding, sealed) => {
      const dek = unwrap(binding, sealed)
      if (!dek.ok) return dek
      try {
        return openWith(dek.value, binding, sealed)
      } finally {
        dek.value.fill(0)
      }
    },
    fingerprint: (organizationId, serviceId, secret) =>
      createHmac('sha256', masterKey.fingerprint)
        .update(framed([organizationId, serviceId, secret]))
        .digest(),
  }
}

const openWith = (dek: Buffer, binding: SecretBinding, sealed: SealedSecret): Outcome<string> => {
  const secret = decrypt(dek, associatedData('secret', binding, sealed.masterKeyId), sealed.sealedSecret)
  if (!secret) return failure('secret_unreadable')
  const text = secret.toString('utf8')
  secret.fill(0)
  return success(text)
}

const encrypt = (key: KeyObject | Buffer, authenticated: Buffer, plain: Buffer): Buffer => {
  const nonce = randomBytes(nonceBytes)
  const cipher = createCipheriv('aes-256-gcm', key, nonce, { authTagLength: tagBytes }).setAAD(authenticated)
  const body = Buffer.concat([cipher.update(plain), cipher.final()])
  return Buffer.concat([Buffer.of(formatVersion), nonce, body, cipher.getAuthTag()])
}

const decrypt = (key: KeyObject | Buffer, authenticated: Buffer, blob: Buffer): Buffer | null => {
  if (blob.length < 1 + nonceBytes + tagBytes || blob[0] !== formatVersion) return null
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

const associatedData = (layer: Layer, binding: SecretBinding, masterKeyId: string): Buffer =>
  framed([
    `aideon-keys ${layer} ${formatVersion}`,
    masterKeyId,
    binding.organizationId,
    binding.owner,
    // A null must differ from every text, also from ''.
    binding.userId === null ? 'nobody' : `user ${binding.userId}`,
    binding.serviceId,
    binding.serviceKeyId,
    String(binding.version),
  ])

/** Each part after its length in bytes, so that no two lists of parts give the same bytes. */
const framed = (parts: readonly string[]): Buffer =>
  Buffer.concat(
    parts.flatMap((part) => {
      const bytes = Buffer.from(part)
      const length = Buffer.alloc(4)
      length.writeUInt32BE(bytes.length)
      return [length, bytes]
    }),
  )
