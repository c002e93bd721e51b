import { arrayOf } from '../db/arrays.ts'
import type { Statement, Unit } from '../db/writer.ts'
import type { Key } from './store.ts'

/** Before every key; look-ups go on from the last key they gave. */
export const firstKey: Key = {
  organizationId: '00000000-0000-0000-0000-000000000000',
  id: '00000000-0000-0000-0000-000000000000',
}

const insertAccountStatement: Statement = {
  name: 'ledger_insert_account',
  text: `
    INSERT INTO credit_accounts (organization_id, id, user_id, tier_id, anchored_at, allocated_until, created_at)
    VALUES ($1, $2, $3, $4, $5, $5, $5)
    ON CONFLICT (organization_id, user_id) DO NOTHING`,
}

const accountOfUser: Statement = {
  name: 'ledger_account_of_user',
  text: 'SELECT id FROM credit_accounts WHERE organization_id = $1 AND user_id = $2',
}

/** The id of the user's account, which is made where there was none. */
export const insertAccount = async (
  unit: Unit,
  account: { organizationId: string; id: string; userId: string; tierId: string; at: Date },
): Promise<string> => {
  const { organizationId, id, userId, tierId, at } = account
  void unit.send(insertAccountStatement, [organizationId, id, userId, tierId, at])
  const rows = await unit.ask<{ id: string }>(accountOfUser, [organizationId, userId])
  if (!rows[0]) throw new Error('The account was neither there nor could it be made.')
  return rows[0].id
}

export interface DueAccount extends Key {
  readonly anchoredAt: Date
  readonly allocationMicros: bigint
}

const dueColumns = `
  SELECT a.organization_id, a.id, a.anchored_at,
    CASE WHEN o.self_service AND t.monthly_price_cents = 0 THEN 0 ELSE t.monthly_allocation_micros END AS monthly_allocation_micros
  FROM credit_accounts a JOIN tiers t ON t.id = a.tier_id JOIN organizations o ON o.id = a.organization_id`

const dueAccountsStatement: Statement = {
  name: 'ledger_due_accounts',
  text: `${dueColumns}
    WHERE a.allocated_until <= $1 AND a.anchored_at <= $1 AND NOT a.is_subscribed
    ORDER BY a.allocated_until LIMIT $2`,
}

const subscribedStatement: Statement = {
  name: 'ledger_subscribed_accounts',
  text: `
    SELECT a.organization_id, a.id FROM unnest($1::uuid[], $2::uuid[]) AS wanted (organization_id, id)
    JOIN credit_accounts a ON a.organization_id = wanted.organization_id AND a.id = wanted.id
    WHERE a.is_subscribed`,
}

const accountStatement: Statement = {
  name: 'ledger_account_tier',
  text: `${dueColumns} WHERE a.organization_id = $1 AND a.id = $2`,
}

interface DueRow {
  organization_id: string
  id: string
  anchored_at: Date
  monthly_allocation_micros: bigint
}

const dueFrom = (row: DueRow): DueAccount => ({
  organizationId: row.organization_id,
  id: row.id,
  anchoredAt: row.anchored_at,
  allocationMicros: row.monthly_allocation_micros,
})

/** Accounts without a subscription whose last allocated period has ended. */
export const dueAccounts = async (unit: Unit, at: Date, limit: number): Promise<DueAccount[]> =>
  (await unit.ask<DueRow>(dueAccountsStatement, [at, limit])).map(dueFrom)

/** Those of the accounts whose allocations are their subscription's. They have to be locked. */
export const subscribedAccounts = async (unit: Unit, accounts: readonly Key[]): Promise<Key[]> => {
  const rows = await unit.ask<{ organization_id: string; id: string }>(subscribedStatement, [
    arrayOf(accounts, (account) => account.organizationId),
    arrayOf(accounts, (account) => account.id),
  ])
  return rows.map((row) => ({ organizationId: row.organization_id, id: row.id }))
}

export const accountWithTier = async (unit: Unit, key: Key): Promise<DueAccount[]> =>
  (await unit.ask<DueRow>(accountStatement, [key.organizationId, key.id])).map(dueFrom)

const expiringStatement: Statement = {
  name: 'ledger_expiring_accounts',
  text: `
    SELECT organization_id, account_id AS id FROM grants
    WHERE live AND expires_at <= $1
    ORDER BY expires_at LIMIT $2`,
}

/** Accounts with credits left in an expired grant; one may come more than once. */
export const accountsWithExpired = async (unit: Unit, at: Date, limit: number): Promise<Key[]> => {
  const rows = await unit.ask<{ organization_id: string; id: string }>(expiringStatement, [at, limit])
  return rows.map((row) => ({ organizationId: row.organization_id, id: row.id }))
}

export type Recovery = 'mark' | 'restore' | 'release'

export interface RecoverableHold extends Key {
  readonly accountId: string
  readonly recovery: Recovery
}

/**
 * A process is dead when its lease has run out by the database's clock and by the caller's: one fast clock alone
 * never takes a hold from a living process. The caller's own process is alive. What a long operation keeps is its own
 * to end, whatever became of the process that began it. $1 now, $2 grace in milliseconds, $3 own process.
 */
const recoverable = `
  SELECT h.organization_id, h.id, h.account_id,
    CASE WHEN h.state = 'open' THEN 'mark' WHEN process.is_alive THEN 'restore' ELSE 'release' END AS recovery
  FROM holds h
  CROSS JOIN LATERAL (
    SELECT EXISTS (
      SELECT FROM processes p WHERE p.id = h.process_id AND p.lease_until > least(now(), $1::timestamptz)
    ) AS is_alive
  ) AS process
  WHERE h.state IN ('open', 'unresolved') AND h.kept_by = 'process' AND h.process_id <> $3::uuid
    AND CASE WHEN h.state = 'open' THEN NOT process.is_alive
      ELSE process.is_alive OR h.unresolved_at <= $1::timestamptz - $2::bigint * interval '1 millisecond' END`

