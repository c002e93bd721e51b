import { sql } from 'kysely'
import type { Database } from '../db/database.ts'

/** Operations of one user, with tokens of one team or of none, that asked for the same model at the same endpoint and ended at the same place. */
export interface PastUse {
  readonly userId: string
  readonly teamId: string | null
  readonly endpoint: string
  readonly requestedModel: string
  readonly serviceId: string | null
  readonly model: string | null
  readonly operations: bigint
  readonly inputTokens: bigint
  readonly outputTokens: bigint
  /** Null: of none of them is the cost known. */
  readonly costNanoUsd: bigint | null
}

/** The most frequent kinds first; `total` counts all operations since then. */
export const readPastUses = async (
  { kysely }: Pick<Database, 'kysely'>,
  organizationId: string,
  since: Date,
  most: number,
): Promise<{ uses: PastUse[]; total: bigint }> => {
  const { rows: uses } = await sql<PastUse>`
    SELECT user_id AS "userId", team_id AS "teamId", endpoint, requested_model AS "requestedModel", service_id AS "serviceId", model,
           count(*) AS operations,
           sum(input_tokens + cache_read_tokens + cache_write_tokens + cache_write_1h_tokens)::bigint AS "inputTokens",
           sum(output_tokens + reasoning_tokens)::bigint AS "outputTokens",
           sum(cost_nano_usd)::bigint AS "costNanoUsd"
    FROM operations
    WHERE organization_id = ${organizationId} AND id >= first_id_at(${since}::timestamptz) AND requested_model IS NOT NULL
    GROUP BY user_id, team_id, endpoint, requested_model, service_id, model
    ORDER BY count(*) DESC, user_id, requested_model, team_id LIMIT ${most}`.execute(kysely)
  const { rows } = await sql<{ total: bigint }>`
    SELECT count(*) AS total FROM operations
    WHERE organization_id = ${organizationId} AND id >= first_id_at(${since}::timestamptz)`.execute(kysely)
  return { uses, total: rows[0]?.total ?? 0n }
}
