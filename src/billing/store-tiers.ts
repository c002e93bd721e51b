import { sql } from 'kysely'
import type { Tier, TierDraft, TierVersion } from './tier.ts'
import { type Executor, type T, versionAt, versionFrom } from './store.ts'

export const listTiers = async (executor: Executor, at: Date): Promise<Tier[]> => {
  const rows = await executor.selectFrom('tiers').selectAll().orderBy('position').orderBy('id').execute()
  const counts = await sql<{ tierId: string; count: bigint }>`
    SELECT tier_id AS "tierId", count(*) AS count FROM credit_accounts GROUP BY tier_id`.execute(executor)
  const counted = new Map(counts.rows.map((row) => [row.tierId, Number(row.count)]))
  return Promise.all(
    rows.map(async (row) => ({
      id: row.id,
      position: row.position,
      archivedAt: row.archived_at,
      current: (await versionAt(executor, row.id, at)) as TierVersion,
      next: (await nextVersion(executor, row.id, at)) ?? null,
      subscribers: counted.get(row.id) ?? 0,
    })),
  )
}

const nextVersion = async (executor: Executor, tierId: string, at: Date) => {
  const row = await executor
    .selectFrom('tier_versions')
    .selectAll()
    .where('tier_id', '=', tierId)
    .where('effective_at', '>', at)
    .orderBy('effective_at')
    .orderBy('version', 'desc')
    .limit(1)
    .executeTakeFirst()
  return row && versionFrom(row)
}

export const listVersions = async (executor: Executor, tierId: string): Promise<TierVersion[]> =>
  (
    await executor
      .selectFrom('tier_versions')
      .selectAll()
      .where('tier_id', '=', tierId)
      .orderBy('version', 'desc')
      .execute()
  ).map(versionFrom)

export const readTier = (executor: Executor, tierId: string) =>
  executor.selectFrom('tiers').selectAll().where('id', '=', tierId).executeTakeFirst()

/** Who has the tier, or changes to it at the end of their period. */
export const audience = async (executor: Executor, tierId: string) => {
  const { rows } = await sql<{ count: bigint; first: Date | null; last: Date | null }>`
    SELECT count(*) AS count, min(period_end) AS first, max(period_end) AS last FROM subscriptions
    WHERE coalesce(pending_tier_id, tier_id) = ${tierId} AND NOT pending_cancel`.execute(executor)
  const row = rows[0]
  return { count: Number(row?.count ?? 0n), first: row?.first ?? null, last: row?.last ?? null }
}

/** Serialises the versions of all tiers; they are few and seldom. */
const lockTiers = (t: T) => sql`SELECT pg_advisory_xact_lock(4203417014)`.execute(t)

/** Writing `tiers` would make a version of its own. */
const versionIsMade = (t: T) => sql`SELECT set_config('aideon.tier_version', 'made', true)`.execute(t)

export const insertVersion = async (
  t: T,
  draft: TierDraft,
  made: { effectiveAt: Date; at: Date; by: string },
): Promise<TierVersion> => {
  await lockTiers(t)
  await versionIsMade(t)
  const existing = await readTier(t, draft.tierId)
  if (!existing)
    await t
      .insertInto('tiers')
      .values({ id: draft.tierId, ...shownOf(draft), position: draft.position ?? 100 })
      .execute()
  else if (draft.position !== undefined)
    await t.updateTable('tiers').set({ position: draft.position }).where('id', '=', draft.tierId).execute()
  const { last } = await t
    .selectFrom('tier_versions')
    .select((e) => e.fn.max('version').as('last'))
    .where('tier_id', '=', draft.tierId)
    .executeTakeFirstOrThrow()
  const row = await t
    .insertInto('tier_versions')
    .values({
      tier_id: draft.tierId,
      version: (last ?? 0) + 1,
      name: draft.name,
      price_minor: draft.priceMinor,
      currency: draft.currency,
      allocation_micros: draft.allocationMicros,
      rollover_cap_micros: draft.rolloverCapMicros,
      entitlements: JSON.stringify(draft.entitlements),
      effective_at: existing ? made.effectiveAt : new Date(0),
      created_at: made.at,
      created_by: made.by,
      reason: draft.reason,
    })
    .returningAll()
    .executeTakeFirstOrThrow()
  await showCurrent(t, made.at)
  return versionFrom(row)
}

const shownOf = (tier: Pick<TierDraft, 'name' | 'priceMinor' | 'currency' | 'allocationMicros'>) => ({
  name: tier.name,
  monthly_price_cents: tier.priceMinor,
  currency: tier.currency,
  monthly_allocation_micros: tier.allocationMicros,
})

/** `tiers` shows the versions in effect. */
export const showCurrent = async (t: T, at: Date): Promise<void> => {
  await versionIsMade(t)
  await sql`
    UPDATE tiers SET name = v.name, monthly_price_cents = v.price_minor, currency = v.currency,
      monthly_allocation_micros = v.allocation_micros
    FROM (SELECT DISTINCT ON (tier_id) * FROM tier_versions WHERE effective_at <= ${at}
      ORDER BY tier_id, effective_at DESC, version DESC) AS v
    WHERE v.tier_id = tiers.id AND (tiers.name, tiers.monthly_price_cents, tiers.currency, tiers.monthly_allocation_micros)
      IS DISTINCT FROM (v.name, v.price_minor, v.currency, v.allocation_micros)`.execute(t)
}

export const archive = async (t: T, tierId: string, at: Date): Promise<boolean> => {
  const row = await t
    .updateTable('tiers')
    .set({ archived_at: at })
    .where('id', '=', tierId)
    .where('archived_at', 'is', null)
    .returning('id')
    .executeTakeFirst()
  return row !== undefined
}
