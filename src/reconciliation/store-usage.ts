import type { PoolClient } from 'pg'
import type { ReconciliationTolerance } from '../contract/reconciliation.ts'
import type { Database } from '../db/database.ts'
import type { OurLine } from './compare.ts'
import type { PricedOperation } from './recompute.ts'
import type { ExportScope, ServiceExport } from './run.ts'
import type { ExportLine } from './service-export.ts'

type Reader = PoolClient | Database['pool']

/** In the order of organisations and ids; `after`: the last of the portion before. */
export const pricedOperations = async (
  client: PoolClient,
  portion: { since: Date | null; after: { organizationId: string; id: string } | null; limit: number },
): Promise<PricedOperation[]> => {
  const { rows } = await client.query<PricedOperation>(
    `SELECT organization_id AS "organizationId", id, started_at AS "startedAt", service_id AS "serviceId", model,
       key_owner AS "keyOwner", usage_source AS "usageSource", price_book_version AS "priceBookVersion", input_tokens AS input,
       cache_read_tokens AS "cacheRead", cache_write_tokens AS "cacheWrite", cache_write_1h_tokens AS "cacheWrite1h",
       output_tokens AS output, reasoning_tokens AS reasoning, units, cost_nano_usd AS "costNanoUsd",
       held_micros AS "heldMicros", credit_micros AS "creditMicros"
     FROM operations
     WHERE ($1::timestamptz IS NULL OR id >= first_id_at($1)) AND (cost_nano_usd IS NOT NULL OR credit_micros <> 0)
       AND ($2::uuid IS NULL OR (organization_id, id) > ($2, $3))
     ORDER BY organization_id, id LIMIT $4`,
    [portion.since, portion.after?.organizationId ?? null, portion.after?.id ?? null, portion.limit],
  )
  return rows
}

/** What our operations on these keys came to, by day in UTC and by the name of the model. */
export const ourUsage = async (client: Reader, scope: ExportScope): Promise<OurLine[]> => {
  const { rows } = await client.query<OurLine>(
    `SELECT to_char(started_at AT TIME ZONE 'UTC', 'YYYY-MM-DD') AS day, coalesce(model, requested_model, '') AS model,
       count(*) AS requests,
       sum(input_tokens + cache_read_tokens + cache_write_tokens + cache_write_1h_tokens)::bigint AS "inputTokens",
       sum(cache_read_tokens)::bigint AS "cachedInputTokens", sum(output_tokens + reasoning_tokens)::bigint AS "outputTokens",
       coalesce(sum(cost_nano_usd), 0)::bigint AS "costNanoUsd"
     FROM operations
     WHERE service_id = $1 AND key_owner = $2 AND ($3::uuid IS NULL OR organization_id = $3)
       AND ($4::uuid IS NULL OR service_key_id = $4)
       AND started_at >= $5::date AT TIME ZONE 'UTC' AND started_at < $6::date AT TIME ZONE 'UTC'
       AND id >= first_id_at($5::date AT TIME ZONE 'UTC' - interval '1 hour')
       AND id < first_id_at($6::date AT TIME ZONE 'UTC' + interval '1 hour')
       -- What a service refused, or never answered, it does not count as use.
       AND (status = 'succeeded' OR usage_source <> 'none')
     GROUP BY 1, 2`,
    [scope.serviceId, scope.keyOwner, scope.organizationId, scope.serviceKeyId, scope.from, scope.until],
  )
  return rows
}

const exportColumns = `e.id, e.service_id AS "serviceId", e.format, e.file_name AS "fileName", e.key_owner AS "keyOwner",
  e.organization_id AS "organizationId", e.service_key_id AS "serviceKeyId", to_char(e.from_day, 'YYYY-MM-DD') AS from,
  to_char(e.until_day, 'YYYY-MM-DD') AS until, e.imported_by AS "importedBy", e.imported_at AS "importedAt",
  (SELECT count(*) FROM service_export_lines l WHERE l.export_id = e.id)::int AS lines`

