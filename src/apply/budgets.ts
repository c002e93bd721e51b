import { z } from 'zod'
import type { Actor } from '../audit/audit.ts'
import { isTimeZone } from '../billing/calendar.ts'
import { amountText } from '../budgets/budget.ts'
import type { BudgetDraft, Budgets } from '../budgets/budgets.ts'
import { type Outcome, success } from '../kit/fault.ts'
import { platformOrganizationId } from '../kit/id.ts'
import type { KeyPlace } from './places.ts'

/** Budgets in a document: on the installation, an organisation, a team, a key or a user, in all or at one service. */

const exactly = (digits: number, scale: bigint, message: string) =>
  z.union([z.number(), z.string()], { error: message }).transform((value, context) => {
    const match = new RegExp(`^(\\d{1,9})(?:\\.(\\d{1,${digits}}))?$`).exec(String(value))
    const amount = match && BigInt(match[1] ?? '0') * scale + BigInt((match[2] ?? '').padEnd(digits, '0'))
    if (amount && amount > 0n) return amount
    context.addIssue({ code: 'custom', message })
    return z.NEVER
  })

/** In nano-dollars. */
export const dollars = exactly(
  9,
  1_000_000_000n,
  'A limit in USD is above zero, with at most nine decimal places.',
)

const fields = {
  name: z.string().trim().min(1).max(80),
  credits: exactly(
    6,
    1_000_000n,
    'A limit in credits is above zero, with at most six decimal places.',
  ).optional(),
  ownKeyCost: dollars.optional(),
  enforcement: z.enum(['hard', 'soft']).optional(),
  timeZone: z.string().refine(isTimeZone, 'There is no such time zone.').optional(),
}

const oneLimit = [
  (budget: { credits?: bigint | undefined; ownKeyCost?: bigint | undefined }) =>
    (budget.credits === undefined) !== (budget.ownKeyCost === undefined),
  'A budget has one limit: credits, or ownKeyCost in USD.',
] as const

export const budgetSchema = (serviceId: z.ZodType<string, string>) =>
  z
    .strictObject({
      ...fields,
      service: serviceId.optional(),
      setBy: z.enum(['administrator', 'organization']).optional(),
      eachMember: z.boolean().optional(),
    })
    .refine(...oneLimit)
export const userBudgetSchema = (serviceId: z.ZodType<string, string>) =>
  z
    .strictObject({
      ...fields,
      service: serviceId.optional(),
      setBy: z.enum(['administrator', 'organization', 'user']).optional(),
      period: z.enum(['calendar_month', 'subscription_period']).optional(),
    })
    .refine(...oneLimit)

export type DocumentBudget = z.output<ReturnType<typeof userBudgetSchema>> & {
  readonly eachMember?: boolean | undefined
}

/** What a budget is known by among those on the same: who set it decides who may change it. */
export const budgetName = ({ name, setBy = 'administrator' }: Pick<DocumentBudget, 'name' | 'setBy'>) =>
  setBy === 'administrator' ? `“${name}”` : `“${name}” (${setBy})`

/** Live; without those on access tokens and those that follow one on each member. */
export interface StoredBudget {
  readonly organizationId: string
  readonly id: string
  readonly userId: string | null
  readonly teamId: string | null
  readonly serviceKeyId: string | null
  readonly setBy: 'administrator' | 'organization' | 'user'
  readonly eachMember: boolean
  readonly name: string
  readonly serviceId: string | null
  readonly measure: 'credits' | 'own_key_cost'
  readonly limit: bigint
  readonly enforcement: 'hard' | 'soft'
  readonly period: 'calendar_month' | 'subscription_period'
  readonly timeZone: string
}

/** Whose it is: by name where they may be made by the same document. */
export interface BudgetHome {
  readonly title: string
  readonly organizationId: string | null
  readonly organization: string | null
  readonly userId: string | null
  readonly email: string | null
  readonly team?: { readonly id: string | null; readonly name: string }
  readonly key?: { readonly id: string | null; readonly place: KeyPlace }
}

export const installationHome: BudgetHome = {
  title: 'installation',
  organizationId: platformOrganizationId,
  organization: null,
  userId: null,
  email: null,
}

export type BudgetScope = Pick<StoredBudget, 'organizationId' | 'userId' | 'teamId' | 'serviceKeyId'>
type Terms = Omit<StoredBudget, keyof BudgetScope | 'id'>

