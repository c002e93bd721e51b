import { type Kysely, sql, type Transaction } from 'kysely'
import type { EventType } from '../contract/event-types.ts'
import type { Schema } from '../db/schema.ts'
import type { SealedSecret } from '../vault/vault.ts'

export type Run = Kysely<Schema> | Transaction<Schema>

export type EndpointState = 'enabled' | 'disabled' | 'failing'

export interface Endpoint {
  readonly organizationId: string
  readonly id: string
  readonly url: string
  readonly description: string
  readonly types: readonly EventType[] | null
  readonly state: EndpointState
  readonly failingSince: Date | null
  readonly failedAttempts: number
  readonly secretLastFour: string
  readonly formerSecretUntil: Date | null
  readonly createdAt: Date
}

const endpointColumns = sql`
  e.organization_id AS "organizationId", e.id, e.url, e.description, e.types, e.state, e.failing_since AS "failingSince",
  e.failed_attempts AS "failedAttempts", e.created_at AS "createdAt",
  (SELECT s.last_four FROM webhook_endpoint_secrets s WHERE s.organization_id = e.organization_id AND s.endpoint_id = e.id
    ORDER BY s.version DESC LIMIT 1) AS "secretLastFour",
  (SELECT max(s.retired_at) FROM webhook_endpoint_secrets s WHERE s.organization_id = e.organization_id
    AND s.endpoint_id = e.id AND s.retired_at > now()) AS "formerSecretUntil"`

export const listEndpoints = async (run: Run, organizationId: string): Promise<Endpoint[]> => {
  const { rows } = await sql<Endpoint>`
    SELECT ${endpointColumns} FROM webhook_endpoints e
    WHERE e.organization_id = ${organizationId} AND e.removed_at IS NULL ORDER BY e.id`.execute(run)
  return rows
}

/** Locked where a transaction changes it. */
export const findEndpoint = async (
  run: Run,
  organizationId: string,
  id: string,
  lock = false,
): Promise<Endpoint | null> => {
  const { rows } = await sql<Endpoint>`
    SELECT ${endpointColumns} FROM webhook_endpoints e
    WHERE e.organization_id = ${organizationId} AND e.id = ${id} AND e.removed_at IS NULL
    ${lock ? sql`FOR UPDATE OF e` : sql``}`.execute(run)
  return rows[0] ?? null
}

export const insertEndpoint = async (
  run: Run,
  endpoint: {
    organizationId: string
    id: string
    url: string
    description: string
    types: readonly EventType[] | null
    createdBy: string | null
    createdAt: Date
  },
): Promise<void> => {
  await run
    .insertInto('webhook_endpoints')
    .values({
      organization_id: endpoint.organizationId,
      id: endpoint.id,
      url: endpoint.url,
      description: endpoint.description,
      types: endpoint.types === null ? null : [...endpoint.types],
      created_by: endpoint.createdBy,
      created_at: endpoint.createdAt,
    })
    .execute()
}

export interface EndpointChange {
  readonly url?: string
  readonly description?: string
  readonly types?: readonly EventType[] | null
  readonly state?: EndpointState
}

/** A change of state forgets the failures there were. */
export const changeEndpoint = async (
  run: Run,
  { organizationId, id }: Pick<Endpoint, 'organizationId' | 'id'>,
  change: EndpointChange,
): Promise<void> => {
  if (Object.values(change).every((value) => value === undefined)) return
  const { types, state, ...more } = change
  await run
    .updateTable('webhook_endpoints')
    .set({
      ...more,
      ...(types === undefined ? {} : { types: types === null ? null : [...types] }),
      ...(state === undefined ? {} : { state, failing_since: null, failed_attempts: 0 }),
    })
    .where('organization_id', '=', organizationId)
    .where('id', '=', id)
    .execute()
}

/** The row stays, for what was delivered there; its secrets do not. */
export const removeEndpoint = async (
  run: Run,
  { organizationId, id }: Pick<Endpoint, 'organizationId' | 'id'>,
  at: Date,
): Promise<void> => {
  await run
    .updateTable('webhook_endpoints')
    .set({ removed_at: at, state: 'disabled', failing_since: null, failed_attempts: 0 })
    .where('organization_id', '=', organizationId)
    .where('id', '=', id)
    .execute()
  await run
    .deleteFrom('webhook_endpoint_secrets')
    .where('organization_id', '=', organizationId)
    .where('endpoint_id', '=', id)
    .execute()
}

