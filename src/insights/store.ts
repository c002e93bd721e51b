import { type Kysely, type RawBuilder, sql } from 'kysely'
import type { Schema } from '../db/schema.ts'
import type { GrantRow, OperationFilter, OperationRow, ReceiptRow, TotalsRow, UsageRow } from './insights.ts'

/**
 * Reads over the tables of other rooms, for screens; nothing here writes. A user's rows are always asked for by
 * organisation and user, so that a foreign id finds nothing.
 */

/** Every number on a screen comes from the rows this selects, so that list, totals and detail agree. */
export const matching = (filter: OperationFilter): RawBuilder<unknown> => {
  const conditions = [sql`true`]
  if (filter.organizationId !== undefined) conditions.push(sql`o.organization_id = ${filter.organizationId}`)
  if (filter.userId !== undefined) conditions.push(sql`o.user_id = ${filter.userId}`)
  if (filter.service === 'none') conditions.push(sql`o.service_id IS NULL`)
  else if (filter.service !== undefined) conditions.push(sql`o.service_id = ${filter.service}`)
  if (filter.status !== undefined) conditions.push(sql`o.status = ${filter.status}`)
  if (filter.keyOwner === 'none') conditions.push(sql`o.key_owner IS NULL`)
  else if (filter.keyOwner === 'own') conditions.push(sql`o.key_owner IN ('user', 'organization')`)
  else if (filter.keyOwner !== undefined) conditions.push(sql`o.key_owner = ${filter.keyOwner}`)
  // The id's own time only prunes partitions; an hour allows for clocks that differ between processes.
  if (filter.since !== undefined)
    conditions.push(
      sql`o.started_at >= ${filter.since} AND o.id >= first_id_at(${filter.since}::timestamptz - interval '1 hour')`,
    )
  if (filter.until !== undefined)
    conditions.push(
      sql`o.started_at < ${filter.until} AND o.id < first_id_at(${filter.until}::timestamptz + interval '1 hour')`,
    )
  if (filter.endpoint !== undefined) conditions.push(sql`o.endpoint = ${filter.endpoint}`)
  if (filter.model !== undefined) {
    const part = filter.model.toLowerCase()
    conditions.push(
      sql`(strpos(lower(o.model), ${part}) > 0 OR strpos(lower(o.requested_model), ${part}) > 0)`,
    )
  }
  if (filter.usedModel === 'none') conditions.push(sql`o.model IS NULL`)
  else if (filter.usedModel !== undefined) conditions.push(sql`o.model = ${filter.usedModel}`)
  if (filter.accessToken !== undefined) conditions.push(sql`o.access_token_id = ${filter.accessToken}`)
  return sql.join(conditions, sql` AND `)
}

export const inputTokens = sql`(o.input_tokens + o.cache_read_tokens + o.cache_write_tokens + o.cache_write_1h_tokens)`
export const outputTokens = sql`(o.output_tokens + o.reasoning_tokens)`

const summary = sql`
  o.id, o.organization_id AS "organizationId", o.user_id AS "userId", o.started_at AS "startedAt",
  o.duration_ms AS "durationMs", o.first_byte_ms AS "firstByteMs", o.endpoint, o.streamed, o.status,
  o.http_status AS "httpStatus", o.fault_code AS "faultCode", o.requested_model AS "requestedModel",
  o.service_id AS "serviceId", o.model, o.key_owner AS "keyOwner", o.key_priority AS "keyPriority", o.reason,
  json_array_length(o.attempts::json) AS "attemptCount", ${inputTokens} AS "inputTokens", ${outputTokens} AS "outputTokens",
  o.units, o.cost_nano_usd AS "costNanoUsd", o.credit_micros AS "creditMicros"`

/** Sums are numeric in PostgreSQL; cast back, they arrive as bigint. */
const totals = sql`
  count(*) AS operations, coalesce(sum(o.credit_micros), 0)::bigint AS "creditMicros",
  coalesce(sum(o.cost_nano_usd), 0)::bigint AS "costNanoUsd",
  coalesce(sum(${inputTokens}), 0)::bigint AS "inputTokens", coalesce(sum(${outputTokens}), 0)::bigint AS "outputTokens"`

