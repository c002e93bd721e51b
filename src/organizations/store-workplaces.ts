import { type Kysely, sql, type Transaction } from 'kysely'
import type { Schema } from '../db/schema.ts'
import type { Workplace } from './workplaces.ts'

/** Companies first, by name; the personal one at the end. */
export const listWorkplaces = async (kysely: Kysely<Schema>, userId: string): Promise<Workplace[]> => {
  const { rows } = await sql<Workplace>`
    SELECT o.id, o.name, o.kind, m.role, m.suspended_at IS NOT NULL AS suspended
    FROM memberships m JOIN organizations o ON o.id = m.organization_id
    WHERE m.user_id = ${userId} AND o.deleted_at IS NULL
    ORDER BY o.kind = 'personal', lower(o.name), o.id`.execute(kysely)
  return rows
}

/** One at a time for each user, so that two requests at once do not make one more than there may be. */
export const lockOwnedCompanies = async (t: Transaction<Schema>, userId: string): Promise<number> => {
  await t.selectFrom('users').select('id').where('id', '=', userId).forUpdate().execute()
  const { rows } = await sql<{ count: number }>`
    SELECT count(*)::int AS count FROM memberships m JOIN organizations o ON o.id = m.organization_id
    WHERE m.user_id = ${userId} AND m.role = 'owner' AND o.kind = 'company' AND o.deleted_at IS NULL`.execute(
    t,
  )
  return rows[0]?.count ?? 0
}
