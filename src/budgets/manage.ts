import type { AuditAction } from '../audit/actions.ts'
import { type Actor, recordAudit } from '../audit/audit.ts'
import { isTimeZone } from '../billing/calendar.ts'
import type { Database } from '../db/database.ts'
import type { Epoch } from '../db/epoch.ts'
import type { Clock } from '../kit/clock.ts'
import { FaultError, failure, fault, type Outcome, success } from '../kit/fault.ts'
import { newId } from '../kit/id.ts'
import { findService } from '../services/registry.ts'
import { amountText, type Budget, type BudgetScope, subjectText } from './budget.ts'
import { spanAt } from './period.ts'
import * as store from './store.ts'
import { setPeriodLimit } from './store-counts.ts'
import { writeFollowers } from './store-followers.ts'

export type BudgetDraft = Pick<BudgetScope, 'userId' | 'accessTokenId' | 'serviceId'> &
  Partial<Pick<BudgetScope, 'teamId' | 'serviceKeyId'> & Pick<Budget, 'eachMember'>> &
  Pick<
    Budget,
    'organizationId' | 'name' | 'measure' | 'limit' | 'enforcement' | 'period' | 'timeZone' | 'setBy'
  >

export interface BudgetChange {
  readonly name?: string | undefined
  readonly limit?: bigint | undefined
  readonly enforcement?: Budget['enforcement'] | undefined
}

/** Whose budget it has to be: a user changes what they set on themselves, an administrator everything. */
export interface Reach {
  readonly organizationId: string
  /** null: an administrator's. */
  readonly userId: string | null
  /** Sees what an administrator has set on their organization and on its members, too. */
  readonly seesOrganization?: boolean
  /** Changes what was set for the organization by whoever manages its budgets. */
  readonly managesOrganization?: boolean
}

export interface ManageParts {
  readonly database: Database
  readonly epoch: Pick<Epoch, 'change'>
  readonly clock: Clock
}

/** More would slow down every call of theirs. */
const mostOfOne = 50

