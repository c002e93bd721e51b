import type { Kysely, Transaction } from 'kysely'
import type { Schema } from '../db/schema.ts'
import { platformOrganizationId } from '../kit/id.ts'
import type { Budget, BudgetScopeKind } from './budget.ts'

type Run = Kysely<Schema> | Transaction<Schema>

/** With the subscription whose periods count: its user's, or the plain months of an account without one. */
const live = (run: Run) =>
  run
    .selectFrom('budgets as b')
    .leftJoin('credit_accounts as a', (join) =>
      join.onRef('a.organization_id', '=', 'b.organization_id').onRef('a.user_id', '=', 'b.user_id'),
    )
    .leftJoin('subscriptions as s', (join) =>
      join.onRef('s.organization_id', '=', 'a.organization_id').onRef('s.account_id', '=', 'a.id'),
    )
    .selectAll('b')
    .select([
      'a.anchored_at as account_anchored_at',
      's.anchored_at as subscription_anchored_at',
      's.time_zone as subscription_time_zone',
      's.period_number as subscription_period_number',
      's.period_start as subscription_period_start',
      's.period_end as subscription_period_end',
    ])

type Row = Awaited<ReturnType<ReturnType<typeof live>['executeTakeFirstOrThrow']>>

const budgetFrom = (row: Row): Budget => ({
  organizationId: row.organization_id,
  id: row.id,
  name: row.name,
  scope: {
    userId: row.user_id,
    accessTokenId: row.access_token_id,
    serviceId: row.service_id,
    teamId: row.team_id,
    serviceKeyId: row.service_key_id,
  },
  measure: row.measure,
  limit: row.limit_amount,
  enforcement: row.enforcement,
  period: row.period,
  timeZone: row.time_zone,
  setBy: row.set_by,
  createdAt: row.created_at,
  createdBy: row.created_by,
  archivedAt: row.archived_at,
  eachMember: row.each_member,
  follows: row.follows,
  anchor: row.period === 'subscription_period' ? anchorFrom(row) : null,
})

const anchorFrom = (row: Row): Budget['anchor'] => {
  const { subscription_anchored_at: anchoredAt, account_anchored_at: accountAnchoredAt } = row
  if (anchoredAt !== null)
    return {
      anchoredAt,
      number: row.subscription_period_number ?? 0,
      startsAt: row.subscription_period_start ?? anchoredAt,
      endsAt: row.subscription_period_end ?? anchoredAt,
      timeZone: row.subscription_time_zone ?? 'UTC',
    }
  // As the ledger counts where there is no subscription. An empty period: the one that counts is calculated.
  return accountAnchoredAt === null
    ? null
    : {
        anchoredAt: accountAnchoredAt,
        number: -1,
        startsAt: accountAnchoredAt,
        endsAt: accountAnchoredAt,
        timeZone: 'UTC',
      }
}

export interface CallerKey {
  readonly organizationId: string
  readonly userId: string
  /** Whose credits it works on, where that is another member. */
  readonly payerUserId: string | null
  readonly accessTokenId: string
  /** A platform token's is the platform. */
  readonly tokenOrganizationId: string
  /** Of the access token. */
  readonly teamId: string | null
}

/**
 * What a caller's operations may count towards, whichever service and key they come to run on, also those on each member;
 * without `wideBudgets`.
 */
export const budgetsOf = async (run: Run, caller: CallerKey): Promise<Budget[]> => {
  const { organizationId, userId, payerUserId, accessTokenId, tokenOrganizationId, teamId } = caller
  const rows = await live(run)
    .where('b.archived_at', 'is', null)
    .where((eb) => {
      const own = eb.and([
        eb('b.organization_id', '=', organizationId),
        eb.or([
          eb('b.user_id', '=', userId),
          eb('b.user_id', 'is', null),
          eb.and([eb('b.user_id', '=', payerUserId), eb('b.measure', '=', 'credits')]),
        ]),
        eb.or([eb('b.access_token_id', 'is', null), eb('b.access_token_id', '=', accessTokenId)]),
        teamId === null
          ? eb('b.team_id', 'is', null)
          : eb.or([eb('b.team_id', 'is', null), eb('b.team_id', '=', teamId)]),
      ])
      const ofToken = eb.and([
        eb('b.organization_id', '=', tokenOrganizationId),
        eb('b.access_token_id', '=', accessTokenId),
      ])
      return tokenOrganizationId === organizationId ? own : eb.or([own, ofToken])
    })
    .execute()
  return rows.map(budgetFrom).filter((budget) => !isWide(budget))
}

