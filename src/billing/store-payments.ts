import { type Selectable, sql, type Updateable } from 'kysely'
import type { CreditPacks, PaymentRefunds, Payments } from '../db/schema.ts'
import { newId } from '../kit/id.ts'
import type { AutoTopUp, Pack, Payment, PaymentPurpose, PaymentStatus } from './payment.ts'
import type { PaymentEvent, ProviderId } from './provider.ts'
import type { AccountKey, Executor, T } from './store.ts'
import { fromStoredJson, toStoredJson } from './stored-json.ts'
import { type Owner, type Seen, userIdsOf } from './subscription.ts'

/** A payment with what only this room needs of it. */
export interface StoredPayment extends Payment {
  readonly checkoutUrl: string | null
  readonly terms: unknown
}

const paymentFrom = (row: Selectable<Payments>): StoredPayment => ({
  organizationId: row.organization_id,
  id: row.id,
  accountId: row.account_id,
  userId: row.user_id,
  provider: row.provider,
  purpose: row.purpose,
  status: row.status,
  amountMinor: row.amount_minor,
  currency: row.currency,
  creditMicros: row.credit_micros,
  description: row.description,
  packId: row.pack_id,
  tierId: row.tier_id,
  invoiceId: row.invoice_id,
  grantId: row.grant_id,
  externalId: row.external_id,
  refundedMinor: row.refunded_minor,
  isDisputed: row.disputed_at !== null,
  failureReason: row.failure_reason,
  createdAt: row.created_at,
  decidedAt: row.decided_at,
  decidedBy: row.decided_by,
  checkoutUrl: row.checkout_url,
  terms: row.terms === null ? null : fromStoredJson(row.terms),
})

export interface NewPayment extends Owner {
  readonly accountId: string
  readonly provider: ProviderId
  readonly purpose: PaymentPurpose
  readonly amountMinor: bigint
  readonly currency: string
  readonly creditMicros: bigint
  readonly description: string
  readonly packId?: string
  readonly tierId?: string
  readonly terms?: unknown
  readonly invoiceId?: string
  readonly idempotencyKey: string
  readonly at: Date
  /** The payer is not there: the provider is asked to charge from then on. */
  readonly chargeAfter: Date | null
}

export const insertPayment = async (t: T, payment: NewPayment): Promise<StoredPayment> => {
  const row = await t
    .insertInto('payments')
    .values({
      organization_id: payment.organizationId,
      id: newId(),
      account_id: payment.accountId,
      user_id: payment.userId,
      provider: payment.provider,
      purpose: payment.purpose,
      status: 'requested',
      amount_minor: payment.amountMinor,
      currency: payment.currency,
      credit_micros: payment.creditMicros,
      description: payment.description,
      pack_id: payment.packId ?? null,
      tier_id: payment.tierId ?? null,
      terms: payment.terms === undefined ? null : toStoredJson(payment.terms),
      invoice_id: payment.invoiceId ?? null,
      idempotency_key: payment.idempotencyKey,
      created_at: payment.at,
      charge_after: payment.chargeAfter,
    })
    .returningAll()
    .executeTakeFirstOrThrow()
  return paymentFrom(row)
}

export const paymentByKey = async (t: T, key: AccountKey, idempotencyKey: string) => {
  const row = await t
    .selectFrom('payments')
    .selectAll()
    .where('organization_id', '=', key.organizationId)
    .where('account_id', '=', key.accountId)
    .where('idempotency_key', '=', idempotencyKey)
    .executeTakeFirst()
  return row && paymentFrom(row)
}

export const readPayment = async (executor: Executor, id: string): Promise<StoredPayment | undefined> => {
  const row = await executor.selectFrom('payments').selectAll().where('id', '=', id).executeTakeFirst()
  return row && paymentFrom(row)
}

/** Its subscription is locked before it. */
export const lockPayment = async (t: T, id: string): Promise<StoredPayment | undefined> => {
  await sql`SELECT FROM payments WHERE id = ${id} FOR UPDATE`.execute(t)
  return readPayment(t, id)
}

export const changePayment = async (
  executor: Executor,
  payment: { organizationId: string; id: string },
  change: Updateable<Payments>,
): Promise<void> => {
  await executor
    .updateTable('payments')
    .set(change)
    .where('organization_id', '=', payment.organizationId)
    .where('id', '=', payment.id)
    .execute()
}