export const makeManage = ({ database, epoch, clock }: ManageParts) => {
  const { kysely } = database

  const checked = async (draft: BudgetDraft): Promise<Outcome<BudgetScope>> => {
    const { organizationId, accessTokenId, serviceId } = draft
    if (!isTimeZone(draft.timeZone)) return wrong('timeZone', 'There is no such time zone.')
    if (serviceId !== null && findService(serviceId) === undefined)
      return wrong('serviceId', 'There is no such service.')
    if (!(await store.isOrganization(kysely, organizationId))) return failure('not_found')
    let { userId } = draft
    if (accessTokenId !== null) {
      const token = await store.ownerOfToken(kysely, organizationId, accessTokenId)
      if (token === null || (userId !== null && token.userId !== userId))
        return failure('not_found', { field: 'accessTokenId' })
      userId = token.userId
    } else if (userId !== null && !(await store.isMember(kysely, organizationId, userId)))
      return failure('not_found', { field: 'userId' })
    if (draft.period === 'subscription_period' && userId === null)
      return wrong('period', 'Only a user has a subscription; use calendar months.')
    const { teamId = null, serviceKeyId = null } = draft
    if (teamId !== null && !(await store.isTeam(kysely, organizationId, teamId)))
      return failure('not_found', { field: 'teamId' })
    if (serviceKeyId !== null && !(await store.isOrganizationKey(kysely, organizationId, serviceKeyId)))
      return failure('not_found', { field: 'serviceKeyId' })
    if (serviceKeyId !== null && draft.measure === 'credits')
      return wrong('measure', 'Keys of the organisation use no credits; limit what they cost.')
    if (draft.eachMember === true && (userId !== null || accessTokenId !== null))
      return wrong('eachMember', 'This budget is on one member already.')
    return success({ userId, accessTokenId, serviceId, teamId, serviceKeyId })
  }

  const isFull = async (
    organizationId: string,
    { userId, teamId, serviceKeyId }: BudgetScope,
  ): Promise<boolean> => {
    const before = await store.listBudgets(kysely, { organizationId, isArchived: false, limit: 10_000 })
    const onTheSame = before.filter(
      ({ scope }) =>
        scope.userId === userId && scope.teamId === teamId && scope.serviceKeyId === serviceKeyId,
    )
    return onTheSame.length >= mostOfOne
  }
  const full = () => failure('conflict', { message: `There are ${mostOfOne} budgets on the same already.` })

  const create = async (actor: Actor, draft: BudgetDraft): Promise<Outcome<Budget>> => {
    const scope = await checked(draft)
    if (!scope.ok) return scope
    const { organizationId } = draft
    if (await isFull(organizationId, scope.value)) return full()
    const { name, measure, limit, enforcement, period, timeZone, setBy } = draft
    const budget: Budget = {
      organizationId,
      name,
      measure,
      limit,
      enforcement,
      period,
      timeZone,
      setBy,
      eachMember: draft.eachMember ?? false,
      follows: null,
      scope: scope.value,
      id: newId(clock().getTime()),
      createdAt: clock(),
      createdBy: actor.id ?? actor.kind,
      archivedAt: null,
      anchor: null,
    }
    await epoch.change(organizationId, async (transaction) => {
      await store.insertBudget(transaction, budget)
      await audit(transaction, actor, 'budget.created', null, budget)
    })
    return success((await store.findBudget(kysely, organizationId, budget.id)) ?? budget)
  }

  const alter = (
    actor: Actor,
    reach: Reach,
    id: string,
    action: AuditAction,
    altered: (before: Budget) => Budget,
    wasArchived = false,
  ): Promise<Outcome<Budget>> =>
    caught(
      epoch.change(reach.organizationId, async (transaction) => {
        await store.lockBudget(transaction, reach.organizationId, id)
        const before = await store.findBudget(transaction, reach.organizationId, id)
        if (before === null || !isWithin(before, reach)) throw new FaultError(fault('not_found'))
        const foreign = whyForeign(before, reach)
        if (foreign !== null) throw new FaultError(fault('forbidden', { message: foreign }))
        if (before.follows !== null)
          throw new FaultError(
            fault('conflict', { message: 'This budget follows one on each member; change that one.' }),
          )
        if (!wasArchived && before.archivedAt !== null)
          throw new FaultError(fault('conflict', { message: 'This budget is archived.' }))
        if (wasArchived && before.archivedAt === null)
          throw new FaultError(fault('conflict', { message: 'This budget is not archived.' }))
        const after = altered(before)
        await store.writeBudget(transaction, after)
        const span = spanAt(after, clock())
        await setPeriodLimit(transaction, after, span)
        if (after.eachMember) await writeFollowers(transaction, after, span)
        await audit(transaction, actor, action, before, after)
        return after
      }),
    )

  return {
    create,
    change: (actor: Actor, reach: Reach, id: string, change: BudgetChange) =>
      alter(actor, reach, id, 'budget.changed', (before) => ({
        ...before,
        name: change.name ?? before.name,
        limit: change.limit ?? before.limit,
        enforcement: change.enforcement ?? before.enforcement,
      })),
    archive: (actor: Actor, reach: Reach, id: string) =>
      alter(actor, reach, id, 'budget.archived', (before) => ({ ...before, archivedAt: clock() })),
    /** What was used meanwhile is not counted yet. */
    async restore(actor: Actor, reach: Reach, id: string): Promise<Outcome<Budget>> {
      const found = await store.findBudget(kysely, reach.organizationId, id)
      if (found !== null && (await isFull(reach.organizationId, found.scope))) return full()
      const restored = (before: Budget) => ({ ...before, archivedAt: null })
      return alter(actor, reach, id, 'budget.restored', restored, true)
    },
  }
}

export const isWithin = ({ organizationId, scope, setBy }: Budget, reach: Reach): boolean =>
  organizationId === reach.organizationId &&
  (reach.userId === null ||
    scope.userId === reach.userId ||
    // Who administers an organisation is told of these, and so has to see them.
    (reach.seesOrganization === true && (scope.userId === null || setBy !== 'user')))

/** Why somebody who sees a budget may not change it; null: they may. */
export const whyForeign = ({ setBy }: Budget, { userId, managesOrganization }: Reach): string | null => {
  if (userId === null || setBy === 'user') return null
  if (setBy === 'administrator') return 'An administrator set this budget; only they change it.'
  return managesOrganization === true
    ? null
    : 'This budget was set for your organisation; whoever manages its budgets changes it.'
}

const wrong = (field: string, message: string) => failure('invalid_request', { field, message })

/** What is thrown to give the transaction up is an outcome like others. */
const caught = async <T>(work: Promise<T>): Promise<Outcome<T>> => {
  try {
    return success(await work)
  } catch (error) {
    if (error instanceof FaultError) return { ok: false, fault: error.fault }
    throw error
  }
}

const audit = (
  transaction: Parameters<typeof recordAudit>[0],
  actor: Actor,
  action: AuditAction,
  before: Budget | null,
  after: Budget,
): Promise<void> =>
  recordAudit(transaction, {
    organizationId: after.organizationId,
    actor,
    action,
    subject: { kind: 'budget', id: after.id },
    before: before && told(before),
    after: told(after),
  })

const told = (budget: Budget) => ({
  name: budget.name,
  on: subjectText(budget),
  ...budget.scope,
  limit: amountText(budget.measure, budget.limit),
  enforcement: budget.enforcement,
  period: budget.period,
})
