import type { Billing } from '../billing/billing.ts'
import type { ReplyInput, RequestOutput } from '../contract/endpoint.ts'
import type { BudgetViewOnWire, budgetEndpoints, ForecastOnWire } from '../contract/budgets.ts'
import { may } from '../contract/permissions.ts'
import type { SessionContext } from '../http/handler.ts'
import { decodeCursor, encodeCursor } from '../kit/cursor.ts'
import { must } from '../kit/fault.ts'
import { scopeKind } from './budget.ts'
import type { BudgetDraft, Budgets, BudgetStanding, Reach } from './budgets.ts'
import type { Forecast } from './forecast.ts'
import type { StoredPeriod } from './store-counts.ts'
import { whyForeign } from './manage.ts'
import { basisPoints } from './thresholds.ts'

type Table = typeof budgetEndpoints
/** All of these are for signed-in people. */
type BudgetHandlers = {
  readonly [Name in keyof Table]: (
    received: RequestOutput<Table[Name]>,
    context: SessionContext,
  ) => Promise<ReplyInput<Table[Name]>>
}

/** People set budgets on themselves; administrators set them on everything. */
interface BudgetApiParts {
  readonly budgets: Budgets
  readonly billing: Pick<Billing, 'payer'>
}

export const budgetApi = ({ budgets, billing }: BudgetApiParts): BudgetHandlers => {
  const view = async (reach: Reach, id: string): Promise<BudgetViewOnWire> =>
    onWire(must(await budgets.find(reach, id)), reach)

  const inDetail = async (reach: Reach, id: string) => {
    const standing = must(await budgets.find(reach, id))
    return {
      ...onWire(standing, reach),
      periods: (await budgets.history(standing.budget)).map(periodOnWire),
    }
  }
  const create = async (
    { actor }: SessionContext,
    reach: Reach,
    draft: Omit<BudgetDraft, 'limit'> & { readonly limit: string },
  ) => {
    const created = must(await budgets.create(actor, { ...draft, limit: BigInt(draft.limit) }))
    return view(reach, created.id)
  }
  const change = async (
    { actor }: SessionContext,
    reach: Reach,
    id: string,
    { limit, ...rest }: RequestOutput<Table['changeBudget']>['body'],
  ) => {
    const wanted = limit === undefined ? rest : { ...rest, limit: BigInt(limit) }
    must(await budgets.change(actor, reach, id, wanted))
    return view(reach, id)
  }
  const createFor = async ({ actor }: SessionContext, reach: Reach, draft: BudgetDraft) =>
    view(reach, must(await budgets.create(actor, draft)).id)
  const archive = async ({ actor }: SessionContext, reach: Reach, id: string) => {
    must(await budgets.archive(actor, reach, id))
    return { done: true as const }
  }
  const restore = async ({ actor }: SessionContext, reach: Reach, id: string) => {
    must(await budgets.restore(actor, reach, id))
    return view(reach, id)
  }

  return {
    async listBudgets({ query }, { signedIn }) {
      const reach = reachOf(signedIn)
      const found = await budgets.list({
        organizationId: reach.organizationId,
        userId: reach.userId,
        withOrganization: reach.seesOrganization,
        isArchived: query.archived === 'true',
      })
      return { items: found.map((standing) => onWire(standing, reach)) }
    },
    readBudget: ({ params }, { signedIn }) => inDetail(reachOf(signedIn), params.id),
    createBudget({ body }, context) {
      const reach = reachOf(context.signedIn)
      const { organizationId, userId } = reach
      return create(context, reach, { ...body, organizationId, userId, setBy: 'user' })
    },
    changeBudget: ({ params, body }, context) => change(context, reachOf(context.signedIn), params.id, body),
    archiveBudget: ({ params }, context) => archive(context, reachOf(context.signedIn), params.id),
    restoreBudget: ({ params }, context) => restore(context, reachOf(context.signedIn), params.id),
    async readCreditForecast(_, { signedIn }) {
      const { organization, userId, role } = signedIn
      const payer = await billing.payer({ organizationId: organization.id, userId, role })
      const found = await budgets.creditForecast(payer.organizationId, payer.userId)
      return {
        ...forecastOnWire(found?.forecast ?? null),
        availableMicros: String(found?.availableMicros ?? 0n),
      }
    },

    async listOrganizationBudgets({ query }, { signedIn }) {
      const reach = reachOf(signedIn)
      const found = await budgets.list({
        organizationId: reach.organizationId,
        setForOrganization: true,
        ...(query.team === undefined ? {} : { teamId: query.team }),
        ...(query.serviceKey === undefined ? {} : { serviceKeyId: query.serviceKey }),
        isArchived: query.archived === 'true',
      })
      return { items: found.map((standing) => onWire(standing, reach)) }
    },
    async listMemberBudgets({ params }, { signedIn }) {
      const reach = reachOf(signedIn)
      const { budget } = must(await budgets.find(reach, params.id))
      const found = await budgets.list({
        organizationId: reach.organizationId,
        follows: budget.id,
        isArchived: budget.archivedAt !== null,
      })
      return { items: found.map((standing) => onWire(standing, reach)) }
    },
    createOrganizationBudget({ body }, context) {
      const reach = reachOf(context.signedIn)
      const { organizationId } = reach
      const limit = BigInt(body.limit)
      return createFor(context, reach, {
        ...body,
        limit,
        organizationId,
        accessTokenId: null,
        setBy: 'organization',
      })
    },

    async listAllBudgets({ query }) {
      const { cursor, limit, archived, organization, user, service, kind } = query
      const before = decodeCursor(cursor)
      const found = await budgets.list({
        ...(organization === undefined ? {} : { organizationId: organization }),
        ...(user === undefined ? {} : { userId: user }),
        ...(service === undefined ? {} : { serviceId: service }),
        ...(kind === undefined ? {} : { kind }),
        isArchived: archived === 'true',
        before,
        limit: limit + 1,
      })
      const last = found.length > limit ? found[limit - 1] : undefined
      return {
        items: found.slice(0, limit).map((standing) => ({
          ...onWire(standing, { organizationId: standing.budget.organizationId, userId: null }),
          organizationName: standing.names.organizationName,
        })),
        nextCursor: last ? encodeCursor(last.budget.id) : null,
      }
    },
    readAnyBudget: ({ params }) => inDetail(anyOf(params), params.id),
    createAnyBudget: ({ params, body }, context) =>
      create(context, anyOf(params), {
        ...body,
        organizationId: params.organization,
        setBy: 'administrator',
      }),
    changeAnyBudget: ({ params, body }, context) => change(context, anyOf(params), params.id, body),
    archiveAnyBudget: ({ params }, context) => archive(context, anyOf(params), params.id),
    restoreAnyBudget: ({ params }, context) => restore(context, anyOf(params), params.id),
  }
}

