import { type Kysely, type Selectable, sql, type Transaction } from 'kysely'
import type { PoolClient } from 'pg'
import type { Database } from '../db/database.ts'
import { inSnapshot } from '../db/transaction.ts'
import type { Reratings, Schema } from '../db/schema.ts'
import type { Units } from '../metering/usage.ts'
import type { AccountDifference, Charged, Rerated, Totals } from './rate.ts'
import type { Rerating, Scope } from './rerating.ts'

type T = Transaction<Schema>

/** What was charged of an operation in all; `o` is its record. */
const netOf = `o.credit_micros + coalesce((SELECT sum(CASE c.kind WHEN 'charge' THEN c.amount_micros ELSE -c.amount_micros END)
  FROM ledger_corrections c WHERE c.organization_id = o.organization_id AND c.operation_id = o.id), 0)::bigint`

interface Row {
  organization_id: string
  id: string
  account_id: string
  user_id: string
  started_at: Date
  service_id: string
  model: string
  price_book_version: number | null
  input_tokens: bigint
  cache_read_tokens: bigint
  cache_write_tokens: bigint
  cache_write_1h_tokens: bigint
  output_tokens: bigint
  reasoning_tokens: bigint
  units: Units | null
  usage_source: string
  cost_nano_usd: bigint | null
  held_micros: bigint
  net_micros: bigint
}

const chargedFrom = (row: Row): Charged => ({
  organizationId: row.organization_id,
  operationId: row.id,
  accountId: row.account_id,
  userId: row.user_id,
  startedAt: row.started_at,
  serviceId: row.service_id,
  model: row.model,
  priceBookVersion: row.price_book_version,
  usage: {
    input: Number(row.input_tokens),
    cacheRead: Number(row.cache_read_tokens),
    cacheWrite: Number(row.cache_write_tokens),
    cacheWrite1h: Number(row.cache_write_1h_tokens),
    output: Number(row.output_tokens),
    reasoning: Number(row.reasoning_tokens),
    ...(row.units === null ? {} : { units: row.units }),
  },
  isEstimated: row.usage_source === 'estimated',
  costNanoUsd: row.cost_nano_usd,
  heldMicros: row.held_micros,
  chargedMicros: row.net_micros,
})

const portion = 2_000

/** Every operation of a scope that ran on a system key and used anything, once, from one snapshot. */
export const eachCharged = (
  database: Database,
  scope: Scope,
  take: (operation: Charged) => boolean,
): Promise<void> =>
  inSnapshot(database, async (client) => {
    await declare(client, scope)
    for (;;) {
      const { rows } = await client.query<Row>(`FETCH ${portion} FROM charged`)
      if (rows.length === 0 || !rows.every((row) => take(chargedFrom(row)))) return
    }
  })

const declare = (client: PoolClient, scope: Scope) => {
  const { from, until, serviceId, model, priceBookVersion, userId } = scope
  // A pattern's star stands for any text; everything else in it for itself.
  const like =
    model
      ?.toLowerCase()
      .replaceAll(/[\\%_]/g, '\\$&')
      .replaceAll('*', '%') ?? null
  return client.query(
    `DECLARE charged NO SCROLL CURSOR FOR
     SELECT o.organization_id, o.id, a.id AS account_id, o.user_id, o.started_at, o.service_id, o.model,
       o.price_book_version, o.input_tokens, o.cache_read_tokens, o.cache_write_tokens, o.cache_write_1h_tokens,
       o.output_tokens, o.reasoning_tokens, o.units, o.usage_source, o.cost_nano_usd, o.held_micros, ${netOf} AS net_micros
     FROM operations o
     JOIN organizations g ON g.id = o.organization_id
     LEFT JOIN holds h ON h.organization_id = o.organization_id AND h.id = o.id
     LEFT JOIN service_accounts s ON s.organization_id = o.organization_id AND s.user_id = o.user_id
     -- Whose credits were held has paid; what was free would have been paid by whoever pays now.
     JOIN credit_accounts a ON a.organization_id = o.organization_id AND a.id = coalesce(h.account_id, (
       SELECT p.id FROM credit_accounts p WHERE p.organization_id = o.organization_id
         AND p.user_id = CASE WHEN g.central_billing_at IS NOT NULL THEN o.organization_id
           WHEN s.user_id IS NULL THEN o.user_id ELSE s.pays_user_id END))
     WHERE o.id >= first_id_at($1) AND o.id < first_id_at($2) AND o.key_owner = 'system' AND o.usage_source <> 'none'
       AND o.service_id IS NOT NULL AND o.model IS NOT NULL
       AND ($3::text IS NULL OR o.service_id = $3) AND ($4::text IS NULL OR lower(o.model) LIKE $4)
       AND ($5::integer IS NULL OR o.price_book_version = $5) AND ($6::uuid IS NULL OR o.user_id = $6)
     ORDER BY o.organization_id, o.id`,
    [from, until, serviceId, like, priceBookVersion, userId],
  )
}

