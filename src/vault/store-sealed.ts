import { type RawBuilder, sql } from 'kysely'
import type { SealedSecret, SecretBinding } from './envelope.ts'
import { addProgress } from './store-changes.ts'
import type { Database } from '../db/database.ts'
import { platformOrganizationId } from '../kit/id.ts'
import type { Executor } from './store.ts'

/** What hangs on versions of the master key: organization keys, purpose keys, and secrets of the former format. */

export interface References {
  readonly version: number
  readonly references: number
}

/**
 * Where secrets are, with the binding of each as its room seals it. Some were sealed before there were organization keys;
 * what is said of those here cannot change any more.
 */
const storedSecrets: readonly { readonly table: string; readonly rows: RawBuilder<unknown> }[] = [
  {
    table: 'service_key_versions',
    rows: sql`
      SELECT v.organization_id || ' ' || v.service_key_id || ' ' || lpad(v.version::text, 10, '0') AS place,
        v.organization_id AS "organizationId", k.owner, k.user_id AS "userId", k.service_id AS "serviceId",
        k.id::text AS "serviceKeyId", v.version, v.master_key_id AS "masterKeyId", v.wrapped_key AS "wrappedKey",
        v.sealed_secret AS "sealedSecret"
      FROM service_key_versions v
      JOIN service_keys k ON k.organization_id = v.organization_id AND k.id = v.service_key_id
      WHERE v.destroyed_at IS NULL`,
  },
  {
    table: 'webhook_secrets',
    rows: sql`
      SELECT organization_id || ' ' || user_id AS place, organization_id AS "organizationId", 'user' AS owner,
        user_id AS "userId", 'webhook' AS "serviceId", id::text AS "serviceKeyId", 1 AS version,
        master_key_id AS "masterKeyId", wrapped_key AS "wrappedKey", sealed_secret AS "sealedSecret"
      FROM webhook_secrets`,
  },
  {
    table: 'webhook_endpoint_secrets',
    rows: sql`
      SELECT organization_id || ' ' || endpoint_id || ' ' || lpad(version::text, 10, '0') AS place,
        organization_id AS "organizationId", 'organization' AS owner, NULL::uuid AS "userId",
        'webhook endpoint' AS "serviceId", endpoint_id::text AS "serviceKeyId", version, master_key_id AS "masterKeyId",
        wrapped_key AS "wrappedKey", sealed_secret AS "sealedSecret"
      FROM webhook_endpoint_secrets`,
  },
  {
    table: 'audit_signing_keys',
    rows: sql`
      SELECT id AS place, '00000000-0000-7000-8000-000000000000'::uuid AS "organizationId", 'system' AS owner,
        NULL::uuid AS "userId", 'audit signing key' AS "serviceId", id AS "serviceKeyId", 1 AS version,
        master_key_id AS "masterKeyId", wrapped_key AS "wrappedKey", sealed_secret AS "sealedSecret"
      FROM audit_signing_keys`,
  },
  {
    table: 'rotation_credentials',
    rows: sql`
      SELECT organization_id || ' ' || id AS place, organization_id AS "organizationId",
        CASE organization_id WHEN ${platformOrganizationId}::uuid THEN 'system' ELSE 'organization' END AS owner,
        NULL::uuid AS "userId", 'rotation ' || driver_id AS "serviceId", id::text AS "serviceKeyId", version,
        master_key_id AS "masterKeyId", wrapped_key AS "wrappedKey", sealed_secret AS "sealedSecret"
      FROM rotation_credentials`,
  },
  {
    table: 'totp_factors',
    rows: sql`
      SELECT user_id || ' ' || id AS place, ${platformOrganizationId}::uuid AS "organizationId", 'user' AS owner,
        user_id AS "userId", 'totp' AS "serviceId", id::text AS "serviceKeyId", 1 AS version,
        master_key_id AS "masterKeyId", wrapped_key AS "wrappedKey", sealed_secret AS "sealedSecret"
      FROM totp_factors`,
  },
  {
    table: 'sso_connections',
    rows: sql`
      SELECT organization_id || ' ' || id AS place, organization_id AS "organizationId", 'organization' AS owner,
        NULL::uuid AS "userId", 'single sign-on' AS "serviceId", id::text AS "serviceKeyId", secret_version AS version,
        master_key_id AS "masterKeyId", wrapped_key AS "wrappedKey", sealed_secret AS "sealedSecret"
      FROM sso_connections WHERE sealed_secret IS NOT NULL`,
  },
]
export type SecretTable =
  | 'service_key_versions'
  | 'webhook_secrets'
  | 'webhook_endpoint_secrets'
  | 'audit_signing_keys'
  | 'rotation_credentials'
  | 'totp_factors'
  | 'sso_connections'