/** Whoever administers an organisation sees the budgets on it; administrators of the platform change them. */
const reachOf = ({ organization, userId, role }: SessionContext['signedIn']) => ({
  organizationId: organization.id,
  userId,
  seesOrganization: may(role, 'usage.read'),
  managesOrganization: may(role, 'budgets.manage'),
})

const anyOf = ({ organization }: { organization: string }): Reach => ({
  organizationId: organization,
  userId: null,
})

const onWire = (standing: BudgetStanding, reach: Reach): BudgetViewOnWire => {
  const { budget, names } = standing
  return {
    organizationId: budget.organizationId,
    id: budget.id,
    name: budget.name,
    scope: {
      kind: scopeKind(budget.scope),
      ...budget.scope,
      userName: names.userName,
      accessTokenName: names.accessTokenName,
      teamName: names.teamName,
      serviceKeyName: names.serviceKeyName,
    },
    measure: budget.measure,
    limit: String(budget.limit),
    enforcement: budget.enforcement,
    period: budget.period,
    timeZone: budget.anchor?.timeZone ?? budget.timeZone,
    createdAt: budget.createdAt.toISOString(),
    createdBy: budget.createdBy,
    archivedAt: budget.archivedAt?.toISOString() ?? null,
    mayChange: whyForeign(budget, reach) === null && budget.follows === null,
    eachMember: budget.eachMember,
    follows: budget.follows,
    status: statusOf(standing),
  }
}

const warningBasisPoints = 7_500

const statusOf = ({ budget, span, used, reserved, fired, refusedAt, forecast }: BudgetStanding) => {
  const rest = budget.limit - used - reserved
  const usedBasisPoints = basisPoints(used, budget.limit)
  const isExceeded = used >= budget.limit || (budget.enforcement === 'hard' && rest <= 0n)
  return {
    periodStart: span.startsAt.toISOString(),
    periodEnd: span.endsAt.toISOString(),
    used: String(used),
    reserved: String(reserved),
    remaining: String(rest > 0n ? rest : 0n),
    usedBasisPoints,
    state: isExceeded
      ? ('exceeded' as const)
      : usedBasisPoints >= warningBasisPoints
        ? ('warning' as const)
        : ('ok' as const),
    firedThresholds: fired.flatMap((what) => (/^\d+$/.test(what) ? [Number(what)] : [])),
    lastRefusedAt: refusedAt?.toISOString() ?? null,
    forecast: forecastOnWire(forecast),
  }
}

const forecastOnWire = (forecast: Forecast | null): ForecastOnWire =>
  forecast === null
    ? { state: 'not_enough_data', method: null, perDay: null, daysOfData: 0, runsOutAt: null, until: null }
    : {
        state: forecast.state,
        method: forecast.method,
        perDay: forecast.perDay === null ? null : String(forecast.perDay),
        daysOfData: forecast.daysOfData,
        runsOutAt: forecast.runsOutAt?.toISOString() ?? null,
        until: forecast.until?.toISOString() ?? null,
      }

const periodOnWire = ({ startsAt, endsAt, limit, used }: StoredPeriod) => ({
  periodStart: startsAt.toISOString(),
  periodEnd: endsAt.toISOString(),
  limit: String(limit),
  used: String(used),
  usedBasisPoints: basisPoints(used, limit),
})
