import type { Transaction } from 'kysely'
import type { AuditAction } from '../audit/actions.ts'
import { type Actor, recordAudit } from '../audit/audit.ts'
import type { Database } from '../db/database.ts'
import type { Schema } from '../db/schema.ts'
import type { Clock } from '../kit/clock.ts'
import { failure, FaultError, fault, type Outcome, success } from '../kit/fault.ts'
import { newId, platformOrganizationId } from '../kit/id.ts'
import { findService } from '../services/registry.ts'
import { type PriceApproval, type PriceChange, whySecond } from './price-change.ts'
import * as store from './price-change-store.ts'
import { differenceOf, extentOf, isNothing, type PriceDifference } from './price-difference.ts'
import { toJson } from './price-json.ts'
import { isExact } from './price-overrides.ts'
import * as versions from './price-store.ts'
import { normalized, type PriceEdit, withEdits } from './price-terms.ts'

export interface ChangeDraft {
  readonly edits: readonly PriceEdit[]
  readonly reason: string
  /** Null: when it is approved. */
  readonly effectiveAt: Date | null
}

export interface ChangePreview {
  /** In force just before it. */
  readonly baseVersion: number
  readonly difference: PriceDifference
  readonly needsBecause: string | null
}

export interface ChangeView {
  readonly change: PriceChange
  /** Null: decided. */
  readonly preview: ChangePreview | null
}

type InTransaction = <T>(work: (transaction: Transaction<Schema>) => Promise<T>) => Promise<T>
type T = Transaction<Schema>

/** More versions than these that are to come are a mistake: every process keeps them in memory. */
const scheduledMaximum = 12

