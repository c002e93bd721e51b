import { describe, expect, test } from 'vitest'
import type { ServiceKey } from '../keys/keys.ts'
import { makePriceBook, type ModelPrice } from '../metering/price-book.ts'
import { type AllowedUses, type ControlPolicy, everything, type Fallback } from '../policy/control.ts'
import { services } from '../services/registry.ts'
import { decisionText } from './decision.ts'
import { forConversation, planRoute, type RouteRequest } from './route.ts'

/* In which order keys are tried in all situations: tests/key-choice.test.ts. */

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

  test('a model that nobody offers, with the nearest names', () => {
    const refused = (model: string) => {
      const route = planRoute({ ...requestOf({ ...plain, own: 'absent' }), model })
      return route.ok ? null : route.fault
    }
    expect(refused('gpt-nonsense')).toMatchObject({ code: 'unknown_model', next: 'See GET /v1/models.' })
    expect(refused('gpt4o')).toMatchObject({
      code: 'unknown_model',
      next: 'Did you mean gpt-4o? See GET /v1/models.',
      field: 'model',
    })
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
      fault: {
        code: 'model_not_for_endpoint',
        next: 'Use it at /v1/messages, or ask this endpoint for another model.',
      },
    })
  })
})

describe('health', () => {
  const until = new Date(now.getTime() + 12_000)
  const broken =
    (ids: readonly string[]) =>
    ({ id }: ServiceKey) =>
      ids.includes(id) ? ({ state: 'open', until } as const) : null

  test('the next moment at which time alone changes a route is told', () => {
    const request = requestOf({ ...plain, own: 'cooling' })
    expect(planRoute(requestOf(plain))).toMatchObject({ ok: true, value: { validUntil: null } })
    expect(planRoute(request)).toMatchObject({ ok: true, value: { validUntil: later } })
    const route = planRoute({ ...request, breaker: broken(['system-openai1']) })
    expect(route).toMatchObject({ ok: true, value: { validUntil: until } })
    expect(route.ok && route.value.candidates.map(({ serviceKey }) => serviceKey.id)).toEqual([
      'system-openai2',
      'system-openai3',
    ])
  })

  test('every breaker open: when to come back, and that it is no rate limit', () => {
    const route = planRoute({
      ...requestOf({ ...plain, system: 'absent' }),
      breaker: broken(['user-openai']),
    })
    expect(route).toMatchObject({ ok: false, fault: { code: 'service_overloaded', retryAfterSeconds: 12 } })
    expect(route.ok || route.fault.message).toContain('after failures')
  })
})

test('a conversation that comes later gives the route that it would have given at once', () => {
  const request = requestOf({ ...plain, fallback: 'alternative_then_system' })
  const systemKeys = ['a', 'b', 'c', 'd'].map((id) => ({
    ...(request.systemKeys[0] as ServiceKey),
    id,
    priority: 1 as const,
  }))
  const ids = (route: ReturnType<typeof planRoute>) =>
    route.ok ? route.value.candidates.map(({ serviceKey }) => serviceKey.id) : []
  const route = planRoute({ ...request, systemKeys })
  const orders = new Set<string>()
  for (const conversation of ['one', 'two', 'three', 'four', 'five']) {
    const told = ids(planRoute({ ...request, systemKeys, conversation }))
    expect(route.ok && ids({ ok: true, value: forConversation(route.value, conversation) })).toEqual(told)
    orders.add(told.join())
  }
  expect(orders.size).toBeGreaterThan(1)
})

test('what is kept of a route is bounded, and has no secret and no name in it', () => {
  const request = requestOf(plain)
  const ownKeys = Array.from({ length: 60 }, (_, index) => ({
    ...(request.ownKeys[0] as ServiceKey),
    id: `key-${index}`,
    label: 'Ada’s',
    lastFour: 'tail',
    status: index % 2 === 0 ? ('active' as const) : ('invalid' as const),
  }))
  const route = planRoute({ ...request, ownKeys })
  const text = route.ok ? decisionText(route.value) : ''
  expect(text.length).toBeLessThan(8_000)
  expect(text).not.toMatch(/Ada|tail/)
  expect(JSON.parse(text)).toMatchObject({
    fallback: 'system',
    moreCandidates: 21,
    morePassedOver: 6,
    candidates: expect.arrayContaining([
      { service: 'openai', model: 'gpt-4o', owner: 'user', key: 'key-0', reason: 'own-key' },
    ]),
  })
  expect(route.ok && decisionText(route.value)).toBe(text)
})

