import { type Kysely, sql, type Transaction } from 'kysely'
import type { Schema } from '../db/schema.ts'

type Run = Kysely<Schema> | Transaction<Schema>

export interface BudgetKey {
  readonly organizationId: string
  readonly id: string
}

/**
 * What nobody will end any more: of processes whose lease is long over, by the database's clock and by the caller's. What
 * a hold or a task of a service that goes on stands behind goes with it.
 */
export const dropAbandoned = async (
  run: Run,
  terms: { at: Date; graceMs: number; ownProcessId: string },
): Promise<number> => {
  const { numAffectedRows } = await sql`
    DELETE FROM budget_reservations r
    WHERE r.process_id <> ${terms.ownProcessId}::uuid
      AND r.created_at < ${terms.at}::timestamptz - ${terms.graceMs}::bigint * interval '1 millisecond'
      AND NOT EXISTS (
        SELECT FROM processes p WHERE p.id = r.process_id
          AND p.lease_until > least(now(), ${terms.at}::timestamptz) - ${terms.graceMs}::bigint * interval '1 millisecond')
      AND NOT EXISTS (SELECT FROM holds h WHERE h.organization_id = r.caller_organization_id AND h.id = r.operation_id
        AND h.state IN ('open', 'unresolved'))
      AND NOT EXISTS (SELECT FROM long_operations l WHERE l.organization_id = r.caller_organization_id
        AND l.id = r.operation_id AND l.ended_at IS NULL)`.execute(run)
  return Number(numAffectedRows ?? 0n)
}

/** Live budgets whose forecast is older than this, or that have none; the oldest first. */
export const dueForecasts = (run: Run, before: Date, limit: number): Promise<BudgetKey[]> =>
  run
    .selectFrom('budgets')
    .select(['organization_id as organizationId', 'id'])
    .where('archived_at', 'is', null)
    .where((eb) => eb.or([eb('forecast_at', 'is', null), eb('forecast_at', '<', before)]))
    .orderBy((eb) => eb.fn.coalesce('forecast_at', sql<Date>`'-infinity'::timestamptz`))
    .limit(limit)
    .execute()

/**
 * Live budgets of which there may be something to tell: a period that has not long ended, used for more than was told of.
 * Rough on purpose; who asks looks again under the period's lock.
 */
export const withNews = async (
  run: Run,
  endedAfter: Date,
): Promise<(BudgetKey & { startsAt: Date; endsAt: Date })[]> => {
  const { rows } = await sql<BudgetKey & { startsAt: Date; endsAt: Date }>`
    SELECT b.organization_id AS "organizationId", b.id, p.starts_at AS "startsAt", p.ends_at AS "endsAt"
    FROM budget_periods p
    JOIN budgets b ON b.organization_id = p.organization_id AND b.id = p.budget_id
    WHERE p.ends_at > ${endedAfter} AND b.archived_at IS NULL
      AND ((p.refused_at IS NOT NULL AND NOT 'refused' = ANY (p.fired))
        OR EXISTS (SELECT FROM unnest(ARRAY[50, 75, 90, 100]) AS threshold
          WHERE p.used::numeric * 100 >= b.limit_amount::numeric * threshold AND NOT threshold::text = ANY (p.fired)))
    LIMIT 1000`.execute(run)
  return rows
}

/** Periods to compare with their operations: often while their budget is new, then now and then. */
export const dueRecounts = async (
  run: Run,
  at: Date,
  limit: number,
): Promise<(BudgetKey & { startsAt: Date; endsAt: Date })[]> => {
  const { rows } = await sql<BudgetKey & { startsAt: Date; endsAt: Date }>`
    SELECT b.organization_id AS "organizationId", b.id, p.starts_at AS "startsAt", p.ends_at AS "endsAt"
    FROM budget_periods p
    JOIN budgets b ON b.organization_id = p.organization_id AND b.id = p.budget_id
    WHERE p.ends_at > ${at}::timestamptz - interval '2 hours' AND b.archived_at IS NULL
      AND (p.recounted_at IS NULL
        OR p.recounted_at < ${at}::timestamptz - CASE WHEN b.created_at > ${at}::timestamptz - interval '40 minutes'
          THEN interval '1 minute' ELSE interval '1 hour' END)
    ORDER BY p.recounted_at NULLS FIRST LIMIT ${limit}`.execute(run)
  return rows
}

