import { type Kysely, sql, type Transaction } from 'kysely'
import type { TeamRole } from '../contract/teams.ts'
import type { Schema } from '../db/schema.ts'

type Run = Kysely<Schema> | Transaction<Schema>

export interface TeamKey {
  readonly organizationId: string
  readonly id: string
}

export interface UseRow {
  readonly operations: bigint
  readonly creditMicros: bigint
  readonly costNanoUsd: bigint
}

export interface TeamRow extends UseRow {
  readonly id: string
  readonly name: string
  readonly description: string
  readonly createdAt: Date
  readonly archivedAt: Date | null
  readonly memberCount: bigint
  readonly accessTokenCount: bigint
  readonly ownRole: TeamRole | null
}

export interface MemberRow extends UseRow {
  readonly userId: string
  readonly name: string
  readonly email: string
  readonly kind: 'person' | 'service_account'
  readonly role: TeamRole
  readonly joinedAt: Date
}

/** Ids tell the time at which operations began; the index of teams is over both. */
const use = sql`
  count(*) AS operations, coalesce(sum(o.credit_micros), 0)::bigint AS "creditMicros",
  coalesce(sum(o.cost_nano_usd) FILTER (WHERE o.key_owner IN ('user', 'organization')), 0)::bigint AS "costNanoUsd"`

export interface TeamFilter {
  readonly organizationId: string
  /** Whose part in them is told. */
  readonly userId: string
  readonly id?: string
  readonly isArchived?: boolean
  /** Only those that the user is in. */
  readonly onlyOwn: boolean
  readonly usedSince: Date
}

export const listTeams = async (run: Run, filter: TeamFilter): Promise<TeamRow[]> => {
  const conditions = [
    sql`t.organization_id = ${filter.organizationId}`,
    ...(filter.id === undefined ? [] : [sql`t.id = ${filter.id}`]),
    ...(filter.isArchived === undefined ? [] : [sql`(t.archived_at IS NOT NULL) = ${filter.isArchived}`]),
    ...(filter.onlyOwn ? [sql`own.role IS NOT NULL`] : []),
  ]
  const { rows } = await sql<TeamRow>`
    SELECT t.id, t.name, t.description, t.created_at AS "createdAt", t.archived_at AS "archivedAt", own.role AS "ownRole",
      (SELECT count(*) FROM team_members m WHERE m.organization_id = t.organization_id AND m.team_id = t.id) AS "memberCount",
      (SELECT count(*) FROM access_tokens a WHERE a.organization_id = t.organization_id AND a.team_id = t.id
         AND a.revoked_at IS NULL) AS "accessTokenCount",
      used.*
    FROM teams t
    LEFT JOIN team_members own
      ON own.organization_id = t.organization_id AND own.team_id = t.id AND own.user_id = ${filter.userId}
    CROSS JOIN LATERAL (
      SELECT ${use} FROM operations o
      WHERE o.organization_id = t.organization_id AND o.team_id = t.id AND o.id >= first_id_at(${filter.usedSince}::timestamptz)
    ) AS used
    WHERE ${sql.join(conditions, sql` AND `)}
    ORDER BY lower(t.name), t.id`.execute(run)
  return rows
}

export const listMembers = async (
  run: Run,
  { organizationId, id }: TeamKey,
  usedSince: Date,
): Promise<MemberRow[]> => {
  const { rows } = await sql<MemberRow>`
    SELECT m.user_id AS "userId", u.name, u.email, u.kind, m.role, m.created_at AS "joinedAt",
      coalesce(used.operations, 0) AS operations, coalesce(used."creditMicros", 0) AS "creditMicros",
      coalesce(used."costNanoUsd", 0) AS "costNanoUsd"
    FROM team_members m JOIN users u ON u.id = m.user_id
    LEFT JOIN (
      SELECT o.user_id, ${use} FROM operations o
      WHERE o.organization_id = ${organizationId} AND o.team_id = ${id} AND o.id >= first_id_at(${usedSince}::timestamptz)
      GROUP BY 1
    ) AS used ON used.user_id = m.user_id
    WHERE m.organization_id = ${organizationId} AND m.team_id = ${id}
    ORDER BY m.role, lower(u.name), m.user_id`.execute(run)
  return rows
}

export const useByService = async (
  run: Run,
  { organizationId, id }: TeamKey,
  usedSince: Date,
): Promise<(UseRow & { serviceId: string | null })[]> => {
  const { rows } = await sql<UseRow & { serviceId: string | null }>`
    SELECT o.service_id AS "serviceId", ${use} FROM operations o
    WHERE o.organization_id = ${organizationId} AND o.team_id = ${id} AND o.id >= first_id_at(${usedSince}::timestamptz)
    GROUP BY 1 ORDER BY 2 DESC, 1`.execute(run)
  return rows
}

