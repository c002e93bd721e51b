import { type Kysely, type RawBuilder, sql, type Transaction } from 'kysely'
import type { Schema } from '../db/schema.ts'
import { type Budget, spansOrganizations } from './budget.ts'
import { type Forecast, trailingDays } from './forecast.ts'
import type { Span } from './period.ts'

type Run = Kysely<Schema> | Transaction<Schema>

/** The operations that count, and what of each; `counts` in budget.ts asks the same of one. */
const operationsOf = (budget: Budget): { where: RawBuilder<unknown>; amount: RawBuilder<unknown> } => {
  const { organizationId, scope, measure } = budget
  const conditions = [
    ...(spansOrganizations(budget) ? [] : [sql`o.organization_id = ${organizationId}::uuid`]),
    ...(scope.userId === null
      ? []
      : [
          measure === 'credits' && scope.accessTokenId === null
            ? onCreditsOf(organizationId, scope.userId)
            : sql`o.user_id = ${scope.userId}::uuid`,
        ]),
    ...(scope.accessTokenId === null ? [] : [sql`o.access_token_id = ${scope.accessTokenId}::uuid`]),
    ...(scope.serviceId === null ? [] : [sql`o.service_id = ${scope.serviceId}`]),
    ...(scope.teamId === null ? [] : [sql`o.team_id = ${scope.teamId}::uuid`]),
    ...(scope.serviceKeyId === null ? [] : [sql`o.service_key_id = ${scope.serviceKeyId}::uuid`]),
    ...(budget.eachMember ? [sql`false`] : []),
    measure === 'credits' ? sql`o.key_owner = 'system'` : sql`o.key_owner IN ('user', 'organization')`,
  ]
  return {
    where: sql.join(conditions, sql` AND `),
    amount: measure === 'credits' ? sql`o.credit_micros` : sql`coalesce(o.cost_nano_usd, 0)`,
  }
}

/** A member's own, and those of machines that were charged to their account. */
const onCreditsOf = (organizationId: string, userId: string) => sql`
  o.user_id = ANY (ARRAY (SELECT ${userId}::uuid
    UNION ALL SELECT m.user_id FROM service_accounts m WHERE m.organization_id = ${organizationId}::uuid))
  AND (o.user_id = ${userId}::uuid OR EXISTS (
    SELECT FROM holds h JOIN credit_accounts a ON a.organization_id = h.organization_id AND a.id = h.account_id
    WHERE h.organization_id = o.organization_id AND h.id = o.id AND a.user_id = ${userId}::uuid))`

/** Ids tell the time at which operations began, so this is a range of the key. */
const began = ({ startsAt, endsAt }: Span) =>
  sql`o.id >= first_id_at(${startsAt}::timestamptz) AND o.id < first_id_at(${endsAt}::timestamptz)`

export const ensurePeriod = async (run: Run, budget: Budget, span: Span): Promise<void> => {
  await run
    .insertInto('budget_periods')
    .values({
      organization_id: budget.organizationId,
      budget_id: budget.id,
      starts_at: span.startsAt,
      ends_at: span.endsAt,
      limit_amount: budget.limit,
    })
    .onConflict((conflict) => conflict.doNothing())
    .execute()
}

export interface Recount {
  readonly used: bigint
  /** What the operations themselves add up to. */
  readonly total: bigint
  readonly recounts: number
}

/**
 * Both in one statement, which sees one state of the database: records and counts commit together, so a difference is
 * what was never counted, not what is just being counted.
 */
export const compare = async (run: Run, budget: Budget, span: Span): Promise<Recount | null> => {
  const { where, amount } = operationsOf(budget)
  const { rows } = await sql<Recount>`
    SELECT p.used, p.recounts,
      (SELECT coalesce(sum(${amount}), 0)::bigint FROM operations o WHERE ${where} AND ${began(span)}) AS total
    FROM budget_periods p
    WHERE p.organization_id = ${budget.organizationId} AND p.budget_id = ${budget.id}
      AND p.starts_at = ${span.startsAt}`.execute(run)
  return rows[0] ?? null
}

