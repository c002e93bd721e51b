import type { Kysely, Selectable, Transaction, Updateable } from 'kysely'
import type { PriceChanges, Schema } from '../db/schema.ts'
import { defaultApproval, type PriceApproval, type PriceChange } from './price-change.ts'
import { readEdits, toJson } from './price-json.ts'

const changeFrom = (row: Selectable<PriceChanges>): PriceChange => ({
  id: row.id,
  status: row.status,
  revision: row.revision,
  edits: readEdits(row.edits),
  reason: row.reason,
  effectiveAt: row.effective_at,
  version: row.version,
  createdBy: row.created_by,
  editedBy: row.edited_by,
  createdAt: row.created_at,
  decidedBy: row.decided_by,
  decidedAt: row.decided_at,
  decisionReason: row.decision_reason,
})

export const insertChange = async (t: Transaction<Schema>, change: PriceChange): Promise<void> => {
  await t
    .insertInto('price_changes')
    .values({
      id: change.id,
      status: change.status,
      revision: change.revision,
      edits: JSON.stringify(toJson(change.edits)),
      reason: change.reason,
      effective_at: change.effectiveAt,
      created_by: change.createdBy,
      edited_by: change.editedBy,
      created_at: change.createdAt,
    })
    .execute()
}

export const readChange = async (run: Kysely<Schema>, id: string): Promise<PriceChange | null> => {
  const row = await run.selectFrom('price_changes').selectAll().where('id', '=', id).executeTakeFirst()
  return row ? changeFrom(row) : null
}

/** The lock of the versions is enough: whoever changes one holds it. */
export const updateChange = async (
  t: Transaction<Schema>,
  id: string,
  values: Updateable<PriceChanges>,
): Promise<PriceChange> =>
  changeFrom(
    await t
      .updateTable('price_changes')
      .set(values)
      .where('id', '=', id)
      .returningAll()
      .executeTakeFirstOrThrow(),
  )

export const listChanges = async (
  run: Kysely<Schema>,
  filter: { readonly open: boolean; readonly before: string | null; readonly limit: number },
): Promise<PriceChange[]> =>
  (
    await run
      .selectFrom('price_changes')
      .selectAll()
      .$if(filter.open, (query) => query.where('status', 'in', ['draft', 'waiting']))
      .$if(filter.before !== null, (query) => query.where('id', '<', filter.before as string))
      .orderBy('id', 'desc')
      .limit(filter.limit)
      .execute()
  ).map(changeFrom)

export const countOpen = async (run: Kysely<Schema>): Promise<number> => {
  const row = await run
    .selectFrom('price_changes')
    .select((e) => e.fn.countAll<bigint>().as('count'))
    .where('status', 'in', ['draft', 'waiting'])
    .executeTakeFirstOrThrow()
  return Number(row.count)
}

export const changesOf = async (
  run: Kysely<Schema>,
  ids: readonly string[],
): Promise<Map<string, PriceChange>> => {
  if (ids.length === 0) return new Map()
  const rows = await run.selectFrom('price_changes').selectAll().where('id', 'in', ids).execute()
  return new Map(rows.map((row) => [row.id, changeFrom(row)]))
}

const approvalName = 'price_approval'

export const readApproval = async (run: Kysely<Schema>): Promise<PriceApproval> => {
  const row = await run
    .selectFrom('installation')
    .select('value')
    .where('name', '=', approvalName)
    .executeTakeFirst()
  return { ...defaultApproval, ...(row?.value as Partial<PriceApproval> | undefined) }
}

export const writeApproval = async (t: Transaction<Schema>, approval: PriceApproval): Promise<void> => {
  const value = JSON.stringify(approval)
  await t
    .insertInto('installation')
    .values({ name: approvalName, value })
    .onConflict((conflict) => conflict.column('name').doUpdateSet({ value }))
    .execute()
}