/** Drafts of prices, their approval, and the versions that they become. */
export const makePriceChanges = (parts: {
  readonly database: Database
  readonly clock: Clock
  /** In force everywhere when it returns. */
  readonly change: InTransaction
  /** Takes new versions up in this process. */
  readonly reload: () => Promise<void>
}) => {
  const { database, clock, reload } = parts

  const write = async <R>(work: (t: T) => Promise<R>): Promise<Outcome<R>> => {
    try {
      const done = await parts.change(async (t) => {
        await versions.lockVersions(t)
        return work(t)
      })
      await reload()
      return success(done)
    } catch (error) {
      if (error instanceof FaultError) return { ok: false, fault: error.fault }
      throw error
    }
  }

  const previewOf = async (
    run: Parameters<typeof versions.versionAt>[0],
    draft: Pick<ChangeDraft, 'edits' | 'effectiveAt'>,
  ): Promise<ChangePreview> => {
    const at = clock()
    const base = await versions.versionAt(run, laterOf(draft.effectiveAt, at))
    const book = base && (await versions.readPriceBook(run, base.version))
    if (!book) throw new Error('There is no price book to change.')
    const terms = withEdits(base, draft.edits, { reason: '', changedBy: null, changedAt: at })
    const difference = differenceOf({ ...base, models: book.models }, { ...terms, models: book.models })
    const needsBecause = whySecond(await store.readApproval(run), extentOf(difference))
    return { baseVersion: base.version, difference, needsBecause }
  }

  const viewOf = async (
    run: Parameters<typeof versions.versionAt>[0],
    change: PriceChange,
  ): Promise<ChangeView> => ({ change, preview: isOpen(change) ? await previewOf(run, change) : null })

  /** Makes the versions that are to come after an instant again, upon the one that is in force there now. */
  const makeAgain = async (t: T, after: Date, at: Date): Promise<void> => {
    const coming = await versions.versionsAfter(t, after)
    for (const { version } of coming) await versions.withdraw(t, version, at)
    for (const { changeId, effectiveAt } of coming) {
      const change = changeId && (await store.readChange(t, changeId))
      if (!change) continue
      const made = await versionFor(t, change, effectiveAt, at)
      await store.updateChange(t, change.id, { version: made })
    }
  }

  const versionFor = async (t: T, change: PriceChange, effectiveAt: Date, at: Date): Promise<number> => {
    const base = await versions.versionAt(t, effectiveAt)
    if (!base) throw new Error('There is no price book to change.')
    const by = { reason: change.reason, changedBy: change.editedBy ?? change.createdBy, changedAt: at }
    const terms = withEdits(base, change.edits, by)
    const made = { terms, basedOn: base.version, changeId: change.id, effectiveAt, at }
    return (await versions.insertChanged(t, made)).version
  }

  const carryOut = async (t: T, actor: Actor, change: PriceChange, difference: PriceDifference) => {
    const at = clock()
    const effectiveAt = laterOf(change.effectiveAt, at)
    if (effectiveAt > at && (await versions.versionsAfter(t, at)).length >= scheduledMaximum)
      throw new FaultError(
        fault('conflict', { message: `At most ${scheduledMaximum} versions can be to come.` }),
      )
    const version = await versionFor(t, change, effectiveAt, at)
    await makeAgain(t, effectiveAt, at)
    const approved = await store.updateChange(t, change.id, {
      status: 'approved',
      version,
      decided_by: actor.id,
      decided_at: at,
    })
    await audit(t, actor, 'price_book.changed', approved, {
      before: beforeOnTrail(difference),
      after: { version, effectiveAt, edits: toJson(change.edits) },
    })
    return approved
  }

  /** It becomes a version, or waits for somebody else. */
  const approve = async (t: T, actor: Actor, change: PriceChange, seen?: number): Promise<ChangeView> => {
    const { baseVersion, difference, needsBecause } = await previewOf(t, change)
    if (seen !== undefined && seen !== baseVersion)
      throw new FaultError(
        fault('conflict', {
          message: 'The price book has changed since you looked at this change.',
          next: 'Look at the difference again, then approve it.',
        }),
      )
    if (isNothing(difference))
      throw new FaultError(fault('conflict', { message: 'This change would change nothing.' }))
    if (needsBecause === null || mayBeSecond(actor, change))
      return { change: await carryOut(t, actor, change, difference), preview: null }
    if (change.status === 'waiting')
      throw new FaultError(
        fault('forbidden', {
          message: `${needsBecause} Whoever wrote a change cannot be its second approver.`,
          next: 'Ask another administrator.',
        }),
      )
    const waiting = await store.updateChange(t, change.id, { status: 'waiting' })
    await audit(t, actor, 'price_change.submitted', waiting, { after: { edits: toJson(waiting.edits) } })
    return { change: waiting, preview: { baseVersion, difference, needsBecause } }
  }

  const openChange = async (t: T, id: string, revision?: number): Promise<PriceChange> => {
    const change = await store.readChange(t, id)
    if (!change) throw new FaultError(fault('not_found'))
    if (!isOpen(change))
      throw new FaultError(fault('conflict', { message: `This change is ${change.status} already.` }))
    if (revision !== undefined && revision !== change.revision)
      throw new FaultError(
        fault('conflict', {
          message: 'Somebody has edited this change since you looked at it.',
          next: 'Look at it again.',
        }),
      )
    return change
  }

  return {
    async preview(draft: Pick<ChangeDraft, 'edits' | 'effectiveAt'>): Promise<Outcome<ChangePreview>> {
      const edits = draft.edits.map(normalized)
      const problem = problemWith(edits)
      return problem ?? success(await previewOf(database.kysely, { ...draft, edits }))
    },

    /** `approve`: in the same step, as far as the actor may decide it alone. */
    async create(actor: Actor, draft: ChangeDraft, isApproved: boolean): Promise<Outcome<ChangeView>> {
      const edits = draft.edits.map(normalized)
      const problem = problemWith(edits)
      if (problem) return problem
      return write(async (t) => {
        const change: PriceChange = {
          ...draft,
          id: newId(),
          status: 'draft',
          revision: 1,
          edits,
          version: null,
          createdBy: actor.id,
          editedBy: actor.id,
          createdAt: clock(),
          decidedBy: null,
          decidedAt: null,
          decisionReason: null,
        }
        await store.insertChange(t, change)
        return isApproved ? approve(t, actor, change) : viewOf(t, change)
      })
    },

    edit: (actor: Actor, id: string, draft: ChangeDraft, revision: number): Promise<Outcome<ChangeView>> => {
      const edits = draft.edits.map(normalized)
      const problem = problemWith(edits)
      if (problem) return Promise.resolve(problem)
      return write(async (t) => {
        const change = await openChange(t, id, revision)
        const edited = await store.updateChange(t, id, {
          status: 'draft',
          revision: change.revision + 1,
          edits: JSON.stringify(toJson(edits)),
          reason: draft.reason,
          effective_at: draft.effectiveAt,
          edited_by: actor.id,
        })
        return viewOf(t, edited)
      })
    },

    approve: (actor: Actor, id: string, seen: { revision: number; baseVersion: number }) =>
      write(async (t) => approve(t, actor, await openChange(t, id, seen.revision), seen.baseVersion)),

    discard: (actor: Actor, id: string, reason: string): Promise<Outcome<ChangeView>> =>
      write(async (t) => {
        await openChange(t, id)
        const discarded = await store.updateChange(t, id, {
          status: 'discarded',
          decided_by: actor.id,
          decided_at: clock(),
          decision_reason: reason,
        })
        await audit(t, actor, 'price_change.discarded', discarded, { reason })
        return viewOf(t, discarded)
      }),

    /** A version that is to come does not come. */
    withdraw: (actor: Actor, version: number, reason: string): Promise<Outcome<versions.Version>> =>
      write(async (t) => {
        const at = clock()
        const found = await versions.readVersion(t, version)
        if (!found) throw new FaultError(fault('not_found'))
        if (found.withdrawnAt !== null) return found
        if (found.effectiveAt <= at)
          throw new FaultError(
            fault('conflict', {
              message: 'This version is in force, or was.',
              next: 'Make a change that takes it back.',
            }),
          )
        await versions.withdraw(t, version, at)
        if (found.changeId !== null) {
          const change = await store.updateChange(t, found.changeId, {
            status: 'withdrawn',
            decided_by: actor.id,
            decided_at: at,
            decision_reason: reason,
          })
          await audit(t, actor, 'price_book.withdrawn', change, { before: { version }, reason })
        }
        await makeAgain(t, new Date(found.effectiveAt.getTime() - 1), at)
        return (await versions.readVersion(t, version)) as versions.Version
      }),

    async read(id: string): Promise<Outcome<ChangeView>> {
      const change = await store.readChange(database.kysely, id)
      return change ? success(await viewOf(database.kysely, change)) : failure('not_found')
    },

    list: (filter: { open: boolean; before: string | null; limit: number }) =>
      store.listChanges(database.kysely, filter),
    countOpen: () => store.countOpen(database.kysely),
    changesOf: (ids: readonly string[]) => store.changesOf(database.kysely, ids),

    approval: (): Promise<PriceApproval> => store.readApproval(database.kysely),
    saveApproval: (actor: Actor, approval: PriceApproval, reason: string): Promise<Outcome<PriceApproval>> =>
      write(async (t) => {
        const before = await store.readApproval(t)
        await store.writeApproval(t, approval)
        await recordAudit(t, {
          organizationId: platformOrganizationId,
          actor,
          action: 'price_approval.changed',
          subject: { kind: 'installation', id: 'price_approval' },
          before,
          after: approval,
          reason,
        })
        return approval
      }),

    /** What a version changed, against the one it was made from. */
    async differenceIn(version: versions.Version): Promise<PriceDifference | null> {
      if (version.basedOn === null) return null
      const [before, after] = await Promise.all(
        [version.basedOn, version.version].map((each) => versions.readPriceBook(database.kysely, each)),
      )
      return before && after ? differenceOf(before, after) : null
    },

    /** Newly shipped prices are in force: what is to come is made again upon them. */
    makeAgain,
  }
}
export type PriceChangesRoom = ReturnType<typeof makePriceChanges>

