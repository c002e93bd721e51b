import { type Kysely, sql, type Transaction } from 'kysely'
import type { Actor } from '../audit/audit.ts'
import type { Schema } from '../db/schema.ts'
import type { PolicyVersion } from './policies.ts'
import type { ControlDocument } from './policy-document.ts'

type Executor = Kysely<Schema> | Transaction<Schema>

interface Row {
  version: number
  state: PolicyVersion['state']
  document: ControlDocument
  reason: string | null
  restores: number | null
  author_kind: string
  author_id: string | null
  author_email: string | null
  created_at: Date
  starts_at: Date
  ended_at: Date | null
}

const versionOf = (row: Row): PolicyVersion => ({
  version: row.version,
  state: row.state,
  document: row.document,
  reason: row.reason,
  restores: row.restores,
  author: { kind: row.author_kind, id: row.author_id, email: row.author_email },
  createdAt: row.created_at,
  startsAt: row.starts_at,
  endedAt: row.ended_at,
})

const select = (where: ReturnType<typeof sql>, rest: ReturnType<typeof sql>) => sql<Row>`
  SELECT p.version, p.state, p.document, p.reason, p.restores, p.author_kind, p.author_id, CASE p.author_kind WHEN 'user' THEN user_email(p.author_id) END AS author_email,
         p.created_at, p.starts_at, p.ended_at
  FROM control_policies p
  WHERE ${where} ${rest}`

export const listVersions = async (
  executor: Executor,
  organizationId: string,
  page: { before: bigint | null; limit: number },
): Promise<PolicyVersion[]> => {
  const { rows } = await select(
    sql`p.organization_id = ${organizationId} AND (${page.before}::int IS NULL OR p.version < ${page.before}::int)`,
    sql`ORDER BY p.version DESC LIMIT ${page.limit}`,
  ).execute(executor)
  return rows.map(versionOf)
}

export const listScheduled = async (executor: Executor, organizationId: string): Promise<PolicyVersion[]> => {
  const { rows } = await select(
    sql`p.organization_id = ${organizationId} AND p.state = 'scheduled'`,
    sql`ORDER BY p.starts_at, p.version`,
  ).execute(executor)
  return rows.map(versionOf)
}

export const findVersion = async (
  executor: Executor,
  organizationId: string,
  version: number | 'in_force',
): Promise<PolicyVersion | undefined> => {
  const which = version === 'in_force' ? sql`p.state = 'in_force'` : sql`p.version = ${version}`
  const { rows } = await select(sql`p.organization_id = ${organizationId} AND ${which}`, sql``).execute(
    executor,
  )
  return rows[0] && versionOf(rows[0])
}

export interface NewVersion {
  readonly organizationId: string
  readonly state: 'scheduled' | 'in_force'
  readonly document: ControlDocument
  readonly reason: string | null
  readonly restores: number | null
  readonly author: Actor
  readonly at: Date
  readonly startsAt: Date
}

/** Under the organisation's lock, so that versions have no gaps. */
export const insertVersion = async (t: Transaction<Schema>, next: NewVersion): Promise<number> => {
  const { rows } = await sql<{ version: number }>`
    INSERT INTO control_policies (organization_id, version, state, document, reason, restores, author_kind, author_id, created_at, starts_at)
    SELECT ${next.organizationId}, coalesce(max(version), 0) + 1, ${next.state}, ${JSON.stringify(next.document)}::jsonb,
           ${next.reason}, ${next.restores}, ${next.author.kind}, ${next.author.id}, ${next.at}, ${next.startsAt}
    FROM control_policies WHERE organization_id = ${next.organizationId}
    RETURNING version`.execute(t)
  return (rows[0] as { version: number }).version
}

export const supersede = async (t: Transaction<Schema>, organizationId: string, at: Date): Promise<void> => {
  await t
    .updateTable('control_policies')
    .set({ state: 'superseded', ended_at: at })
    .where('organization_id', '=', organizationId)
    .where('state', '=', 'in_force')
    .execute()
}

/** False: it is not scheduled any more. */
export const endSchedule = async (
  t: Transaction<Schema>,
  organizationId: string,
  version: number,
  to: { state: 'in_force' } | { state: 'cancelled'; at: Date },
): Promise<boolean> => {
  const changed = await t
    .updateTable('control_policies')
    .set({ state: to.state, ...(to.state === 'cancelled' && { ended_at: to.at }) })
    .where('organization_id', '=', organizationId)
    .where('version', '=', version)
    .where('state', '=', 'scheduled')
    .returning('version')
    .executeTakeFirst()
  return changed !== undefined
}

/** What operations are decided by. */
export const putInForce = async (
  t: Transaction<Schema>,
  organizationId: string,
  { controlPolicy, criticalServices, systemKeysAllowed, lockedFallback, allowed }: ControlDocument,
): Promise<void> => {
  await t
    .updateTable('organizations')
    .set({
      control_policy: controlPolicy,
      critical_services: [...criticalServices],
      system_keys_allowed: systemKeysAllowed,
      locked_fallback: lockedFallback,
      allowed_uses: allowed && JSON.stringify(allowed),
    })
    .where('id', '=', organizationId)
    .execute()
}

export const dueVersions = async (
  executor: Executor,
  now: Date,
): Promise<{ organizationId: string; version: number }[]> =>
  executor
    .selectFrom('control_policies')
    .select(['organization_id as organizationId', 'version'])
    .where('state', '=', 'scheduled')
    .where('starts_at', '<=', now)
    .orderBy('starts_at')
    .orderBy('version')
    .limit(100)
    .execute()