const reratingFrom = (
  row: Selectable<Reratings> & { done: bigint; changed: bigint },
  parse: (value: unknown) => unknown,
): Rerating => ({
  id: row.id,
  status: row.status,
  scope: parse(row.scope) as Scope,
  toVersion: row.to_version,
  chargesMore: row.charges_more,
  totals: parse(row.totals) as Totals,
  done: Number(row.done),
  changed: Number(row.changed),
  reason: row.reason,
  chargeReason: row.charge_reason,
  requestedBy: row.requested_by,
  decidedBy: row.decided_by,
  createdAt: row.created_at,
  decidedAt: row.decided_at,
  finishedAt: row.finished_at,
})

/** JSON columns hold 64-bit integers and times as marked text. */
const mark = (_: string, value: unknown): unknown => (typeof value === 'bigint' ? `${value}n` : value)
const unmark = (value: unknown): unknown =>
  JSON.parse(JSON.stringify(value), (name, item: unknown) => {
    if (typeof item !== 'string') return item
    if (/^-?\d+n$/.test(item)) return BigInt(item.slice(0, -1))
    return name === 'from' || name === 'until' ? new Date(item) : item
  })

const all = (run: Kysely<Schema>) =>
  run
    .selectFrom('reratings as r')
    .selectAll()
    .select((e) =>
      (['done', 'changed'] as const).map((state) =>
        e
          .selectFrom('rerated_operations as o')
          .select(e.fn.countAll<bigint>().as('count'))
          .whereRef('o.rerating_id', '=', 'r.id')
          .where('o.state', '=', state)
          .$asScalar()
          .$notNull()
          .as(state),
      ),
    )

export const readRerating = async (run: Kysely<Schema>, id: string): Promise<Rerating | null> => {
  const row = await all(run).where('r.id', '=', id).executeTakeFirst()
  return row ? reratingFrom(row, unmark) : null
}

/** By its idempotency key, with what was asked for. */
export const reratingByKey = async (
  run: Kysely<Schema>,
  idempotencyKey: string,
): Promise<{ id: string; request: string } | undefined> =>
  run
    .selectFrom('reratings')
    .select(['id', 'request'])
    .where('idempotency_key', '=', idempotencyKey)
    .executeTakeFirst()

export const lockRerating = async (t: T, id: string): Promise<Rerating | null> => {
  await sql`SELECT FROM reratings WHERE id = ${id} FOR UPDATE`.execute(t)
  return readRerating(t, id)
}

export const listReratings = async (
  run: Kysely<Schema>,
  before: string | null,
  limit: number,
): Promise<Rerating[]> =>
  (
    await all(run)
      .$if(before !== null, (query) => query.where('r.id', '<', before as string))
      .orderBy('r.id', 'desc')
      .limit(limit)
      .execute()
  ).map((row) => reratingFrom(row, unmark))

