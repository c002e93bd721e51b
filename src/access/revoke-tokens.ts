import type { Transaction } from 'kysely'
import { type Actor, recordAudit } from '../audit/audit.ts'
import type { Schema } from '../db/schema.ts'

/** Every token of a member, or of the whole organisation; within the change that takes the membership away. */
export const revokeTokensOf = async (
  transaction: Transaction<Schema>,
  actor: Actor,
  { organizationId, userId }: { organizationId: string; userId: string | null },
  at: Date,
): Promise<void> => {
  let query = transaction
    .updateTable('access_tokens')
    .set({ revoked_at: at })
    .where('organization_id', '=', organizationId)
    .where('revoked_at', 'is', null)
  if (userId !== null) query = query.where('user_id', '=', userId)
  for (const { id, name } of await query.returning(['id', 'name']).execute())
    await recordAudit(transaction, {
      organizationId,
      actor,
      action: 'access_token.revoked',
      subject: { kind: 'access_token', id },
      before: { name },
    })
}
