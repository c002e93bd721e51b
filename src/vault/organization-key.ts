import { createSecretKey, hkdfSync, type KeyObject, randomBytes } from 'node:crypto'
import { decrypt, encrypt, framed } from './authenticated.ts'
import type { MasterKey } from './master-key.ts'

/** Wraps the data keys of one organization's secrets. */
export interface OrganizationKey {
  /** Derived: names it, and tells nothing about it. */
  readonly id: string
  readonly wrap: KeyObject
}

export interface WrappedKey {
  /** The version of the master key. */
  readonly masterKey: number
  readonly wrappedKey: Buffer
}

const format = 1
const keyBytes = 32

/** A new one, wrapped for this organization. */
export const newOrganizationKey = (
  organizationId: string,
  masterKey: MasterKey,
): { key: OrganizationKey; wrappedKey: Buffer } => {
  const bytes = randomBytes(keyBytes)
  const wrappedKey = encrypt(masterKey.keys, format, placeOf(organizationId, masterKey), bytes)
  return { key: organizationKeyOf(bytes), wrappedKey }
}

/** Null: not this organization's, not wrapped by this version, or changed. */
export const openOrganizationKey = (
  organizationId: string,
  masterKey: MasterKey,
  wrapped: Buffer,
): OrganizationKey | null => {
  const bytes = decrypt(masterKey.keys, format, placeOf(organizationId, masterKey), wrapped)
  return bytes?.length === keyBytes ? organizationKeyOf(bytes) : null
}

/** The same key under another version. Null: as above. */
export const rewrapOrganizationKey = (
  organizationId: string,
  from: MasterKey,
  to: MasterKey,
  wrapped: Buffer,
): Buffer | null => rewrap((masterKey) => placeOf(organizationId, masterKey), from, to, wrapped)

/** One of which the installation has one, such as the key of fingerprints. */
export const wrapPurposeKey = (purpose: string, masterKey: MasterKey, key: KeyObject): Buffer => {
  const bytes = key.export()
  const wrapped = encrypt(masterKey.keys, format, purposePlaceOf(purpose, masterKey), bytes)
  bytes.fill(0)
  return wrapped
}

export const openPurposeKey = (purpose: string, masterKey: MasterKey, wrapped: Buffer): KeyObject | null => {
  const bytes = decrypt(masterKey.keys, format, purposePlaceOf(purpose, masterKey), wrapped)
  if (bytes === null) return null
  const key = createSecretKey(bytes)
  bytes.fill(0)
  return key
}

export const rewrapPurposeKey = (
  purpose: string,
  from: MasterKey,
  to: MasterKey,
  wrapped: Buffer,
): Buffer | null => rewrap((masterKey) => purposePlaceOf(purpose, masterKey), from, to, wrapped)

const rewrap = (
  place: (masterKey: MasterKey) => Buffer,
  from: MasterKey,
  to: MasterKey,
  wrapped: Buffer,
): Buffer | null => {
  const bytes = decrypt(from.keys, format, place(from), wrapped)
  if (bytes === null) return null
  const rewrapped = encrypt(to.keys, format, place(to), bytes)
  bytes.fill(0)
  return rewrapped
}

const placeOf = (organizationId: string, { id }: MasterKey): Buffer =>
  framed([`aideon-keys organization key ${format}`, id, organizationId])

const purposePlaceOf = (purpose: string, { id }: MasterKey): Buffer =>
  framed([`aideon-keys purpose key ${format}`, id, purpose])

/** Wipes the bytes. */
const organizationKeyOf = (bytes: Buffer): OrganizationKey => {
  const derived = (purpose: string, length: number) =>
    Buffer.from(hkdfSync('sha256', bytes, 'aideon-keys organization key 1', purpose, length))
  const id = `ok_${derived('id', 8).toString('hex')}`
  const wrap = derived('wrap', 32)
  bytes.fill(0)
  const key = createSecretKey(wrap)
  wrap.fill(0)
  return { id, wrap: key }
}