export const unfinished = async (run: Kysely<Schema>): Promise<string[]> =>
  (
    await run.selectFrom('reratings').select('id').where('status', '=', 'running').orderBy('id').execute()
  ).map(({ id }) => id)

/** False where one with this key is there already. */
export const insertRerating = async (
  t: T,
  rerating: Rerating,
  asked: { readonly idempotencyKey: string; readonly request: string },
): Promise<boolean> => {
  const row = await t
    .insertInto('reratings')
    .values({
      id: rerating.id,
      status: rerating.status,
      scope: JSON.stringify(rerating.scope),
      to_version: rerating.toVersion,
      charges_more: rerating.chargesMore,
      totals: JSON.stringify(rerating.totals, mark),
      reason: rerating.reason,
      charge_reason: rerating.chargeReason,
      requested_by: rerating.requestedBy,
      decided_by: rerating.decidedBy,
      idempotency_key: asked.idempotencyKey,
      request: asked.request,
      created_at: rerating.createdAt,
      decided_at: rerating.decidedAt,
    })
    .onConflict((conflict) => conflict.column('idempotency_key').doNothing())
    .returning('id')
    .executeTakeFirst()
  return row !== undefined
}

/** As JSON in one parameter: a statement takes at most 65,535 parameters. */
export const insertChanges = async (t: T, reratingId: string, changes: readonly Rerated[]): Promise<void> => {
  for (let from = 0; from < changes.length; from += portion) {
    const rows = changes.slice(from, from + portion).map((change) => ({
      organization_id: change.organizationId,
      operation_id: change.operationId,
      account_id: change.accountId,
      user_id: change.userId,
      started_at: change.startedAt,
      service_id: change.serviceId,
      model: change.model,
      price_book_version: change.priceBookVersion,
      old_micros: String(change.oldMicros),
      new_micros: String(change.newMicros),
    }))
    await sql`
      INSERT INTO rerated_operations (rerating_id, organization_id, operation_id, account_id, user_id, started_at, service_id,
        model, price_book_version, old_micros, new_micros, state)
      SELECT ${reratingId}, new.*, 'waiting' FROM jsonb_to_recordset(${JSON.stringify(rows)}::jsonb)
        AS new (organization_id uuid, operation_id uuid, account_id uuid, user_id uuid, started_at timestamptz,
          service_id text, model text, price_book_version integer, old_micros bigint, new_micros bigint)
    `.execute(t)
  }
}

export const changeStatus = async (
  t: T,
  id: string,
  values: {
    readonly status: Rerating['status']
    readonly decided_by?: string | null
    readonly decided_at?: Date
    readonly finished_at?: Date
  },
): Promise<void> => {
  await t.updateTable('reratings').set(values).where('id', '=', id).execute()
}

export interface Item extends Rerated {
  readonly state: 'waiting' | 'done' | 'changed'
  /** What it is charged now; the account is locked. Null: its record is gone. */
  readonly netMicros: bigint | null
}

const atOnce = 100

/**
 * The next operations of one account that are left to do, with the account locked: before what they are charged is read, in a
 * statement of its own, which sees what was committed while it waited. None of them: another process has just ended that
 * account; null: of no account anything is left.
 */
export const nextItems = async (t: T, reratingId: string): Promise<Item[] | null> => {
  const { rows } = await sql<{ organization_id: string; account_id: string }>`
    SELECT organization_id, account_id FROM rerated_operations WHERE rerating_id = ${reratingId} AND state = 'waiting'
    ORDER BY organization_id, account_id LIMIT 1`.execute(t)
  const [account] = rows
  if (account === undefined) return null
  const { organization_id, account_id } = account
  await sql`SELECT FROM credit_accounts WHERE organization_id = ${organization_id} AND id = ${account_id}
    FOR NO KEY UPDATE`.execute(t)
  const found = await sql<ItemRow>`
    SELECT i.*, ${sql.raw(netOf)} AS net_micros FROM rerated_operations i
    LEFT JOIN operations o ON o.organization_id = i.organization_id AND o.id = i.operation_id
    WHERE i.rerating_id = ${reratingId} AND i.organization_id = ${organization_id} AND i.account_id = ${account_id}
      AND i.state = 'waiting'
    ORDER BY i.operation_id LIMIT ${atOnce}`.execute(t)
  return found.rows.map(itemFrom)
}

