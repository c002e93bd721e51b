import { z } from 'zod'
import { defineEndpoints } from './endpoint.ts'
import * as wire from './wire.ts'

/** What is counted: credits charged in micro-credits, or what own keys cost their owners in nano-dollars. */
export const budgetMeasure = z
  .enum(['credits', 'own_key_cost'])
  .describe('credits: system keys, in micro-credits; own_key_cost: own keys, in nano-dollars')
export type BudgetMeasure = z.infer<typeof budgetMeasure>

export const budgetEnforcement = z
  .enum(['hard', 'soft'])
  .describe('hard: operations that would exceed it are refused; soft: it only alerts')
export type BudgetEnforcement = z.infer<typeof budgetEnforcement>

export const budgetPeriod = z
  .enum(['calendar_month', 'subscription_period'])
  .describe('calendar_month: in its time zone; subscription_period: of the user’s subscription')
export type BudgetPeriod = z.infer<typeof budgetPeriod>

export const budgetScopeKind = z.enum([
  'organization',
  'service',
  'user',
  'user_service',
  'access_token',
  'team',
  'service_key',
])
export type BudgetScopeKind = z.infer<typeof budgetScopeKind>

const limit = z
  .string()
  .regex(/^[1-9]\d{0,17}$/, 'must be a positive decimal integer in quotes')
  .describe('Micro-credits, or nano-dollars for own_key_cost')
const quantity = z
  .string()
  .regex(/^-?\d{1,19}$/, 'must be a decimal integer in quotes')
  .describe('In the unit of the limit')
const timeZone = z.string().min(1).max(60).describe('An IANA name, such as Europe/Berlin')

/** Whose operations count: every part that is not null has to agree. */
export const budgetScope = z.object({
  kind: budgetScopeKind,
  userId: wire.id.nullable(),
  userName: z.string().nullable(),
  accessTokenId: wire.id.nullable(),
  accessTokenName: z.string().nullable(),
  serviceId: wire.serviceId.nullable(),
  teamId: wire.id.nullable(),
  teamName: z.string().nullable(),
  serviceKeyId: wire.id.nullable().describe('A key of the organisation'),
  serviceKeyName: z.string().nullable(),
})

export const budget = z.object({
  organizationId: wire.id,
  id: wire.id,
  name: z.string(),
  scope: budgetScope,
  measure: budgetMeasure,
  limit,
  enforcement: budgetEnforcement,
  period: budgetPeriod,
  timeZone,
  createdAt: wire.time,
  createdBy: z.string().describe('A user’s id'),
  archivedAt: wire.time.nullable(),
  mayChange: z.boolean().describe('false: somebody else set it, and only they change it'),
  eachMember: z
    .boolean()
    .describe('It counts nothing itself: every member has one of their own that follows it'),
  follows: wire.id.nullable().describe('The budget on each member that this one follows'),
})
export type BudgetOnWire = z.infer<typeof budget>

/** How long something lasts at the rate of late: docs/budgets.md says how it is told. */
export const forecast = z.object({
  state: z
    .enum(['not_enough_data', 'nothing_used', 'lasts', 'runs_out', 'ran_out'])
    .describe('lasts: at this rate until the end of the period, or of the credits’ next allocation'),
  method: z
    .enum(['trailing_7_days', 'trailing_28_days'])
    .nullable()
    .describe('The faster of the two rates is used; null: there is none yet'),
  perDay: quantity.nullable().describe('Used a day, on average'),
  daysOfData: wire.count.describe('Whole days since the first use within the last 28; at least 3 are needed'),
  runsOutAt: wire.time.nullable(),
  until: wire.time.nullable().describe('What it has to last for: the end of the period'),
})
export type ForecastOnWire = z.infer<typeof forecast>