export interface StoredSecret extends SealedSecret {
  readonly version: number
}

/** The newest first; those that are retired do not sign any more. */
export const secretsOf = async (
  run: Run,
  organizationId: string,
  endpointId: string,
  at: Date,
): Promise<StoredSecret[]> => {
  const rows = await run
    .selectFrom('webhook_endpoint_secrets')
    .selectAll()
    .where('organization_id', '=', organizationId)
    .where('endpoint_id', '=', endpointId)
    .where((eb) => eb.or([eb('retired_at', 'is', null), eb('retired_at', '>', at)]))
    .orderBy('version', 'desc')
    .execute()
  return rows.map((row) => ({
    version: row.version,
    masterKeyId: row.master_key_id,
    wrappedKey: row.wrapped_key,
    sealedSecret: row.sealed_secret,
  }))
}

export const newestVersion = async (
  run: Run,
  organizationId: string,
  endpointId: string,
): Promise<number> => {
  const row = await run
    .selectFrom('webhook_endpoint_secrets')
    .select((eb) => eb.fn.max('version').as('version'))
    .where('organization_id', '=', organizationId)
    .where('endpoint_id', '=', endpointId)
    .executeTakeFirst()
  return row?.version ?? 0
}

/** Those before it are retired then, and those before them at once. */
export const insertSecret = async (
  run: Run,
  endpoint: Pick<Endpoint, 'organizationId' | 'id'>,
  secret: StoredSecret & { readonly lastFour: string },
  at: Date,
  formerUntil: Date,
): Promise<void> => {
  await sql`
    UPDATE webhook_endpoint_secrets
    SET retired_at = CASE WHEN version = ${secret.version - 1} THEN least(retired_at, ${formerUntil}) ELSE ${at}::timestamptz END
    WHERE organization_id = ${endpoint.organizationId} AND endpoint_id = ${endpoint.id}
      AND (retired_at IS NULL OR retired_at > ${at})`.execute(run)
  await run
    .insertInto('webhook_endpoint_secrets')
    .values({
      organization_id: endpoint.organizationId,
      endpoint_id: endpoint.id,
      version: secret.version,
      master_key_id: secret.masterKeyId,
      wrapped_key: secret.wrappedKey,
      sealed_secret: secret.sealedSecret,
      last_four: secret.lastFour,
      created_at: at,
    })
    .execute()
}

/** What became of an attempt, for the endpoint as a whole. Gives how it stands. */
export const countAttempt = async (
  run: Run,
  { organizationId, id }: Pick<Endpoint, 'organizationId' | 'id'>,
  isDelivered: boolean,
  at: Date,
): Promise<{ state: EndpointState; since: Date | null; attempts: number } | null> => {
  const { rows } = await sql<{ state: EndpointState; since: Date | null; attempts: number }>`
    UPDATE webhook_endpoints SET
      failing_since = CASE WHEN ${isDelivered} THEN NULL ELSE coalesce(failing_since, ${at}::timestamptz) END,
      failed_attempts = CASE WHEN ${isDelivered} THEN 0 ELSE failed_attempts + 1 END
    WHERE organization_id = ${organizationId} AND id = ${id} AND state = 'enabled'
      AND NOT (${isDelivered} AND failed_attempts = 0)
    RETURNING state, failing_since AS since, failed_attempts AS attempts`.execute(run)
  return rows[0] ?? null
}

/** False: somebody else did, or it was changed meanwhile. */
export const giveUpEndpoint = async (
  run: Run,
  { organizationId, id }: Pick<Endpoint, 'organizationId' | 'id'>,
): Promise<boolean> => {
  const { numUpdatedRows } = await run
    .updateTable('webhook_endpoints')
    .set({ state: 'failing' })
    .where('organization_id', '=', organizationId)
    .where('id', '=', id)
    .where('state', '=', 'enabled')
    .executeTakeFirst()
  return numUpdatedRows === 1n
}
