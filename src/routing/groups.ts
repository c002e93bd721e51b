import type { Transaction } from 'kysely'
import type { AuditAction } from '../audit/actions.ts'
import { type Actor, recordAudit } from '../audit/audit.ts'
import type { Database } from '../db/database.ts'
import type { Epoch } from '../db/epoch.ts'
import type { JsonValue, Schema } from '../db/schema.ts'
import { failure, type Outcome, success } from '../kit/fault.ts'
import { platformOrganizationId } from '../kit/id.ts'
import { groupPrefix, type ModelGroup, shippedGroups } from './group.ts'
import { type GroupRow, makeGroupStore } from './group-store.ts'

/** Where a group's contents come from. */
export type GroupOrigin = 'shipped' | 'changed' | 'own' | 'removed'

export interface ListedGroup extends ModelGroup {
  readonly origin: GroupOrigin
}

export type GroupChange = Partial<Omit<ModelGroup, 'id'>>

/** Model groups as this installation has set them up. */
export interface Groups {
  /** Reads the changes; again whenever the platform's configuration changes. */
  load(): Promise<void>
  /** The groups that callers may ask for; the same array until one changes. */
  list(): readonly ModelGroup[]
  /** Also those that were taken away. */
  listAll(): readonly ListedGroup[]
  create(actor: Actor, group: ModelGroup): Promise<Outcome<ListedGroup>>
  change(actor: Actor, id: string, change: GroupChange): Promise<Outcome<ListedGroup>>
  remove(actor: Actor, id: string): Promise<Outcome<void>>
  /** Brings a shipped group back to what it came with. */
  reset(actor: Actor, id: string): Promise<Outcome<ListedGroup>>
}

export const makeGroups = ({ database, epoch }: { database: Database; epoch: Epoch }): Groups => {
  const store = makeGroupStore(database.kysely)
  let all: readonly ListedGroup[] = combine([])
  let usable: readonly ModelGroup[] = all

  const load = async () => {
    all = combine(await store.groups())
    usable = all.filter(({ origin }) => origin !== 'removed')
  }
  const find = (id: string) => all.find((group) => group.id === id)

  const changed = async (
    actor: Actor,
    action: AuditAction,
    id: string,
    work: (transaction: Transaction<Schema>) => Promise<void>,
    after: ModelGroup | null,
  ): Promise<void> => {
    const before = find(id)
    await epoch.change(platformOrganizationId, async (transaction) => {
      await work(transaction)
      await recordAudit(transaction, {
        organizationId: platformOrganizationId,
        actor,
        action,
        subject: { kind: 'model_group', id },
        before: before === undefined ? null : auditOf(before),
        after: after === null ? null : auditOf(after),
      })
    })
    await load()
  }

  const read = (id: string): Outcome<ListedGroup> => {
    const group = find(id)
    return group === undefined ? failure('not_found') : success(group)
  }

  return {
    load,
    list: () => usable,
    listAll: () => all,

    async create(actor, group) {
      const existing = find(group.id)
      if (existing !== undefined && existing.origin !== 'removed')
        return failure('conflict', { message: `There is a group ${group.id} already.`, field: 'id' })
      const wrong = wrongModel(group.models)
      if (wrong !== null) return wrong
      await changed(actor, 'model_group.created', group.id, (t) => store.save(t, group, false), group)
      return read(group.id)
    },

    async change(actor, id, change) {
      const before = find(id)
      if (before === undefined || before.origin === 'removed') return failure('not_found')
      const after = { ...before, ...withoutUndefined(change) }
      const wrong = wrongModel(after.models)
      if (wrong !== null) return wrong
      await changed(actor, 'model_group.changed', id, (t) => store.save(t, after, false), after)
      return read(id)
    },

    async remove(actor, id) {
      const before = find(id)
      if (before === undefined || before.origin === 'removed') return failure('not_found')
      const isShipped = before.origin !== 'own'
      const work = (t: Transaction<Schema>) => (isShipped ? store.save(t, before, true) : store.drop(t, id))
      await changed(actor, 'model_group.removed', id, work, null)
      return success(undefined)
    },

    async reset(actor, id) {
      const shipped = shippedGroups.find((group) => group.id === id)
      if (shipped === undefined) return failure('not_found')
      await changed(actor, 'model_group.reset', id, (t) => store.drop(t, id), shipped)
      return read(id)
    },
  }
}

/** Shipped groups in their order, then the administrators' own by name. Pure. */
export const combine = (rows: readonly GroupRow[]): ListedGroup[] => {
  const byId = new Map(rows.map((row) => [row.id, row]))
  const shipped = shippedGroups.map((group): ListedGroup => {
    const row = byId.get(group.id)
    if (row === undefined) return { ...group, origin: 'shipped' }
    return { ...groupOf(row), origin: row.removed ? 'removed' : 'changed' }
  })
  const own = rows
    .filter((row) => !row.removed && !shippedGroups.some(({ id }) => id === row.id))
    .map((row): ListedGroup => ({ ...groupOf(row), origin: 'own' }))
  return [...shipped, ...own.toSorted((a, b) => (a.id < b.id ? -1 : 1))]
}

const groupOf = ({ removed: _removed, ...group }: GroupRow): ModelGroup => group

const auditOf = (group: ModelGroup): JsonValue => ({
  label: group.label,
  description: group.description,
  task: group.task,
  models: [...group.models],
  attemptTimeoutSeconds: group.attemptTimeoutSeconds ?? null,
  hedgeAfterSeconds: group.hedgeAfterSeconds ?? null,
})

/** A group within a group would have no order of its own, and could hold itself. */
const wrongModel = (models: readonly string[]) => {
  const nested = models.find((model) => model.startsWith(groupPrefix))
  if (nested !== undefined)
    return failure('invalid_request', {
      message: `A group lists models, not groups: ${nested.slice(0, 80)}.`,
      field: 'models',
    })
  return new Set(models).size === models.length
    ? null
    : failure('invalid_request', { message: 'A model is listed twice.', field: 'models' })
}

const withoutUndefined = (change: GroupChange): GroupChange =>
  Object.fromEntries(Object.entries(change).filter(([, value]) => value !== undefined))
