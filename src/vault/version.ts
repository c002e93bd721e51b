import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import { failure, type Outcome, success } from '../kit/fault.ts'
import { decrypt, encrypt, framed } from './authenticated.ts'
import { makeMasterKey, type MasterKey, masterKeyIdOf, newMasterKeyBytes } from './master-key.ts'
import type { MasterKeyProvider } from './provider.ts'

export type VersionState = 'staged' | 'promoted' | 'retained' | 'destroyed'

/** A version of the vault key as it is stored. */
export interface Version {
  readonly version: number
  readonly id: string
  readonly state: VersionState
  /** A provider's reference. */
  readonly provider: string
  readonly localKeyId: string | null
  /** Null: destroyed. */
  readonly wrappedKey: Buffer | null
  readonly canary: Buffer | null
  readonly vouchedBy: number | null
  readonly voucher: Buffer | null
  readonly createdAt: Date
  readonly promotedAt: Date | null
  readonly retainedAt: Date | null
  readonly destroyedAt: Date | null
}

export type NewVersion = Pick<
  Version,
  'version' | 'id' | 'provider' | 'localKeyId' | 'vouchedBy' | 'voucher'
> & { readonly wrappedKey: Buffer; readonly canary: Buffer; readonly masterKey: MasterKey }

const format = 1

const contextOf = (id: string): string => `aideon-keys vault key ${id}`
const canaryPlaceOf = (id: string): Buffer => framed([`aideon-keys canary ${format}`, id])

/**
 * Wraps a new vault key, or the one given, and unwraps it again: what nobody can open must not be staged. Wipes the
 * bytes.
 */
export const makeVersion = async (
  version: number,
  provider: MasterKeyProvider,
  more: {
    readonly localKeyId: string | null
    readonly vouchedBy: { readonly version: number; readonly masterKey: MasterKey } | null
    readonly bytes?: Buffer
  },
): Promise<Outcome<NewVersion>> => {
  const bytes = more.bytes ?? newMasterKeyBytes()
  try {
    const id = masterKeyIdOf(bytes)
    const wrapped = await provider.wrap(bytes, contextOf(id))
    if (!wrapped.ok) return wrapped
    const unwrapped = await unwrap(provider, id, wrapped.value)
    if (!unwrapped.ok) return unwrapped
    const masterKey = unwrapped.value
    const row = { version, id, provider: provider.reference, wrappedKey: wrapped.value }
    return success({
      ...row,
      masterKey,
      localKeyId: more.localKeyId,
      canary: encrypt(masterKey.keys, format, canaryPlaceOf(id), randomBytes(32)),
      vouchedBy: more.vouchedBy?.version ?? null,
      voucher: more.vouchedBy && voucherOf(more.vouchedBy.masterKey, row),
    })
  } finally {
    bytes.fill(0)
  }
}

/** Proves it on the canary. */
export const openVersion = async (
  provider: MasterKeyProvider,
  { id, wrappedKey, canary }: Version,
): Promise<Outcome<MasterKey>> => {
  if (wrappedKey === null || canary === null) return failure('vault_sealed')
  const masterKey = await unwrap(provider, id, wrappedKey)
  if (!masterKey.ok) return masterKey
  return decrypt(masterKey.value.keys, format, canaryPlaceOf(id), canary) === null
    ? failure('master_key_mismatch', { message: `The canary of master key ${id} does not open.` })
    : masterKey
}

const unwrap = async (
  provider: MasterKeyProvider,
  id: string,
  wrapped: Buffer,
): Promise<Outcome<MasterKey>> => {
  const bytes = await provider.unwrap(wrapped, contextOf(id))
  if (!bytes.ok) return bytes
  const masterKey = makeMasterKey(bytes.value)
  return masterKey.id === id
    ? success(masterKey)
    : failure('master_key_mismatch', {
        message: `${provider.reference} gave master key ${masterKey.id} in place of ${id}.`,
      })
}

type Vouched = Pick<Version, 'version' | 'id' | 'provider' | 'wrappedKey'>

/**
 * Whoever can write to the database could name a provider of their own in it, and have secrets sealed under a key that
 * they know. A version is therefore used only where the operator has named its provider to this process, or where a
 * version that is already open says that the row is genuine.
 */
export const isVouchedFor = (by: MasterKey, row: Vouched & Pick<Version, 'voucher'>): boolean => {
  const expected = voucherOf(by, row)
  return row.voucher?.length === expected.length && timingSafeEqual(row.voucher, expected)
}

const voucherOf = (by: MasterKey, { version, id, provider, wrappedKey }: Vouched): Buffer =>
  createHmac('sha256', by.voucher)
    .update(
      framed([
        'aideon-keys voucher 1',
        String(version),
        id,
        provider,
        (wrappedKey ?? Buffer.alloc(0)).toString('base64'),
      ]),
    )
    .digest()
