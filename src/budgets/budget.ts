import type { BudgetEnforcement, BudgetMeasure, BudgetPeriod, BudgetScopeKind } from '../contract/budgets.ts'
import { platformOrganizationId } from '../kit/id.ts'
import { formatMicros } from '../kit/money.ts'
import type { KeyOwner } from '../policy/control.ts'
import type { SubscriptionAnchor } from './period.ts'

export type { BudgetEnforcement, BudgetMeasure, BudgetPeriod, BudgetScopeKind } from '../contract/budgets.ts'

/** Whose operations count. Of the platform organization, without a user: those of all organizations. */
export interface BudgetScope {
  readonly userId: string | null
  readonly accessTokenId: string | null
  readonly serviceId: string | null
  /** What is called with its access tokens. */
  readonly teamId: string | null
  /** What runs on one service key of the organization. */
  readonly serviceKeyId: string | null
}

export interface Budget {
  readonly organizationId: string
  readonly id: string
  readonly name: string
  readonly scope: BudgetScope
  readonly measure: BudgetMeasure
  /** Micro-credits or nano-dollars. */
  readonly limit: bigint
  readonly enforcement: BudgetEnforcement
  readonly period: BudgetPeriod
  /** Of calendar months. */
  readonly timeZone: string
  /** organization: whoever may manage budgets there. */
  readonly setBy: 'user' | 'organization' | 'administrator'
  readonly createdAt: Date
  readonly createdBy: string
  readonly archivedAt: Date | null
  /** It counts nothing itself: each member whose operations it may count has a budget of their own that follows it. */
  readonly eachMember: boolean
  /** The one that this follows: it changes and ends with that. */
  readonly follows: string | null
  /** Of the user's subscription; null where its periods do not matter. */
  readonly anchor: SubscriptionAnchor | null
}

export const scopeKind = ({
  userId,
  accessTokenId,
  serviceId,
  teamId,
  serviceKeyId,
}: BudgetScope): BudgetScopeKind => {
  if (accessTokenId !== null) return 'access_token'
  if (serviceKeyId !== null) return 'service_key'
  if (teamId !== null) return 'team'
  if (userId !== null) return serviceId === null ? 'user' : 'user_service'
  return serviceId === null ? 'organization' : 'service'
}

/** An operation as far as budgets care. */
export interface Subject {
  readonly organizationId: string
  readonly userId: string
  /** Whose credits it is charged to, where that is another member. */
  readonly payerUserId: string | null
  readonly accessTokenId: string
  /** Of the access token. */
  readonly teamId: string | null
  readonly serviceId: string
  readonly serviceKeyId: string
  readonly keyOwner: KeyOwner
}

export const measureOf = (keyOwner: KeyOwner): BudgetMeasure =>
  keyOwner === 'system' ? 'credits' : 'own_key_cost'

/** Whether what an operation uses counts. The SQL in `store-counts.ts` asks the same. */
export const counts = (budget: Budget, subject: Subject): boolean => {
  const { userId, accessTokenId, serviceId, teamId, serviceKeyId } = budget.scope
  return (
    !budget.eachMember &&
    budget.measure === measureOf(subject.keyOwner) &&
    (userId === null ||
      userId === subject.userId ||
      (budget.measure === 'credits' && userId === subject.payerUserId)) &&
    (accessTokenId === null || accessTokenId === subject.accessTokenId) &&
    (serviceId === null || serviceId === subject.serviceId) &&
    (teamId === null || teamId === subject.teamId) &&
    (serviceKeyId === null || serviceKeyId === subject.serviceKeyId) &&
    (budget.organizationId === subject.organizationId || spansOrganizations(budget))
  )
}

/** A platform token acts in any organization; without a user, the platform's budgets are on all of them. */
export const spansOrganizations = ({
  organizationId,
  scope,
}: Pick<Budget, 'organizationId' | 'scope'>): boolean =>
  organizationId === platformOrganizationId && scope.userId === null

/** `12.5 credits`, `3.25 USD`. */
export const amountText = (measure: BudgetMeasure, amount: bigint): string =>
  measure === 'credits'
    ? `${formatMicros(amount)} ${amount === 1_000_000n ? 'credit' : 'credits'}`
    : `${formatNanoUsd(amount)} USD`

const formatNanoUsd = (nanoUsd: bigint): string => {
  const digits = nanoUsd.toString().padStart(10, '0')
  const fraction = digits.slice(-9).replace(/0+$/, '').padEnd(2, '0')
  return `${digits.slice(0, -9)}.${fraction}`
}

const subjects: Record<BudgetScopeKind, string> = {
  organization: 'the organisation',
  service: 'this service in the organisation',
  user: 'this user',
  user_service: 'this user at this service',
  access_token: 'this access token',
  team: 'this team',
  service_key: 'this service key',
}

const ofEachMember: Partial<Record<BudgetScopeKind, string>> = {
  organization: 'each member of the organisation',
  service: 'each member at this service',
  team: 'each member of this team',
  service_key: 'each member on this service key',
}

const ofOneMember: Partial<Record<BudgetScopeKind, string>> = {
  team: 'this user in this team',
  service_key: 'this user on this service key',
}

export const subjectText = (budget: Pick<Budget, 'organizationId' | 'scope' | 'eachMember'>): string => {
  const kind = scopeKind(budget.scope)
  if (budget.eachMember) return ofEachMember[kind] ?? subjects[kind]
  if (budget.scope.userId !== null && ofOneMember[kind] !== undefined) return ofOneMember[kind]
  if (!spansOrganizations(budget) || kind === 'access_token') return subjects[kind]
  return kind === 'service' ? 'this service, in all organisations' : 'the whole installation'
}