export interface Candidate {
  readonly userId: string
  readonly name: string
  readonly email: string
  readonly kind: 'person' | 'service_account'
}

const mostCandidates = 50

/** By name. */
export const listCandidates = async (
  run: Run,
  { organizationId, id }: TeamKey,
  search: string,
): Promise<Candidate[]> => {
  const part = `%${search.replaceAll(/[\\%_]/g, String.raw`\$&`)}%`
  const { rows } = await sql<Candidate>`
    SELECT u.id AS "userId", u.name, u.email, u.kind FROM memberships m JOIN users u ON u.id = m.user_id
    WHERE m.organization_id = ${organizationId} AND m.suspended_at IS NULL AND u.suspended_at IS NULL
      AND (u.name ILIKE ${part} OR u.email ILIKE ${part})
      AND NOT EXISTS (SELECT FROM team_members t
        WHERE t.organization_id = m.organization_id AND t.team_id = ${id} AND t.user_id = m.user_id)
    ORDER BY lower(u.name), u.id LIMIT ${mostCandidates}`.execute(run)
  return rows
}

export const insertTeam = async (
  transaction: Transaction<Schema>,
  team: TeamKey & { name: string; description: string; createdAt: Date },
): Promise<void> => {
  await transaction
    .insertInto('teams')
    .values({
      organization_id: team.organizationId,
      id: team.id,
      name: team.name,
      description: team.description,
      created_at: team.createdAt,
    })
    .execute()
}

/** Under the lock of its row: changes at the same moment come one after the other. */
export const lockTeam = async (transaction: Transaction<Schema>, { organizationId, id }: TeamKey) =>
  transaction
    .selectFrom('teams')
    .select(['id', 'name', 'description', 'archived_at as archivedAt'])
    .where('organization_id', '=', organizationId)
    .where('id', '=', id)
    .forUpdate()
    .executeTakeFirst()

export const updateTeam = async (
  transaction: Transaction<Schema>,
  { organizationId, id }: TeamKey,
  set: { name?: string; description?: string; archived_at?: Date | null },
): Promise<void> => {
  await transaction
    .updateTable('teams')
    .set(set)
    .where('organization_id', '=', organizationId)
    .where('id', '=', id)
    .execute()
}

/** A member of the organisation who is not suspended there. */
export const isMember = async (run: Run, organizationId: string, userId: string): Promise<boolean> =>
  (await run
    .selectFrom('memberships')
    .select('user_id')
    .where('organization_id', '=', organizationId)
    .where('user_id', '=', userId)
    .where('suspended_at', 'is', null)
    .executeTakeFirst()) !== undefined

export const roleIn = async (run: Run, { organizationId, id }: TeamKey, userId: string) =>
  (await run
    .selectFrom('team_members as m')
    .innerJoin('users as u', 'u.id', 'm.user_id')
    .select(['m.role', 'u.kind'])
    .where('m.organization_id', '=', organizationId)
    .where('m.team_id', '=', id)
    .where('m.user_id', '=', userId)
    .executeTakeFirst()) ?? null

export const setMember = async (
  transaction: Transaction<Schema>,
  { organizationId, id }: TeamKey,
  userId: string,
  role: TeamRole,
  at: Date,
): Promise<void> => {
  await transaction
    .insertInto('team_members')
    .values({ organization_id: organizationId, team_id: id, user_id: userId, role, created_at: at })
    .onConflict((conflict) =>
      conflict.columns(['organization_id', 'team_id', 'user_id']).doUpdateSet({ role }),
    )
    .execute()
}

export const removeMember = async (
  transaction: Transaction<Schema>,
  { organizationId, id }: TeamKey,
  userId: string,
): Promise<boolean> => {
  const { numDeletedRows } = await transaction
    .deleteFrom('team_members')
    .where('organization_id', '=', organizationId)
    .where('team_id', '=', id)
    .where('user_id', '=', userId)
    .executeTakeFirst()
  return numDeletedRows > 0n
}

/** Of the team, or of one of its members there. */
export const liveTokens = async (
  run: Run,
  { organizationId, id }: TeamKey,
  userId: string | null,
): Promise<string[]> => {
  let query = run
    .selectFrom('access_tokens')
    .select('id')
    .where('organization_id', '=', organizationId)
    .where('team_id', '=', id)
    .where('revoked_at', 'is', null)
  if (userId !== null) query = query.where('user_id', '=', userId)
  return (await query.execute()).map((row) => row.id)
}

export const namesOf = async (run: Run, userIds: readonly string[]): Promise<ReadonlyMap<string, string>> => {
  if (userIds.length === 0) return new Map()
  const rows = await run
    .selectFrom('users')
    .select(['id', 'name'])
    .where('id', 'in', [...userIds])
    .execute()
  return new Map(rows.map(({ id, name }) => [id, name]))
}