describe('what an organisation allows at all', () => {
  const row: Row = {
    policy: 'user_control',
    critical: false,
    systemAllowed: true,
    fallback: 'alternative_then_system',
    own: 'usable',
    organization: 'usable',
    alternative: 'usable',
    system: 'usable',
  }
  const plan = (allowed: Partial<AllowedUses>, change: Partial<RouteRequest> = {}) => {
    const request = requestOf(row)
    return planRoute({
      ...request,
      control: { ...request.control, allowed: { ...everything, ...allowed } },
      ...change,
    })
  }
  const servicesOf = (planned: ReturnType<typeof plan>) =>
    planned.ok ? [...new Set(planned.value.candidates.map(({ service }) => service.id))] : planned.fault.code

  test('no key of whoever runs a service that is not allowed', () => {
    expect(servicesOf(plan({}))).toEqual(['openai', 'openrouter'])
    expect(servicesOf(plan({ services: ['openrouter'] }))).toEqual(['openrouter'])
    expect(servicesOf(plan({ services: ['anthropic'] }))).toBe('policy_denied')
    expect(servicesOf(plan({ services: [] }))).toBe('policy_denied')
  })

  test('models are allowed by name, or by what names begin with', () => {
    expect(servicesOf(plan({ models: ['gpt-4o'] }))).toEqual(['openai'])
    expect(servicesOf(plan({ models: ['gpt-4*', 'openai/gpt-4*'] }))).toEqual(['openai', 'openrouter'])
    expect(servicesOf(plan({ models: ['gpt-4'] }))).toBe('policy_denied')
    expect(servicesOf(plan({ models: ['claude-*'] }))).toBe('policy_denied')
  })

  test('a group that is not allowed is refused; its models may still be asked for', () => {
    const groups = [
      { id: 'smart', label: 'Smart', description: '', task: 'chat' as const, models: ['gpt-4o'] },
    ]
    expect(servicesOf(plan({ groups: [] }, { groups, model: 'group/smart' }))).toBe('policy_denied')
    expect(servicesOf(plan({ groups: ['smart'] }, { groups, model: 'group/smart' }))).toContain('openai')
    expect(servicesOf(plan({ groups: [] }, { groups }))).toContain('openai')
  })

  test('where keys have to be valid, those that their service has not said to be are left out', () => {
    const request = requestOf(row)
    const proven = request.ownKeys.map((key) => ({
      ...key,
      verdict: key.serviceId === 'openrouter' ? ('valid' as const) : ('unknown' as const),
    }))
    const planned = plan({ keyHealth: 'valid' }, { ownKeys: proven })
    expect(planned.ok && planned.value.candidates.map(({ reason }) => reason)).toEqual([
      'alternative-own-key',
      'system-key-own-key-unusable',
      'system-key-own-key-unusable',
      'system-key-own-key-unusable',
    ])
    const none = plan({ keyHealth: 'valid' }, { ownKeys: request.ownKeys, systemKeys: [] })
    expect(none.ok ? '' : none.fault.message).toContain('valid')
  })

  describe('own keys of any age but the allowed one', () => {
    const day = 86_400_000
    const aged = (days: number): Partial<RouteRequest> => ({
      ownKeys: requestOf({ ...row, organization: 'absent', alternative: 'absent' }).ownKeys.map((key) => ({
        ...key,
        versionSince: new Date(now.getTime() - days * day),
      })),
    })
    const first = (planned: ReturnType<typeof plan>) =>
      planned.ok ? planned.value.candidates[0]?.serviceKey.owner : planned.fault.message

    test('are used up to its end, to the millisecond, and the route says when that is', () => {
      const young = plan({ maximumKeyAgeDays: 90 }, aged(89))
      expect(first(young)).toBe('user')
      expect(young.ok && young.value.validUntil).toEqual(new Date(now.getTime() + day))
      expect(first(plan({ maximumKeyAgeDays: 90 }, aged(90)))).toBe('system')
      expect(first(plan({ maximumKeyAgeDays: 90 }, aged(90 - 1 / day)))).toBe('user')
      expect(first(plan({ maximumKeyAgeDays: null }, aged(4_000)))).toBe('user')
    })

    test('that are too old are told of, with what helps; system keys are the platform’s own business', () => {
      const refused = plan({ maximumKeyAgeDays: 30 }, { ...aged(31), systemKeys: [] })
      expect(refused).toMatchObject({ fault: { code: 'no_route', message: /older than your organisation/ } })
      expect(refused.ok ? '' : refused.fault.next).toContain('Replace the secret of your OpenAI key')
    })
  })

  describe('where data goes', () => {
    const at = (address: string): Partial<RouteRequest> => ({ baseUrlOf: () => address })
    const european = at('https://eu.api.openai.com')

    test('is where a service promises to process it, whosever key it is; unknown is not allowed', () => {
      expect(servicesOf(plan({ dataRegions: ['europe'] }, european))).toEqual(['openai'])
      expect(servicesOf(plan({ dataRegions: ['us'] }, european))).toBe('policy_denied')
      expect(servicesOf(plan({ dataRegions: ['us', 'europe'] }, european))).toEqual(['openai'])
      expect(servicesOf(plan({ dataRegions: ['europe'] }))).toBe('policy_denied')
      expect(servicesOf(plan({ dataRegions: [] }, european))).toBe('policy_denied')
    })

    test('is where it is not trained with, at the service’s own address only', () => {
      expect(servicesOf(plan({ noTraining: true }))).toEqual(['openai'])
      expect(servicesOf(plan({ noTraining: true }, at('https://proxy.example')))).toBe('policy_denied')
      expect(servicesOf(plan({ noTraining: true }, at('http://api.openai.com')))).toBe('policy_denied')
    })

    test('refusals say what is missing', () => {
      const { fault } = plan({ dataRegions: ['europe'] }) as { fault: { message: string } }
      expect(fault.message).toContain('only some data regions')
    })
  })
})
