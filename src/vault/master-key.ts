import { createSecretKey, hkdfSync, type KeyObject, randomBytes } from 'node:crypto'
import { type Fault, fault } from '../kit/fault.ts'

/** One version of the vault key, as the keys derived from it; its own bytes are not kept. */
export interface MasterKey {
  /** Derived, so it tells which key sealed a secret and nothing about the key. */
  readonly id: string
  /** Wraps organization keys, and whatever else of the vault there is one of. */
  readonly keys: KeyObject
  /** Says that the row of a later version is genuine. */
  readonly voucher: KeyObject
  /** Wrapped data keys before there were organization keys; nothing is wrapped by it any more. */
  readonly wrap: KeyObject
  readonly fingerprint: KeyObject
}

export const masterKeyBytes = 32
export const newMasterKeyBytes = (): Buffer => randomBytes(masterKeyBytes)

/** Takes the 32 bytes over: they are wiped here. */
export const makeMasterKey = (bytes: Buffer): MasterKey => {
  const masterKey = {
    id: masterKeyIdOf(bytes),
    keys: derived(bytes, 'keys'),
    voucher: derived(bytes, 'voucher'),
    wrap: derived(bytes, 'wrap'),
    fingerprint: derived(bytes, 'fingerprint'),
  }
  bytes.fill(0)
  return masterKey
}

const derivedBytes = (bytes: Buffer, purpose: string, length: number): Buffer =>
  Buffer.from(hkdfSync('sha256', bytes, 'aideon-keys master key 1', purpose, length))

const derived = (bytes: Buffer, purpose: string): KeyObject => {
  const derivedKey = derivedBytes(bytes, purpose, 32)
  const key = createSecretKey(derivedKey)
  derivedKey.fill(0)
  return key
}

export const masterKeyIdOf = (bytes: Buffer): string => `mk_${derivedBytes(bytes, 'id', 8).toString('hex')}`

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

export const refused = (why: Fault): { readonly ok: false; readonly fault: Fault } => ({
  ok: false,
  fault: why,
})

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
  missingVersions: () =>
    sealedFault(
      'The database holds sealed secrets, but the record of the master key that they were sealed with is gone.',
      'Restore the database from a backup in which the tables master_keys and installation are whole.',
    ),
  notNamed: (version: number, reference: string) =>
    sealedFault(
      `Version ${version} of the master key is kept by ${reference}, which nobody has named to this process.`,
      `If that is right, set AIDEON_MASTER_KEY_PROVIDER to ${reference} and start again. If you never moved the master key there, somebody has changed the database.`,
    ),
} as const
