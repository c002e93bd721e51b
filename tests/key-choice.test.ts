import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { forTeams, teamsOfCall } from '../src/keys/kept-for-teams.ts'
import type { ServiceKey } from '../src/keys/keys.ts'
import { makePriceBook, type ModelPrice } from '../src/metering/price-book.ts'
import { type BreakerState, planRoute, type RouteRequest } from '../src/routing/route.ts'
import { findService } from '../src/services/registry.ts'
import type { Endpoint, Service } from '../src/services/service.ts'
import {
  type Expected,
  expectedRoute,
  type Key,
  type KeyState,
  type OfferFact,
  type Preference,
  type Situation,
  type Wish,
} from './key-choice-rules.ts'

/*
 * Key choice in thousands of situations: control policy × key owners × preference × health × task, against a plain
 * restatement of the rules that shares no code with the planner; and planners with one mistake each, which must be caught.
 */

const now = new Date('2026-11-22T12:00:00Z')
const later = new Date('2026-11-22T12:00:30Z')

const services = ['openai', 'anthropic', 'azure_openai', 'groq', 'fireworks', 'openrouter'].map(
  (id) => findService(id) as Service,
)

const price = (serviceId: string, modelId: string, rate: number): ModelPrice => ({
  serviceId,
  modelId,
  match: { equals: modelId.toLowerCase() },
  contextTokens: 128_000,
  rates: { input: [{ fromInputTokens: 0, nanoUsdPerMillion: BigInt(rate) * 1_000_000_000n }] },
  unmetered: [],
  isPriced: true,
})
const bookOf = (flat: boolean) => {
  const at = (serviceId: string, modelId: string, rate: number) => price(serviceId, modelId, flat ? 5 : rate)
  return makePriceBook({
    version: 1,
    nanoUsdPerCredit: 10_000_000n,
    chargeBasisPoints: 10_000n,
    models: [
      at('openai', 'gpt-4o', 3),
      at('openrouter', 'openai/gpt-4o', 2),
      at('groq', 'openai/gpt-oss-120b', 9),
      at('fireworks', 'accounts/fireworks/models/gpt-oss-120b', 8),
      at('openrouter', 'openai/gpt-oss-120b', 8),
      at('anthropic', 'claude-sonnet-5', 6),
      at('openrouter', 'anthropic/claude-sonnet-5', 6),
      at('openai', 'text-embedding-3-small', 1),
      at('azure_openai', 'text-embedding-3-small', 1),
    ],
  })
}
const [priceBook, flatPriceBook] = [bookOf(false), bookOf(true)]

const fact = (service: string, model: string, credits: number | null, place: number): OfferFact => ({
  service,
  model,
  credits,
  place,
})
const gptElsewhere = [fact('azure_openai', 'gpt-4o', null, 1), fact('openrouter', 'openai/gpt-4o', 2, 2)]

/** What callers ask for, and what the catalogue says of it, by hand. */
const tasks: readonly { model: string; endpoint: Endpoint; wish: Wish }[] = [
  {
    model: 'gpt-4o',
    endpoint: 'chat_completions',
    wish: {
      name: 'a vendor’s model',
      scope: 'model',
      group: null,
      asked: [fact('openai', 'gpt-4o', 3, 0)],
      alternatives: gptElsewhere,
    },
  },
  {
    model: 'openrouter/openai/gpt-4o',
    endpoint: 'chat_completions',
    wish: {
      name: 'a model at a named service',
      scope: 'service',
      group: null,
      asked: [fact('openrouter', 'openai/gpt-4o', 2, 0)],
      alternatives: [fact('openai', 'gpt-4o', 3, 1), fact('azure_openai', 'gpt-4o', null, 2)],
    },
  },
  {
    model: 'gpt-oss-120b',
    endpoint: 'chat_completions',
    wish: {
      name: 'an open model',
      scope: 'any',
      group: null,
      asked: [
        fact('groq', 'openai/gpt-oss-120b', 9, 0),
        fact('fireworks', 'accounts/fireworks/models/gpt-oss-120b', 8, 0),
        fact('openrouter', 'openai/gpt-oss-120b', 8, 0),
      ],
      alternatives: [],
    },
  },
  {
    model: 'group/test',
    endpoint: 'chat_completions',
    wish: {
      name: 'a group',
      scope: 'any',
      group: 'test',
      asked: [
        // Its own dialect before a translation.
        fact('openrouter', 'anthropic/claude-sonnet-5', 6, 0),
        fact('anthropic', 'claude-sonnet-5', 6, 0),
        fact('openai', 'gpt-4o', 3, 1),
        fact('azure_openai', 'gpt-4o', null, 1),
        fact('openrouter', 'openai/gpt-4o', 2, 1),
      ],
      alternatives: [],
    },
  },
  {
    model: 'text-embedding-3-small',
    endpoint: 'embeddings',
    wish: {
      name: 'an embedding',
      scope: 'model',
      group: null,
      asked: [fact('openai', 'text-embedding-3-small', 1, 0)],
      alternatives: [fact('azure_openai', 'text-embedding-3-small', 1, 1)],
    },
  },
]

