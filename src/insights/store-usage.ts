import { type Kysely, type RawBuilder, sql } from 'kysely'
import type { UsageBy } from '../contract/usage.ts'
import type { Schema } from '../db/schema.ts'
import type { OperationFilter } from './insights.ts'
import { costCentreOfOperation } from './cost-centre.ts'
import { inputTokens, matching, outputTokens } from './store.ts'
import type { UsageDay } from './usage-days.ts'
import { mostCharted, mostListed, type UsageReportRow } from './usage-report.ts'

const none = sql`NULL::text`
/** What makes a group: a service, a model of a service, or something with an id. */
const keys: Record<
  UsageBy,
  { service: RawBuilder<unknown>; model: RawBuilder<unknown>; id: RawBuilder<unknown> }
> = {
  service: { service: sql`o.service_id`, model: none, id: none },
  model: { service: sql`o.service_id`, model: sql`o.model`, id: none },
  access_token: { service: none, model: none, id: sql`o.access_token_id::text` },
  user: { service: none, model: none, id: sql`o.user_id::text` },
  organization: { service: none, model: none, id: sql`o.organization_id::text` },
  team: { service: none, model: none, id: sql`o.team_id::text` },
  key_owner: { service: none, model: none, id: sql`o.key_owner` },
  cost_centre: { service: none, model: none, id: costCentreOfOperation },
}

const columns = [
  'operations',
  'costNanoUsd',
  'creditMicros',
  'inputTokens',
  'outputTokens',
  'unpricedOperations',
]
/** Sums are numeric in PostgreSQL; cast back, they arrive as bigint. */
const sums = sql.join(columns.map((name) => sql`sum(c.${sql.ref(name)})::bigint AS ${sql.ref(name)}`))

export const makeUsageStore = (kysely: Kysely<Schema>) => ({
  /**
   * Groups, days and totals from one look at the operations that the list would show: none of the three can disagree
   * with another.
   */
  usageReport: async (
    filter: OperationFilter,
    by: UsageBy,
    days: readonly UsageDay[],
  ): Promise<UsageReportRow[]> => {
    const within = matching({ ...filter, since: days[0]?.since, until: days.at(-1)?.until })
    const { service, model, id } = keys[by]
    const starts = days.map(({ since }) => since)
    const { rows } = await sql<UsageReportRow>`
      WITH cells AS MATERIALIZED (
        SELECT width_bucket(o.started_at, ${starts}::timestamptz[]) AS day,
               CASE WHEN o.key_owner = 'system' THEN 'system' WHEN o.key_owner IS NULL THEN 'none' ELSE 'own' END AS payer,
               ${service} AS "serviceId", ${model} AS model, ${id} AS id,
               count(*) AS operations, coalesce(sum(o.cost_nano_usd), 0) AS "costNanoUsd",
               sum(o.credit_micros) AS "creditMicros", sum(${inputTokens}) AS "inputTokens",
               sum(${outputTokens}) AS "outputTokens",
               count(*) FILTER (WHERE o.cost_nano_usd IS NULL AND o.status = 'succeeded') AS "unpricedOperations"
        FROM operations o WHERE ${within} GROUP BY 1, 2, 3, 4, 5
      ), ranked AS (
        SELECT c."serviceId", c.model, c.id, count(*) OVER () AS groups,
               row_number() OVER (ORDER BY sum(c."costNanoUsd") DESC, sum(c.operations) DESC, c."serviceId", c.model, c.id)::int
                 AS place
        FROM cells c GROUP BY 1, 2, 3
      ), placed AS (
        SELECT c.*, r.groups, least(r.place, ${mostListed + 1}::int) AS listed, least(r.place, ${mostCharted + 1}::int) AS charted
        FROM cells c JOIN ranked r ON r."serviceId" IS NOT DISTINCT FROM c."serviceId"
          AND r.model IS NOT DISTINCT FROM c.model AND r.id IS NOT DISTINCT FROM c.id
      )
      SELECT 'group' AS kind, c.payer, c.listed AS place, NULL::int AS day,
             CASE WHEN c.listed <= ${mostListed} THEN min(c."serviceId") END AS "serviceId",
             CASE WHEN c.listed <= ${mostListed} THEN min(c.model) END AS model,
             CASE WHEN c.listed <= ${mostListed} THEN min(c.id) END AS id, min(c.groups) AS groups, ${sums}
      FROM placed c GROUP BY c.listed, c.payer
      UNION ALL
      SELECT 'cell', c.payer, c.charted, c.day, NULL, NULL, NULL, 0, ${sums} FROM placed c GROUP BY c.charted, c.payer, c.day
      UNION ALL
      SELECT 'total', c.payer, NULL, NULL, NULL, NULL, NULL, 0, ${sums} FROM placed c GROUP BY c.payer
      ORDER BY kind, day, place, payer`.execute(kysely)
    return rows
  },

  /** What the ids of a report are called now. */
  usageNames: async (
    by: UsageBy,
    ids: readonly string[],
    organizationId: string | undefined,
  ): Promise<ReadonlyMap<string, string>> => {
    const found = names[by]
    if (!found || ids.length === 0) return new Map()
    const { rows } = await found([...ids], organizationId ?? null).execute(kysely)
    return new Map(rows.map(({ id, name }) => [id, name]))
  },
})

interface Named {
  readonly id: string
  readonly name: string
}
const names: Partial<Record<UsageBy, (ids: string[], organizationId: string | null) => RawBuilder<Named>>> = {
  access_token: (ids) => sql<Named>`
    SELECT id, name || CASE kind WHEN 'user' THEN ' …' || last_four ELSE ' (platform token)' END AS name
    FROM access_tokens WHERE id = ANY(${ids}::uuid[])`,
  // Also of those who have left: whoever asks has their ids from records that are theirs to see.
  user: (ids) => sql<Named>`
    SELECT id::text AS id, coalesce(user_email(id::text), id::text) AS name FROM unnest(${ids}::uuid[]) AS id`,
  organization: (ids) => sql<Named>`SELECT id, name FROM organizations WHERE id = ANY(${ids}::uuid[])`,
  team: (ids) => sql<Named>`SELECT id::text AS id, name FROM teams WHERE id = ANY(${ids}::uuid[])`,
  cost_centre: (ids, organizationId) => sql<Named>`
    SELECT code AS id, name FROM cost_centres WHERE organization_id = ${organizationId} AND code = ANY(${ids}::text[])`,
}
