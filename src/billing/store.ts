import { type Kysely, type Selectable, sql, type Transaction } from 'kysely'
import type { Schema, Subscriptions, TierVersions } from '../db/schema.ts'
import { beyondTenants, beyondTenantsIn } from '../db/tenant-scope.ts'
import { billedEmail } from './billed-email.ts'
import type { DiscountStanding, KeyPresence } from './discount.ts'
import type { BillingSettings } from './settings.ts'
import type { Owner, Subscription, SubscriptionStatus } from './subscription.ts'
import { fromStoredJson, toStoredJson } from './stored-json.ts'
import { type Entitlements, tierGiven, type TierVersion } from './tier.ts'

export type Executor = Kysely<Schema> | Transaction<Schema>
export type T = Transaction<Schema>

export interface AccountKey {
  readonly organizationId: string
  readonly accountId: string
}

/** A subscription with what only this room needs of it. */
export interface StoredSubscription extends Subscription {
  readonly revision: bigint
  /** The account's own tier: another one where an administrator has changed it for the next period. */
  readonly accountTierId: string
  /** Whether tiers without a price give credits there. */
  readonly givesFree: boolean
}

export const versionFrom = (row: Selectable<TierVersions>): TierVersion => ({
  tierId: row.tier_id,
  version: row.version,
  name: row.name,
  priceMinor: row.price_minor,
  currency: row.currency,
  allocationMicros: row.allocation_micros,
  rolloverCapMicros: row.rollover_cap_micros,
  entitlements: row.entitlements as unknown as Entitlements,
  effectiveAt: row.effective_at,
  createdAt: row.created_at,
  createdBy: row.created_by,
  reason: row.reason,
})

type SubscriptionRow = Selectable<Subscriptions> & { account_tier_id: string; self_service: boolean }

const subscriptionFrom = (row: SubscriptionRow, tier: TierVersion): StoredSubscription => ({
  organizationId: row.organization_id,
  accountId: row.account_id,
  userId: row.user_id,
  status: row.status,
  tier: tierGiven(!row.self_service, tier),
  collection: row.collection,
  timeZone: row.time_zone,
  anchoredAt: row.anchored_at,
  periodNumber: row.period_number,
  periodStart: row.period_start,
  periodEnd: row.period_end,
  discountBasisPoints: row.discount_basis_points,
  pending: row.pending_cancel
    ? { kind: 'cancel' }
    : row.pending_tier_id === null
      ? null
      : { kind: 'change_tier', tierId: row.pending_tier_id },
  pausedAt: row.paused_at,
  graceUntil: row.grace_until,
  revision: row.revision,
  accountTierId: row.account_tier_id,
  givesFree: !row.self_service,
})

export const readSettings = async (executor: Executor): Promise<Partial<BillingSettings>> => {
  const row = await executor
    .selectFrom('installation')
    .select('value')
    .where('name', '=', 'billing')
    .executeTakeFirst()
  return row ? (fromStoredJson(row.value) as Partial<BillingSettings>) : {}
}

export const writeSettings = async (t: T, settings: BillingSettings): Promise<void> => {
  const value = toStoredJson(settings)
  await t
    .insertInto('installation')
    .values({ name: 'billing', value })
    .onConflict((conflict) => conflict.column('name').doUpdateSet({ value }))
    .execute()
}

/** The version of a tier in effect at an instant; of those that take effect at the same time, the last made. */
export const versionAt = async (
  executor: Executor,
  tierId: string,
  at: Date,
): Promise<TierVersion | undefined> => {
  const row = await executor
    .selectFrom('tier_versions')
    .selectAll()
    .where('tier_id', '=', tierId)
    .where('effective_at', '<=', at)
    .orderBy('effective_at', 'desc')
    .orderBy('version', 'desc')
    .limit(1)
    .executeTakeFirst()
  return row && versionFrom(row)
}

export const accountOf = async (executor: Executor, owner: Owner): Promise<AccountKey | undefined> => {
  const row = await executor
    .selectFrom('credit_accounts')
    .select('id')
    .where('organization_id', '=', owner.organizationId)
    .where('user_id', '=', owner.userId)
    .executeTakeFirst()
  return row && { organizationId: owner.organizationId, accountId: row.id }
}

const subscriptions = (executor: Executor) =>
  executor
    .selectFrom('subscriptions as s')
    .innerJoin('credit_accounts as a', (join) =>
      join.onRef('a.organization_id', '=', 's.organization_id').onRef('a.id', '=', 's.account_id'),
    )
    .innerJoin('organizations as o', 'o.id', 's.organization_id')
    .selectAll('s')
    .select(['a.tier_id as account_tier_id', 'o.self_service'])