export const listPayments = async (
  executor: Executor,
  filter: { owner?: Seen; userId?: string; status?: PaymentStatus; before: string | null; limit: number },
): Promise<StoredPayment[]> => {
  const { owner } = filter
  const rows = await executor
    .selectFrom('payments')
    .selectAll()
    .$if(owner !== undefined, (q) =>
      q
        .where('organization_id', '=', (owner as Seen).organizationId)
        .where('user_id', 'in', userIdsOf(owner as Seen)),
    )
    .$if(filter.userId !== undefined, (q) => q.where('user_id', '=', filter.userId as string))
    .$if(filter.status !== undefined, (q) => q.where('status', '=', filter.status as PaymentStatus))
    .$if(filter.before !== null, (q) => q.where('id', '<', filter.before as string))
    .orderBy('id', 'desc')
    .limit(filter.limit)
    .execute()
  return rows.map(paymentFrom)
}

/** Renewals of an account that were not paid. */
export const unpaidRenewals = async (executor: Executor, key: AccountKey): Promise<StoredPayment[]> =>
  (
    await executor
      .selectFrom('payments')
      .selectAll()
      .where('organization_id', '=', key.organizationId)
      .where('account_id', '=', key.accountId)
      .where('purpose', '=', 'renewal')
      .where('status', '=', 'requested')
      .execute()
  ).map(paymentFrom)

/**
 * Takes what is to be charged for ten minutes; a process that dies with it leaves it to another. Who is suspended, or no member
 * any more, can use nothing and pays nothing.
 */
export const claimCharges = async (
  executor: Executor,
  now: Date,
  limit: number,
): Promise<StoredPayment[]> => {
  const { rows } = await sql<Selectable<Payments>>`
    UPDATE payments SET charge_after = ${now}::timestamptz + interval '10 minutes', charge_attempts = charge_attempts + 1
    WHERE (organization_id, id) IN (SELECT organization_id, id FROM payments
      WHERE charge_after <= ${now} AND status = 'requested'
        AND EXISTS (SELECT FROM users u JOIN organizations o ON o.id = payments.organization_id
          WHERE u.id = payments.user_id AND u.suspended_at IS NULL AND o.deleted_at IS NULL
            AND (u.kind = 'organization' OR EXISTS (SELECT FROM memberships m
              WHERE m.organization_id = o.id AND m.user_id = u.id AND m.suspended_at IS NULL)))
      ORDER BY charge_after LIMIT ${limit} FOR UPDATE SKIP LOCKED)
    RETURNING *`.execute(executor)
  return rows.map(paymentFrom)
}

export interface Refund {
  readonly organizationId: string
  readonly id: string
  readonly paymentId: string
  readonly reference: string
  readonly kind: 'refund' | 'dispute'
  readonly status: 'requested' | 'waiting' | 'done' | 'failed'
  readonly amountMinor: bigint
  readonly creditMicros: bigint | null
  /** Of them, what had been spent. */
  readonly owedMicros: bigint | null
  readonly reason: string | null
  readonly createdBy: string
}

const refundFrom = (row: Selectable<PaymentRefunds>): Refund => ({
  organizationId: row.organization_id,
  id: row.id,
  paymentId: row.payment_id,
  reference: row.reference,
  kind: row.kind,
  status: row.status,
  amountMinor: row.amount_minor,
  creditMicros: row.credit_micros,
  owedMicros: row.owed_micros,
  reason: row.reason,
  createdBy: row.created_by,
})

/** The one there is, where the reference is known, ours or the provider's. Under the lock of its payment. */
export const insertRefund = async (
  t: T,
  refund: Omit<Refund, 'id' | 'creditMicros' | 'owedMicros'> & { id?: string; at: Date },
): Promise<{ refund: Refund; created: boolean }> => {
  const known = await findRefund(t, refund, refund.reference)
  if (known) return { refund: known, created: false }
  const row = await t
    .insertInto('payment_refunds')
    .values({
      organization_id: refund.organizationId,
      id: refund.id ?? newId(),
      payment_id: refund.paymentId,
      reference: refund.reference,
      kind: refund.kind,
      status: refund.status,
      amount_minor: refund.amountMinor,
      reason: refund.reason,
      created_by: refund.createdBy,
      created_at: refund.at,
    })
    .returningAll()
    .executeTakeFirstOrThrow()
  return { refund: refundFrom(row), created: true }
}

export const findRefund = async (
  executor: Executor,
  payment: { organizationId: string; paymentId: string },
  reference: string,
): Promise<Refund | undefined> => {
  const row = await executor
    .selectFrom('payment_refunds')
    .selectAll()
    .where('organization_id', '=', payment.organizationId)
    .where('payment_id', '=', payment.paymentId)
    .where((e) => e.or([e('reference', '=', reference), e('external_reference', '=', reference)]))
    .executeTakeFirst()
  return row && refundFrom(row)
}

