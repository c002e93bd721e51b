import type { Audience, Notice } from '../alerts/alerts.ts'
import { formatMicros } from '../kit/money.ts'
import { amountText, type Budget, spansOrganizations, subjectText } from './budget.ts'
import { zoneOf } from './claim.ts'
import type { Forecast } from './forecast.ts'
import { instantText, type Span } from './period.ts'
import { thresholds } from './thresholds.ts'

/** What is told of budgets and credits, in words. */

type Words = Omit<Notice, 'audience'>

export const audiencesOf = (budget: Budget): Audience[] => {
  const { organizationId, scope } = budget
  const administrators: Audience = spansOrganizations(budget)
    ? { kind: 'platform_administrators' }
    : { kind: 'organization_administrators', organizationId }
  if (scope.userId === null) return [administrators]
  const user: Audience = { kind: 'user', organizationId, userId: scope.userId }
  // Of those on each member, who runs the organisation would be told once for every member.
  return budget.setBy !== 'user' && budget.follows === null ? [user, administrators] : [user]
}

const keyOf = (budget: Budget, { startsAt }: Span, what: string): string =>
  `budget:${budget.id}:${startsAt.toISOString()}:${what}`

/** A page that everybody who is told can open; it leads whoever administers only the platform to theirs. */
const pathOf = (budget: Budget): string =>
  `${spansOrganizations(budget) ? '/admin/budgets' : '/budgets'}?budget=${budget.id}&of=${budget.organizationId}`

const consequence = ({ enforcement, measure }: Budget): string => {
  if (enforcement === 'soft') return 'It is a soft budget: nothing is stopped.'
  return measure === 'credits'
    ? 'It is a hard budget: calls on system keys that do not fit are refused; calls on own keys go on.'
    : 'It is a hard budget: calls on own keys that do not fit are refused.'
}

const standing = (budget: Budget, { endsAt }: Span, used: bigint): string =>
  `${amountText(budget.measure, used)} of ${amountText(budget.measure, budget.limit)} are used on ${subjectText(budget)}. ` +
  `It starts anew at ${instantText(endsAt, zoneOf(budget))}.`

const severities = { '50': 'info', '75': 'warning', '90': 'warning', '100': 'critical' } as const

const isThreshold = (what: string): what is keyof typeof severities =>
  thresholds.some((threshold) => String(threshold) === what)

/** `fresh` are told together: only the last of several thresholds passed at once is sent, all are shown. */
export const periodNotices = (
  budget: Budget,
  span: Span,
  used: bigint,
  fresh: readonly string[],
): Words[] => {
  const passed = fresh.filter((what) => isThreshold(what))
  return fresh.map((what) => ({
    kind: isThreshold(what) ? 'budget_threshold' : 'budget_refused',
    severity: isThreshold(what) ? severities[what] : 'critical',
    key: keyOf(budget, span, what),
    title: isThreshold(what)
      ? `Budget “${budget.name}”: ${what} % used`
      : `Budget “${budget.name}” refuses calls`,
    text: `${standing(budget, span, used)} ${consequence(budget)}`,
    path: pathOf(budget),
    sends: !isThreshold(what) || what === passed.at(-1),
  }))
}

export const forecastNotice = (budget: Budget, span: Span, used: bigint, forecast: Forecast): Words => ({
  kind: 'budget_forecast',
  severity: 'warning',
  key: keyOf(budget, span, 'forecast'),
  title: `Budget “${budget.name}” will be used up before it starts anew`,
  text: `${standing(budget, span, used)} At the rate of the last ${daysText(forecast)} it is used up around ${dayText(forecast, zoneOf(budget))}. ${consequence(budget)}`,
  path: pathOf(budget),
})

const daysText = ({ method, daysOfData }: Forecast): string =>
  `${method === 'trailing_7_days' ? Math.min(7, daysOfData) : daysOfData} days`

const dayText = ({ runsOutAt }: Forecast, timeZone: string): string =>
  runsOutAt === null ? 'now' : instantText(runsOutAt, timeZone)

export const creditsNotice = (
  account: { accountId: string; availableMicros: bigint; periodStart: Date; timeZone: string },
  forecast: Forecast,
): Words | null => {
  const { accountId, availableMicros, periodStart, timeZone } = account
  const key = `credits:${accountId}:${periodStart.toISOString()}`
  const next =
    forecast.until === null
      ? 'No allocation is due.'
      : `The next allocation comes at ${instantText(forecast.until, timeZone)}.`
  const path = '/credits'
  if (forecast.state === 'ran_out')
    return {
      kind: 'credits_ran_out',
      severity: 'critical',
      key: `${key}:out`,
      title: 'Your credits have run out',
      text: `Calls on system keys are refused; calls on your own keys go on. ${next}`,
      path,
    }
  if (forecast.state !== 'runs_out') return null
  return {
    kind: 'credits_forecast',
    severity: 'warning',
    key: `${key}:forecast`,
    title: 'Your credits will run out before the next allocation',
    text: `${formatMicros(availableMicros)} credits are left. At the rate of the last ${daysText(forecast)} they run out around ${dayText(forecast, timeZone)}. ${next}`,
    path,
  }
}