const withTier = async (
  executor: Executor,
  row: SubscriptionRow | undefined,
): Promise<StoredSubscription | undefined> => {
  if (!row) return undefined
  const version = await executor
    .selectFrom('tier_versions')
    .selectAll()
    .where('tier_id', '=', row.tier_id)
    .where('version', '=', row.tier_version)
    .executeTakeFirstOrThrow()
  return subscriptionFrom(row, versionFrom(version))
}

export const readSubscription = async (executor: Executor, key: AccountKey) =>
  withTier(
    executor,
    await subscriptions(executor)
      .where('s.organization_id', '=', key.organizationId)
      .where('s.account_id', '=', key.accountId)
      .executeTakeFirst(),
  )

/** The lock is a statement before the read: one statement would see what was before it waited. */
export const lockSubscription = async (t: T, key: AccountKey) => {
  await sql`SELECT FROM subscriptions WHERE organization_id = ${key.organizationId} AND account_id = ${key.accountId}
    FOR UPDATE`.execute(t)
  return readSubscription(t, key)
}

export const listSubscriptions = async (
  executor: Executor,
  filter: { status?: SubscriptionStatus; tierId?: string; before: string | null; limit: number },
): Promise<StoredSubscription[]> => {
  const rows = await subscriptions(executor)
    .$if(filter.status !== undefined, (q) => q.where('s.status', '=', filter.status as SubscriptionStatus))
    .$if(filter.tierId !== undefined, (q) => q.where('s.tier_id', '=', filter.tierId as string))
    .$if(filter.before !== null, (q) => q.where('s.account_id', '<', filter.before as string))
    .orderBy('s.account_id', 'desc')
    .limit(filter.limit)
    .execute()
  return Promise.all(rows.map(async (row) => (await withTier(executor, row)) as StoredSubscription))
}

export interface AdoptedAccount {
  readonly userId: string
  readonly tierId: string
  readonly anchoredAt: Date
  readonly allocatedUntil: Date
}

/** Locks an account that has no subscription yet, so that the ledger gives it nothing meanwhile. */
export const lockAccount = async (t: T, key: AccountKey): Promise<AdoptedAccount | undefined> => {
  await sql`SELECT FROM credit_accounts WHERE organization_id = ${key.organizationId} AND id = ${key.accountId}
    FOR NO KEY UPDATE`.execute(t)
  return t
    .selectFrom('credit_accounts')
    .select([
      'user_id as userId',
      'tier_id as tierId',
      'anchored_at as anchoredAt',
      'allocated_until as allocatedUntil',
    ])
    .where('organization_id', '=', key.organizationId)
    .where('id', '=', key.accountId)
    .executeTakeFirst()
}

/** False: somebody else made it. */
export const insertSubscription = async (t: T, subscription: Subscription, at: Date): Promise<boolean> => {
  const row = await t
    .insertInto('subscriptions')
    .values({
      organization_id: subscription.organizationId,
      account_id: subscription.accountId,
      user_id: subscription.userId,
      ...columnsOf(subscription),
      created_at: at,
    })
    .onConflict((conflict) => conflict.doNothing())
    .returning('account_id')
    .executeTakeFirst()
  return row !== undefined
}

const columnsOf = (subscription: Subscription) => ({
  status: subscription.status,
  tier_id: subscription.tier.tierId,
  tier_version: subscription.tier.version,
  collection: subscription.collection,
  time_zone: subscription.timeZone,
  anchored_at: subscription.anchoredAt,
  period_number: subscription.periodNumber,
  period_start: subscription.periodStart,
  period_end: subscription.periodEnd,
  discount_basis_points: subscription.discountBasisPoints,
  pending_tier_id: subscription.pending?.kind === 'change_tier' ? subscription.pending.tierId : null,
  pending_cancel: subscription.pending?.kind === 'cancel',
  paused_at: subscription.pausedAt,
  grace_until: subscription.graceUntil,
})

/** Under its lock. */
export const writeSubscription = async (t: T, subscription: Subscription): Promise<void> => {
  await t
    .updateTable('subscriptions')
    .set({ ...columnsOf(subscription), revision: sql`revision + 1` })
    .where('organization_id', '=', subscription.organizationId)
    .where('account_id', '=', subscription.accountId)
    .execute()
}

const keys = async (
  query: ReturnType<typeof sql<{ organizationId: string; accountId: string }>>,
  executor: Executor,
) => (await query.execute(executor)).rows

export const accountsToAdopt = (executor: Executor, limit: number): Promise<AccountKey[]> =>
  keys(
    sql`SELECT organization_id AS "organizationId", id AS "accountId" FROM credit_accounts
      WHERE NOT is_subscribed ORDER BY allocated_until LIMIT ${limit}`,
    executor,
  )

