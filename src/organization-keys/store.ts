import { type Kysely, sql } from 'kysely'
import type { Schema } from '../db/schema.ts'

export interface UseRow {
  readonly operations: bigint
  readonly inputTokens: bigint
  readonly outputTokens: bigint
  readonly costNanoUsd: bigint
}

export interface MemberUseRow extends UseRow {
  readonly userId: string
  readonly name: string
  readonly email: string
  readonly lastUsedAt: Date
}

const use = sql`
  count(*) AS operations,
  coalesce(sum(o.input_tokens + o.cache_read_tokens + o.cache_write_tokens + o.cache_write_1h_tokens), 0)::bigint AS "inputTokens",
  coalesce(sum(o.output_tokens + o.reasoning_tokens), 0)::bigint AS "outputTokens",
  coalesce(sum(o.cost_nano_usd), 0)::bigint AS "costNanoUsd"`

/** By the key's id; those that nobody used are left out. */
export const useByKey = async (
  kysely: Kysely<Schema>,
  organizationId: string,
  since: Date,
): Promise<ReadonlyMap<string, UseRow & { members: bigint }>> => {
  const { rows } = await sql<UseRow & { id: string; members: bigint }>`
    SELECT o.service_key_id AS id, count(DISTINCT o.user_id) AS members, ${use} FROM operations o
    WHERE o.organization_id = ${organizationId} AND o.id >= first_id_at(${since}::timestamptz) AND o.key_owner = 'organization'
    GROUP BY 1`.execute(kysely)
  return new Map(rows.map(({ id, ...row }) => [id, row]))
}

/** The most used first. */
export const useByMember = async (
  kysely: Kysely<Schema>,
  { organizationId, id }: { organizationId: string; id: string },
  since: Date,
): Promise<MemberUseRow[]> => {
  const { rows } = await sql<MemberUseRow>`
    SELECT used.*, u.name, u.email FROM (
      SELECT o.user_id AS "userId", max(o.started_at) AS "lastUsedAt", ${use} FROM operations o
      WHERE o.organization_id = ${organizationId} AND o.id >= first_id_at(${since}::timestamptz) AND o.service_key_id = ${id}
      GROUP BY 1
    ) AS used JOIN users u ON u.id = used."userId"
    ORDER BY used."costNanoUsd" DESC, used.operations DESC, u.id`.execute(kysely)
  return rows
}

export const peopleOf = async (
  kysely: Kysely<Schema>,
  userIds: readonly string[],
): Promise<ReadonlyMap<string, { name: string; email: string }>> => {
  if (userIds.length === 0) return new Map()
  const rows = await kysely
    .selectFrom('users')
    .select(['id', 'name', 'email'])
    .where('id', 'in', [...userIds])
    .execute()
  return new Map(rows.map(({ id, ...row }) => [id, row]))
}

export interface TeamOfKey {
  readonly id: string
  readonly name: string
  readonly isArchived: boolean
}

export const teamsOf = async (
  kysely: Kysely<Schema>,
  organizationId: string,
  ids: readonly string[],
): Promise<ReadonlyMap<string, TeamOfKey>> => {
  if (ids.length === 0) return new Map()
  const rows = await kysely
    .selectFrom('teams')
    .select(['id', 'name', sql<boolean>`archived_at IS NOT NULL`.as('isArchived')])
    .where('organization_id', '=', organizationId)
    .where('id', 'in', [...ids])
    .execute()
  return new Map(rows.map((row) => [row.id, row]))
}
