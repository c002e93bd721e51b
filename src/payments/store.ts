import { type Kysely, sql, type Transaction } from 'kysely'
import type { Payer } from '../billing/provider.ts'
import type { Schema } from '../db/schema.ts'
import type { NoticeFilter, NoticeState, ProviderNotice } from './notice.ts'
import type { CustomerBook } from './stripe.ts'
import type { ProviderEvent } from './stripe-standing.ts'

type Connection = Kysely<Schema> | Transaction<Schema>

const provider = 'stripe'

/** A statement has 65,535 parameters at most: after an outage the list is long. */
const largestPortion = 1_000

/** Gives the ids of those that were not known; of the others the delivery is counted. */
export const insertEvents = async (
  database: Connection,
  events: readonly ProviderEvent[],
  source: 'webhook' | 'list',
  at: Date,
): Promise<string[]> => {
  const added: string[] = []
  for (let from = 0; from < events.length; from += largestPortion)
    added.push(...(await insertPortion(database, events.slice(from, from + largestPortion), source, at)))
  return added
}

const insertPortion = async (
  database: Connection,
  events: readonly ProviderEvent[],
  source: 'webhook' | 'list',
  at: Date,
): Promise<string[]> => {
  const rows = await database
    .insertInto('provider_events')
    .values(
      events.map((event) => ({
        provider,
        id: event.id,
        type: event.type,
        object_id: event.objectId,
        occurred_at: event.at,
        received_at: at,
        source,
        next_attempt_at: at,
      })),
    )
    .onConflict((conflict) =>
      source === 'webhook'
        ? conflict
            .columns(['provider', 'id'])
            .doUpdateSet({ deliveries: sql`provider_events.deliveries + 1` })
        : conflict.columns(['provider', 'id']).doNothing(),
    )
    .returning(['id', sql<boolean>`xmax = 0`.as('isNew')])
    .execute()
  return rows.filter(({ isNew }) => isNew).map(({ id }) => id)
}

export interface ClaimedEvent extends ProviderEvent {
  readonly attempts: number
}

/** Takes what is due for as long as the lease; whoever dies leaves it to the next. */
export const claimDue = async (
  database: Connection,
  claim: { now: Date; leaseUntil: Date; limit: number },
): Promise<ClaimedEvent[]> =>
  (
    await sql<ClaimedEvent>`
      UPDATE provider_events e SET attempts = e.attempts + 1, next_attempt_at = ${claim.leaseUntil}
      FROM (
        SELECT id FROM provider_events
        WHERE provider = ${provider} AND state = 'waiting' AND next_attempt_at <= ${claim.now}
        ORDER BY next_attempt_at, id LIMIT ${claim.limit} FOR UPDATE SKIP LOCKED
      ) AS due
      WHERE e.provider = ${provider} AND e.id = due.id
      RETURNING e.id, e.type, e.object_id AS "objectId", e.occurred_at AS at, e.attempts`.execute(database)
  ).rows

export interface Ending {
  readonly id: string
  readonly state: NoticeState
  readonly at: Date
  readonly paymentId: string | null
  readonly outcome: string | null
  readonly error: string | null
  /** Of what stays waiting. */
  readonly nextAttemptAt: Date
}

export const end = async (database: Connection, ending: Ending): Promise<void> => {
  const isDone = ending.state === 'processed' || ending.state === 'ignored'
  await database
    .updateTable('provider_events')
    .set({
      state: ending.state,
      processed_at: isDone ? ending.at : null,
      payment_id: ending.paymentId,
      outcome: ending.outcome,
      error: ending.error,
      next_attempt_at: ending.nextAttemptAt,
    })
    .where('provider', '=', provider)
    .where('id', '=', ending.id)
    // Somebody else was quicker, after our lease.
    .where('state', '=', 'waiting')
    .execute()
}

/** False: there is no such event. */
export const wake = async (transaction: Transaction<Schema>, id: string, at: Date): Promise<boolean> => {
  const { numUpdatedRows } = await transaction
    .updateTable('provider_events')
    .set({ state: 'waiting', attempts: 0, processed_at: null, error: null, next_attempt_at: at })
    .where('provider', '=', provider)
    .where('id', '=', id)
    .executeTakeFirst()
  return numUpdatedRows > 0n
}

export const listEvents = async (
  database: Connection,
  { state, paymentId, before, limit }: NoticeFilter & { limit: number },
): Promise<ProviderNotice[]> => {
  let query = database.selectFrom('provider_events').where('provider', '=', provider)
  if (state) query = query.where('state', '=', state)
  if (paymentId) query = query.where('payment_id', '=', paymentId)
  if (before)
    query = query.where(
      sql<boolean>`(received_at, id) < (SELECT received_at, id FROM provider_events WHERE provider = ${provider} AND id = ${before})`,
    )
  return query
    .select([
      'id',
      'type',
      'object_id as objectId',
      'occurred_at as occurredAt',
      'received_at as receivedAt',
      sql<ProviderNotice['source']>`source`.as('source'),
      'deliveries',
      sql<NoticeState>`state`.as('state'),
      'attempts',
      sql<Date | null>`CASE WHEN state = 'waiting' THEN next_attempt_at END`.as('nextAttemptAt'),
      'processed_at as processedAt',
      'payment_id as paymentId',
      'outcome',
      'error',
    ])
    .orderBy('received_at', 'desc')
    .orderBy('id', 'desc')
    .limit(limit)
    .execute()
}

export const listedUntil = async (database: Connection): Promise<Date | null> => {
  const row = await database
    .selectFrom('provider_event_lists')
    .select('listed_until')
    .where('provider', '=', provider)
    .executeTakeFirst()
  return row?.listed_until ?? null
}

export const setListedUntil = async (database: Connection, until: Date): Promise<void> => {
  await database
    .insertInto('provider_event_lists')
    .values({ provider, listed_until: until })
    .onConflict((conflict) =>
      conflict.column('provider').doUpdateSet({
        listed_until: sql`greatest(provider_event_lists.listed_until, excluded.listed_until)`,
      }),
    )
    .execute()
}

export const customerBook = (
  database: Kysely<Schema>,
  mode: 'test' | 'live',
  now: () => Date,
): CustomerBook => ({
  async find({ organizationId, accountId }: Payer) {
    const row = await database
      .selectFrom('payment_customers')
      .select('external_id')
      .where('organization_id', '=', organizationId)
      .where('account_id', '=', accountId)
      .where('provider', '=', provider)
      .where('mode', '=', mode)
      .executeTakeFirst()
    return row?.external_id ?? null
  },
  async write({ organizationId, accountId }: Payer, customerId) {
    await database
      .insertInto('payment_customers')
      .values({
        provider,
        mode,
        organization_id: organizationId,
        account_id: accountId,
        external_id: customerId,
        created_at: now(),
      })
      .onConflict((conflict) =>
        conflict
          .columns(['organization_id', 'account_id', 'provider', 'mode'])
          .doUpdateSet({ external_id: customerId }),
      )
      .execute()
  },
})