/** Null: on something that the same document makes. */
const scopeOf = ({ organizationId, userId, email, team, key }: BudgetHome): BudgetScope | null =>
  organizationId === null || (email !== null && userId === null) || team?.id === null || key?.id === null
    ? null
    : { organizationId, userId, teamId: team?.id ?? null, serviceKeyId: key?.id ?? null }

export const isOn = (budget: BudgetScope, scope: BudgetScope): boolean =>
  budget.organizationId === scope.organizationId &&
  budget.userId === scope.userId &&
  budget.teamId === scope.teamId &&
  budget.serviceKeyId === scope.serviceKeyId

export type BudgetAction =
  | { readonly kind: 'create_budget'; readonly home: BudgetHome; readonly terms: Terms }
  | {
      readonly kind: 'change_budget'
      readonly budget: StoredBudget
      readonly terms: Terms
      /** What cannot be changed: the old one is archived, and the new one counts from the same operations. */
      readonly isReplaced: boolean
    }

export interface PlannedBudget {
  readonly subject: string
  readonly isNew: boolean
  readonly details: readonly string[]
  readonly action: BudgetAction
}

export const planBudget = (
  wanted: DocumentBudget,
  home: BudgetHome,
  stored: readonly StoredBudget[],
): PlannedBudget => {
  const subject = `${home.title}: budget ${budgetName(wanted)}`
  const scope = scopeOf(home)
  const before = stored.find(
    (budget) => scope !== null && budgetName(budget) === budgetName(wanted) && isOn(budget, scope),
  )
  const measure = wanted.credits === undefined ? 'own_key_cost' : 'credits'
  const terms: Terms = {
    name: wanted.name,
    setBy: wanted.setBy ?? 'administrator',
    eachMember: wanted.eachMember ?? before?.eachMember ?? false,
    serviceId: wanted.service ?? null,
    measure,
    limit: wanted.credits ?? wanted.ownKeyCost ?? 0n,
    enforcement: wanted.enforcement ?? before?.enforcement ?? 'soft',
    period: wanted.period ?? before?.period ?? 'calendar_month',
    timeZone: wanted.timeZone ?? before?.timeZone ?? 'UTC',
  }
  if (!before)
    return {
      subject,
      isNew: true,
      details: Object.entries(shown(terms)).map(([name, value]) => `${name}: ${value}`),
      action: { kind: 'create_budget', home, terms },
    }
  const [old, now] = [shown(before), shown(terms)]
  const differing = (Object.keys(now) as (keyof typeof now)[]).filter((name) => old[name] !== now[name])
  return {
    subject,
    isNew: false,
    details: differing.map((name) => `${name}: ${old[name]} → ${now[name]}`),
    action: {
      kind: 'change_budget',
      budget: before,
      terms,
      isReplaced:
        before.measure !== measure || differing.some((name) => name !== 'limit' && name !== 'enforcement'),
    },
  }
}

const shown = (terms: Omit<Terms, 'name' | 'setBy'>) => ({
  service: terms.serviceId ?? 'all',
  limit:
    `${amountText(terms.measure, terms.limit)} ${terms.measure === 'credits' ? '' : 'on own keys'}`.trim(),
  enforcement: terms.enforcement,
  period: terms.period,
  timeZone: terms.timeZone,
  eachMember: terms.eachMember ? 'yes' : 'no',
})

export const performBudget = async (
  action: BudgetAction,
  budgets: Pick<Budgets, 'create' | 'change' | 'archive'>,
  actor: Actor,
  homeOf: (home: BudgetHome) => Promise<Outcome<BudgetScope>>,
): Promise<Outcome<null>> => {
  const create = async (scope: BudgetScope, terms: Terms) => {
    const draft: BudgetDraft = { ...terms, ...scope, accessTokenId: null }
    const created = await budgets.create(actor, draft)
    return created.ok ? success(null) : created
  }
  if (action.kind === 'create_budget') {
    const home = await homeOf(action.home)
    return home.ok ? create(home.value, action.terms) : home
  }
  const { budget, terms, isReplaced } = action
  const { organizationId, userId, teamId, serviceKeyId } = budget
  const reach = { organizationId, userId: null }
  if (isReplaced) {
    const archived = await budgets.archive(actor, reach, budget.id)
    return archived.ok ? create({ organizationId, userId, teamId, serviceKeyId }, terms) : archived
  }
  const { limit, enforcement } = terms
  const changed = await budgets.change(actor, reach, budget.id, { limit, enforcement })
  return changed.ok ? success(null) : changed
}
