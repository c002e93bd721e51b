import { sql } from 'kysely'
import { may, type Role } from '../contract/permissions.ts'
import { holderOf, type Payer } from './payer.ts'
import type { Executor } from './store.ts'
import type { Owner } from './subscription.ts'

export const payerOf = async (executor: Executor, who: Owner & { readonly role: Role }): Promise<Payer> => {
  const { rows } = await sql<{ central: boolean; own: string | null; shared: string | null }>`
    SELECT o.central_billing_at IS NOT NULL AS central, a.id AS own, c.id AS shared
    FROM organizations o
    LEFT JOIN credit_accounts a ON a.organization_id = o.id AND a.user_id = ${who.userId}
    LEFT JOIN credit_accounts c ON c.organization_id = o.id AND c.user_id = o.id
    WHERE o.id = ${who.organizationId}`.execute(executor)
  const { central = false, own = null, shared = null } = rows[0] ?? {}
  const owner = { organizationId: who.organizationId, userId: who.userId }
  if (central && may(who.role, 'billing.read'))
    return { ...holderOf(who.organizationId), accountId: shared, kind: 'organization', isIdle: false }
  return { ...owner, accountId: own, kind: 'own', isIdle: central }
}
