import { sql, type Transaction } from 'kysely'
import type { Schema } from '../db/schema.ts'
import type { Executor } from './store.ts'

export interface StoredOrganizationKey {
  readonly organizationId: string
  readonly id: string
  readonly masterKey: number
  readonly wrappedKey: Buffer
  readonly shreddedAt: Date | null
}

export const readOrganizationKey = async (
  executor: Executor,
  organizationId: string,
): Promise<StoredOrganizationKey | null> => {
  const row = await executor
    .selectFrom('organization_vault_keys')
    .select(['id', 'master_key', 'wrapped_key', 'shredded_at'])
    .where('organization_id', '=', organizationId)
    .executeTakeFirst()
  return row
    ? {
        organizationId,
        id: row.id,
        masterKey: row.master_key,
        wrappedKey: row.wrapped_key,
        shreddedAt: row.shredded_at,
      }
    : null
}

/**
 * Keeps the one there is. The lock on the version holds off its retirement, so that nothing new is wrapped by a version
 * that somebody is counting down; false: it is not the promoted one any more.
 */
export const offerOrganizationKey = async (
  executor: Executor,
  key: Omit<StoredOrganizationKey, 'shreddedAt'>,
  at: Date,
): Promise<boolean> => {
  const { rows } = await sql<{ promoted: boolean }>`
    WITH promoted AS (
      SELECT version FROM master_keys WHERE version = ${key.masterKey} AND state = 'promoted' FOR SHARE
    ), made AS (
      INSERT INTO organization_vault_keys (organization_id, id, master_key, wrapped_key, created_at)
      SELECT ${key.organizationId}::uuid, ${key.id}, version, ${key.wrappedKey}::bytea, ${at}::timestamptz FROM promoted
      ON CONFLICT DO NOTHING
    )
    SELECT EXISTS (SELECT FROM promoted) AS promoted`.execute(executor)
  return rows[0]?.promoted ?? false
}

/** Left as a mark that no new key may take its place. */
export const shredOrganizationKey = async (
  transaction: Transaction<Schema>,
  organizationId: string,
  at: Date,
): Promise<void> => {
  await sql`
    INSERT INTO organization_vault_keys (organization_id, id, master_key, wrapped_key, created_at, shredded_at)
    SELECT ${organizationId}::uuid, 'ok_none', max(version), '', ${at}::timestamptz, ${at}::timestamptz FROM master_keys
    ON CONFLICT (organization_id) DO UPDATE SET wrapped_key = '', shredded_at = excluded.shredded_at
    WHERE organization_vault_keys.shredded_at IS NULL`.execute(transaction)
}

/** Sealed before there were organization keys: they do not hang on the key that is shredded. */
export const shredSecretsUnderMasterKey = async (
  transaction: Transaction<Schema>,
  organizationId: string,
  at: Date,
): Promise<void> => {
  await sql`UPDATE service_key_versions
    SET wrapped_key = '', sealed_secret = '', destroyed_at = ${at}, retired_at = coalesce(retired_at, ${at})
    WHERE organization_id = ${organizationId} AND destroyed_at IS NULL AND starts_with(master_key_id, 'mk_')`.execute(
    transaction,
  )
  await sql`UPDATE webhook_secrets SET wrapped_key = '', sealed_secret = ''
    WHERE organization_id = ${organizationId} AND starts_with(master_key_id, 'mk_')`.execute(transaction)
}

export const countOrganizationKeys = async (
  executor: Executor,
): Promise<{ keys: number; shredded: number }> => {
  const { rows } = await sql<{ keys: number; shredded: number }>`
    SELECT count(*) FILTER (WHERE shredded_at IS NULL)::int AS keys,
      count(*) FILTER (WHERE shredded_at IS NOT NULL)::int AS shredded FROM organization_vault_keys`.execute(
    executor,
  )
  return rows[0] as { keys: number; shredded: number }
}
