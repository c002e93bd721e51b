import { sql } from 'kysely'
import type { AccountKey, Executor } from './store.ts'

/** A grant with what of it can still be taken back. */
export interface AccountGrant {
  readonly id: string
  readonly kind: 'allocation' | 'purchase' | 'adjustment'
  readonly amountMicros: bigint
  readonly remainingMicros: bigint
  readonly expiredMicros: bigint
  /** Given and not reversed. */
  readonly issuedMicros: bigint
  /** In adjustments that wait for a second administrator. */
  readonly waitingMicros: bigint
  readonly effectiveAt: Date
  readonly expiresAt: Date | null
  readonly reason: string | null
  readonly createdBy: string
}

/** Newest first; spent and expired ones too. */
export const grantsOf = async (
  executor: Executor,
  key: AccountKey,
  filter: { id?: string; limit: number },
): Promise<AccountGrant[]> => {
  const { rows } = await sql<AccountGrant>`
    SELECT g.id, g.kind, g.amount_micros AS "amountMicros", g.remaining_micros AS "remainingMicros",
      g.effective_at AS "effectiveAt", g.expires_at AS "expiresAt", g.reason, g.created_by AS "createdBy",
      coalesce(s.issued, 0)::bigint AS "issuedMicros", coalesce(s.expired, 0)::bigint AS "expiredMicros",
      coalesce(w.waiting, 0)::bigint AS "waitingMicros"
    FROM grants g
    LEFT JOIN LATERAL (
      SELECT -sum(e.amount_micros) FILTER (WHERE e.bucket = 'issued') AS issued,
        sum(e.amount_micros) FILTER (WHERE e.bucket = 'expired') AS expired
      FROM ledger_entries e
      WHERE e.organization_id = g.organization_id AND e.grant_id = g.id AND e.bucket IN ('issued', 'expired')) s ON true
    LEFT JOIN LATERAL (
      SELECT sum(a.amount_micros) AS waiting FROM adjustments a
      WHERE a.organization_id = g.organization_id AND a.subject_id = g.id AND a.status = 'waiting') w ON true
    WHERE g.organization_id = ${key.organizationId} AND g.account_id = ${key.accountId}
      AND (${filter.id ?? null}::uuid IS NULL OR g.id = ${filter.id ?? null})
    ORDER BY g.created_at DESC, g.id DESC LIMIT ${filter.limit}`.execute(executor)
  return rows
}
