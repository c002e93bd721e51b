import { type Kysely, sql, type Transaction } from 'kysely'
import type { Schema } from '../db/schema.ts'
import { formerDays, type Thresholds, usualThresholds } from './anomaly.ts'

type Executor = Kysely<Schema> | Transaction<Schema>

export interface Anomaly {
  readonly organizationId: string
  readonly id: string
  readonly kind: 'sudden_spend' | 'new_model' | 'new_country'
  readonly userId: string | null
  readonly serviceId: string | null
  readonly model: string | null
  readonly country: string | null
  readonly spentNanoUsd: bigint | null
  readonly usualNanoUsd: bigint | null
  readonly at: Date
  readonly dismissedAt: Date | null
}

export interface Spender {
  readonly organizationId: string
  /** null: everybody of the organisation together. */
  readonly userId: string | null
  readonly spentNanoUsd: bigint
}

export interface FirstUse {
  readonly organizationId: string
  readonly userId: string
  readonly serviceId: string
  readonly model: string
}

/** Ids begin with their instant; an hour allows for clocks that differ. */
const since = (at: Date) =>
  sql`o.id >= first_id_at(${at}::timestamptz - interval '1 hour') AND o.started_at >= ${at}`

const dayMs = 86_400_000

export const makeAnomalyStore = (kysely: Kysely<Schema>) => ({
  thresholds: async (executor: Executor, organizationId: string): Promise<Thresholds> =>
    (await executor
      .selectFrom('anomaly_thresholds')
      .select([
        'spend_factor as spendFactor',
        'spend_floor_nano_usd as spendFloorNanoUsd',
        'tells_models as tellsModels',
        'tells_countries as tellsCountries',
      ])
      .where('organization_id', '=', organizationId)
      .executeTakeFirst()) ?? usualThresholds,

  saveThresholds: async (
    t: Transaction<Schema>,
    organizationId: string,
    wanted: Thresholds,
  ): Promise<void> => {
    const values = {
      spend_factor: wanted.spendFactor,
      spend_floor_nano_usd: wanted.spendFloorNanoUsd,
      tells_models: wanted.tellsModels,
      tells_countries: wanted.tellsCountries,
    }
    await t
      .insertInto('anomaly_thresholds')
      .values({ organization_id: organizationId, ...values })
      .onConflict((conflict) => conflict.column('organization_id').doUpdateSet(values))
      .execute()
  },

  /** Who spent as much as their organisation's floor in the last 24 hours, alone and all together. */
  spenders: async (now: Date): Promise<Spender[]> => {
    const { rows } = await sql<Spender>`
      SELECT s.* FROM (
        SELECT o.organization_id AS "organizationId", o.user_id AS "userId", sum(o.cost_nano_usd)::bigint AS "spentNanoUsd"
        FROM operations o WHERE ${since(new Date(now.getTime() - dayMs))} AND o.started_at < ${now}
        GROUP BY GROUPING SETS ((o.organization_id, o.user_id), (o.organization_id))) s
      LEFT JOIN anomaly_thresholds t ON t.organization_id = s."organizationId"
      WHERE s."spentNanoUsd" >= coalesce(t.spend_floor_nano_usd, ${usualThresholds.spendFloorNanoUsd})`.execute(
      kysely,
    )
    return rows
  },

  /** The 24 hours before those, and so on; without those on which nothing was used. */
  formerSpend: async ({ organizationId, userId }: Spender, now: Date): Promise<bigint[]> => {
    const { rows } = await sql<{ spent: bigint }>`
      SELECT sum(o.cost_nano_usd)::bigint AS spent FROM operations o
      WHERE o.organization_id = ${organizationId} AND (${userId}::uuid IS NULL OR o.user_id = ${userId})
        AND ${since(new Date(now.getTime() - (formerDays + 1) * dayMs))}
        AND o.started_at < ${new Date(now.getTime() - dayMs)} AND o.cost_nano_usd > 0
      GROUP BY floor(extract(epoch FROM ${now}::timestamptz - o.started_at) / 86400)`.execute(kysely)
    return rows.map(({ spent }) => spent)
  },

  /**
   * Models that a company used in the last day and not in the quarter before, where it has used anything for longer than a
   * week: of whoever begins, everything is new.
   */
  firstUses: async (now: Date): Promise<FirstUse[]> => {
    const lately = new Date(now.getTime() - dayMs)
    const { rows } = await sql<FirstUse>`
      WITH used AS (
        SELECT DISTINCT ON (o.organization_id, o.service_id, o.model) o.organization_id, o.service_id, o.model, o.user_id
        FROM operations o JOIN organizations g ON g.id = o.organization_id AND g.kind = 'company'
        WHERE ${since(lately)} AND o.started_at < ${now} AND o.status = 'succeeded'
          AND o.service_id IS NOT NULL AND o.model IS NOT NULL
        ORDER BY o.organization_id, o.service_id, o.model, o.id
      )
      SELECT u.organization_id AS "organizationId", u.user_id AS "userId", u.service_id AS "serviceId", u.model FROM used u
      LEFT JOIN anomaly_thresholds t ON t.organization_id = u.organization_id
      WHERE coalesce(t.tells_models, true)
        AND NOT EXISTS (SELECT FROM anomalies a WHERE a.organization_id = u.organization_id
          AND a.key = 'model:' || u.service_id || '/' || u.model)
        AND EXISTS (SELECT FROM operations o WHERE o.organization_id = u.organization_id
          AND o.started_at < ${new Date(now.getTime() - 7 * dayMs)})
        AND NOT EXISTS (SELECT FROM operations o WHERE o.organization_id = u.organization_id
          AND o.service_id = u.service_id AND o.model = u.model AND o.status = 'succeeded'
          AND ${since(new Date(now.getTime() - 90 * dayMs))} AND o.started_at < ${lately})`.execute(kysely)
    return rows
  },

  /** False: it was found before. */
  insert: async (
    t: Transaction<Schema>,
    { key, ...found }: Omit<Anomaly, 'dismissedAt'> & { key: string },
  ) => {
    const { numInsertedOrUpdatedRows } = await t
      .insertInto('anomalies')
      .values({
        organization_id: found.organizationId,
        id: found.id,
        kind: found.kind,
        key,
        user_id: found.userId,
        service_id: found.serviceId,
        model: found.model,
        country: found.country,
        spent_nano_usd: found.spentNanoUsd,
        usual_nano_usd: found.usualNanoUsd,
        at: found.at,
      })
      .onConflict((conflict) => conflict.columns(['organization_id', 'key']).doNothing())
      .executeTakeFirst()
    return numInsertedOrUpdatedRows === 1n
  },

  /** The newest; open ones only, unless all are wanted. */
  list: async (organizationId: string, all: boolean, limit: number): Promise<Anomaly[]> => {
    let query = kysely
      .selectFrom('anomalies')
      .select([
        'organization_id as organizationId',
        'id',
        'kind',
        'user_id as userId',
        'service_id as serviceId',
        'model',
        'country',
        'spent_nano_usd as spentNanoUsd',
        'usual_nano_usd as usualNanoUsd',
        'at',
        'dismissed_at as dismissedAt',
      ])
      .where('organization_id', '=', organizationId)
      .orderBy('at', 'desc')
      .orderBy('id', 'desc')
      .limit(limit)
    if (!all) query = query.where('dismissed_at', 'is', null)
    return query.execute()
  },

  dismiss: async (
    t: Transaction<Schema>,
    of: { organizationId: string; id: string; at: Date; by: string | null },
  ) => {
    const { numUpdatedRows } = await t
      .updateTable('anomalies')
      .set({ dismissed_at: of.at, dismissed_by: of.by })
      .where('organization_id', '=', of.organizationId)
      .where('id', '=', of.id)
      .where('dismissed_at', 'is', null)
      .executeTakeFirstOrThrow()
    return numUpdatedRows === 1n
  },

  isKnown: async (executor: Executor, organizationId: string, id: string): Promise<boolean> =>
    (await executor
      .selectFrom('anomalies')
      .select('id')
      .where('organization_id', '=', organizationId)
      .where('id', '=', id)
      .executeTakeFirst()) !== undefined,

  /** Gives those who had called from elsewhere before, and not from there. */
  noteCountries: async (
    t: Transaction<Schema>,
    seen: readonly { organizationId: string; userId: string; country: string; at: Date }[],
  ): Promise<{ organizationId: string; userId: string; country: string }[]> => {
    const { rows } = await sql<{ organizationId: string; userId: string; country: string }>`
      WITH seen AS (
        SELECT * FROM unnest(${seen.map((one) => one.organizationId)}::uuid[], ${seen.map((one) => one.userId)}::uuid[],
          ${seen.map((one) => one.country)}::text[], ${seen.map((one) => one.at)}::timestamptz[]) AS s (organization_id, user_id, country, at)
      ), known AS (
        SELECT DISTINCT m.organization_id, m.user_id FROM member_countries m
        JOIN seen s ON s.organization_id = m.organization_id AND s.user_id = m.user_id
      ), written AS (
        INSERT INTO member_countries (organization_id, user_id, country, first_at, last_at)
        SELECT organization_id, user_id, country, min(at), max(at) FROM seen GROUP BY 1, 2, 3
        -- Processes that note the same rows take them in one order.
        ORDER BY 1, 2, 3
        ON CONFLICT (organization_id, user_id, country) DO UPDATE SET last_at = greatest(member_countries.last_at, excluded.last_at)
        RETURNING organization_id, user_id, country, xmax = 0 AS is_new
      )
      SELECT w.organization_id AS "organizationId", w.user_id AS "userId", w.country FROM written w
      JOIN known k ON k.organization_id = w.organization_id AND k.user_id = w.user_id WHERE w.is_new`.execute(
      t,
    )
    return rows
  },
})
