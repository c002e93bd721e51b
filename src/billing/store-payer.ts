import { sql } from 'kysely'
import { may, type Role } from '../contract/permissions.ts'
import { holderOf, type Payer } from './payer.ts'
import type { Executor } from './store.ts'
import type { Owner } from './subscription.ts'

/** The account that pays now, and after it the other one that somebody sees. */
export const payersOf = async (
  executor: Executor,
  who: Owner & { readonly role: Role },
): Promise<readonly [Payer, ...Payer[]]> => {
  const { rows } = await sql<{ central: boolean; own: string | null; shared: string | null }>`
    SELECT o.central_billing_at IS NOT NULL AS central, a.id AS own, c.id AS shared
    FROM organizations o
    LEFT JOIN credit_accounts a ON a.organization_id = o.id AND a.user_id = ${who.userId}
    LEFT JOIN credit_accounts c ON c.organization_id = o.id AND c.user_id = o.id
    WHERE o.id = ${who.organizationId}`.execute(executor)
  const { central = false, own: ownId = null, shared = null } = rows[0] ?? {}
  const { organizationId, userId } = who
  const seesShared = shared !== null && may(who.role, 'billing.read')
  const userIds = seesShared ? [userId, organizationId] : [userId]
  const own: Payer = {
    organizationId,
    userId,
    userIds,
    accountId: ownId,
    kind: 'own',
    isIdle: central,
    isTheirs: true,
  }
  if (!seesShared) return [own]
  const organization: Payer = {
    ...holderOf(organizationId),
    userIds,
    accountId: shared,
    kind: 'organization',
    isIdle: !central,
    isTheirs: may(who.role, 'billing.manage'),
  }
  return central ? [organization, own] : [own, organization]
}