export const secretTables = storedSecrets.map(({ table }) => table as SecretTable)

const rowsOf = (table: SecretTable): RawBuilder<unknown> =>
  storedSecrets.find((one) => one.table === table)?.rows ?? sql``

/** Sealed and not overwritten. */
const isFormer = sql`starts_with("masterKeyId", 'mk_') AND octet_length("wrappedKey") > 0`

/** What was shredded is not to open. */
const isKept = sql`octet_length("wrappedKey") > 0 AND NOT EXISTS (
  SELECT FROM organization_vault_keys o WHERE o.organization_id = "organizationId" AND o.shredded_at IS NOT NULL)`

export const countReferences = async (executor: Executor): Promise<References[]> => {
  const { rows } = await sql<References>`
    WITH former AS (${sql.join(
      secretTables.map((table) => sql`SELECT "masterKeyId" FROM (${rowsOf(table)}) AS s WHERE ${isFormer}`),
      sql` UNION ALL `,
    )}), found AS (
      SELECT master_key AS version FROM organization_vault_keys WHERE shredded_at IS NULL
      UNION ALL SELECT master_key FROM vault_purpose_keys
      UNION ALL SELECT m.version FROM former f JOIN master_keys m ON m.id = f."masterKeyId"
    )
    SELECT version, count(*)::int AS references FROM found GROUP BY version ORDER BY version`.execute(
    executor,
  )
  return rows
}

/** Those of another version than this one, and every secret of the former format: its own version's, too. */
export const countOutstanding = async (executor: Executor, promoted: number): Promise<bigint> => {
  const { rows } = await sql<{ outstanding: bigint }>`
    SELECT (SELECT count(*) FROM organization_vault_keys WHERE shredded_at IS NULL AND master_key <> ${promoted})
      + (SELECT count(*) FROM vault_purpose_keys WHERE master_key <> ${promoted})
      + ${sql.join(
        secretTables.map((table) => sql`(SELECT count(*) FROM (${rowsOf(table)}) AS s WHERE ${isFormer})`),
        sql` + `,
      )} AS outstanding`.execute(executor)
  return rows[0]?.outstanding ?? 0n
}

export interface SecretRow extends SecretBinding, SealedSecret {
  /** Orders the rows of a table. */
  readonly place: string
}

export const readSecrets = async (
  executor: Executor,
  table: SecretTable,
  after: string,
  limit: number,
  which: 'former' | 'all',
): Promise<SecretRow[]> => {
  const { rows } = await sql<SecretRow>`
    SELECT * FROM (${rowsOf(table)}) AS s
    WHERE place > ${after} AND ${which === 'former' ? isFormer : isKept}
    ORDER BY place LIMIT ${limit}`.execute(executor)
  return rows
}

export interface WrappedRow {
  readonly kind: 'organization' | 'purpose'
  /** An organization's id, or a purpose. */
  readonly of: string
  readonly masterKey: number
  readonly wrappedKey: Buffer
}

