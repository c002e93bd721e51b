import type { Transaction } from 'kysely'
import type { Actor } from '../audit/audit.ts'
import type { Schema } from '../db/schema.ts'
import { recordKeyChange } from './parts.ts'
import * as store from './store.ts'
import { destroyVersions } from './store-versions.ts'

/**
 * Destroys the secrets of a member's own keys, or of every key of the organisation; within the change that takes the
 * membership away, so that no operation that starts after it uses one.
 */
export const revokeKeysOf = async (
  transaction: Transaction<Schema>,
  actor: Actor,
  { organizationId, userId }: { organizationId: string; userId: string | null },
  at: Date,
): Promise<void> => {
  for (const { id, status } of await store.lockKeysOf(transaction, organizationId, userId)) {
    const key = { organizationId, id }
    await store.updateKey(transaction, key, {
      status: 'revoked',
      revoked_at: at,
      suspended_status: null,
      recheck_after: null,
    })
    await destroyVersions(transaction, key, at)
    await recordKeyChange(transaction, actor, key, 'revoke', { status }, { status: 'revoked' })
  }
}
