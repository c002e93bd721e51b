import { type Kysely, sql, type Transaction } from 'kysely'
import type { Schema } from '../db/schema.ts'
import { costCentreAt, costCentreOf } from '../insights/cost-centre.ts'
import type { ChargeLine } from './charge-back.ts'

type Executor = Kysely<Schema> | Transaction<Schema>

export interface CostCentreRow {
  readonly code: string
  readonly name: string
  readonly archivedAt: Date | null
  readonly members: bigint
  readonly teams: bigint
}

export interface AssignmentRow {
  readonly kind: 'member' | 'team'
  readonly id: string
  readonly name: string
  readonly email: string | null
  readonly code: string | null
  readonly since: Date | null
}

export interface Subject {
  readonly kind: 'member' | 'team'
  readonly id: string
}

const isOwnKey = sql`o.key_owner IN ('user', 'organization')`

export const makeOversightStore = (kysely: Kysely<Schema>) => ({
  /**
   * One statement, one moment. Credits are the ledger's own lines, of the transactions that each account's statement of these
   * instants has, so that the two cannot differ; whose they are is the operation's matter. What ran on own keys has no
   * ledger: it counts by when it began.
   */
  chargeLines: async (
    organizationId: string,
    { since, until }: { since: Date; until: Date },
  ): Promise<ChargeLine[]> => {
    const { rows } = await sql<ChargeLine>`
      WITH ranges AS MATERIALIZED (
        SELECT a.id, a.user_id, first_transaction_since(a.organization_id, a.id, ${since}) AS first,
          first_transaction_since(a.organization_id, a.id, ${until}) AS past
        FROM credit_accounts a WHERE a.organization_id = ${organizationId} AND a.transaction_count > 0
      ), charged AS MATERIALIZED (
        SELECT e.operation_id, r.user_id, sum(e.amount_micros) AS micros
        FROM ranges r JOIN ledger_entries e ON e.organization_id = ${organizationId} AND e.account_id = r.id
          AND e.number >= r.first AND e.number < r.past AND e.bucket = 'spent'
        GROUP BY e.operation_id, r.user_id
      ), pieces AS (
        SELECT coalesce(o.user_id, (h.operation ->> 'userId')::uuid, c.user_id) AS user_id,
          coalesce(o.team_id, (h.operation ->> 'teamId')::uuid) AS team_id,
          coalesce(o.service_id, h.operation ->> 'serviceId') AS service_id, 'system' AS key_owner,
          coalesce(o.started_at, h.created_at) AS started_at,
          0 AS operations, c.micros, 0 AS organization_key, 0 AS user_key, 0 AS unpriced
        FROM charged c
        LEFT JOIN holds h ON h.organization_id = ${organizationId} AND h.id = c.operation_id
        LEFT JOIN operations o ON o.organization_id = ${organizationId} AND o.id = c.operation_id
        UNION ALL
        SELECT o.user_id, o.team_id, o.service_id, o.key_owner, o.started_at, 1, 0,
          CASE WHEN o.key_owner = 'organization' THEN coalesce(o.cost_nano_usd, 0) ELSE 0 END,
          CASE WHEN o.key_owner = 'user' THEN coalesce(o.cost_nano_usd, 0) ELSE 0 END,
          CASE WHEN ${isOwnKey} AND o.cost_nano_usd IS NULL AND o.status = 'succeeded' THEN 1 ELSE 0 END
        FROM operations o
        WHERE o.organization_id = ${organizationId} AND o.started_at >= ${since} AND o.started_at < ${until}
          AND o.id >= first_id_at(${since}::timestamptz - interval '1 hour')
          AND o.id < first_id_at(${until}::timestamptz + interval '1 hour')
      )
      SELECT ${costCentreOf({ organization: sql`${organizationId}::uuid`, team: sql`p.team_id`, user: sql`p.user_id` }, sql`p.started_at`)}
          AS "costCentre", p.team_id AS "teamId", p.user_id AS "userId", p.service_id AS "serviceId", p.key_owner AS "keyOwner",
        sum(p.operations)::bigint AS operations, sum(p.micros)::bigint AS "creditMicros",
        sum(p.organization_key)::bigint AS "organizationKeyNanoUsd", sum(p.user_key)::bigint AS "userKeyNanoUsd",
        sum(p.unpriced)::bigint AS "unpricedOperations"
      FROM pieces p GROUP BY 1, 2, 3, 4, 5
      ORDER BY 1 NULLS LAST, 2 NULLS LAST, 3, 4 NULLS LAST, 5 NULLS LAST`.execute(kysely)
    return rows
  },

  /** Also of those who are members no more: the ids come from the organisation's own records. */
  emails: async (
    ids: readonly string[],
    executor: Executor = kysely,
  ): Promise<ReadonlyMap<string, string>> => {
    if (ids.length === 0) return new Map()
    const { rows } = await sql<{ id: string; email: string | null }>`
      SELECT id::text AS id, user_email(id::text) AS email FROM unnest(${[...ids]}::uuid[]) AS id`.execute(
      executor,
    )
    return new Map(rows.flatMap(({ id, email }) => (email === null ? [] : [[id, email]])))
  },

  costCentreNames: async (organizationId: string): Promise<ReadonlyMap<string, string>> => {
    const rows = await kysely
      .selectFrom('cost_centres')
      .select(['code', 'name'])
      .where('organization_id', '=', organizationId)
      .execute()
    return new Map(rows.map(({ code, name }) => [code, name]))
  },

  costCentres: async (
    executor: Executor,
    organizationId: string,
    at: Date,
    only?: string,
  ): Promise<CostCentreRow[]> => {
    const { rows } = await sql<CostCentreRow>`
      SELECT c.code, c.name, c.archived_at AS "archivedAt",
        (SELECT count(*) FROM memberships m WHERE m.organization_id = c.organization_id
          AND ${costCentreAt({ kind: 'member', organization: sql`m.organization_id`, id: sql`m.user_id` }, sql`${at}`)} = c.code)
          AS members,
        (SELECT count(*) FROM teams t WHERE t.organization_id = c.organization_id AND t.archived_at IS NULL
          AND ${costCentreAt({ kind: 'team', organization: sql`t.organization_id`, id: sql`t.id` }, sql`${at}`)} = c.code)
          AS teams
      FROM cost_centres c
      WHERE c.organization_id = ${organizationId} AND (${only ?? null}::text IS NULL OR c.code = ${only ?? null})
      ORDER BY c.archived_at IS NOT NULL, c.code`.execute(executor)
    return rows
  },

  assignments: async (organizationId: string, at: Date): Promise<AssignmentRow[]> => {
    const { rows } = await sql<AssignmentRow>`
      WITH subjects AS (
        SELECT 'team' AS kind, t.id, t.name, NULL AS email FROM teams t
        WHERE t.organization_id = ${organizationId} AND t.archived_at IS NULL
        UNION ALL
        SELECT 'member', m.user_id, u.name, u.email FROM memberships m JOIN users u ON u.id = m.user_id
        WHERE m.organization_id = ${organizationId}
      )
      SELECT s.kind, s.id, s.name, s.email, a.code, a.from_at AS since FROM subjects s
      LEFT JOIN LATERAL (SELECT code, from_at FROM cost_centre_assignments a
        WHERE a.organization_id = ${organizationId} AND a.subject_kind = s.kind AND a.subject_id = s.id
          AND a.from_at <= ${at} ORDER BY a.from_at DESC LIMIT 1) a ON true
      ORDER BY s.kind DESC, lower(s.name), s.id`.execute(kysely)
    return rows
  },

  saveCostCentre: async (
    t: Transaction<Schema>,
    centre: { organizationId: string; code: string; name: string; archivedAt: Date | null; at: Date },
  ): Promise<{ name: string; archivedAt: Date | null } | null> => {
    const before = await t
      .selectFrom('cost_centres')
      .select(['name', 'archived_at as archivedAt'])
      .where('organization_id', '=', centre.organizationId)
      .where('code', '=', centre.code)
      .forUpdate()
      .executeTakeFirst()
    await t
      .insertInto('cost_centres')
      .values({
        organization_id: centre.organizationId,
        code: centre.code,
        name: centre.name,
        archived_at: centre.archivedAt,
        created_at: centre.at,
      })
      .onConflict((conflict) =>
        conflict
          .columns(['organization_id', 'code'])
          .doUpdateSet({ name: centre.name, archived_at: centre.archivedAt }),
      )
      .execute()
    return before ?? null
  },

  /** Whether there is such a member or team. */
  isSubject: async (executor: Executor, organizationId: string, { kind, id }: Subject): Promise<boolean> => {
    const row =
      kind === 'member'
        ? await executor
            .selectFrom('memberships')
            .select('user_id')
            .where('organization_id', '=', organizationId)
            .where('user_id', '=', id)
            .executeTakeFirst()
        : await executor
            .selectFrom('teams')
            .select('id')
            .where('organization_id', '=', organizationId)
            .where('id', '=', id)
            .executeTakeFirst()
    return row !== undefined
  },

  teamNames: async (organizationId: string): Promise<ReadonlyMap<string, string>> => {
    const rows = await kysely
      .selectFrom('teams')
      .select(['id', 'name'])
      .where('organization_id', '=', organizationId)
      .execute()
    return new Map(rows.map(({ id, name }) => [id, name]))
  },

  /** From an instant on; what was said for later ones is replaced. Gives what held before at that instant. */
  assign: async (
    t: Transaction<Schema>,
    of: {
      organizationId: string
      subject: Subject
      code: string | null
      from: Date
      at: Date
      by: string | null
    },
  ): Promise<{ code: string | null; replaced: number }> => {
    const mine = {
      organization_id: of.organizationId,
      subject_kind: of.subject.kind,
      subject_id: of.subject.id,
    }
    // Two at once for the same one are done one after the other: the second finds what the first left.
    await sql`SELECT pg_advisory_xact_lock(hashtextextended(${`cost centre ${of.organizationId} ${of.subject.id}`}, 0))`.execute(
      t,
    )
    const before = await t
      .selectFrom('cost_centre_assignments')
      .select('code')
      .where((e) => e.and(mine))
      .where('from_at', '<=', of.from)
      .orderBy('from_at', 'desc')
      .limit(1)
      .executeTakeFirst()
    const { numDeletedRows } = await t
      .deleteFrom('cost_centre_assignments')
      .where((e) => e.and(mine))
      .where('from_at', '>=', of.from)
      .executeTakeFirstOrThrow()
    await t
      .insertInto('cost_centre_assignments')
      .values({ ...mine, from_at: of.from, code: of.code, created_at: of.at, created_by: of.by })
      .execute()
    return { code: before?.code ?? null, replaced: Number(numDeletedRows) }
  },
})
export type OversightStore = ReturnType<typeof makeOversightStore>