const groups = [
  {
    id: 'test',
    label: 'Test',
    description: '',
    task: 'chat' as const,
    models: ['claude-sonnet-5', 'gpt-4o'],
  },
]
const translates = (endpoint: Endpoint, service: Service) =>
  service.id === 'anthropic' && endpoint === 'chat_completions'

const toServiceKey = (key: Key): ServiceKey =>
  ({
    organizationId: 'o',
    id: key.id,
    owner: key.owner,
    userId: key.owner === 'user' ? 'u' : null,
    teamIds: key.teams,
    serviceId: key.service,
    label: key.id,
    priority: key.priority,
    position: key.position,
    settings: {},
    status: ['invalid', 'exhausted', 'suspended', 'revoked'].includes(key.state) ? key.state : 'active',
    coolingUntil: key.state === 'cooling' ? later : null,
  }) as unknown as ServiceKey

const breakerOf = (keys: readonly Key[]) => {
  const states = new Map(keys.map((key) => [key.id, key.state]))
  return ({ id }: ServiceKey): BreakerState => {
    const state = states.get(id)
    if (state === 'open') return { state, until: later }
    return state === 'half_open' ? { state } : null
  }
}

const requestOf = (task: (typeof tasks)[number], situation: Situation): RouteRequest => {
  const { policy, critical, systemKeysAllowed, lock, preference, override, header, keys, tier } = situation
  const preferences = new Map<string, Preference>([['*', preference]])
  if (override !== null) preferences.set(override.service, override.preference)
  return {
    endpoint: task.endpoint,
    model: task.model,
    control: {
      controlPolicy: policy,
      criticalServices: critical,
      systemKeysAllowed,
      lockedFallback: lock,
      exceptedServices: situation.excepted,
    },
    preferences,
    askedFallback: header ?? undefined,
    ...forTeams(
      keys.filter((key) => key.owner !== 'system').map(toServiceKey),
      teamsOfCall({ teamId: situation.tokenOf }, { teamIds: situation.inTeams }),
    ),
    systemKeys: keys.filter((key) => key.owner === 'system').map(toServiceKey),
    services,
    priceBook,
    now,
    translates,
    groups,
    breaker: breakerOf(keys),
    entitlements: { tierName: 'Test', ...tier },
  }
}

type Planner = (request: RouteRequest) => ReturnType<typeof planRoute>

const planned = (planner: Planner, request: RouteRequest): Expected => {
  const route = planner(request)
  if (!route.ok) return { refused: route.fault.code }
  return {
    route: route.value.candidates.map(
      ({ serviceKey, service, model }) => `${serviceKey.id}@${service.id}/${model}`,
    ),
  }
}

/* Situations: every combination of what matters most, then many drawn from all there is. */

const policies = ['it_control', 'hybrid', 'user_control'] as const
const preferences = ['none', 'system', 'alternative', 'alternative_then_system'] as const
const states: readonly KeyState[] = [
  'usable',
  'half_open',
  'open',
  'cooling',
  'invalid',
  'exhausted',
  'suspended',
  'revoked',
]

const keyOf = (
  owner: Key['owner'],
  service: string,
  state: KeyState,
  priority: Key['priority'] = null,
  position = 0,
  teams: Key['teams'] = null,
): Key => ({
  id: `${owner}-${service}-${priority ?? 0}-${position}`,
  owner,
  service,
  state,
  priority,
  position,
  teams,
})

