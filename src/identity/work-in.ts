import { type Kysely, sql, type Transaction } from 'kysely'
import type { Schema } from '../db/schema.ts'

/**
 * A session works in another organisation of its user's from now on. False: they are no member there, are suspended, or the
 * session was opened on the word of one organisation and stays in it.
 */
export const workIn = async (
  executor: Kysely<Schema> | Transaction<Schema>,
  session: { sessionId: string; userId: string; organizationId: string },
): Promise<boolean> => {
  const { numAffectedRows } = await sql`
    UPDATE sessions s SET organization_id = ${session.organizationId}
    WHERE s.id = ${session.sessionId} AND s.user_id = ${session.userId} AND s.revoked_at IS NULL
      AND (s.only_organization_id IS NULL OR s.only_organization_id = ${session.organizationId})
      AND EXISTS (SELECT FROM memberships m
        WHERE m.user_id = s.user_id AND m.organization_id = ${session.organizationId} AND m.suspended_at IS NULL)`.execute(
    executor,
  )
  return Number(numAffectedRows ?? 0n) > 0
}
