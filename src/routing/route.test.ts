import { describe, expect, test } from 'vitest'
import type { ServiceKey } from '../keys/keys.ts'
import { makePriceBook, type ModelPrice } from '../metering/price-book.ts'
import type { ControlPolicy, Fallback } from '../policy/control.ts'
import { services } from '../services/registry.ts'
import { planRoute, type RouteRequest } from './route.ts'

/*
 * Key choice against an independent, plain restatement of the rules (architecture §3): every combination of control
 * policy, critical service, system keys allowed, lock, preference, narrower call, and state of each key that matters.
 */

const now = new Date('2026-11-22T12:00:00Z')
const later = new Date('2026-11-22T12:00:30Z')

const price = (serviceId: string, modelId: string): ModelPrice => ({
  serviceId,
  modelId,
  match: { equals: modelId.toLowerCase() },
  contextTokens: 128_000,
  rates: { input: [{ fromInputTokens: 0, nanoUsdPerMillion: 2_500_000_000n }] },
  unmetered: [],
  isPriced: true,
})
const priceBook = makePriceBook({
  version: 1,
  nanoUsdPerCredit: 10_000_000n,
  chargeBasisPoints: 10_000n,
  models: [
    price('openai', 'gpt-4o'),
    price('openrouter', 'openai/gpt-4o'),
    price('anthropic', 'claude-sonnet-5'),
  ],
})

type State = 'absent' | 'usable' | 'invalid' | 'cooling'
const states: State[] = ['absent', 'usable', 'invalid', 'cooling']

const serviceKey = (
  serviceId: string,
  owner: ServiceKey['owner'],
  state: State,
  priority: 1 | 2 | 3 | null = null,
): ServiceKey[] =>
  state === 'absent'
    ? []
    : [
        {
          organizationId: 'o',
          id: `${owner}-${serviceId}${priority ?? ''}`,
          owner,
          userId: owner === 'user' ? 'u' : null,
          serviceId,
          priority,
          position: 0,
          status: state === 'invalid' ? 'invalid' : 'active',
          coolingUntil: state === 'cooling' ? later : null,
        } as unknown as ServiceKey,
      ]

interface Row {
  policy: ControlPolicy
  critical: boolean
  systemAllowed: boolean
  fallback: Fallback
  own: State
  organization: State
  alternative: State
  system: State
}

/** The rules in the plainest words: the ids of the keys to be tried, in order. */
const expected = (row: Row): string[] => {
  const users = row.policy === 'user_control' || (row.policy === 'hybrid' && !row.critical)
  // Only OpenAI is ever critical here, so OpenRouter is the user's own unless IT controls everything.
  const usersElsewhere = row.policy !== 'it_control'
  const order: string[] = []
  if (users && row.own === 'usable') order.push('user-openai')
  if (row.organization === 'usable') order.push('organization-openai')
  if (row.fallback.startsWith('alternative') && usersElsewhere && row.alternative === 'usable')
    order.push('user-openrouter')
  if (row.fallback.endsWith('system') && row.systemAllowed && row.system === 'usable')
    order.push('system-openai1', 'system-openai2', 'system-openai3')
  return order
}

const requestOf = (row: Row): RouteRequest => ({
  endpoint: 'chat_completions',
  model: 'gpt-4o',
  control: {
    controlPolicy: row.policy,
    criticalServices: row.critical ? ['openai'] : [],
    systemKeysAllowed: row.systemAllowed,
    lockedFallback: null,
  },
  preferences: new Map([['*', row.fallback]]),
  askedFallback: undefined,
  ownKeys: [
    ...serviceKey('openrouter', 'user', row.alternative),
    ...serviceKey('openai', 'organization', row.organization),
    ...serviceKey('openai', 'user', row.own),
  ],
  systemKeys: ([3, 1, 2] as const).flatMap((priority) =>
    serviceKey('openai', 'system', row.system, priority),
  ),
  services,
  priceBook,
  now,
})

const rows: Row[] = []
for (const policy of ['it_control', 'hybrid', 'user_control'] as const)
  for (const critical of [false, true])
    for (const systemAllowed of [false, true])
      for (const fallback of ['none', 'system', 'alternative', 'alternative_then_system'] as const)
        for (const own of states)
          for (const organization of ['absent', 'usable'] as const)
            for (const alternative of ['absent', 'usable', 'invalid'] as const)
              for (const system of ['absent', 'usable', 'cooling'] as const)
                rows.push({
                  policy,
                  critical,
                  systemAllowed,
                  fallback,
                  own,
                  organization,
                  alternative,
                  system,
                })

