import { createSecretKey, hkdfSync, type KeyObject, randomBytes } from 'node:crypto'
import { type Fault, fault } from '../kit/fault.ts'

/** The key-encryption key, as the keys derived from it; its own bytes are not kept. */
export interface MasterKey {
  /** Derived, so it tells which key sealed a secret and nothing about the key. */
  readonly id: string
  readonly wrap: KeyObject
  readonly fingerprint: KeyObject
}

export const masterKeyBytes = 32
export const newMasterKeyBytes = (): Buffer => randomBytes(masterKeyBytes)

/** Takes the 32 bytes over: they are wiped here. */
export const makeMasterKey = (bytes: Buffer): MasterKey => {
  const derived = (purpose: string, length: number) =>
    Buffer.from(hkdfSync('sha256', bytes, 'aideon-keys master key 1', purpose, length))
  const masterKey = {
    id: `mk_${derived('id', 8).toString('hex')}`,
    wrap: createSecretKey(derived('wrap', 32)),
    fingerprint: createSecretKey(derived('fingerprint', 32)),
  }
  bytes.fill(0)
  return masterKey
}

/** Hex or base64 (either alphabet, with or without padding) of exactly 32 bytes. Null: neither. */
export const parseMasterKey = (text: string): Buffer | null => {
  const trimmed = text.trim()
  if (/^[0-9a-f]{64}$/i.test(trimmed)) return Buffer.from(trimmed, 'hex')
  if (!/^[A-Za-z0-9+/_-]{43}=?$/.test(trimmed)) return null
  const bytes = Buffer.from(trimmed, 'base64')
  return bytes.length === masterKeyBytes ? bytes : null
}

/** A mounted secret may also be the 32 bytes themselves. */
export const parseMasterKeyFile = (content: Buffer): Buffer | null =>
  parseMasterKey(content.toString('latin1')) ??
  (content.length === masterKeyBytes ? Buffer.from(content) : null)

/** Keys that no generator gave: all bytes alike. */
export const isTrivial = (bytes: Buffer): boolean => bytes.every((byte) => byte === bytes[0])

const sealedFault = (message: string, next: string): Fault => fault('vault_sealed', { message, next })

const howToMakeOne = 'Make one with: openssl rand -base64 32'

/** Each way in which a vault stays shut, with what the operator should do. */
export const sealedFaults = {
  unreadableValue: (source: string) =>
    sealedFault(
      `${source} does not hold a master key.`,
      `It must be 32 bytes in base64 (44 characters) or hex (64 characters). ${howToMakeOne}`,
    ),
  trivialValue: (source: string) =>
    sealedFault(`The master key in ${source} is one byte repeated, which protects nothing.`, howToMakeOne),
  unreadableFile: (path: string, reason: string) =>
    sealedFault(
      `The master key file ${path} cannot be read (${reason}).`,
      'Restore the file or its permissions.',
    ),
  twoSources: () =>
    sealedFault('Both AIDEON_MASTER_KEY and AIDEON_MASTER_KEY_FILE are set.', 'Set one of the two.'),
  noKey: () =>
    sealedFault(
      'There is no master key.',
      `Set AIDEON_MASTER_KEY or AIDEON_MASTER_KEY_FILE. ${howToMakeOne}`,
    ),
  lostKey: (path: string, masterKeyId: string | null) =>
    sealedFault(
      `The database holds secrets sealed under master key ${masterKeyId ?? '(unknown)'}, and ${path} is missing. ` +
        'A new master key could not open them, so none was made.',
      `Restore ${path} from your backup, or set AIDEON_MASTER_KEY to the same key.`,
    ),
  wrongKey: (source: string, id: string, wanted: string) =>
    sealedFault(
      `The master key in ${source} (${id}) is not the one this database was sealed with (${wanted}).`,
      `Start with master key ${wanted}, or use the database that belongs to ${id}.`,
    ),
  missingCanary: () =>
    sealedFault(
      'The database holds sealed secrets, but the record that proves the master key is gone.',
      'Restore the database from a backup in which the table installation is whole.',
    ),
} as const