/** What is charged for and does not end yet, or will be when an open payment is made: of the members, or of the organisation's own account. */
export const subscriptionsToEnd = (
  executor: Executor,
  organizationId: string,
  of: 'members' | 'organization',
): Promise<AccountKey[]> =>
  keys(
    sql`SELECT s.organization_id AS "organizationId", s.account_id AS "accountId" FROM subscriptions s
      JOIN tier_versions v ON v.tier_id = s.tier_id AND v.version = s.tier_version
      WHERE s.organization_id = ${organizationId} AND (s.user_id = s.organization_id) = ${of === 'organization'}
        AND (s.status IN ('active', 'past_due') AND NOT s.pending_cancel AND s.collection <> 'none' AND v.price_minor > 0
          OR EXISTS (SELECT FROM payments p WHERE p.organization_id = s.organization_id AND p.account_id = s.account_id
            AND p.purpose = 'tier_change' AND p.status = 'requested'))
      ORDER BY s.account_id`,
    executor,
  )

/**
 * While its user is suspended, or no member, none begins: the one that contains the day they come back is the next. The holder
 * of an organisation's own account has no membership; it is there as long as the organisation.
 */
export const subscriptionsDue = (executor: Executor, now: Date, limit: number): Promise<AccountKey[]> =>
  keys(
    sql`SELECT organization_id AS "organizationId", account_id AS "accountId" FROM subscriptions
      WHERE status <> 'paused' AND period_end <= ${now}
        AND EXISTS (SELECT FROM users u JOIN organizations o ON o.id = subscriptions.organization_id
          WHERE u.id = subscriptions.user_id AND u.suspended_at IS NULL AND o.deleted_at IS NULL
            AND (u.kind = 'organization' OR EXISTS (SELECT FROM memberships m
              WHERE m.organization_id = o.id AND m.user_id = u.id AND m.suspended_at IS NULL)))
      ORDER BY period_end LIMIT ${limit}`,
    executor,
  )

export const graceEnded = (executor: Executor, now: Date, limit: number): Promise<AccountKey[]> =>
  keys(
    sql`SELECT organization_id AS "organizationId", account_id AS "accountId" FROM subscriptions
      WHERE status = 'past_due' AND grace_until <= ${now} ORDER BY grace_until LIMIT ${limit}`,
    executor,
  )

/** Active ones with an invoice of a renewal that is due and not paid. */
export const overdue = (executor: Executor, now: Date, limit: number): Promise<AccountKey[]> =>
  keys(
    sql`SELECT DISTINCT s.organization_id AS "organizationId", s.account_id AS "accountId"
      FROM invoices i JOIN payments p ON p.organization_id = i.organization_id AND p.invoice_id = i.id
      JOIN subscriptions s ON s.organization_id = i.organization_id AND s.account_id = i.account_id
      WHERE i.status = 'open' AND i.kind = 'invoice' AND i.due_at <= ${now} AND p.purpose = 'renewal'
        AND p.status = 'requested' AND s.status = 'active' LIMIT ${limit}`,
    executor,
  )

export const insertPeriod = async (
  t: T,
  period: {
    subscription: Subscription
    allocationMicros: bigint
    rolledOverMicros: bigint
    priceMinor: bigint
    discountMinor: bigint
    standing: DiscountStanding
    at: Date
  },
): Promise<void> => {
  const { subscription: s } = period
  await t
    .insertInto('subscription_periods')
    .values({
      organization_id: s.organizationId,
      account_id: s.accountId,
      starts_at: s.periodStart,
      ends_at: s.periodEnd,
      tier_id: s.tier.tierId,
      tier_version: s.tier.version,
      allocation_micros: period.allocationMicros,
      rolled_over_micros: period.rolledOverMicros,
      price_minor: period.priceMinor,
      discount_minor: period.discountMinor,
      currency: s.tier.currency,
      discount: JSON.stringify(period.standing),
      created_at: period.at,
    })
    .execute()
}

/**
 * Keys that may count for the own-key rule, and when somebody else had the same secret before, both from the instant on: of the
 * installation's other accounts; within an organization its own keys and those of its members do not compete.
 */
export const presences = async (
  executor: Executor,
  owner: Owner,
  since: Date,
  organizationKeysCount: boolean,
): Promise<KeyPresence[]> => {
  const read = () => presenceRows(executor, owner, since, organizationKeysCount)
  // Who else has a secret is told by rows of other organizations; nothing of them is shown but when.
  const rows = await (executor.isTransaction ? beyondTenantsIn(executor as T, read) : beyondTenants(read))
  return rows.map(({ taken, ...row }) => ({
    ...row,
    taken: taken.map((one) => ({
      baseUrl: one.baseUrl,
      from: new Date(one.from),
      until: one.until === null ? null : new Date(one.until),
    })),
  }))
}

interface PresenceRow {
  readonly from: Date
  readonly until: Date | null
  readonly baseUrl: string | null
  readonly taken: readonly { from: string; until: string | null; baseUrl: string | null }[]
}

