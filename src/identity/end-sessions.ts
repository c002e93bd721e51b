import { sql, type Transaction } from 'kysely'
import type { Schema } from '../db/schema.ts'
import { beyondTenantsIn } from '../db/tenant-scope.ts'

/**
 * Of somebody who may no longer work in an organisation: the sessions that work there, or would; all of them where it was
 * the only one left. Those of another company of theirs go on. Whoever ends them is another user, hence out of the scope.
 */
export const endSessionsIn = (
  transaction: Transaction<Schema>,
  { organizationId, userId }: { organizationId: string; userId: string },
  at: Date,
): Promise<void> =>
  beyondTenantsIn(transaction, async () => {
    await sql`
      UPDATE sessions SET revoked_at = ${at}
      WHERE user_id = ${userId} AND revoked_at IS NULL
        AND (organization_id = ${organizationId} OR organization_id IS NULL
          OR NOT EXISTS (SELECT FROM memberships m WHERE m.user_id = sessions.user_id
            AND m.organization_id <> ${organizationId} AND m.suspended_at IS NULL))`.execute(transaction)
  })
