import { type Kysely, sql, type Transaction } from 'kysely'
import type { Schema } from '../db/schema.ts'
import type { Budget } from './budget.ts'
import type { Span } from './period.ts'
import { findBudget } from './store.ts'

type Run = Kysely<Schema> | Transaction<Schema>

/**
 * The budget of one member that follows one on each member; null: that is archived. Its terms are read under a lock, so that
 * a change at the same moment either finds this one or is found by it.
 */
export const follow = async (
  run: Run,
  { organizationId, id }: Budget,
  member: { readonly userId: string; readonly budgetId: string },
  at: Date,
): Promise<Budget | null> => {
  await sql`
    WITH followed AS (
      SELECT * FROM budgets
      WHERE organization_id = ${organizationId} AND id = ${id} AND archived_at IS NULL
      FOR SHARE
    )
    INSERT INTO budgets (organization_id, id, name, user_id, service_id, team_id, service_key_id, measure, limit_amount,
      enforcement, period, time_zone, set_by, created_at, created_by, follows)
    SELECT organization_id, ${member.budgetId}::uuid, name, ${member.userId}::uuid, service_id, team_id, service_key_id, measure,
      limit_amount, enforcement, period, time_zone, set_by, ${at}::timestamptz, created_by, id
    FROM followed
    ON CONFLICT DO NOTHING`.execute(run)
  const row = await run
    .selectFrom('budgets')
    .select('id')
    .where('organization_id', '=', organizationId)
    .where('follows', '=', id)
    .where('user_id', '=', member.userId)
    .where('archived_at', 'is', null)
    .executeTakeFirst()
  return row ? findBudget(run, organizationId, row.id) : null
}

/** Those that follow a budget become as it is now. */
export const writeFollowers = async (run: Run, followed: Budget, span: Span): Promise<void> => {
  const { organizationId, id, name, limit, enforcement, archivedAt } = followed
  await run
    .updateTable('budgets')
    .set({ name, limit_amount: limit, enforcement, archived_at: archivedAt })
    .where('organization_id', '=', organizationId)
    .where('follows', '=', id)
    .execute()
  await sql`
    UPDATE budget_periods p SET limit_amount = ${limit} FROM budgets b
    WHERE b.organization_id = ${organizationId} AND b.follows = ${id} AND p.organization_id = b.organization_id
      AND p.budget_id = b.id AND p.starts_at = ${span.startsAt}`.execute(run)
}