test(`the route is what the rules say in each of ${rows.length} situations`, () => {
  for (const row of rows) {
    const route = planRoute(requestOf(row))
    const order = route.ok ? route.value.candidates.map((candidate) => candidate.serviceKey.id) : []
    expect(order, JSON.stringify(row)).toEqual(expected(row))
    if (!route.ok) expect(['no_route', 'service_overloaded']).toContain(route.fault.code)
  }
})

const plain: Row = {
  policy: 'user_control',
  critical: false,
  systemAllowed: true,
  fallback: 'system',
  own: 'usable',
  organization: 'absent',
  alternative: 'absent',
  system: 'usable',
}

describe('preference', () => {
  test('a call may narrow it', () => {
    const route = planRoute({ ...requestOf({ ...plain, own: 'absent' }), askedFallback: 'none' })
    expect(route).toMatchObject({ ok: false, fault: { code: 'no_route' } })
  })

  test('a call may never widen it', () => {
    const route = planRoute({ ...requestOf({ ...plain, fallback: 'none' }), askedFallback: 'system' })
    expect(route).toMatchObject({ ok: false, fault: { code: 'preference_widened' } })
  })

  test('an override for the service beats the default, the administrator’s lock beats both', () => {
    const request = requestOf({ ...plain, own: 'absent' })
    const overridden = {
      ...request,
      preferences: new Map<string, Fallback>([
        ['*', 'system'],
        ['openai', 'none'],
      ]),
    }
    expect(planRoute(overridden).ok).toBe(false)
    expect(planRoute({ ...overridden, control: { ...request.control, lockedFallback: 'system' } }).ok).toBe(
      true,
    )
  })
})

describe('refusals say what would help', () => {
  test('no key and no fallback', () => {
    const route = planRoute(requestOf({ ...plain, own: 'absent', fallback: 'none' }))
    expect(route.ok || route.fault.next).toBe(
      'Add your own OpenAI key, or allow a fallback (yours is “none”).',
    )
  })

  test('a key that the service refuses', () => {
    const route = planRoute(requestOf({ ...plain, own: 'invalid', fallback: 'none' }))
    expect(route.ok || route.fault.next).toBe(
      'Replace your OpenAI key, or allow a fallback (yours is “none”).',
    )
  })

  test('a cooling key that the preference forbids is no reason to come back', () => {
    const route = planRoute(requestOf({ ...plain, own: 'absent', system: 'cooling', fallback: 'none' }))
    expect(route).toMatchObject({ ok: false, fault: { code: 'no_route' } })
  })

  test('every key is cooling down: when to come back', () => {
    const route = planRoute(requestOf({ ...plain, own: 'cooling', system: 'cooling' }))
    expect(route).toMatchObject({ ok: false, fault: { code: 'service_overloaded', retryAfterSeconds: 30 } })
  })

  test('a model that nobody offers', () => {
    const route = planRoute({ ...requestOf({ ...plain, own: 'absent' }), model: 'gpt-nonsense' })
    expect(route).toMatchObject({ ok: false, fault: { code: 'unknown_model' } })
  })
})

describe('models', () => {
  test('one without a price runs on an own key and never on a system key', () => {
    const route = planRoute({ ...requestOf(plain), model: 'ft:gpt-4o:mine' })
    expect(route.ok && route.value.candidates.map((c) => c.serviceKey.owner)).toEqual(['user'])
  })

  test('a service may be named in front; its own names with a slash still work', () => {
    const request = { ...requestOf({ ...plain, alternative: 'usable' }) }
    const first = (model: string) => {
      const route = planRoute({ ...request, model })
      return route.ok
        ? [route.value.candidates[0]?.service.id, route.value.candidates[0]?.model]
        : route.fault.code
    }
    expect(first('openai/gpt-4o')).toEqual(['openai', 'gpt-4o'])
    expect(first('openrouter/openai/gpt-4o')).toEqual(['openrouter', 'openai/gpt-4o'])
  })

  test('are offered only at endpoints that their service has', () => {
    expect(planRoute({ ...requestOf(plain), model: 'claude-sonnet-5' })).toMatchObject({
      ok: false,
      fault: { code: 'model_not_for_endpoint', next: 'Use /v1/messages.' },
    })
  })
})
