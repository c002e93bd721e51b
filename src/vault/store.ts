import { type Kysely, sql, type Transaction } from 'kysely'
import type { Database } from '../db/database.ts'
import type { Schema } from '../db/schema.ts'
import type { NewVersion, Version } from './version.ts'

export type Executor = Kysely<Schema> | Transaction<Schema>

/** A random value sealed under the master key of an installation that has no versions yet. Blobs are base64. */
export interface FormerCanary {
  readonly masterKeyId: string
  readonly wrappedKey: string
  readonly sealedSecret: string
}

const formerCanary = 'vault_canary'

export const readFormerCanary = async ({ kysely }: Database): Promise<FormerCanary | null> => {
  const row = await kysely
    .selectFrom('installation')
    .select('value')
    .where('name', '=', formerCanary)
    .executeTakeFirst()
  return (row?.value as unknown as FormerCanary | undefined) ?? null
}

export const deleteFormerCanary = async (transaction: Transaction<Schema>): Promise<void> => {
  await transaction.deleteFrom('installation').where('name', '=', formerCanary).execute()
}

export const holdsSecrets = async ({ kysely }: Database): Promise<boolean> => {
  const { rows } = await sql<{ holds: boolean }>`
    SELECT EXISTS (SELECT FROM service_key_versions) OR EXISTS (SELECT FROM organization_vault_keys)
      OR EXISTS (SELECT FROM webhook_secrets) OR EXISTS (SELECT FROM audit_signing_keys) AS holds`.execute(
    kysely,
  )
  return rows[0]?.holds ?? false
}

/** Any number that nothing else here uses; the same in every process. */
const changesOfVersions = 4203417005n

/** Versions are added, promoted and destroyed by one transaction at a time. */
export const lockVersions = async (transaction: Transaction<Schema>): Promise<void> => {
  await sql`SELECT pg_advisory_xact_lock(${changesOfVersions})`.execute(transaction)
}

/** The oldest first. */
export const readVersions = async (executor: Executor): Promise<Version[]> => {
  const rows = await executor.selectFrom('master_keys').selectAll().orderBy('version').execute()
  return rows.map((row) => ({
    version: row.version,
    id: row.id,
    state: row.state,
    provider: row.provider,
    localKeyId: row.local_key_id,
    wrappedKey: row.wrapped_key,
    canary: row.canary,
    vouchedBy: row.vouched_by,
    voucher: row.voucher,
    createdAt: row.created_at,
    promotedAt: row.promoted_at,
    retainedAt: row.retained_at,
    destroyedAt: row.destroyed_at,
  }))
}

export const insertVersion = async (
  transaction: Transaction<Schema>,
  made: NewVersion,
  state: 'staged' | 'promoted',
  at: Date,
): Promise<void> => {
  await transaction
    .insertInto('master_keys')
    .values({
      version: made.version,
      id: made.id,
      state,
      provider: made.provider,
      local_key_id: made.localKeyId,
      wrapped_key: made.wrappedKey,
      canary: made.canary,
      vouched_by: made.vouchedBy,
      voucher: made.voucher,
      created_at: at,
      promoted_at: state === 'promoted' ? at : null,
    })
    .execute()
}

/** The staged one wraps what is new from the commit on; the one before only unwraps. */
export const promoteVersion = async (
  transaction: Transaction<Schema>,
  version: number,
  at: Date,
): Promise<void> => {
  await transaction
    .updateTable('master_keys')
    .set({ state: 'retained', retained_at: at })
    .where('state', '=', 'promoted')
    .execute()
  await transaction
    .updateTable('master_keys')
    .set({ state: 'promoted', promoted_at: at })
    .where('version', '=', version)
    .execute()
}

export const destroyVersion = async (
  transaction: Transaction<Schema>,
  version: number,
  at: Date,
): Promise<void> => {
  await transaction
    .updateTable('master_keys')
    .set({ state: 'destroyed', destroyed_at: at, wrapped_key: null, canary: null })
    .where('version', '=', version)
    .execute()
}

export const readPurposeKey = async (
  executor: Executor,
  purpose: string,
): Promise<{ masterKey: number; wrappedKey: Buffer } | null> => {
  const row = await executor
    .selectFrom('vault_purpose_keys')
    .select(['master_key', 'wrapped_key'])
    .where('purpose', '=', purpose)
    .executeTakeFirst()
  return row ? { masterKey: row.master_key, wrappedKey: row.wrapped_key } : null
}

export const insertPurposeKey = async (
  transaction: Transaction<Schema>,
  purpose: string,
  key: { masterKey: number; wrappedKey: Buffer },
  at: Date,
): Promise<void> => {
  await transaction
    .insertInto('vault_purpose_keys')
    .values({ purpose, master_key: key.masterKey, wrapped_key: key.wrappedKey, created_at: at })
    .execute()
}
