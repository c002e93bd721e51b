import { type Kysely, sql, type Transaction } from 'kysely'
import type { Schema } from '../db/schema.ts'

export const lock = (t: Transaction<Schema>, id: string) =>
  t
    .selectFrom('organizations')
    .select(['name', 'kind', 'delete_at as deleteAt', 'deleted_at as deletedAt', 'deletion_by as deletionBy'])
    .where('id', '=', id)
    .forUpdate()
    .executeTakeFirst()

export const schedule = async (
  t: Transaction<Schema>,
  id: string,
  deletion: { deleteAt: Date; by: string | null } | null,
): Promise<void> => {
  await t
    .updateTable('organizations')
    .set({ delete_at: deletion?.deleteAt ?? null, deletion_by: deletion?.by ?? null })
    .where('id', '=', id)
    .execute()
}

export const listDue = async (kysely: Kysely<Schema>, now: Date): Promise<string[]> => {
  const rows = await kysely
    .selectFrom('organizations')
    .select('id')
    .where('delete_at', '<=', now)
    .where('deleted_at', 'is', null)
    .orderBy('delete_at')
    .limit(50)
    .execute()
  return rows.map(({ id }) => id)
}

/** Nobody works there any more. Gives how many did. */
export const dissolve = async (t: Transaction<Schema>, id: string, now: Date): Promise<number> => {
  await t
    .updateTable('invitations')
    .set({ withdrawn_at: now })
    .where('organization_id', '=', id)
    .where('accepted_at', 'is', null)
    .where('withdrawn_at', 'is', null)
    .execute()
  // A domain is free for the next who proves it; nobody is sent to a provider that lets in nowhere.
  await t.deleteFrom('sso_domain_holders').where('holder_id', '=', id).execute()
  await t.deleteFrom('sso_domains').where('organization_id', '=', id).execute()
  await t.deleteFrom('sso_connections').where('organization_id', '=', id).execute()
  await t.updateTable('auto_top_ups').set({ is_enabled: false }).where('organization_id', '=', id).execute()
  await t.deleteFrom('fallback_preferences').where('organization_id', '=', id).execute()
  // Of those who can work nowhere else.
  await sql`
    UPDATE sessions SET revoked_at = ${now} WHERE revoked_at IS NULL
      AND user_id IN (SELECT user_id FROM memberships WHERE organization_id = ${id})
      AND NOT EXISTS (SELECT FROM memberships m
        WHERE m.user_id = sessions.user_id AND m.organization_id <> ${id} AND m.suspended_at IS NULL)`.execute(
    t,
  )
  const { numDeletedRows } = await t
    .deleteFrom('memberships')
    .where('organization_id', '=', id)
    .executeTakeFirst()
  await t.updateTable('organizations').set({ deleted_at: now }).where('id', '=', id).execute()
  return Number(numDeletedRows)
}