export const refundsOf = async (
  executor: Executor,
  payment: { organizationId: string; id: string },
): Promise<Refund[]> =>
  (
    await executor
      .selectFrom('payment_refunds')
      .selectAll()
      .where('organization_id', '=', payment.organizationId)
      .where('payment_id', '=', payment.id)
      .orderBy('id')
      .execute()
  ).map(refundFrom)

/** The idempotency key of the grant by which credits come back. */
export const wonKey = (dispute: { readonly id: string }): string => `dispute_won:${dispute.id}`

/** Everything that was given for a payment, the oldest first. */
export const grantsOfPayment = async (executor: Executor, payment: StoredPayment): Promise<string[]> => {
  if (payment.grantId === null) return []
  const won = (await refundsOf(executor, payment)).filter(
    (refund) => refund.kind === 'dispute' && refund.status === 'failed',
  )
  if (won.length === 0) return [payment.grantId]
  const rows = await executor
    .selectFrom('grants')
    .select('id')
    .where('organization_id', '=', payment.organizationId)
    .where('account_id', '=', payment.accountId)
    .where('idempotency_key', 'in', won.map(wonKey))
    .orderBy('id')
    .execute()
  return [payment.grantId, ...rows.map((row) => row.id)]
}

export const requestedRefunds = async (executor: Executor, limit: number): Promise<Refund[]> =>
  (
    await executor
      .selectFrom('payment_refunds')
      .selectAll()
      .where('status', '=', 'requested')
      .where('kind', '=', 'refund')
      .orderBy('id')
      .limit(limit)
      .execute()
  ).map(refundFrom)

export const changeRefund = async (
  t: T,
  refund: { organizationId: string; id: string },
  change: Updateable<PaymentRefunds>,
): Promise<void> => {
  await t
    .updateTable('payment_refunds')
    .set(change)
    .where('organization_id', '=', refund.organizationId)
    .where('id', '=', refund.id)
    .execute()
}

/** False: it was told before. */
export const noteEvent = async (
  t: T,
  provider: ProviderId,
  event: PaymentEvent,
  at: Date,
): Promise<boolean> => {
  const row = await t
    .insertInto('applied_payment_events')
    .values({
      provider,
      event_id: event.eventId,
      payment_id: event.paymentId,
      kind: event.kind,
      at: event.at,
      applied_at: at,
    })
    .onConflict((conflict) => conflict.doNothing())
    .returning('event_id')
    .executeTakeFirst()
  return row !== undefined
}

const packFrom = (row: Selectable<CreditPacks>): Pack => ({
  id: row.id,
  name: row.name,
  creditMicros: row.credit_micros,
  priceMinor: row.price_minor,
  currency: row.currency,
  position: row.position,
  archivedAt: row.archived_at,
})

export const listPacks = async (executor: Executor, archived: boolean): Promise<Pack[]> =>
  (
    await executor
      .selectFrom('credit_packs')
      .selectAll()
      .$if(!archived, (q) => q.where('archived_at', 'is', null))
      .orderBy('position')
      .orderBy('id')
      .execute()
  ).map(packFrom)

export const readPack = async (executor: Executor, id: string): Promise<Pack | undefined> => {
  const row = await executor
    .selectFrom('credit_packs')
    .selectAll()
    .where('id', '=', id)
    .where('archived_at', 'is', null)
    .executeTakeFirst()
  return row && packFrom(row)
}

export const writePack = async (t: T, pack: Omit<Pack, 'archivedAt'>): Promise<Pack> => {
  const values = {
    name: pack.name,
    credit_micros: pack.creditMicros,
    price_minor: pack.priceMinor,
    currency: pack.currency,
    position: pack.position,
    archived_at: null,
  }
  const row = await t
    .insertInto('credit_packs')
    .values({ id: pack.id, ...values })
    .onConflict((conflict) => conflict.column('id').doUpdateSet(values))
    .returningAll()
    .executeTakeFirstOrThrow()
  return packFrom(row)
}

export const archivePack = async (t: T, id: string, at: Date): Promise<boolean> =>
  (await t
    .updateTable('credit_packs')
    .set({ archived_at: at })
    .where('id', '=', id)
    .where('archived_at', 'is', null)
    .returning('id')
    .executeTakeFirst()) !== undefined

export type StoredTopUp = Omit<AutoTopUp, 'spentThisMonthMinor'>

