import { sql, type Transaction } from 'kysely'
import type { Schema } from '../db/schema.ts'
import type { KeyReference } from './service-key.ts'
import type { Executor } from './store.ts'

export type VersionState = 'next' | 'current' | 'retiring' | 'retired'

/** What a service calls a key. */
export interface RemoteName {
  readonly id: string
  readonly more?: Readonly<Record<string, string>>
}

export interface VersionRow {
  readonly version: number
  readonly state: VersionState
  readonly lastFour: string | null
  readonly fingerprint: Buffer | null
  /** Null: those of the key. */
  readonly settings: Readonly<Record<string, string>> | null
  readonly createdAt: Date
  readonly promotedAt: Date | null
  readonly retiredAt: Date | null
  readonly destroyedAt: Date | null
  readonly remote: RemoteName | null
  readonly rotationId: string | null
}

const columns = [
  'v.version',
  'v.state',
  'v.last_four as lastFour',
  'v.fingerprint',
  sql<VersionRow['settings']>`v.settings`.as('settings'),
  'v.created_at as createdAt',
  'v.promoted_at as promotedAt',
  'v.retired_at as retiredAt',
  'v.destroyed_at as destroyedAt',
  sql<RemoteName | null>`v.remote`.as('remote'),
  'v.rotation_id as rotationId',
] as const

/** Newest first. */
export const listVersions = (executor: Executor, key: KeyReference): Promise<VersionRow[]> =>
  executor
    .selectFrom('service_key_versions as v')
    .select(columns)
    .where('v.organization_id', '=', key.organizationId)
    .where('v.service_key_id', '=', key.id)
    .orderBy('v.version', 'desc')
    .execute()

export const findVersion = (
  executor: Executor,
  key: KeyReference,
  version: number,
): Promise<VersionRow | undefined> =>
  executor
    .selectFrom('service_key_versions as v')
    .select(columns)
    .where('v.organization_id', '=', key.organizationId)
    .where('v.service_key_id', '=', key.id)
    .where('v.version', '=', version)
    .executeTakeFirst()

const updateVersion = (transaction: Transaction<Schema>, key: KeyReference, version: number) =>
  transaction
    .updateTable('service_key_versions')
    .where('organization_id', '=', key.organizationId)
    .where('service_key_id', '=', key.id)
    .where('version', '=', version)

/** Out of use for new operations; it still opens. Keeps what is the key's own while a version is current. */
export const setRetiring = async (
  transaction: Transaction<Schema>,
  key: KeyReference & { readonly version: number; readonly lastFour: string },
  fingerprint: Buffer,
  settings: Readonly<Record<string, string>>,
  now: Date,
): Promise<void> => {
  await updateVersion(transaction, key, key.version)
    .set({
      state: 'retiring',
      retired_at: now,
      last_four: key.lastFour,
      fingerprint,
      settings: JSON.stringify(settings),
    })
    .execute()
}

export const setCurrent = async (
  transaction: Transaction<Schema>,
  key: KeyReference,
  version: number,
  now: Date,
): Promise<void> => {
  await updateVersion(transaction, key, version)
    .set({ state: 'current', promoted_at: now, retired_at: null })
    .execute()
}

export const setRemote = async (
  transaction: Transaction<Schema>,
  key: KeyReference,
  version: number,
  remote: RemoteName,
): Promise<void> => {
  await updateVersion(transaction, key, version)
    .set({ remote: JSON.stringify(remote) })
    .execute()
}

/** Overwritten, not only marked. */
export const destroyVersion = async (
  transaction: Transaction<Schema>,
  key: KeyReference,
  version: number,
  now: Date,
): Promise<void> => {
  await updateVersion(transaction, key, version)
    .where('destroyed_at', 'is', null)
    .set((eb) => ({
      wrapped_key: Buffer.alloc(0),
      sealed_secret: Buffer.alloc(0),
      destroyed_at: now,
      state: 'retired' as const,
      retired_at: eb.fn.coalesce('retired_at', eb.val(now)),
    }))
    .execute()
}