type KeySet = readonly Key[]
const own: readonly KeySet[] = [
  [],
  ...(['usable', 'invalid', 'cooling', 'open', 'half_open'] as const).map((state) => [
    keyOf('user', 'openai', state),
  ]),
]
const organization: readonly KeySet[] = [[], [keyOf('organization', 'openai', 'usable')]]
const elsewhere: readonly KeySet[] = [
  [],
  [keyOf('user', 'openrouter', 'usable'), keyOf('user', 'azure_openai', 'usable')],
]
const system: readonly KeySet[] = [
  [],
  [keyOf('system', 'openai', 'cooling', 1), keyOf('system', 'openai', 'usable', 2)],
  [keyOf('system', 'openrouter', 'usable', 1), keyOf('system', 'groq', 'usable', 1)],
]

const everything = { services: null, groups: null }

const combined = function* (): Generator<Situation> {
  for (const policy of policies)
    for (const critical of [[], ['openai']])
      for (const systemKeysAllowed of [true, false])
        for (const preference of preferences)
          for (const a of own)
            for (const b of organization)
              for (const c of elsewhere)
                for (const d of system)
                  yield {
                    policy,
                    critical,
                    systemKeysAllowed,
                    lock: null,
                    preference,
                    override: null,
                    header: null,
                    keys: [...d, ...c, ...b, ...a],
                    excepted: [],
                    inTeams: [],
                    tokenOf: null,
                    tier: everything,
                  }
}

const teams = ['red', 'blue']
const teamSets: readonly Key['teams'][] = [null, null, ['red'], ['blue'], teams]

/** mulberry32: the same situations in every run. */
const makeRandom = (seed: number) => {
  let state = seed
  const next = () => {
    state = (state + 0x6d2b79f5) | 0
    let value = Math.imul(state ^ (state >>> 15), 1 | state)
    value = (value + Math.imul(value ^ (value >>> 7), 61 | value)) ^ value
    return ((value ^ (value >>> 14)) >>> 0) / 4_294_967_296
  }
  return {
    chance: (share: number) => next() < share,
    pick: <T>(list: readonly T[]) => list[Math.floor(next() * list.length)] as T,
  }
}

const drawn = function* (count: number): Generator<Situation> {
  const { chance, pick } = makeRandom(20_261_122)
  const ids = services.map(({ id }) => id)
  for (let index = 0; index < count; index++) {
    const keys: Key[] = []
    for (const service of ids)
      for (const position of [0, 1]) {
        if (chance(0.3)) keys.push(keyOf('user', service, pick(states), null, position))
        if (chance(0.15))
          keys.push(keyOf('organization', service, pick(states), null, position, pick(teamSets)))
        for (const priority of [3, 1, 2] as const)
          if (chance(0.2)) keys.push(keyOf('system', service, pick(states), priority, position))
      }
    const inTeams = teams.filter(() => chance(0.5))
    yield {
      policy: pick(policies),
      excepted: ids.filter(() => chance(0.2)),
      inTeams,
      tokenOf: chance(0.6) ? null : pick([null, ...inTeams]),
      critical: ids.filter(() => chance(0.2)),
      systemKeysAllowed: chance(0.8),
      lock: chance(0.15) ? pick(preferences) : null,
      preference: pick(preferences),
      override: chance(0.3) ? { service: pick(ids), preference: pick(preferences) } : null,
      header: chance(0.2) ? pick(preferences) : null,
      keys,
      tier: chance(0.6)
        ? everything
        : {
            services: chance(0.3) ? null : ids.filter(() => chance(0.5)),
            groups: pick([null, [], ['test'], ['other']]),
          },
    }
  }
}

const situations: readonly Situation[] = [...combined(), ...drawn(2_500)]

test.each(tasks)('$wish.name goes the way that the rules say in each situation', (task) => {
  expect(situations.length).toBeGreaterThan(4_000)
  for (const situation of situations)
    expect(planned(planRoute, requestOf(task, situation)), JSON.stringify(situation)).toEqual(
      expectedRoute(task.wish, situation),
    )
})