interface ItemRow {
  organization_id: string
  operation_id: string
  account_id: string
  user_id: string
  started_at: Date
  service_id: string
  model: string
  price_book_version: number | null
  old_micros: bigint
  new_micros: bigint
  net_micros: bigint | null
  state: Item['state']
}

const itemFrom = (row: ItemRow): Item => ({
  organizationId: row.organization_id,
  operationId: row.operation_id,
  accountId: row.account_id,
  userId: row.user_id,
  startedAt: row.started_at,
  serviceId: row.service_id,
  model: row.model,
  priceBookVersion: row.price_book_version,
  oldMicros: row.old_micros,
  newMicros: row.new_micros,
  netMicros: row.net_micros,
  state: row.state,
})

export const markItems = async (
  t: T,
  reratingId: string,
  organizationId: string,
  operationIds: readonly string[],
  state: 'done' | 'changed',
): Promise<void> => {
  if (operationIds.length === 0) return
  await t
    .updateTable('rerated_operations')
    .set({ state })
    .where('rerating_id', '=', reratingId)
    .where('organization_id', '=', organizationId)
    .where('operation_id', 'in', operationIds)
    .execute()
}

export const listItems = async (
  run: Kysely<Schema>,
  reratingId: string,
  before: string | null,
  limit: number,
): Promise<Item[]> => {
  const { rows } = await sql<ItemRow>`
    SELECT i.*, 0::bigint AS net_micros FROM rerated_operations i
    WHERE i.rerating_id = ${reratingId} AND (${before}::uuid IS NULL OR i.operation_id < ${before}::uuid)
    ORDER BY i.operation_id DESC LIMIT ${limit}`.execute(run)
  return rows.map(itemFrom)
}

/** Of the operations of a re-rating, the largest differences first; and how many accounts there are. */
export const accountsOf = async (
  run: Kysely<Schema>,
  reratingId: string,
  limit: number,
): Promise<{ accounts: AccountDifference[]; count: number }> => {
  const { rows } = await sql<{
    organization_id: string
    account_id: string
    user_id: string
    operations: bigint
    old: bigint
    new: bigint
    refund: bigint
    charge: bigint
    accounts: bigint
  }>`
    SELECT organization_id, account_id, user_id, count(*) AS operations, sum(old_micros)::bigint AS old,
      sum(new_micros)::bigint AS new, sum(greatest(old_micros - new_micros, 0))::bigint AS refund,
      sum(greatest(new_micros - old_micros, 0))::bigint AS charge, count(*) OVER () AS accounts
    FROM rerated_operations WHERE rerating_id = ${reratingId} GROUP BY organization_id, account_id, user_id
    ORDER BY sum(abs(old_micros - new_micros)) DESC, account_id LIMIT ${limit}`.execute(run)
  return {
    accounts: rows.map((row) => ({
      organizationId: row.organization_id,
      accountId: row.account_id,
      userId: row.user_id,
      operations: Number(row.operations),
      oldMicros: row.old,
      newMicros: row.new,
      refundMicros: row.refund,
      chargeMicros: row.charge,
    })),
    count: Number(rows[0]?.accounts ?? 0n),
  }
}

export const emailsOf = async (
  run: Kysely<Schema>,
  userIds: readonly string[],
): Promise<ReadonlyMap<string, string>> => {
  if (userIds.length === 0) return new Map()
  const rows = await run.selectFrom('users').select(['id', 'email']).where('id', 'in', userIds).execute()
  return new Map(rows.map(({ id, email }) => [id, email]))
}