const recoverableStatement: Statement = {
  name: 'ledger_recoverable_holds',
  text: `${recoverable} AND (h.organization_id, h.id) > ($4, $5) ORDER BY h.organization_id, h.id LIMIT $6`,
}

const stillRecoverableStatement: Statement = {
  name: 'ledger_still_recoverable_holds',
  text: `${recoverable} AND (h.organization_id, h.id) IN (SELECT * FROM unnest($4::uuid[], $5::uuid[]))`,
}

interface RecoverableRow {
  organization_id: string
  id: string
  account_id: string
  recovery: Recovery
}

const recoverableFrom = (row: RecoverableRow): RecoverableHold => ({
  organizationId: row.organization_id,
  id: row.id,
  accountId: row.account_id,
  recovery: row.recovery,
})

export interface RecoveryTerms {
  readonly at: Date
  readonly graceMs: number
  readonly ownProcessId: string
}

const termValues = (terms: RecoveryTerms) => [terms.at, terms.graceMs, terms.ownProcessId]

export const recoverableHolds = async (unit: Unit, terms: RecoveryTerms, after: Key, limit: number) =>
  (
    await unit.ask<RecoverableRow>(recoverableStatement, [
      ...termValues(terms),
      after.organizationId,
      after.id,
      limit,
    ])
  ).map(recoverableFrom)

/** The same question again, for when their accounts are locked. */
export const stillRecoverable = async (unit: Unit, terms: RecoveryTerms, holds: readonly Key[]) =>
  (
    await unit.ask<RecoverableRow>(stillRecoverableStatement, [
      ...termValues(terms),
      arrayOf(holds, (h) => h.organizationId),
      arrayOf(holds, (h) => h.id),
    ])
  ).map(recoverableFrom)

const markStatement: Statement = {
  name: 'ledger_mark_holds',
  text: `
    UPDATE holds h SET state = new.state,
      unresolved_at = CASE WHEN new.state = 'unresolved' THEN $4::timestamptz END
    FROM unnest($1::uuid[], $2::uuid[], $3::text[]) AS new (organization_id, id, state)
    WHERE h.organization_id = new.organization_id AND h.id = new.id AND h.state IN ('open', 'unresolved')`,
}

/** open → unresolved, and back. */
export const markHolds = (unit: Unit, holds: readonly RecoverableHold[], at: Date): void => {
  if (holds.length === 0) return
  void unit.send(markStatement, [
    arrayOf(holds, (h) => h.organizationId),
    arrayOf(holds, (h) => h.id),
    arrayOf(holds, (h) => (h.recovery === 'mark' ? 'unresolved' : 'open')),
    at,
  ])
}

const handOverStatement: Statement = {
  name: 'ledger_hand_over_hold',
  text: `
    UPDATE holds SET kept_by = 'long_operation', state = 'open', unresolved_at = NULL
    WHERE organization_id = $1 AND id = $2 AND state IN ('open', 'unresolved')`,
}

/** Gives the number of holds that were there to hand over. Its account has to be locked. */
export const handOverHold = (unit: Unit, hold: Key): Promise<number> =>
  unit.send(handOverStatement, [hold.organizationId, hold.id])

/** The record of an operation whose process died, from what its hold knew. Its caller never had the whole reply. */
const insertInterruptedStatement: Statement = {
  name: 'ledger_insert_interrupted',
  text: `
    INSERT INTO operations (organization_id, id, user_id, access_token_id, team_id, started_at, duration_ms, endpoint, streamed,
      status, http_status, fault_code, requested_model, service_id, model, key_owner, service_key_id, key_priority,
      reason, attempts, usage_source, price_book_version, held_micros, credit_micros)
    SELECT h.organization_id, h.id, o.user_id, o.access_token_id, o.team_id, o.started_at,
      least(greatest(extract(epoch FROM $3::timestamptz - o.started_at) * 1000, 0), 2147483647)::integer,
      o.endpoint, o.streamed, 'interrupted', 500, 'internal', o.requested_model, o.service_id, o.model, 'system',
      o.service_key_id, o.key_priority, o.reason, '[]', 'none', o.price_book_version, h.amount_micros, 0
    FROM unnest($1::uuid[], $2::uuid[]) AS wanted (organization_id, id)
    JOIN holds h ON h.organization_id = wanted.organization_id AND h.id = wanted.id
    CROSS JOIN LATERAL (
      SELECT (h.operation ->> 'userId')::uuid AS user_id, (h.operation ->> 'accessTokenId')::uuid AS access_token_id,
        (h.operation ->> 'teamId')::uuid AS team_id,
        (h.operation ->> 'startedAt')::timestamptz AS started_at, h.operation ->> 'endpoint' AS endpoint,
        (h.operation ->> 'streamed')::boolean AS streamed, h.operation ->> 'requestedModel' AS requested_model,
        h.operation ->> 'serviceId' AS service_id, h.operation ->> 'model' AS model,
        (h.operation ->> 'serviceKeyId')::uuid AS service_key_id,
        (h.operation ->> 'keyPriority')::smallint AS key_priority, h.operation ->> 'reason' AS reason,
        (h.operation ->> 'priceBookVersion')::integer AS price_book_version
    ) AS o
    ON CONFLICT (organization_id, id) DO NOTHING`,
}

export const insertInterrupted = (unit: Unit, holds: readonly Key[], at: Date): void => {
  if (holds.length === 0) return
  void unit.send(insertInterruptedStatement, [
    arrayOf(holds, (h) => h.organizationId),
    arrayOf(holds, (h) => h.id),
    at,
  ])
}