const withKeys = (request: RouteRequest, change: (key: ServiceKey) => ServiceKey): RouteRequest => ({
  ...request,
  ownKeys: request.ownKeys.map(change),
  systemKeys: request.systemKeys.map(change),
})
const withControl = (request: RouteRequest, change: Partial<RouteRequest['control']>): RouteRequest => ({
  ...request,
  control: { ...request.control, ...change },
})
const reversed: Planner = (request) => {
  const route = planRoute(request)
  return route.ok
    ? { ok: true, value: { ...route.value, candidates: route.value.candidates.toReversed() } }
    : route
}

/** Planners that forget one rule each. */
const mistakes: Readonly<Record<string, Planner>> = {
  'forgets the control policy': (r) => planRoute(withControl(r, { controlPolicy: 'user_control' })),
  'forgets critical services': (r) => planRoute(withControl(r, { criticalServices: [] })),
  'uses system keys that are not allowed': (r) => planRoute(withControl(r, { systemKeysAllowed: true })),
  'forgets exceptions': (r) => planRoute(withControl(r, { exceptedServices: null })),
  'forgets for which teams keys are kept': (r) =>
    planRoute({ ...r, ownKeys: [...r.ownKeys, ...(r.keptKeys ?? [])] }),
  'forgets the lock': (r) => planRoute(withControl(r, { lockedFallback: null })),
  'forgets overrides': (r) =>
    planRoute({ ...r, preferences: new Map([['*', r.preferences.get('*') ?? 'none']]) }),
  'forgets the preference': (r) =>
    planRoute({ ...r, preferences: new Map([['*', 'alternative_then_system']]) }),
  'forgets the header': (r) => planRoute({ ...r, askedFallback: undefined }),
  'uses keys that are not active': (r) =>
    planRoute(withKeys(r, (key) => (key.status === 'revoked' ? key : { ...key, status: 'active' }))),
  'uses revoked keys': (r) =>
    planRoute(withKeys(r, (key) => (key.status === 'revoked' ? { ...key, status: 'active' } : key))),
  'uses cooling keys': (r) => planRoute(withKeys(r, (key) => ({ ...key, coolingUntil: null }))),
  'uses keys whose breaker is open': (r) =>
    planRoute({
      ...r,
      breaker: (key) => (r.breaker?.(key)?.state === 'half_open' ? { state: 'half_open' } : null),
    }),
  'takes half-open keys for healthy ones': (r) =>
    planRoute({
      ...r,
      breaker: (key) => {
        const state = r.breaker?.(key) ?? null
        return state?.state === 'half_open' ? null : state
      },
    }),
  'forgets priorities': (r) =>
    planRoute(withKeys(r, (key) => (key.priority ? { ...key, priority: 1 } : key))),
  'forgets positions': (r) => planRoute(withKeys(r, (key) => ({ ...key, position: 0 }))),
  'forgets the tier': (r) => planRoute({ ...r, entitlements: null }),
  'forgets the groups of the tier': (r) =>
    planRoute({ ...r, entitlements: { tierName: 'Test', services: null, ...r.entitlements, groups: null } }),
  'forgets the services of the tier': (r) =>
    planRoute({ ...r, entitlements: { tierName: 'Test', groups: null, ...r.entitlements, services: null } }),
  'holds own keys to the tier': (r) => {
    const services = r.entitlements?.services ?? null
    return planRoute({
      ...r,
      ownKeys: r.ownKeys.filter(({ serviceId }) => services === null || services.includes(serviceId)),
    })
  },
  'forgets credits': (r) => planRoute({ ...r, priceBook: flatPriceBook }),
  'spends credits first': reversed,
}

test.each(Object.entries(mistakes))('a planner that %s is caught', (_, planner) => {
  const caught = tasks.some((task) =>
    situations.some((situation) => {
      const rule = JSON.stringify(expectedRoute(task.wish, situation))
      return JSON.stringify(planned(planner, requestOf(task, situation))) !== rule
    }),
  )
  expect(caught).toBe(true)
})

test('the restatement of the rules knows nothing of the product', () => {
  expect(readFileSync(join(import.meta.dirname, 'key-choice-rules.ts'), 'utf8')).not.toMatch(
    /^import|import\(/m,
  )
})