const isWide = ({ organizationId, scope }: Budget): boolean =>
  organizationId === platformOrganizationId && scope.userId === null && scope.accessTokenId === null

/** What everybody's operations may count towards. */
export const wideBudgets = async (run: Run): Promise<Budget[]> =>
  (
    await live(run)
      .where('b.archived_at', 'is', null)
      .where('b.organization_id', '=', platformOrganizationId)
      .where('b.user_id', 'is', null)
      .where('b.access_token_id', 'is', null)
      .execute()
  ).map(budgetFrom)

export const findBudget = async (run: Run, organizationId: string, id: string): Promise<Budget | null> => {
  const row = await live(run)
    .where('b.organization_id', '=', organizationId)
    .where('b.id', '=', id)
    .executeTakeFirst()
  return row ? budgetFrom(row) : null
}

export const insertBudget = async (run: Run, budget: Budget): Promise<void> => {
  await run
    .insertInto('budgets')
    .values({
      organization_id: budget.organizationId,
      id: budget.id,
      name: budget.name,
      user_id: budget.scope.userId,
      access_token_id: budget.scope.accessTokenId,
      service_id: budget.scope.serviceId,
      team_id: budget.scope.teamId,
      service_key_id: budget.scope.serviceKeyId,
      each_member: budget.eachMember,
      measure: budget.measure,
      limit_amount: budget.limit,
      enforcement: budget.enforcement,
      period: budget.period,
      time_zone: budget.timeZone,
      set_by: budget.setBy,
      created_at: budget.createdAt,
      created_by: budget.createdBy,
    })
    .execute()
}

export const writeBudget = async (run: Run, budget: Budget): Promise<void> => {
  await run
    .updateTable('budgets')
    .set({
      name: budget.name,
      limit_amount: budget.limit,
      enforcement: budget.enforcement,
      archived_at: budget.archivedAt,
    })
    .where('organization_id', '=', budget.organizationId)
    .where('id', '=', budget.id)
    .execute()
}

/** Under the lock of its row: two changes at once are one after the other. */
export const lockBudget = async (
  run: Transaction<Schema>,
  organizationId: string,
  id: string,
): Promise<void> => {
  await run
    .selectFrom('budgets')
    .select('id')
    .where('organization_id', '=', organizationId)
    .where('id', '=', id)
    .forUpdate()
    .execute()
}

export interface ListFilter {
  readonly organizationId?: string
  readonly userId?: string
  /** Also those that are on nobody in particular. */
  readonly withOrganization?: boolean
  /** Not those that members set on themselves. */
  readonly setForOrganization?: boolean
  readonly teamId?: string
  readonly serviceKeyId?: string
  /** What follows this one; left out of every other list that names no user. */
  readonly follows?: string
  readonly serviceId?: string
  readonly kind?: BudgetScopeKind
  readonly isArchived?: boolean
  /** The id of the last one seen. */
  readonly before?: string | null
  readonly limit?: number
}

/** Newest first: ids sort by time. */
export const listBudgets = async (run: Run, filter: ListFilter): Promise<Budget[]> => {
  let query = live(run)
  if (filter.organizationId !== undefined)
    query = query.where('b.organization_id', '=', filter.organizationId)
  const { userId, withOrganization } = filter
  if (userId !== undefined)
    query = query.where((eb) =>
      withOrganization === true
        ? eb.or([eb('b.user_id', '=', userId), eb('b.user_id', 'is', null)])
        : eb('b.user_id', '=', userId),
    )
  if (filter.follows !== undefined) query = query.where('b.follows', '=', filter.follows)
  else if (userId === undefined) query = query.where('b.follows', 'is', null)
  if (filter.setForOrganization === true) query = query.where('b.set_by', '<>', 'user')
  if (filter.teamId !== undefined) query = query.where('b.team_id', '=', filter.teamId)
  if (filter.serviceKeyId !== undefined) query = query.where('b.service_key_id', '=', filter.serviceKeyId)
  if (filter.serviceId !== undefined) query = query.where('b.service_id', '=', filter.serviceId)
  if (filter.isArchived !== undefined)
    query = query.where('b.archived_at', filter.isArchived ? 'is not' : 'is', null)
  if (filter.kind !== undefined) {
    const isToken = filter.kind === 'access_token'
    const isTeam = filter.kind === 'team'
    const isKey = filter.kind === 'service_key'
    const isUser = filter.kind === 'user' || filter.kind === 'user_service'
    const isService = filter.kind === 'service' || filter.kind === 'user_service'
    query = query.where('b.access_token_id', isToken ? 'is not' : 'is', null)
    query = query
      .where('b.team_id', isTeam ? 'is not' : 'is', null)
      .where('b.service_key_id', isKey ? 'is not' : 'is', null)
    if (!isToken && !isTeam && !isKey)
      query = query
        .where('b.user_id', isUser ? 'is not' : 'is', null)
        .where('b.service_id', isService ? 'is not' : 'is', null)
  }
  if (filter.before) query = query.where('b.id', '<', filter.before)
  const rows = await query
    .orderBy('b.id', 'desc')
    .limit(filter.limit ?? 1_000)
    .execute()
  return rows.map(budgetFrom)
}

