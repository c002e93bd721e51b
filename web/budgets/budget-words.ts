import type {
  BudgetEnforcement,
  BudgetMeasure,
  BudgetPeriod,
  BudgetViewOnWire,
  ForecastOnWire,
} from '../../src/contract/budgets.ts'
import { dayWithYear, exactCredits, exactUsd, shortCredits, shortUsd } from '../ui/format.ts'
import { parseCredits } from '../ui/money.ts'

/** `41.20 credits`, `$12.00`. */
export const amountWords = (measure: BudgetMeasure, amount: string): string =>
  measure === 'credits'
    ? `${shortCredits(amount)} ${exactCredits(amount) === '1' ? 'credit' : 'credits'}`
    : shortUsd(amount)

/** What a person may type into the field and get back. */
export const amountText = (measure: BudgetMeasure, amount: string): string =>
  (measure === 'credits' ? exactCredits(amount) : exactUsd(amount).slice(1)).replaceAll(',', '')

/** Micro-credits or nano-dollars; null: no amount above zero. */
export const parseAmount = (measure: BudgetMeasure, text: string): string | null => {
  const parsed = measure === 'credits' ? parseCredits(text) : parseDollars(text)
  return parsed === null || parsed === '0' ? null : parsed
}

const parseDollars = (text: string): string | null => {
  const match = /^\$?(\d{1,8})(?:\.(\d{1,9}))?$/.exec(text.trim().replaceAll(',', ''))
  return match ? BigInt(`${match[1]}${(match[2] ?? '').padEnd(9, '0')}`).toString() : null
}

export const measureWords: Record<BudgetMeasure, string> = {
  credits: 'credits on system keys',
  own_key_cost: 'cost on own keys',
}

/** What becomes of calls once all of it is used: nobody should have to guess. */
export const consequenceWords = (enforcement: BudgetEnforcement, measure: BudgetMeasure): string => {
  if (enforcement === 'soft') return 'You are told; nothing is stopped.'
  return measure === 'credits'
    ? 'Calls that would need credits above it are refused. Calls on own keys and this dashboard go on.'
    : 'Calls on own keys that would cost more are refused. This dashboard goes on.'
}

export const periodWords = (period: BudgetPeriod, timeZone: string): string =>
  period === 'calendar_month'
    ? `each calendar month (${timeZone.replaceAll('_', ' ')})`
    : 'each subscription period'

/** Whose use it counts; `ofMe` where a person reads about their own. */
export const scopeWords = (
  { scope, eachMember }: Pick<BudgetViewOnWire, 'scope' | 'eachMember'>,
  serviceName: (id: string) => string,
  reader: 'self' | 'administrator',
): string => {
  const service = scope.serviceId === null ? null : serviceName(scope.serviceId)
  const who = reader === 'self' ? 'You' : (scope.userName ?? 'A user')
  const withMember = (what: string, where: string) =>
    scope.userId !== null
      ? `${who} ${where} ${what}`
      : eachMember
        ? `Each member ${where} ${what}`
        : `${what.charAt(0).toUpperCase()}${what.slice(1)}`
  switch (scope.kind) {
    case 'organization':
      return eachMember ? 'Each member' : 'The whole organisation'
    case 'service':
      return eachMember ? `Each member at ${service}` : `Everybody at ${service}`
    case 'user':
      return reader === 'self' ? 'All you do' : `All that ${who} does`
    case 'user_service':
      return `${who} at ${service}`
    case 'access_token':
      return `Token “${scope.accessTokenName ?? 'unknown'}”${service === null ? '' : ` at ${service}`}`
    case 'team':
      return withMember(
        `team “${scope.teamName ?? 'unknown'}”${service === null ? '' : ` at ${service}`}`,
        'in',
      )
    case 'service_key':
      return withMember(`organisation key “${scope.serviceKeyName ?? 'unknown'}”`, 'on')
  }
}

const rateWords = (measure: BudgetMeasure, { method, daysOfData, perDay }: ForecastOnWire): string => {
  const days = Math.min(method === 'trailing_7_days' ? 7 : 28, daysOfData)
  return `${amountWords(measure, perDay ?? '0')} a day over the last ${days} days`
}

/** One honest line: no date where there is no ground for one. */
export const forecastWords = (measure: BudgetMeasure, forecast: ForecastOnWire): string => {
  const { until, runsOutAt } = forecast
  switch (forecast.state) {
    case 'not_enough_data':
      return unknownWords(forecast)
    case 'nothing_used':
      return 'Nothing was used lately, so nothing runs out.'
    case 'ran_out':
      return 'All of it is used.'
    case 'lasts':
      return `Lasts${until === null ? '' : ` until ${dayWithYear(until)}`} at the recent rate, ${rateWords(measure, forecast)}.`
    case 'runs_out':
      return `Used up around ${dayWithYear(runsOutAt ?? until ?? '')} at the recent rate, ${rateWords(measure, forecast)}.`
  }
}

const unknownWords = ({ daysOfData }: ForecastOnWire): string =>
  `No forecast yet: it needs 3 days of use, and there ${daysOfData === 1 ? 'is' : 'are'} ${daysOfData}.`

/** The same of all credits that somebody has. */
export const creditForecastWords = (forecast: ForecastOnWire): string => {
  const { until, runsOutAt } = forecast
  switch (forecast.state) {
    case 'not_enough_data':
      return `When credits run out: ${unknownWords(forecast).replace(/^N/, 'n')}`
    case 'nothing_used':
      return 'No credits were used lately, so they do not run out.'
    case 'ran_out':
      return 'Your credits are used up: calls on system keys are refused, calls on own keys go on.'
    case 'lasts':
      return `Your credits last${until === null ? '' : ` until ${dayWithYear(until)}`} at the recent rate, ${rateWords('credits', forecast)}.`
    case 'runs_out':
      return `Your credits run out around ${dayWithYear(runsOutAt ?? until ?? '')} at the recent rate, ${rateWords('credits', forecast)}.`
  }
}

/** `82 %`, `99.5 %`: never rounded up to all of it. */
export const percentWords = (basisPoints: number): string => {
  const perMille = Math.floor(basisPoints / 10)
  return `${perMille % 10 === 0 || perMille >= 1000 ? Math.floor(perMille / 10).toLocaleString('en') : perMille / 10} %`
}
