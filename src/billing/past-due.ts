import { sql } from 'kysely'
import type { Alerts } from '../alerts/alerts.ts'
import type { Database } from '../db/database.ts'

/** Payments that failed longer ago than this are no news. */
const newsMs = 2 * 86_400_000

interface Unpaid {
  readonly key: string
  readonly organizationId: string
  readonly userId: string
  /** Until the tier is taken away; null: a top-up, which takes nothing away. */
  readonly graceUntil: Date | null
  readonly tierName: string | null
}

/**
 * Tells payers that a renewal or an automatic top-up was not paid. By looking at what is so, once a minute, rather than by
 * a call in each of the ways to get there; who was told is not found again.
 */
export const tellUnpaid = async (
  { database, alerts }: { readonly database: Database; readonly alerts: Pick<Alerts, 'notify'> },
  now: Date,
): Promise<number> => {
  const { rows } = await sql<Unpaid>`
    SELECT * FROM (
      SELECT 'past_due:' || s.account_id || ':' || to_char(s.period_start AT TIME ZONE 'UTC', 'YYYY-MM-DD') AS key,
        s.organization_id AS "organizationId", s.user_id AS "userId", s.grace_until AS "graceUntil", t.name AS "tierName"
      FROM subscriptions s
      JOIN tier_versions t ON t.tier_id = s.tier_id AND t.version = s.tier_version
      WHERE s.status = 'past_due'
      UNION ALL
      SELECT 'top_up:' || p.id, p.organization_id, p.user_id, NULL, NULL
      FROM payments p
      WHERE p.purpose = 'auto_top_up' AND p.status IN ('failed', 'denied')
        AND p.decided_at > ${new Date(now.getTime() - newsMs)}
    ) AS unpaid
    WHERE NOT EXISTS (
      SELECT FROM alerts a WHERE a.organization_id = unpaid."organizationId" AND a.user_id = unpaid."userId"
        AND a.key = unpaid.key)
    LIMIT 500`.execute(database.kysely)
  let told = 0
  for (const { key, organizationId, userId, graceUntil, tierName } of rows)
    told += await alerts.notify({
      audience: { kind: 'user', organizationId, userId },
      kind: 'payment_failed',
      severity: 'critical',
      key,
      title: graceUntil === null ? 'An automatic top-up was not paid' : 'Your subscription is not paid',
      text:
        graceUntil === null
          ? 'No credits were bought. Check the payment method, or buy credits by hand.'
          : `The payment for ${tierName} failed or is overdue. You keep it until ${graceUntil.toISOString().slice(0, 10)}; pay before, or the free tier takes its place.`,
      path: '/credits',
    })
  return told
}
