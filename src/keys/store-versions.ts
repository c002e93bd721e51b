import type { Insertable, Transaction } from 'kysely'
import type { Schema } from '../db/schema.ts'
import type { SealedSecret } from '../vault/vault.ts'
import type { KeyReference } from './service-key.ts'
import { type Executor, sealedColumns } from './store.ts'

export const readSealed = async (
  executor: Executor,
  key: KeyReference,
  version: number,
): Promise<SealedSecret | undefined> =>
  executor
    .selectFrom('service_key_versions as v')
    .select(sealedColumns)
    .where('v.organization_id', '=', key.organizationId)
    .where('v.service_key_id', '=', key.id)
    .where('v.version', '=', version)
    .executeTakeFirst()

export const insertVersion = async (
  transaction: Transaction<Schema>,
  key: KeyReference,
  version: number,
  sealed: SealedSecret,
  now: Date,
  more: Partial<Insertable<Schema['service_key_versions']>> = {},
): Promise<void> => {
  await transaction
    .insertInto('service_key_versions')
    .values({
      organization_id: key.organizationId,
      service_key_id: key.id,
      version,
      master_key_id: sealed.masterKeyId,
      wrapped_key: sealed.wrappedKey,
      sealed_secret: sealed.sealedSecret,
      created_at: now,
      state: 'current',
      promoted_at: now,
      ...more,
    })
    .execute()
}

/** Also of versions that were never used: a number is given once. */
export const nextVersion = async (executor: Executor, key: KeyReference): Promise<number> => {
  const { last } = await executor
    .selectFrom('service_key_versions')
    .select((eb) => eb.fn.max('version').as('last'))
    .where('organization_id', '=', key.organizationId)
    .where('service_key_id', '=', key.id)
    .executeTakeFirstOrThrow()
  return (last ?? 0) + 1
}

/** A rotation has made a version that is not in use yet, or has not revoked the one before. */
export const isBetweenVersions = async (executor: Executor, key: KeyReference): Promise<boolean> => {
  const row = await executor
    .selectFrom('service_key_versions')
    .select('version')
    .where('organization_id', '=', key.organizationId)
    .where('service_key_id', '=', key.id)
    .where('state', 'in', ['next', 'retiring'])
    .executeTakeFirst()
  return row !== undefined
}

/** Out of use after a breach, until its rotation (src/rotation/) has another secret or is given up. */
export const isWithdrawn = async (executor: Executor, key: KeyReference): Promise<boolean> => {
  const row = await executor
    .selectFrom('rotation_attempts')
    .select('id')
    .where('organization_id', '=', key.organizationId)
    .where('service_key_id', '=', key.id)
    .where('ended_at', 'is', null)
    .where('mode', '=', 'breach')
    .where('promoted_at', 'is', null)
    .executeTakeFirst()
  return row !== undefined
}

export const retireVersionsBefore = async (
  transaction: Transaction<Schema>,
  key: KeyReference,
  version: number,
  now: Date,
): Promise<void> => {
  await transaction
    .updateTable('service_key_versions')
    .set({ retired_at: now, state: 'retired' })
    .where('organization_id', '=', key.organizationId)
    .where('service_key_id', '=', key.id)
    .where('version', '<', version)
    .where('retired_at', 'is', null)
    .execute()
}

/** Overwritten, not only marked: what is left opens nothing even with the master key (docs/vault.md on backups). */
export const destroyVersions = async (
  transaction: Transaction<Schema>,
  key: KeyReference,
  now: Date,
): Promise<void> => {
  await transaction
    .updateTable('service_key_versions')
    .set((eb) => ({
      wrapped_key: Buffer.alloc(0),
      sealed_secret: Buffer.alloc(0),
      destroyed_at: now,
      state: 'retired' as const,
      retired_at: eb.fn.coalesce('retired_at', eb.val(now)),
    }))
    .where('organization_id', '=', key.organizationId)
    .where('service_key_id', '=', key.id)
    .where('destroyed_at', 'is', null)
    .execute()
}
