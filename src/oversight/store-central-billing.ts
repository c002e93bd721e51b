import { type Kysely, sql, type Transaction } from 'kysely'
import type { Schema } from '../db/schema.ts'

export interface CentralStanding {
  readonly since: Date | null
  readonly billingEmail: string | null
  readonly membersWithCredits: bigint
  readonly memberCreditMicros: bigint
  readonly paidSubscriptions: bigint
  /** When what is paid for the organisation's account could end; null: nothing is. */
  readonly organizationPaidUntil: Date | null
}

export const makeCentralBillingStore = (kysely: Kysely<Schema>) => ({
  read: async (organizationId: string, at: Date): Promise<CentralStanding | undefined> => {
    const { rows } = await sql<CentralStanding>`
      WITH own AS (
        SELECT a.user_id, coalesce((SELECT sum(g.remaining_micros) FROM grants g
            WHERE g.organization_id = a.organization_id AND g.account_id = a.id AND g.live AND g.effective_at <= ${at}
              AND (g.expires_at IS NULL OR g.expires_at > ${at})), 0) AS micros,
          (SELECT s.period_end FROM subscriptions s JOIN tier_versions v ON v.tier_id = s.tier_id AND v.version = s.tier_version
            WHERE s.organization_id = a.organization_id AND s.account_id = a.id AND s.status IN ('active', 'past_due')
              AND NOT s.pending_cancel AND v.price_minor > 0 AND s.collection <> 'none') AS paid_until
        FROM credit_accounts a WHERE a.organization_id = ${organizationId}
      ), members AS (SELECT * FROM own WHERE user_id <> ${organizationId})
      SELECT o.central_billing_at AS since, o.billing_email AS "billingEmail",
        (SELECT count(*) FROM members WHERE micros > 0) AS "membersWithCredits",
        (SELECT coalesce(sum(micros), 0)::bigint FROM members) AS "memberCreditMicros",
        (SELECT count(*) FROM members WHERE paid_until IS NOT NULL) AS "paidSubscriptions",
        (SELECT paid_until FROM own WHERE user_id = ${organizationId}) AS "organizationPaidUntil"
      FROM organizations o WHERE o.id = ${organizationId}`.execute(kysely)
    return rows[0]
  },

  lock: (t: Transaction<Schema>, organizationId: string) =>
    t
      .selectFrom('organizations')
      .select(['name', 'kind', 'central_billing_at as centralBillingAt', 'billing_email as billingEmail'])
      .where('id', '=', organizationId)
      // Not of the key: whatever names the organisation meanwhile goes on.
      .forNoKeyUpdate()
      .executeTakeFirst(),

  /** The organisation as the holder of its account (migration 0088): without a password or a membership nobody signs in. */
  ensureHolder: async (t: Transaction<Schema>, organization: { id: string; name: string }): Promise<void> => {
    const { id, name } = organization
    await t
      .insertInto('users')
      .values({ id, kind: 'organization', email: `${id}@organization.invalid`, name })
      .onConflict((conflict) => conflict.column('id').doUpdateSet({ name }))
      .execute()
  },

  save: async (
    t: Transaction<Schema>,
    organizationId: string,
    { since, billingEmail }: { since: Date | null; billingEmail: string },
  ): Promise<void> => {
    await t
      .updateTable('organizations')
      .set({ central_billing_at: since, billing_email: billingEmail })
      .where('id', '=', organizationId)
      .execute()
  },
})
