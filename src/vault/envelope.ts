import { createHmac, type KeyObject, randomBytes } from 'node:crypto'
import { type FaultCode, faults } from '../kit/fault.ts'
import { decrypt, encrypt, framed } from './authenticated.ts'
import type { MasterKey } from './master-key.ts'
import type { OrganizationKey } from './organization-key.ts'

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
  /** What the data key is wrapped by: `ok_…`, the organization's key; `mk_…`, the master key itself, as it once was. */
  readonly masterKeyId: string
  readonly wrappedKey: Buffer
  readonly sealedSecret: Buffer
}

/** Why a sealed secret does not open; each is in the audit trail once for each secret. */
export const causes = {
  unknown_format:
    'What is stored is in no format that this version knows: cut off, overwritten, or of a newer version.',
  foreign_key: 'It is marked as wrapped by a key that is not its organization’s.',
  wrapped_key:
    'Its data key does not open: it was changed, or moved here from another row, owner, organization or version.',
  sealed_secret: 'Its data key opens and the secret does not: it was changed, or exchanged for another one.',
  shredded: 'The key of its organization was destroyed, and every secret of the organization with it.',
  organization_key_missing: 'The key of its organization is not stored.',
  organization_key:
    'The key of its organization does not open: it was changed, or is another organization’s.',
  unknown_master_key: 'It is marked as wrapped by a master key that was never one of this database.',
} as const
export type Cause = keyof typeof causes

/** Of one that is stored; causes of the master key itself are faults. */
export const causeText = (cause: string): string =>
  Object.hasOwn(causes, cause)
    ? causes[cause as Cause]
    : Object.hasOwn(faults, cause)
      ? faults[cause as FaultCode].message
      : cause

export type Opened = { readonly secret: string } | { readonly cause: Cause }

const dekBytes = 32
/** Data keys wrapped by the master key itself. Still opened; sealed no more. */
const masterKeyFormat = 1
const organizationKeyFormat = 2

/** A fresh data key for each call: sealing the same secret twice gives unrelated bytes. */
export const sealUnder = (
  { id, wrap }: OrganizationKey,
  binding: SecretBinding,
  secret: string,
): SealedSecret => {
  const dek = randomBytes(dekBytes)
  const plain = Buffer.from(secret)
  try {
    return {
      masterKeyId: id,
      wrappedKey: encrypt(wrap, organizationKeyFormat, placeOf('wrapped key', binding), dek),
      sealedSecret: encrypt(dek, organizationKeyFormat, placeOf('secret', binding), plain),
    }
  } finally {
    dek.fill(0)
    plain.fill(0)
  }
}

export const openUnder = (
  { id, wrap }: OrganizationKey,
  binding: SecretBinding,
  sealed: SealedSecret,
): Opened => {
  if (sealed.masterKeyId !== id) return { cause: 'foreign_key' }
  return open(wrap, organizationKeyFormat, (layer) => placeOf(layer, binding), sealed)
}

export const openUnderMasterKey = (
  { id, wrap }: Pick<MasterKey, 'id' | 'wrap'>,
  binding: SecretBinding,
  sealed: SealedSecret,
): Opened => {
  if (sealed.masterKeyId !== id) return { cause: 'foreign_key' }
  return open(wrap, masterKeyFormat, (layer) => placeUnderMasterKey(layer, binding, id), sealed)
}

/** Which of the two it claims to be. */
export const isUnderMasterKey = ({ masterKeyId }: SealedSecret): boolean => masterKeyId.startsWith('mk_')

const open = (
  wrap: KeyObject,
  format: number,
  place: (layer: Layer) => Buffer,
  { wrappedKey, sealedSecret }: SealedSecret,
): Opened => {
  if (!isOf(format, wrappedKey) || !isOf(format, sealedSecret)) return { cause: 'unknown_format' }
  const dek = decrypt(wrap, format, place('wrapped key'), wrappedKey)
  if (dek?.length !== dekBytes) return { cause: 'wrapped_key' }
  const secret = decrypt(dek, format, place('secret'), sealedSecret)
  dek.fill(0)
  if (secret === null) return { cause: 'sealed_secret' }
  const text = secret.toString('utf8')
  secret.fill(0)
  return { secret: text }
}

/** Format, nonce and tag are 29 bytes. */
const isOf = (format: number, blob: Buffer): boolean => blob.length >= 29 && blob[0] === format

/** Tells duplicates within one organization and service, and nothing across them. */
export const fingerprintUnder = (
  key: KeyObject,
  organizationId: string,
  serviceId: string,
  secret: string,
): Buffer =>
  createHmac('sha256', key)
    .update(framed([organizationId, serviceId, secret]))
    .digest()

type Layer = 'wrapped key' | 'secret'

const partsOf = (binding: SecretBinding): string[] => [
  binding.organizationId,
  binding.owner,
  // A null must differ from every text, also from ''.
  binding.userId === null ? 'nobody' : `user ${binding.userId}`,
  binding.serviceId,
  binding.serviceKeyId,
  String(binding.version),
]

const placeOf = (layer: Layer, binding: SecretBinding): Buffer =>
  framed([`aideon-keys ${layer} ${organizationKeyFormat}`, ...partsOf(binding)])

const placeUnderMasterKey = (layer: Layer, binding: SecretBinding, masterKeyId: string): Buffer =>
  framed([`aideon-keys ${layer} ${masterKeyFormat}`, masterKeyId, ...partsOf(binding)])