const presenceRows = async (
  executor: Executor,
  owner: Owner,
  since: Date,
  organizationKeysCount: boolean,
): Promise<PresenceRow[]> =>
  (
    await sql<PresenceRow>`
      SELECT p.from_at AS "from", p.until_at AS "until", p.base_url AS "baseUrl", coalesce(other.taken, '[]') AS taken
      FROM own_key_presences p
      LEFT JOIN LATERAL (
        SELECT jsonb_agg(jsonb_build_object('from', q.from_at, 'until', q.until_at, 'baseUrl', q.base_url)) AS taken
        FROM own_key_presences q
        WHERE q.secret_id = p.secret_id AND (q.from_at, q.service_key_id) < (p.from_at, p.service_key_id)
          AND (q.until_at IS NULL OR q.until_at > least(p.from_at, ${since}))
          AND (q.owner = 'user' OR ${organizationKeysCount})
          AND NOT (q.organization_id = p.organization_id
            AND (q.owner = 'organization' OR p.owner = 'organization' OR q.user_id = p.user_id))
      ) AS other ON true
      WHERE p.organization_id = ${owner.organizationId}
        AND (p.user_id = ${owner.userId} OR (p.owner = 'organization' AND ${organizationKeysCount}))
        AND (p.until_at IS NULL OR p.until_at >= ${since})`.execute(executor)
  ).rows

/** What was left of the allocations that ended then, whether they have been expired yet or not. Under the account's lock. */
export const unspentAllocation = async (t: T, key: AccountKey, endedAt: Date): Promise<bigint> => {
  const { rows } = await sql<{ micros: bigint }>`
    SELECT coalesce(sum(g.remaining_micros + coalesce((
      SELECT sum(e.amount_micros) FROM ledger_entries e
      WHERE e.organization_id = g.organization_id AND e.grant_id = g.id AND e.bucket = 'expired'), 0)), 0)::bigint AS micros
    FROM grants g
    WHERE g.organization_id = ${key.organizationId} AND g.account_id = ${key.accountId} AND g.kind = 'allocation'
      AND g.expires_at = ${endedAt}`.execute(t)
  return rows[0]?.micros ?? 0n
}

export const findCommand = async (t: T, key: AccountKey, idempotencyKey: string) =>
  t
    .selectFrom('billing_commands')
    .select(['request', 'result'])
    .where('organization_id', '=', key.organizationId)
    .where('account_id', '=', key.accountId)
    .where('idempotency_key', '=', idempotencyKey)
    .executeTakeFirst()

export const insertCommand = async (
  t: T,
  key: AccountKey,
  command: { idempotencyKey: string; request: unknown; result: unknown; at: Date },
): Promise<void> => {
  await t
    .insertInto('billing_commands')
    .values({
      organization_id: key.organizationId,
      account_id: key.accountId,
      idempotency_key: command.idempotencyKey,
      request: toStoredJson(command.request),
      result: toStoredJson(command.result),
      created_at: command.at,
    })
    .execute()
}

/** What was given by a key, once. */
export const grantByKey = (t: T, key: AccountKey, idempotencyKey: string) =>
  t
    .selectFrom('grants')
    .select(['id as grantId', 'amount_micros as amountMicros'])
    .where('organization_id', '=', key.organizationId)
    .where('account_id', '=', key.accountId)
    .where('idempotency_key', '=', idempotencyKey)
    .executeTakeFirst()

/** Until when a grant could be spent; null: for ever. */
export const expiryOf = async (t: T, key: AccountKey, grantId: string): Promise<Date | null> => {
  const row = await t
    .selectFrom('grants')
    .select('expires_at')
    .where('organization_id', '=', key.organizationId)
    .where('account_id', '=', key.accountId)
    .where('id', '=', grantId)
    .executeTakeFirstOrThrow()
  return row.expires_at
}

/** Not of a member who is gone, nor in a company that is deleted: nobody could use what is in it. */
export const isAccountOfSomebody = async (executor: Executor, owner: Owner): Promise<boolean> => {
  const { rows } = await sql`
    SELECT FROM organizations o WHERE o.id = ${owner.organizationId} AND o.deleted_at IS NULL AND (o.id = ${owner.userId}
      OR EXISTS (SELECT FROM memberships m WHERE m.organization_id = o.id AND m.user_id = ${owner.userId}))`.execute(
    executor,
  )
  return rows.length > 0
}

export const personOf = async (executor: Executor, owner: Owner) =>
  executor
    .selectFrom('users as u')
    .innerJoin('organizations as o', (join) => join.on('o.id', '=', owner.organizationId))
    .select(['u.name', billedEmail.as('email'), 'o.name as organization'])
    .where('u.id', '=', owner.userId)
    .executeTakeFirstOrThrow()