const laterOf = (wanted: Date | null, at: Date): Date => (wanted !== null && wanted > at ? wanted : at)
const isOpen = ({ status }: PriceChange): boolean => status === 'draft' || status === 'waiting'

/** Whoever runs commands on the machine itself can change everything anyway. */
const mayBeSecond = (actor: Actor, { createdBy, editedBy }: PriceChange): boolean =>
  actor.kind === 'operator' || (actor.id !== null && actor.id !== createdBy && actor.id !== editedBy)

const problemWith = (edits: readonly PriceEdit[]): Outcome<never> | null => {
  for (const edit of edits) {
    const serviceId = 'serviceId' in edit ? edit.serviceId : null
    if (serviceId !== null && findService(serviceId) === undefined)
      return failure('invalid_request', { message: 'There is no such service.', field: 'serviceId' })
    if (edit.kind === 'set_price' && !isExact(edit))
      return failure('invalid_request', {
        message: 'The price of a token class is for 1, 10, 100, … or 1000000 tokens.',
        field: 'per',
      })
    if (
      (edit.kind === 'set_markup' || edit.kind === 'remove_markup') &&
      serviceId === null &&
      edit.model !== null
    )
      return failure('invalid_request', {
        message: 'A markup for models names their service too.',
        field: 'serviceId',
      })
  }
  return null
}

const beforeOnTrail = ({ creditWorth, markups, ownPrices }: PriceDifference) =>
  toJson({
    ...(creditWorth === null ? {} : { nanoUsdPerCredit: creditWorth.before }),
    markups: markups.map(({ serviceId, model, before }) => ({ serviceId, model, before })),
    ownPrices: ownPrices.map(({ serviceId, model, unit, before }) => ({ serviceId, model, unit, before })),
  })

const audit = (
  t: T,
  actor: Actor,
  action: AuditAction,
  change: PriceChange,
  told: { before?: unknown; after?: unknown; reason?: string },
) =>
  recordAudit(t, {
    organizationId: platformOrganizationId,
    actor,
    action,
    subject: { kind: 'price_change', id: change.id },
    reason: change.reason,
    ...told,
  })