export const readTopUp = async (executor: Executor, key: AccountKey): Promise<StoredTopUp | null> => {
  const row = await executor
    .selectFrom('auto_top_ups')
    .selectAll()
    .where('organization_id', '=', key.organizationId)
    .where('account_id', '=', key.accountId)
    .executeTakeFirst()
  return row
    ? {
        enabled: row.is_enabled,
        thresholdMicros: row.threshold_micros,
        packId: row.pack_id,
        monthlyCapMinor: row.monthly_cap_minor,
      }
    : null
}

export const writeTopUp = async (
  t: T,
  key: AccountKey,
  wanted: StoredTopUp | null,
  at: Date,
): Promise<void> => {
  if (wanted === null) {
    await t
      .deleteFrom('auto_top_ups')
      .where('organization_id', '=', key.organizationId)
      .where('account_id', '=', key.accountId)
      .execute()
    return
  }
  const values = {
    is_enabled: wanted.enabled,
    threshold_micros: wanted.thresholdMicros,
    pack_id: wanted.packId,
    monthly_cap_minor: wanted.monthlyCapMinor,
    changed_at: at,
  }
  await t
    .insertInto('auto_top_ups')
    .values({ organization_id: key.organizationId, account_id: key.accountId, ...values })
    .onConflict((conflict) => conflict.columns(['organization_id', 'account_id']).doUpdateSet(values))
    .execute()
}

/** Accounts whose available credits are below their threshold, as far as a look without locks can tell. */
export const topUpsDue = async (
  executor: Executor,
  now: Date,
  after: AccountKey | null,
  limit: number,
): Promise<AccountKey[]> => {
  const { rows } = await sql<{ organizationId: string; accountId: string }>`
    SELECT u.organization_id AS "organizationId", u.account_id AS "accountId" FROM auto_top_ups u
    WHERE u.is_enabled AND u.threshold_micros > coalesce((SELECT sum(g.remaining_micros) FROM grants g
      WHERE g.organization_id = u.organization_id AND g.account_id = u.account_id AND g.live AND g.effective_at <= ${now}
        AND (g.expires_at IS NULL OR g.expires_at > ${now})), 0)
      AND (${after?.organizationId ?? null}::uuid IS NULL
        OR (u.organization_id, u.account_id) > (${after?.organizationId ?? null}::uuid, ${after?.accountId ?? null}::uuid))
      AND EXISTS (SELECT FROM credit_accounts a JOIN organizations o ON o.id = a.organization_id JOIN users p ON p.id = a.user_id
        WHERE a.organization_id = u.organization_id AND a.id = u.account_id AND p.suspended_at IS NULL AND o.deleted_at IS NULL
          -- Only of the account that operations draw on.
          AND (a.user_id = o.id) = (o.central_billing_at IS NOT NULL)
          AND (p.kind = 'organization' OR EXISTS (SELECT FROM memberships m
            WHERE m.organization_id = o.id AND m.user_id = p.id AND m.suspended_at IS NULL)))
    ORDER BY u.organization_id, u.account_id LIMIT ${limit}`.execute(executor)
  return rows
}

/** Over the transaction's own connection: who waits for another one while holding locks may wait for itself. */
export const availableOf = async (t: T, key: AccountKey, now: Date): Promise<bigint> => {
  const { rows } = await sql<{ micros: bigint }>`
    SELECT coalesce(sum(remaining_micros), 0)::bigint AS micros FROM grants
    WHERE organization_id = ${key.organizationId} AND account_id = ${key.accountId} AND live AND effective_at <= ${now}
      AND (expires_at IS NULL OR expires_at > ${now})`.execute(t)
  return rows[0]?.micros ?? 0n
}

/** What automatic top-ups of an account have come to: paid, or asked for and not yet decided. */
export const topUpState = async (executor: Executor, key: AccountKey, since: Date) => {
  const { rows } = await sql<{ spent: bigint; isWaiting: boolean; lastFailedAt: Date | null }>`
    SELECT coalesce(sum(amount_minor) FILTER (WHERE status IN ('paid', 'requested') AND created_at >= ${since}), 0)::bigint AS spent,
      coalesce(bool_or(status = 'requested'), false) AS "isWaiting",
      max(decided_at) FILTER (WHERE status IN ('failed', 'denied', 'abandoned')) AS "lastFailedAt"
    FROM payments WHERE organization_id = ${key.organizationId} AND account_id = ${key.accountId}
      AND purpose = 'auto_top_up'`.execute(executor)
  return rows[0] as { spent: bigint; isWaiting: boolean; lastFailedAt: Date | null }
}
