import { newId } from '../src/kit/id.ts'
import { makeAlerts } from '../src/alerts/alerts.ts'
import { noMail } from '../src/alerts/mail.ts'
import type { Budget } from '../src/budgets/budget.ts'
import { type Budgets, type BudgetDraft, makeBudgets } from '../src/budgets/budgets.ts'
import { countingOf, hardClaims } from '../src/budgets/claim.ts'
import type { Database } from '../src/db/database.ts'
import type { Clock } from '../src/kit/clock.ts'
import { failure, must } from '../src/kit/fault.ts'
import { silentLog } from '../src/kit/log.ts'
import { makeRecorder } from '../src/metering/recorder.ts'
import { makeOutbound } from '../src/net/outbound.ts'
import { holdRequest, operationRecord, type TestAccount } from './ledger.ts'
import type { Node } from './ledger-nodes.ts'

export const operator = { kind: 'operator', id: null } as const

/** The budgets of one process, without a gateway in front. */
export const openBudgets = (
  database: Database,
  processId: string,
  clock: Clock = () => new Date(),
): Budgets => {
  const alerts = makeAlerts({
    database,
    mail: noMail,
    signingSecret: async () => failure('internal'),
    callbacks: makeOutbound(),
    publicUrl: null,
    clock,
    log: silentLog,
  })
  return makeBudgets({
    database,
    epoch: { processId, change: (_, work) => database.kysely.transaction().execute(work) },
    alerts,
    clock,
    log: silentLog,
  })
}

export interface BudgetNode extends Node {
  readonly budgets: Budgets
}

/** With a recorder that tells the budgets. */
export const withBudgets = (node: Node, clock?: Clock): BudgetNode => {
  const budgets = openBudgets(node.database, node.processId, clock)
  const recorder = makeRecorder({
    database: node.database,
    ledger: node.ledger,
    log: silentLog,
    budgets,
    patienceMs: 2_000,
  })
  return {
    ...node,
    budgets,
    recorder,
    close: async () => {
      await recorder.close()
      await budgets.close()
      await node.close()
    },
  }
}

export const hardOn = (
  account: TestAccount,
  limit: bigint,
  more: Partial<BudgetDraft> = {},
): BudgetDraft => ({
  organizationId: account.organizationId,
  userId: account.userId,
  accessTokenId: null,
  serviceId: null,
  name: 'Test',
  measure: 'credits',
  limit,
  enforcement: 'hard',
  period: 'calendar_month',
  timeZone: 'UTC',
  setBy: 'user',
  ...more,
})

export const made = async (node: BudgetNode, draft: BudgetDraft): Promise<Budget> =>
  must(await node.budgets.create(operator, draft))

/** An operation on a system key: held, and on record with what it was charged; null where it was refused. */
export const spend = async (
  node: BudgetNode,
  account: TestAccount,
  budgets: readonly Budget[],
  heldMicros: bigint,
  chargeMicros: bigint,
): Promise<string | null> => {
  const base = holdRequest(account, heldMicros)
  const { startedAt, accessTokenId } = base.operation
  const subject = {
    ...account,
    payerUserId: null,
    accessTokenId,
    teamId: null,
    serviceId: 'openai',
    serviceKeyId: newId(),
    keyOwner: 'system' as const,
  }
  const request = { ...base, budgets: hardClaims(budgets, subject, startedAt) }
  const held = await node.ledger.hold(request)
  if (!held.ok) return null
  const record = operationRecord(account, {
    id: request.operationId,
    startedAt,
    accessTokenId,
    keyOwner: 'system',
    creditMicros: chargeMicros,
    heldMicros,
  })
  await node.recorder.record(record, { ...request, chargeMicros }, countingOf(budgets, record, null))
  return record.id
}

/**
 * What does not add up, by SQL that shares no code with the product: what was used is what the operations of the period
 * were charged, and nothing is reserved that no operation under way stands behind.
 */
export const checkBudgets = async (database: Database): Promise<string[]> => {
  const { rows } = await database.pool.query<{ problem: string }>(`
    SELECT format('budget %s counts %s, its operations come to %s', p.budget_id, p.used, o.total) AS problem
    FROM budget_periods p
    JOIN budgets b ON b.organization_id = p.organization_id AND b.id = p.budget_id
    CROSS JOIN LATERAL (
      SELECT coalesce(sum(CASE b.measure WHEN 'credits' THEN o.credit_micros ELSE o.cost_nano_usd END), 0) AS total
      FROM operations o
      WHERE o.organization_id = b.organization_id AND o.started_at >= p.starts_at AND o.started_at < p.ends_at
        AND (o.key_owner = 'system') = (b.measure = 'credits')
        AND (b.user_id IS NULL OR o.user_id = b.user_id
          OR b.measure = 'credits' AND b.user_id = (SELECT a.user_id FROM holds h JOIN credit_accounts a ON a.id = h.account_id WHERE h.id = o.id))
        AND o.access_token_id = coalesce(b.access_token_id, o.access_token_id)
        AND o.service_id = coalesce(b.service_id, o.service_id)
        AND (b.team_id IS NULL OR o.team_id = b.team_id)
        AND (b.service_key_id IS NULL OR o.service_key_id = b.service_key_id) AND NOT b.each_member
    ) AS o
    WHERE p.used <> o.total AND b.archived_at IS NULL
    UNION ALL
    SELECT format('operation %s has ended and still reserves %s', r.operation_id, r.amount)
    FROM budget_reservations r
    WHERE EXISTS (SELECT FROM operations o WHERE o.id = r.operation_id)
      OR EXISTS (SELECT FROM holds h WHERE h.id = r.operation_id AND h.state IN ('settled', 'released'))
    UNION ALL
    SELECT format('hold %s reserves %s of %s', h.id, r.amount, h.amount_micros)
    FROM budget_reservations r JOIN holds h ON h.id = r.operation_id
    WHERE h.state IN ('open', 'unresolved') AND r.amount <> h.amount_micros`)
  return rows.map(({ problem }) => problem)
}

/** By how much any hard budget is passed at this moment, what is under way included. */
export const passedBy = async (database: Database): Promise<bigint> => {
  const { rows } = await database.pool.query<{ over: bigint | null }>(`
    SELECT max(p.used + coalesce((SELECT sum(r.amount) FROM budget_reservations r
      WHERE r.organization_id = p.organization_id AND r.budget_id = p.budget_id AND r.starts_at = p.starts_at), 0)
      - b.limit_amount)::bigint AS over
    FROM budget_periods p JOIN budgets b ON b.organization_id = p.organization_id AND b.id = p.budget_id
    WHERE b.enforcement = 'hard'`)
  const over = rows[0]?.over ?? 0n
  return over > 0n ? over : 0n
}