export const budgetStatus = z.object({
  periodStart: wire.time,
  periodEnd: wire.time.describe('When it starts anew'),
  used: quantity.describe('By operations that have ended'),
  reserved: quantity.describe('Set aside for operations under way; only hard budgets reserve'),
  remaining: quantity.describe('Limit less used less reserved, never below 0'),
  usedBasisPoints: z.number().int().nonnegative().describe('Of the limit: 10000 is all of it'),
  state: z
    .enum(['ok', 'warning', 'exceeded'])
    .describe('warning: from 75 %; exceeded: a hard one refuses, a soft one is passed'),
  firedThresholds: z.array(z.number().int()).describe('Of 50, 75, 90 and 100 %, in this period'),
  lastRefusedAt: wire.time.nullable().describe('When it last refused an operation in this period'),
  forecast,
})
export type BudgetStatusOnWire = z.infer<typeof budgetStatus>

export const budgetView = budget.extend({ status: budgetStatus })
export type BudgetViewOnWire = z.infer<typeof budgetView>

/** One period of a budget that is over, or the current one. */
export const budgetHistoryPeriod = z.object({
  periodStart: wire.time,
  periodEnd: wire.time,
  limit,
  used: quantity,
  usedBasisPoints: z.number().int().nonnegative(),
})

const draft = {
  name: wire.label,
  measure: budgetMeasure.default('credits'),
  limit,
  enforcement: budgetEnforcement.default('soft'),
  period: budgetPeriod.default('calendar_month'),
  timeZone: timeZone.default('UTC'),
}

const changes = z.object({
  name: wire.label.optional(),
  limit: limit.optional(),
  enforcement: budgetEnforcement.optional(),
})

const archived = z.object({ archived: z.enum(['true', 'false']).default('false') })