export const makeInsightStore = (kysely: Kysely<Schema>) => ({
  operations: async (
    filter: OperationFilter,
    before: string | null,
    limit: number,
  ): Promise<OperationRow[]> => {
    const { rows } = await sql<OperationRow>`
      SELECT ${summary}, g.name AS "organizationName", u.email AS "userEmail"
      FROM operations o
      JOIN organizations g ON g.id = o.organization_id
      JOIN users u ON u.id = o.user_id
      WHERE ${matching(filter)} AND ${before === null ? sql`true` : sql`o.id < ${before}`}
      ORDER BY o.id DESC LIMIT ${limit}`.execute(kysely)
    return rows
  },

  totals: async (filter: OperationFilter): Promise<TotalsRow> => {
    const { rows } =
      await sql<TotalsRow>`SELECT ${totals} FROM operations o WHERE ${matching(filter)}`.execute(kysely)
    return rows[0] as TotalsRow
  },

  receipt: async (filter: OperationFilter, id: string): Promise<ReceiptRow | undefined> => {
    const { rows } = await sql<Omit<ReceiptRow, 'ledgerEntries'>>`
      SELECT ${summary}, o.access_token_id AS "accessTokenId", o.service_key_id AS "serviceKeyId", o.attempts::json,
             o.decision::json,
             o.input_tokens AS "uncachedInputTokens", o.cache_read_tokens AS "cacheReadTokens",
             o.cache_write_tokens AS "cacheWriteTokens", o.cache_write_1h_tokens AS "cacheWrite1hTokens",
             o.output_tokens AS "plainOutputTokens", o.reasoning_tokens AS "reasoningTokens",
             o.usage_source AS "usageSource", o.price_book_version AS "priceBookVersion", o.held_micros AS "heldMicros"
      FROM operations o WHERE ${matching(filter)} AND o.id = ${id}`.execute(kysely)
    const row = rows[0]
    if (!row) return undefined
    const entries = await sql<ReceiptRow['ledgerEntries'][number]>`
      SELECT e.number, e.line, e.kind, e.bucket, e.amount_micros AS "amountMicros", e.grant_id AS "grantId",
             e.operation_id AS "operationId", e.available_micros AS "availableMicros", e.at
      FROM ledger_entries e
      JOIN ledger_entries t ON t.organization_id = e.organization_id AND t.account_id = e.account_id AND t.number = e.number
      WHERE t.organization_id = ${row.organizationId} AND t.operation_id = ${id} AND t.line = 0
      ORDER BY e.number, e.line`.execute(kysely)
    return { ...row, ledgerEntries: entries.rows }
  },

  /** By day, by service and in all, from one statement: the three cannot disagree. */
  usage: async (filter: OperationFilter): Promise<UsageRow[]> => {
    const { rows } = await sql<UsageRow>`
      SELECT to_char(o.started_at AT TIME ZONE 'UTC', 'YYYY-MM-DD') AS day, o.service_id AS "serviceId",
             o.key_owner AS "keyOwner", ${totals},
             grouping(to_char(o.started_at AT TIME ZONE 'UTC', 'YYYY-MM-DD')) = 0 AS "byDay",
             grouping(o.service_id) = 0 AS "byService"
      FROM operations o WHERE ${matching(filter)}
      GROUP BY GROUPING SETS (
        (to_char(o.started_at AT TIME ZONE 'UTC', 'YYYY-MM-DD'), o.key_owner), (o.service_id, o.key_owner), ())
      ORDER BY day, "serviceId", "keyOwner"`.execute(kysely)
    return rows
  },

  grants: async (organizationId: string, ids: readonly string[]): Promise<GrantRow[]> =>
    ids.length === 0
      ? []
      : kysely
          .selectFrom('grants')
          .select([
            'id',
            'kind',
            'amount_micros as amountMicros',
            'remaining_micros as remainingMicros',
            'effective_at as effectiveAt',
            'expires_at as expiresAt',
            'reason',
          ])
          .where('organization_id', '=', organizationId)
          .where('id', 'in', [...ids])
          .execute(),
})
