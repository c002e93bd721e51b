import { sql, type Transaction } from 'kysely'
import { type Actor, recordAudit } from '../audit/audit.ts'
import type { Schema } from '../db/schema.ts'
import { beyondTenantsIn } from '../db/tenant-scope.ts'
import { FaultError, fault } from '../kit/fault.ts'
import { makeFactorStore } from './store-factors.ts'

/**
 * Of somebody whom the holder of their e-mail domain makes a member by that address for the first time. Whoever opened the
 * account before may be another (an invitation is shown to whoever sends it), so that nothing they chose opens it any more.
 * Left alone is whoever came by the platform's operator or by the word of another company's identity provider.
 */
export const startAfresh = (
  transaction: Transaction<Schema>,
  actor: Actor,
  { organizationId, userId }: { organizationId: string; userId: string },
  at: Date,
): Promise<void> =>
  beyondTenantsIn(transaction, async () => {
    const factors = makeFactorStore(transaction)
    await factors.lockUser(transaction, userId)
    const { rows } = await sql<{ isPlatformAdministrator: boolean; isVouchedFor: boolean }>`
      SELECT u.is_platform_administrator AS "isPlatformAdministrator", EXISTS (
        SELECT FROM memberships m JOIN organizations o ON o.id = m.organization_id
        WHERE m.user_id = u.id AND m.organization_id <> ${organizationId} AND o.kind <> 'personal'
          AND m.source NOT IN ('invitation', 'self')) AS "isVouchedFor"
      FROM users u WHERE u.id = ${userId}`.execute(transaction)
    if (rows[0]?.isPlatformAdministrator) throw new FaultError(notByAddress)
    if (rows[0]?.isVouchedFor) return
    await transaction.updateTable('users').set({ password_hash: null }).where('id', '=', userId).execute()
    await factors.removeAllFactors(transaction, userId)
    for (const table of [
      'passkey_challenges',
      'pending_sign_ins',
      'known_browsers',
      'sign_in_links',
    ] as const)
      await transaction.deleteFrom(table).where('user_id', '=', userId).execute()
    await transaction
      .updateTable('sessions')
      .set({ revoked_at: at })
      .where('user_id', '=', userId)
      .where('revoked_at', 'is', null)
      .execute()
    await recordAudit(transaction, {
      organizationId,
      actor,
      action: 'user.started_afresh',
      subject: { kind: 'user', id: userId },
      reason: 'The holder of the e-mail domain made them a member: earlier ways to sign in are closed',
    })
  })

const notByAddress = fault('forbidden', {
  message: 'Administrators of the platform are not made members by their e-mail address.',
  next: 'Invite them; they can tie their account to the company sign-in themselves.',
})
