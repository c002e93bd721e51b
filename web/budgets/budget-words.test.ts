import { expect, test } from 'vitest'
import type { ForecastOnWire } from '../../src/contract/budgets.ts'
import {
  amountText,
  amountWords,
  creditForecastWords,
  forecastWords,
  parseAmount,
  percentWords,
  scopeWords,
} from './budget-words.ts'

test.each([
  ['credits', '1', '1000000'],
  ['credits', '1,250.5', '1250500000'],
  ['credits', '0.000001', '1'],
  ['credits', '0', null],
  ['credits', '-1', null],
  ['credits', '1.0000001', null],
  ['credits', 'lots', null],
  ['own_key_cost', '$20', '20000000000'],
  ['own_key_cost', '0.000000001', '1'],
  ['own_key_cost', '0.00', null],
  ['own_key_cost', '1e3', null],
] as const)('%s of %s are %s', (measure, text, expected) => {
  expect(parseAmount(measure, text)).toBe(expected)
})

test.each([
  ['credits', '1250500000', '1250.5', '1,250.50 credits'],
  ['credits', '1000000', '1', '1.00 credit'],
  ['own_key_cost', '20000000000', '20.00', '$20.00'],
] as const)('%s of %s come back as they were typed', (measure, amount, text, words) => {
  expect(amountText(measure, amount)).toBe(text)
  expect(parseAmount(measure, text)).toBe(amount)
  expect(amountWords(measure, amount)).toBe(words)
})

test.each([
  [0, '0 %'],
  [8200, '82 %'],
  [9950, '99.5 %'],
  [9999, '99.9 %'],
  [10000, '100 %'],
  [123456, '1,234 %'],
])('%d basis points are %s', (basisPoints, words) => {
  expect(percentWords(basisPoints)).toBe(words)
})

const forecast = (part: Partial<ForecastOnWire>): ForecastOnWire => ({
  state: 'not_enough_data',
  method: null,
  perDay: null,
  daysOfData: 1,
  runsOutAt: null,
  until: null,
  ...part,
})

test('a forecast names no day that it has no ground for', () => {
  expect(forecastWords('credits', forecast({}))).toBe(
    'No forecast yet: it needs 3 days of use, and there is 1.',
  )
  const rate = { method: 'trailing_7_days', perDay: '2500000', daysOfData: 5 } as const
  expect(
    forecastWords('credits', forecast({ state: 'runs_out', runsOutAt: '2026-12-03T12:00:00Z', ...rate })),
  ).toBe('Used up around 3 Dec 2026 at the recent rate, 2.50 credits a day over the last 5 days.')
  expect(
    forecastWords('credits', forecast({ state: 'lasts', until: '2026-12-20T12:00:00Z', ...rate })),
  ).toContain('Lasts until 20 Dec 2026')
})

test('that it is not known when credits run out is said', () => {
  expect(creditForecastWords(forecast({}))).toMatch(/^When credits run out: no forecast yet.*3 days.*is 1/)
  expect(creditForecastWords(forecast({ state: 'ran_out' }))).toContain('own keys go on')
})

test('a scope says whose use counts, to oneself and to an administrator', () => {
  const scope = {
    kind: 'user_service',
    userId: 'u',
    userName: 'Nora',
    accessTokenId: null,
    accessTokenName: null,
    serviceId: 'openai',
    teamId: null,
    teamName: null,
    serviceKeyId: null,
    serviceKeyName: null,
  } as const
  const words = (more: object, reader: 'self' | 'administrator', eachMember = false) =>
    scopeWords({ scope: { ...scope, ...more }, eachMember }, () => 'OpenAI', reader)
  expect(words({}, 'self')).toBe('You at OpenAI')
  expect(words({}, 'administrator')).toBe('Nora at OpenAI')
  const team = { kind: 'team', userId: null, teamName: 'Search', serviceId: null } as const
  expect(words(team, 'administrator')).toBe('Team “Search”')
  expect(words(team, 'administrator', true)).toBe('Each member in team “Search”')
  const onKey = { kind: 'service_key', serviceKeyName: 'Shared' } as const
  expect(words(onKey, 'self')).toBe('You on organisation key “Shared”')
})