export interface Names {
  readonly users: ReadonlyMap<string, string>
  readonly tokens: ReadonlyMap<string, string>
  readonly organizations: ReadonlyMap<string, string>
  readonly teams: ReadonlyMap<string, string>
  readonly serviceKeys: ReadonlyMap<string, string>
}

/** Of the people, tokens and organizations that these budgets are about. */
export const namesFor = async (run: Run, budgets: readonly Budget[]): Promise<Names> => {
  const idsOf = (of: (budget: Budget) => string | null): string[] => [
    ...new Set(budgets.flatMap((budget) => of(budget) ?? [])),
  ]
  const named = async (
    table: 'users' | 'access_tokens' | 'organizations' | 'teams',
    ids: readonly string[],
  ) => {
    if (ids.length === 0) return new Map<string, string>()
    const rows = await run
      .selectFrom(table)
      .select(['id', 'name'])
      .where('id', 'in', [...ids])
      .execute()
    return new Map(rows.map(({ id, name }) => [id, name]))
  }
  const keyIds = idsOf(({ scope }) => scope.serviceKeyId)
  const [users, tokens, organizations, teams, keys] = await Promise.all([
    named(
      'users',
      idsOf(({ scope }) => scope.userId),
    ),
    named(
      'access_tokens',
      idsOf(({ scope }) => scope.accessTokenId),
    ),
    named(
      'organizations',
      idsOf(({ organizationId }) => organizationId),
    ),
    named(
      'teams',
      idsOf(({ scope }) => scope.teamId),
    ),
    keyIds.length === 0
      ? []
      : run.selectFrom('service_keys').select(['id', 'label as name']).where('id', 'in', keyIds).execute(),
  ])
  return { users, tokens, organizations, teams, serviceKeys: new Map(keys.map(({ id, name }) => [id, name])) }
}

/** Whether a user is a member. */
export const isMember = async (run: Run, organizationId: string, userId: string): Promise<boolean> =>
  (await run
    .selectFrom('memberships')
    .select('user_id')
    .where('organization_id', '=', organizationId)
    .where('user_id', '=', userId)
    .executeTakeFirst()) !== undefined

export const isOrganization = async (run: Run, id: string): Promise<boolean> =>
  (await run.selectFrom('organizations').select('id').where('id', '=', id).executeTakeFirst()) !== undefined

/** Of a token of this organization; null: there is none. `userId` null: a platform token. */
export const ownerOfToken = async (
  run: Run,
  organizationId: string,
  id: string,
): Promise<{ userId: string | null } | null> => {
  const row = await run
    .selectFrom('access_tokens')
    .select('user_id')
    .where('organization_id', '=', organizationId)
    .where('id', '=', id)
    .executeTakeFirst()
  return row ? { userId: row.user_id } : null
}

export const isTeam = async (run: Run, organizationId: string, id: string): Promise<boolean> =>
  (await run
    .selectFrom('teams')
    .select('id')
    .where('organization_id', '=', organizationId)
    .where('id', '=', id)
    .where('archived_at', 'is', null)
    .executeTakeFirst()) !== undefined

/** That the organization's members share. */
export const isOrganizationKey = async (run: Run, organizationId: string, id: string): Promise<boolean> =>
  (await run
    .selectFrom('service_keys')
    .select('id')
    .where('organization_id', '=', organizationId)
    .where('id', '=', id)
    .where('owner', '=', 'organization')
    .where('revoked_at', 'is', null)
    .executeTakeFirst()) !== undefined