/** Not wrapped by this version, or all of them. */
export const readWrapped = async (
  executor: Executor,
  kind: WrappedRow['kind'],
  after: string,
  limit: number,
  except: number | null,
): Promise<WrappedRow[]> => {
  const rows =
    kind === 'organization'
      ? sql`SELECT organization_id::text AS of, master_key, wrapped_key FROM organization_vault_keys
          WHERE shredded_at IS NULL AND (${after} = '' OR organization_id > nullif(${after}, '')::uuid)`
      : sql`SELECT purpose AS of, master_key, wrapped_key FROM vault_purpose_keys WHERE purpose > ${after}`
  const found = await sql<WrappedRow>`
    SELECT ${kind} AS kind, of, master_key AS "masterKey", wrapped_key AS "wrappedKey" FROM (${rows}) AS w
    WHERE ${except}::int IS NULL OR master_key <> ${except} ORDER BY of LIMIT ${limit}`.execute(executor)
  return found.rows
}

/** A row is replaced only as it was read; how many were. With the progress of the change, in one transaction. */
export const replaceWrapped = (
  database: Database,
  changeId: string,
  rows: readonly { readonly was: WrappedRow; readonly masterKey: number; readonly wrappedKey: Buffer }[],
  at: Date,
): Promise<number> =>
  database.kysely.transaction().execute(async (transaction) => {
    let replaced = 0
    for (const { was, masterKey, wrappedKey } of rows) {
      const result =
        was.kind === 'organization'
          ? await sql`UPDATE organization_vault_keys SET master_key = ${masterKey}, wrapped_key = ${wrappedKey}, rewrapped_at = ${at}
              WHERE organization_id = ${was.of} AND master_key = ${was.masterKey} AND wrapped_key = ${was.wrappedKey}`.execute(
              transaction,
            )
          : await sql`UPDATE vault_purpose_keys SET master_key = ${masterKey}, wrapped_key = ${wrappedKey}
              WHERE purpose = ${was.of} AND master_key = ${was.masterKey} AND wrapped_key = ${was.wrappedKey}`.execute(
              transaction,
            )
      replaced += Number(result.numAffectedRows ?? 0n)
    }
    await addProgress(transaction, changeId, replaced)
    return replaced
  })

/** The same for secrets; the former bytes are overwritten in the row. */
export const replaceSecrets = (
  database: Database,
  changeId: string,
  table: SecretTable,
  rows: readonly { readonly was: SecretRow; readonly is: SealedSecret }[],
): Promise<number> =>
  database.kysely.transaction().execute(async (transaction) => {
    let replaced = 0
    for (const { was, is } of rows) {
      const result = await sql`UPDATE ${sql.table(table)}
        SET master_key_id = ${is.masterKeyId}, wrapped_key = ${is.wrappedKey}, sealed_secret = ${is.sealedSecret}
        WHERE ${rowIs(table, was)} AND master_key_id = ${was.masterKeyId} AND wrapped_key = ${was.wrappedKey}
          AND sealed_secret = ${was.sealedSecret}`.execute(transaction)
      replaced += Number(result.numAffectedRows ?? 0n)
    }
    await addProgress(transaction, changeId, replaced)
    return replaced
  })

const rowIs = (table: SecretTable, row: SecretRow): RawBuilder<unknown> => {
  switch (table) {
    case 'service_key_versions':
      return sql`organization_id = ${row.organizationId} AND service_key_id = ${row.serviceKeyId} AND version = ${row.version}`
    case 'webhook_secrets':
      return sql`organization_id = ${row.organizationId} AND id = ${row.serviceKeyId}`
    case 'webhook_endpoint_secrets':
      return sql`organization_id = ${row.organizationId} AND endpoint_id = ${row.serviceKeyId} AND version = ${row.version}`
    case 'audit_signing_keys':
      return sql`id = ${row.serviceKeyId}`
    case 'rotation_credentials':
    case 'sso_connections':
      return sql`organization_id = ${row.organizationId} AND id = ${row.serviceKeyId}`
    case 'totp_factors':
      return sql`user_id = ${row.userId} AND id = ${row.serviceKeyId}`
  }
}
