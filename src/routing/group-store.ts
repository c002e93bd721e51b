import type { Kysely, Transaction } from 'kysely'
import type { Schema } from '../db/schema.ts'
import type { Task } from '../services/service.ts'
import type { ModelGroup } from './group.ts'

export interface GroupRow extends ModelGroup {
  readonly removed: boolean
}

export const makeGroupStore = (kysely: Kysely<Schema>) => ({
  groups: async (): Promise<GroupRow[]> => {
    const rows = await kysely
      .selectFrom('model_groups')
      .select(['id', 'label', 'description', 'task', 'models', 'removed'])
      .select([
        'attempt_timeout_seconds as attemptTimeoutSeconds',
        'hedge_after_seconds as hedgeAfterSeconds',
      ])
      .execute()
    return rows.map((row) => ({ ...row, task: row.task as Task }))
  },

  save: async (transaction: Transaction<Schema>, group: ModelGroup, removed: boolean): Promise<void> => {
    const { id, label, description, task, models } = group
    const values = {
      label,
      description,
      task,
      models: [...models],
      attempt_timeout_seconds: group.attemptTimeoutSeconds ?? null,
      hedge_after_seconds: group.hedgeAfterSeconds ?? null,
      removed,
      updated_at: new Date(),
    }
    await transaction
      .insertInto('model_groups')
      .values({ id, ...values })
      .onConflict((conflict) => conflict.column('id').doUpdateSet(values))
      .execute()
  },

  drop: async (transaction: Transaction<Schema>, id: string): Promise<void> => {
    await transaction.deleteFrom('model_groups').where('id', '=', id).execute()
  },
})