export const listExports = async (
  client: Reader,
  filter: { id?: string; since?: Date; before: string | null; limit: number },
): Promise<ServiceExport[]> => {
  const { rows } = await client.query<ServiceExport>(
    `SELECT ${exportColumns} FROM service_exports e
     WHERE ($1::uuid IS NULL OR e.id = $1) AND ($2::timestamptz IS NULL OR e.until_day > ($2 AT TIME ZONE 'UTC')::date)
       AND ($3::uuid IS NULL OR e.id < $3)
     ORDER BY e.id DESC LIMIT $4`,
    [filter.id ?? null, filter.since ?? null, filter.before, filter.limit],
  )
  return rows
}

/** The one there is, where the same file was imported for the same keys before. */
export const insertExport = async (
  client: PoolClient,
  given: Omit<ServiceExport, 'lines'> & { readonly contentHash: string },
  lines: readonly ExportLine[],
): Promise<{ id: string; created: boolean }> => {
  const inserted = await client.query<{ id: string }>(
    `INSERT INTO service_exports (id, service_id, format, file_name, content_hash, key_owner, organization_id, service_key_id,
       from_day, until_day, imported_by, imported_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) ON CONFLICT DO NOTHING RETURNING id`,
    [
      given.id,
      given.serviceId,
      given.format,
      given.fileName,
      given.contentHash,
      given.keyOwner,
      given.organizationId,
      given.serviceKeyId,
      given.from,
      given.until,
      given.importedBy,
      given.importedAt,
    ],
  )
  if (!inserted.rows[0]) {
    const known = await client.query<{ id: string }>(
      `SELECT id FROM service_exports WHERE service_id = $1 AND content_hash = $2 AND key_owner = $3
         AND organization_id IS NOT DISTINCT FROM $4 AND service_key_id IS NOT DISTINCT FROM $5`,
      [given.serviceId, given.contentHash, given.keyOwner, given.organizationId, given.serviceKeyId],
    )
    return { id: (known.rows[0] as { id: string }).id, created: false }
  }
  await client.query(
    `INSERT INTO service_export_lines (export_id, day, model, requests, input_tokens, cached_input_tokens, output_tokens, cost_nano_usd)
     SELECT $1, * FROM unnest($2::date[], $3::text[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[], $8::bigint[])`,
    [
      given.id,
      lines.map(({ day }) => day),
      lines.map(({ model }) => model),
      lines.map(({ requests }) => requests),
      lines.map(({ inputTokens }) => inputTokens),
      lines.map(({ cachedInputTokens }) => cachedInputTokens),
      lines.map(({ outputTokens }) => outputTokens),
      lines.map(({ costNanoUsd }) => costNanoUsd),
    ],
  )
  return { id: given.id, created: true }
}

export const exportLines = async (client: Reader, id: string): Promise<ExportLine[]> => {
  const { rows } = await client.query<ExportLine>(
    `SELECT to_char(day, 'YYYY-MM-DD') AS day, model, requests, input_tokens AS "inputTokens",
       cached_input_tokens AS "cachedInputTokens", output_tokens AS "outputTokens", cost_nano_usd AS "costNanoUsd"
     FROM service_export_lines WHERE export_id = $1 ORDER BY day, model`,
    [id],
  )
  return rows
}

export const deleteExport = async (client: PoolClient, id: string): Promise<void> => {
  await client.query('DELETE FROM service_exports WHERE id = $1', [id])
}

export const readTolerance = async (client: Reader): Promise<ReconciliationTolerance | null> => {
  const { rows } = await client.query<{ tolerance: ReconciliationTolerance }>(
    'SELECT tolerance FROM reconciliation_settings',
  )
  return rows[0]?.tolerance ?? null
}

export const writeTolerance = async (
  client: PoolClient,
  tolerance: ReconciliationTolerance,
): Promise<void> => {
  await client.query(
    `INSERT INTO reconciliation_settings (tolerance) VALUES ($1) ON CONFLICT (only_row) DO UPDATE SET tolerance = excluded.tolerance`,
    [JSON.stringify(tolerance)],
  )
}