/** False: somebody else did it since. */
export const correct = async (
  run: Run,
  budget: Budget,
  span: Span,
  { used, total, recounts }: Recount,
  at: Date,
): Promise<boolean> => {
  const { numUpdatedRows } = await run
    .updateTable('budget_periods')
    .set((eb) => ({ used: eb('used', '+', total - used), recounts: recounts + 1, recounted_at: at }))
    .where('organization_id', '=', budget.organizationId)
    .where('budget_id', '=', budget.id)
    .where('starts_at', '=', span.startsAt)
    .where('recounts', '=', recounts)
    .executeTakeFirst()
  return numUpdatedRows === 1n
}

/** What was used in each of the last days (24 hours back from now), one more than the forecast counts. */
export const usedByDay = async (run: Run, budget: Budget, now: Date): Promise<bigint[]> => {
  const { where, amount } = operationsOf(budget)
  return byDay(run, where, amount, now)
}

export const creditsByDay = (
  run: Run,
  organizationId: string,
  /** null: of everybody, where the organisation's account pays for them. */
  userId: string | null,
  now: Date,
): Promise<bigint[]> =>
  byDay(
    run,
    sql`o.organization_id = ${organizationId}::uuid AND o.key_owner = 'system'
      AND ${userId === null ? sql`true` : onCreditsOf(organizationId, userId)}`,
    sql`o.credit_micros`,
    now,
  )

const dayMs = 86_400_000

const byDay = async (
  run: Run,
  where: RawBuilder<unknown>,
  amount: RawBuilder<unknown>,
  now: Date,
): Promise<bigint[]> => {
  const since = new Date(now.getTime() - (trailingDays + 1) * dayMs)
  const { rows } = await sql<{ day: number; used: bigint }>`
    SELECT floor(extract(epoch FROM ${now}::timestamptz - o.started_at) / 86400)::integer AS day, sum(${amount})::bigint AS used
    FROM operations o WHERE ${where} AND ${began({ startsAt: since, endsAt: now })}
    GROUP BY 1`.execute(run)
  const days = Array.from({ length: trailingDays + 1 }, () => 0n)
  for (const { day, used } of rows) if (day >= 0 && day < days.length) days[day] = used
  return days
}

export interface StoredPeriod extends Span {
  readonly limit: bigint
  readonly used: bigint
  readonly fired: readonly string[]
  readonly refusedAt: Date | null
}

const periodFrom = (row: {
  starts_at: Date
  ends_at: Date
  limit_amount: bigint
  used: bigint
  fired: string[]
  refused_at: Date | null
}): StoredPeriod => ({
  startsAt: row.starts_at,
  endsAt: row.ends_at,
  limit: row.limit_amount,
  used: row.used,
  fired: row.fired,
  refusedAt: row.refused_at,
})

/** Newest first. */
export const periodsOf = async (run: Run, budget: Budget, limit: number): Promise<StoredPeriod[]> =>
  (
    await run
      .selectFrom('budget_periods')
      .selectAll()
      .where('organization_id', '=', budget.organizationId)
      .where('budget_id', '=', budget.id)
      .orderBy('starts_at', 'desc')
      .limit(limit)
      .execute()
  ).map(periodFrom)

export interface Standing {
  readonly period: StoredPeriod | null
  readonly reserved: bigint
  readonly forecast: Forecast | null
}