export interface AccountKey {
  readonly organizationId: string
  readonly accountId: string
  readonly userId: string
}

/** Claims accounts that were not looked at for a while, so that of several processes each takes others. */
export const claimAccounts = async (
  run: Run,
  before: Date,
  at: Date,
  limit: number,
): Promise<AccountKey[]> => {
  const { rows } = await sql<AccountKey>`
    WITH due AS (
      SELECT a.organization_id, a.id, a.user_id FROM credit_accounts a
      JOIN organizations o ON o.id = a.organization_id
      LEFT JOIN credit_forecasts f ON f.organization_id = a.organization_id AND f.account_id = a.id
      -- Only what is paid from can run out: the organisation's own account, or its members'.
      WHERE (a.user_id = o.id) = (o.central_billing_at IS NOT NULL) AND a.transaction_count > 0 AND (f.checked_at IS NULL OR f.checked_at < ${before})
      ORDER BY f.checked_at NULLS FIRST LIMIT ${limit}
    ), claimed AS (
      INSERT INTO credit_forecasts (organization_id, account_id, checked_at)
      SELECT organization_id, id, ${at} FROM due
      ON CONFLICT (organization_id, account_id) DO UPDATE SET checked_at = excluded.checked_at
        WHERE credit_forecasts.checked_at < ${before}
      RETURNING organization_id, account_id
    )
    SELECT due.organization_id AS "organizationId", due.id AS "accountId", due.user_id AS "userId"
    FROM claimed JOIN due ON due.organization_id = claimed.organization_id AND due.id = claimed.account_id`.execute(
    run,
  )
  return rows
}

export interface CreditsLeft {
  readonly availableMicros: bigint
  /** When the next allocation comes; null: none will. */
  readonly nextAllocationAt: Date | null
  readonly periodStart: Date
  readonly timeZone: string
}

/** What an account has now. Credits that will expire before they are used count as well. */
export const creditsLeft = async (
  run: Run,
  { organizationId, accountId }: Pick<AccountKey, 'organizationId' | 'accountId'>,
  at: Date,
): Promise<CreditsLeft | null> => {
  const { rows } = await sql<{
    available: bigint
    debt: bigint
    allocated_until: Date
    period_start: Date | null
    status: string | null
    time_zone: string | null
  }>`
    SELECT a.debt_micros AS debt, a.allocated_until, s.period_start, s.status, s.time_zone,
      (SELECT coalesce(sum(g.remaining_micros), 0)::bigint FROM grants g
       WHERE g.organization_id = a.organization_id AND g.account_id = a.id AND g.live
         AND g.effective_at <= ${at} AND (g.expires_at IS NULL OR g.expires_at > ${at})) AS available
    FROM credit_accounts a
    LEFT JOIN subscriptions s ON s.organization_id = a.organization_id AND s.account_id = a.id
    WHERE a.organization_id = ${organizationId} AND a.id = ${accountId}`.execute(run)
  const row = rows[0]
  if (!row) return null
  const availableMicros = row.available - row.debt
  return {
    availableMicros: availableMicros > 0n ? availableMicros : 0n,
    nextAllocationAt: row.status === 'paused' || row.allocated_until <= at ? null : row.allocated_until,
    periodStart: row.period_start ?? row.allocated_until,
    timeZone: row.time_zone ?? 'UTC',
  }
}

/** Whose account it is. */
export const holderOf = async (run: Run, organizationId: string, accountId: string): Promise<string | null> =>
  (
    await run
      .selectFrom('credit_accounts')
      .select('user_id as userId')
      .where('organization_id', '=', organizationId)
      .where('id', '=', accountId)
      .executeTakeFirst()
  )?.userId ?? null

export const accountOf = async (run: Run, organizationId: string, userId: string): Promise<string | null> =>
  (
    await run
      .selectFrom('credit_accounts')
      .select('id')
      .where('organization_id', '=', organizationId)
      .where('user_id', '=', userId)
      .executeTakeFirst()
  )?.id ?? null