export const budgetEndpoints = defineEndpoints({
  listBudgets: {
    method: 'GET',
    path: '/budgets',
    auth: 'session',
    permission: 'own.read',
    group: 'budgets',
    summary:
      'Budgets on you and your access tokens, with how they stand; on your organisation, if you administer it',
    query: archived,
    reply: z.object({ items: z.array(budgetView) }),
  },
  readBudget: {
    method: 'GET',
    path: '/budgets/:id',
    auth: 'session',
    permission: 'own.read',
    group: 'budgets',
    summary: 'One of them, with its last periods',
    params: wire.idParams,
    reply: budgetView.extend({ periods: z.array(budgetHistoryPeriod).describe('Newest first, at most 12') }),
  },
  createBudget: {
    method: 'POST',
    path: '/budgets',
    auth: 'session',
    permission: 'own.use',
    group: 'budgets',
    status: 201,
    summary: 'Limit what you, one of your access tokens or you at one service may use',
    body: z.object({
      ...draft,
      accessTokenId: wire.id.nullable().default(null).describe('One of yours; null: all you do'),
      serviceId: wire.serviceId.nullable().default(null).describe('null: all services'),
    }),
    reply: budgetView,
  },
  changeBudget: {
    method: 'PATCH',
    path: '/budgets/:id',
    auth: 'session',
    permission: 'own.use',
    group: 'budgets',
    summary: 'Change your budget, from now on; what it counts stays as it is',
    params: wire.idParams,
    body: changes,
    reply: budgetView,
  },
  archiveBudget: {
    method: 'POST',
    path: '/budgets/:id/archive',
    auth: 'session',
    permission: 'own.use',
    group: 'budgets',
    summary: 'It neither refuses nor alerts any more',
    params: wire.idParams,
    reply: wire.done,
  },
  restoreBudget: {
    method: 'POST',
    path: '/budgets/:id/restore',
    auth: 'session',
    permission: 'own.use',
    group: 'budgets',
    summary: 'An archived budget is in force again; what was used meanwhile is not counted',
    params: wire.idParams,
    reply: budgetView,
  },
  readCreditForecast: {
    method: 'GET',
    path: '/credits/forecast',
    auth: 'session',
    permission: 'own.read',
    group: 'budgets',
    summary: 'When your credits run out at the rate of late',
    reply: forecast.extend({ availableMicros: wire.micros }),
  },

  listOrganizationBudgets: {
    method: 'GET',
    path: '/organization/budgets',
    auth: 'session',
    permission: 'usage.read',
    group: 'budgets',
    summary: 'Budgets that were set for your organisation, its teams, members and keys, with how they stand',
    query: archived.extend({ team: wire.id.optional(), serviceKey: wire.id.optional() }),
    reply: z.object({ items: z.array(budgetView) }),
  },
  listMemberBudgets: {
    method: 'GET',
    path: '/organization/budgets/:id/members',
    auth: 'session',
    permission: 'usage.read',
    group: 'budgets',
    summary:
      'How the members stand that a budget on each member holds for; those who have called since it was set',
    params: wire.idParams,
    reply: z.object({ items: z.array(budgetView) }),
  },
  createOrganizationBudget: {
    method: 'POST',
    path: '/organization/budgets',
    auth: 'session',
    permission: 'budgets.manage',
    group: 'budgets',
    status: 201,
    summary: 'A budget on your organisation, a team, a member, one of its keys, or on each member of these',
    body: z.object({
      ...draft,
      userId: wire.id.nullable().default(null),
      teamId: wire.id.nullable().default(null),
      serviceKeyId: wire.id.nullable().default(null).describe('A key of the organisation; own_key_cost only'),
      serviceId: wire.serviceId.nullable().default(null),
      eachMember: z.boolean().default(false).describe('Every member has as much'),
    }),
    reply: budgetView,
  },

  listAllBudgets: {
    method: 'GET',
    path: '/admin/budgets',
    auth: 'administrator',
    group: 'budgets',
    summary: 'Everybody’s budgets with how they stand, newest first',
    query: wire.pageQuery.extend({
      ...archived.shape,
      organization: wire.id.optional(),
      user: wire.id.optional(),
      service: wire.serviceId.optional(),
      kind: budgetScopeKind.optional(),
    }),
    reply: wire.page(budgetView.extend({ organizationName: z.string() })),
  },
  readAnyBudget: {
    method: 'GET',
    path: '/admin/organizations/:organization/budgets/:id',
    auth: 'administrator',
    group: 'budgets',
    summary: 'Any budget, with its last periods',
    params: z.object({ organization: wire.id, id: wire.id }),
    reply: budgetView.extend({ periods: z.array(budgetHistoryPeriod) }),
  },
  createAnyBudget: {
    method: 'POST',
    path: '/admin/organizations/:organization/budgets',
    auth: 'administrator',
    group: 'budgets',
    status: 201,
    summary: 'A budget on an organisation, a service in it, a user, a user at a service or an access token',
    params: z.object({ organization: wire.id }),
    body: z.object({
      ...draft,
      userId: wire.id.nullable().default(null),
      accessTokenId: wire.id.nullable().default(null),
      serviceId: wire.serviceId.nullable().default(null),
    }),
    reply: budgetView,
  },
  changeAnyBudget: {
    method: 'PATCH',
    path: '/admin/organizations/:organization/budgets/:id',
    auth: 'administrator',
    group: 'budgets',
    summary: 'Change any budget, from now on',
    params: z.object({ organization: wire.id, id: wire.id }),
    body: changes,
    reply: budgetView,
  },
  archiveAnyBudget: {
    method: 'POST',
    path: '/admin/organizations/:organization/budgets/:id/archive',
    auth: 'administrator',
    group: 'budgets',
    summary: 'Archive any budget',
    params: z.object({ organization: wire.id, id: wire.id }),
    reply: wire.done,
  },
  restoreAnyBudget: {
    method: 'POST',
    path: '/admin/organizations/:organization/budgets/:id/restore',
    auth: 'administrator',
    group: 'budgets',
    summary: 'Restore any archived budget',
    params: z.object({ organization: wire.id, id: wire.id }),
    reply: budgetView,
  },
})