/** How budgets stand in these periods, in the order given. */
export const standingsOf = async (
  run: Run,
  wanted: readonly { budget: Budget; span: Span }[],
): Promise<Standing[]> => {
  if (wanted.length === 0) return []
  const { rows } = await sql<{
    at: number
    starts_at: Date | null
    ends_at: Date
    limit_amount: bigint
    used: bigint
    fired: string[]
    refused_at: Date | null
    reserved: bigint
    forecast: StoredForecast | null
  }>`
    SELECT wanted.at::integer AS at, p.starts_at, p.ends_at, p.limit_amount, p.used, p.fired, p.refused_at, b.forecast,
      (SELECT coalesce(sum(r.amount), 0)::bigint FROM budget_reservations r
       WHERE r.organization_id = wanted.organization_id AND r.budget_id = wanted.budget_id
         AND r.starts_at = wanted.starts_at) AS reserved
    FROM unnest(${wanted.map(({ budget }) => budget.organizationId)}::uuid[], ${wanted.map(({ budget }) => budget.id)}::uuid[],
      ${wanted.map(({ span }) => span.startsAt.toISOString())}::timestamptz[]) WITH ORDINALITY
      AS wanted (organization_id, budget_id, starts_at, at)
    JOIN budgets b ON b.organization_id = wanted.organization_id AND b.id = wanted.budget_id
    LEFT JOIN budget_periods p ON p.organization_id = wanted.organization_id AND p.budget_id = wanted.budget_id
      AND p.starts_at = wanted.starts_at
    ORDER BY wanted.at`.execute(run)
  return rows.map((row) => ({
    period: row.starts_at === null ? null : periodFrom({ ...row, starts_at: row.starts_at }),
    reserved: row.reserved,
    forecast: row.forecast === null ? null : forecastFrom(row.forecast),
  }))
}

interface StoredForecast {
  readonly state: Forecast['state']
  readonly method: Forecast['method']
  readonly perDay: string | null
  readonly daysOfData: number
  readonly runsOutAt: string | null
  readonly until: string | null
}

const forecastFrom = (stored: StoredForecast): Forecast => ({
  ...stored,
  perDay: stored.perDay === null ? null : BigInt(stored.perDay),
  runsOutAt: stored.runsOutAt === null ? null : new Date(stored.runsOutAt),
  until: stored.until === null ? null : new Date(stored.until),
})

export const writeForecast = async (
  run: Run,
  budget: Budget,
  forecast: Forecast,
  at: Date,
): Promise<void> => {
  const stored: StoredForecast = {
    ...forecast,
    perDay: forecast.perDay === null ? null : String(forecast.perDay),
    runsOutAt: forecast.runsOutAt?.toISOString() ?? null,
    until: forecast.until?.toISOString() ?? null,
  }
  await run
    .updateTable('budgets')
    .set({ forecast: JSON.stringify(stored), forecast_at: at })
    .where('organization_id', '=', budget.organizationId)
    .where('id', '=', budget.id)
    .execute()
}

/** Marks as told what was not yet told of a period; gives what was not. Held until the transaction commits. */
export const claimNews = async (
  transaction: Transaction<Schema>,
  budget: Budget,
  span: Span,
  news: (period: StoredPeriod) => readonly string[],
): Promise<{ period: StoredPeriod; fresh: readonly string[] } | null> => {
  const row = await transaction
    .selectFrom('budget_periods')
    .selectAll()
    .where('organization_id', '=', budget.organizationId)
    .where('budget_id', '=', budget.id)
    .where('starts_at', '=', span.startsAt)
    .forNoKeyUpdate()
    .executeTakeFirst()
  if (!row) return null
  const period = periodFrom(row)
  const fresh = news(period).filter((one) => !period.fired.includes(one))
  if (fresh.length > 0)
    await transaction
      .updateTable('budget_periods')
      .set({ fired: [...period.fired, ...fresh] })
      .where('organization_id', '=', budget.organizationId)
      .where('budget_id', '=', budget.id)
      .where('starts_at', '=', span.startsAt)
      .execute()
  return { period, fresh }
}

export const setPeriodLimit = async (run: Run, budget: Budget, span: Span): Promise<void> => {
  await run
    .updateTable('budget_periods')
    .set({ limit_amount: budget.limit })
    .where('organization_id', '=', budget.organizationId)
    .where('budget_id', '=', budget.id)
    .where('starts_at', '=', span.startsAt)
    .execute()
}
