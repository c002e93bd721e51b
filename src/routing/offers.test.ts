import { describe, expect, test } from 'vitest'
import { shippedModels } from '../metering/genai-prices.ts'
import { makePriceBook } from '../metering/price-book.ts'
import type { ServiceKey } from '../keys/keys.ts'
import { findService, services } from '../services/registry.ts'
import type { Endpoint, Service } from '../services/service.ts'
import { type ModelGroup, shippedGroups } from './group.ts'
import { editDistance, nearNames } from './near.ts'
import { endpointOfTask } from './on-wire.ts'
import { resolveModel } from './offers.ts'
import { planRoute, type RouteRequest } from './route.ts'

const priceBook = makePriceBook({
  version: 1,
  nanoUsdPerCredit: 10_000_000n,
  chargeBasisPoints: 10_000n,
  models: shippedModels(services),
})
const everything = (_: Endpoint, service: Service) => service.translation !== undefined
const groups: readonly ModelGroup[] = [
  ...shippedGroups,
  { id: 'mine', label: 'Mine', description: '', task: 'chat', models: ['custom/llama', 'no-such-model'] },
]
const market = { services, priceBook, translates: everything, groups }

const key = (serviceId: string, more: Partial<ServiceKey> = {}): ServiceKey =>
  ({
    id: `user-${serviceId}`,
    owner: 'user',
    serviceId,
    priority: null,
    position: 0,
    settings: {},
    status: 'active',
    coolingUntil: null,
    ...more,
  }) as unknown as ServiceKey

const plan = (model: string, ownKeys: readonly ServiceKey[], more: Partial<RouteRequest> = {}) =>
  planRoute({
    endpoint: 'chat_completions',
    model,
    control: {
      controlPolicy: 'user_control',
      criticalServices: [],
      systemKeysAllowed: true,
      lockedFallback: null,
    },
    preferences: new Map([['*', 'alternative_then_system']]),
    askedFallback: undefined,
    ownKeys,
    systemKeys: [],
    now: new Date('2026-11-22T12:00:00Z'),
    ...market,
    ...more,
  })
const way = (...parameters: Parameters<typeof plan>) => {
  const route = plan(...parameters)
  return route.ok
    ? route.value.candidates.map(({ serviceKey, model, via }) => `${serviceKey.id} ${model} ${via}`)
    : route.fault.code
}

describe('what a name means', () => {
  const meaning = (model: string, endpoint: Endpoint = 'chat_completions') => {
    const found = resolveModel(market, endpoint, model)
    return found.kind === 'offers'
      ? [found.scope, found.asked[0]?.service.id, found.asked[0]?.model]
      : found.kind
  }
  test.each([
    ['gpt-4o', ['model', 'openai', 'gpt-4o']],
    ['claude-opus-5', ['model', 'anthropic', 'claude-opus-5']],
    ['claude-sonnet-4-5-20250929', ['model', 'anthropic', 'claude-sonnet-4-5-20250929']],
    // Google's price list has Claude too; Gemini does not.
    ['gemini-2.5-pro', ['model', 'gemini', 'gemini-2.5-pro']],
    ['vertex/gemini-2.5-pro', ['service', 'vertex', 'gemini-2.5-pro']],
    ['azure_openai/gpt-4o', ['service', 'azure_openai', 'gpt-4o']],
    ['gpt-oss-120b', ['any', 'groq', 'openai/gpt-oss-120b']],
    ['openrouter/z-ai/glm-5.3', ['service', 'openrouter', 'z-ai/glm-5.3']],
    ['z-ai/glm-5.3', ['model', 'openrouter', 'z-ai/glm-5.3']],
    ['gpt-99', 'guesses'],
  ])('%s', (model, expected) => {
    expect(meaning(model)).toEqual(expected)
  })

  test('names do not pile up in memory without end, and mean the same afterwards', () => {
    const before = meaning('gpt-4o')
    for (let index = 0; index < 12_000; index++) resolveModel(market, 'raw', `openai/${index}`)
    expect(meaning('gpt-4o')).toEqual(before)
  })
})

describe('who serves it', () => {
  test('natively where the service speaks the endpoint, else by translation', () => {
    const ownKeys = [key('anthropic'), key('openrouter')]
    expect(way('claude-sonnet-5', ownKeys)).toEqual([
      'user-anthropic claude-sonnet-5 translation',
      'user-openrouter anthropic/claude-sonnet-5 pass_through',
    ])
    expect(way('claude-sonnet-5', ownKeys, { endpoint: 'messages' })).toContain(
      'user-anthropic claude-sonnet-5 pass_through',
    )
    expect(way('claude-sonnet-5', [key('anthropic')], { translates: () => false })).toBe('no_route')
  })

  test('a model that no service offers at this endpoint, but at another', () => {
    const route = plan('claude-sonnet-5', [], {
      translates: () => false,
      services: [findService('anthropic') as Service],
    })
    expect(route).toMatchObject({
      ok: false,
      fault: {
        code: 'model_not_for_endpoint',
        next: 'Use it at /v1/messages, or ask this endpoint for another model.',
      },
    })
  })

  test('a model that is new runs on an own key where it can be, and nowhere else', () => {
    expect(way('gpt-99', [key('openai')])).toEqual(['user-openai gpt-99 pass_through'])
    expect(way('gpt-99', [key('groq'), key('anthropic')])).toBe('unknown_model')
    expect(way('groq/llama-99', [key('groq'), key('openrouter')])).toEqual([
      'user-groq llama-99 pass_through',
    ])
    // Named, so nobody else’s business.
    expect(way('groq/llama-99', [key('openrouter')])).toBe('unknown_model')
  })

  test('a name that tells no vendor is not tried at whichever service there is a key for', () => {
    const keys = ['groq', 'together', 'openrouter', 'vertex', 'fireworks'].map((id) => key(id))
    for (const model of ['no-such-model', 'opnai/gpt-4o', 'a/b/c'])
      expect(way(model, keys), model).toBe('unknown_model')
    expect(way('no-such-model', keys, { endpoint: 'gemini_count_tokens' })).toBe('unknown_model')
    expect(way('openrouter/opnai/gpt-4o', keys)).toEqual(['user-openrouter opnai/gpt-4o pass_through'])
  })

  test('other paths of a service without an own key: a key would help, no price would', () => {
    const systemKeys = [key('openai', { id: 'system-openai', owner: 'system', priority: 1 })]
    expect(plan('openai/raw', [], { endpoint: 'raw', systemKeys })).toMatchObject({
      ok: false,
      fault: { code: 'no_route', next: 'Add your own OpenAI key.' },
    })
  })

  test('a named service without the endpoint leaves the call to nobody else', () => {
    const keys = ['openai', 'anthropic', 'mistral', 'openrouter', 'vertex', 'groq'].map((id) => key(id))
    const called = (model: string, endpoint: Endpoint) =>
      way(model, keys, { endpoint, translates: () => false })
    expect(called('openai/gpt-4.1-mini', 'gemini_count_tokens')).toBe('model_not_for_endpoint')
    expect(called('anthropic/claude-haiku-4-5', 'embeddings')).toBe('model_not_for_endpoint')
    expect(called('anthropic/claude-99', 'speech')).toBe('unknown_model')
  })
})

describe('a known model is offered for what it does', () => {
  const rows: readonly (readonly [string, Endpoint, string])[] = [
    ['gpt-4o', 'image_generations', 'chats, not for images'],
    ['openai/gpt-4o', 'image_generations', 'chats, not for images'],
    ['gpt-4o', 'moderations', 'chats, not for moderation'],
    ['gpt-4o', 'embeddings', 'chats, not for embeddings'],
    ['gpt-4o', 'speech', 'chats, not for speech'],
    ['gpt-4o', 'realtime', 'offered here, but not at this endpoint'],
    ['claude-haiku-4-5', 'transcriptions', 'chats, not for transcripts'],
    ['text-embedding-3-small', 'chat_completions', 'embeddings, not for chats'],
    ['openai/text-embedding-3-small', 'messages', 'embeddings, not for chats'],
    ['gemini-embedding-001', 'generate_content', 'embeddings, not for chats'],
    ['voyage/voyage-3.5', 'rerank', 'embeddings, not for ranking'],
    ['rerank-2.5', 'embeddings', 'ranking, not for embeddings'],
    ['whisper-1', 'responses', 'transcripts, not for chats'],
    ['gpt-4o-transcribe', 'speech', 'transcripts, not for speech'],
    ['tts-1', 'chat_completions', 'speech, not for chats'],
    ['gpt-image-1', 'chat_completions', 'images, not for chats'],
    ['omni-moderation-latest', 'chat_completions', 'moderation, not for chats'],
  ]
  const everyKey = services.map(({ id }) => key(id))
  const systemKeys = services.map(({ id }) => key(id, { id: `system-${id}`, owner: 'system', priority: 1 }))
  test.each(rows)('%s at %s', (model, endpoint, why) => {
    for (const keys of [{ systemKeys }, {}]) {
      const route = plan(model, everyKey, { endpoint, ...keys })
      expect(route.ok ? route.value.candidates : route.fault.code).toBe('model_not_for_endpoint')
      expect(!route.ok && route.fault.message).toContain(why)
      expect(!route.ok && route.fault.next).toContain('/v1')
    }
  })

  test('what several tasks share serves each of them', () => {
    for (const endpoint of ['generate_content', 'image_generations'] as const)
      expect(plan('gemini-2.5-flash-image', everyKey, { endpoint }).ok).toBe(true)
    for (const endpoint of ['generate_content', 'speech'] as const)
      expect(plan('gemini-2.5-flash-tts', everyKey, { endpoint }).ok).toBe(true)
    expect(plan('gpt-realtime', everyKey, { endpoint: 'realtime' }).ok).toBe(true)
    expect(plan('gpt-4o', everyKey, { endpoint: 'count_tokens', translates: () => false }).ok).toBe(false)
    expect(plan('claude-haiku-4-5', everyKey, { endpoint: 'count_tokens' }).ok).toBe(true)
  })

  test('what nobody here knows is left to the service, on an own key only', () => {
    for (const endpoint of ['image_generations', 'embeddings', 'speech', 'realtime'] as const) {
      expect(way('openai/new-model-99', [key('openai')], { endpoint })).toEqual([
        'user-openai new-model-99 pass_through',
      ])
      expect(way('openai/new-model-99', [], { endpoint, systemKeys })).toBe('unknown_model')
    }
    expect(way('my-moderation', [], { endpoint: 'moderations', systemKeys })).toBe('unknown_model')
    expect(way('custom/text-embedding-3-small', [key('custom')])).toEqual([
      'user-custom text-embedding-3-small pass_through',
    ])
  })

  test('every chat model of a group is one to the rule', () => {
    for (const group of shippedGroups)
      for (const model of group.models) {
        const found = resolveModel(market, endpointOfTask(group.task), model)
        expect([model, found.kind === 'guesses' && found.fault.code]).not.toEqual([
          model,
          'model_not_for_endpoint',
        ])
      }
  })
})

describe('servers of one’s own', () => {
  const listing = (models: string) => key('custom', { settings: { models } })

  test('serve what they are asked for by name: any model, or those that are listed', () => {
    expect(way('custom/llama', [key('custom')])).toEqual(['user-custom llama pass_through'])
    expect(way('custom/org/llama', [listing('org/llama, other')])).toEqual([
      'user-custom org/llama pass_through',
    ])
    expect(way('custom/llama', [listing('other')])).toBe('unknown_model')
    expect(way('custom/llama', [key('openrouter')])).toBe('unknown_model')
  })

  test('are not guessed at, unless they list the model', () => {
    expect(way('my-model', [key('custom')])).toBe('unknown_model')
    expect(way('my-model', [listing('my-model')])).toEqual(['user-custom my-model pass_through'])
  })

  test('may be in a group', () => {
    expect(way('group/mine', [key('custom')])).toEqual(['user-custom llama pass_through'])
    expect(way('group/mine', [listing('other')])).toBe('no_route')
  })
})

describe('groups', () => {
  test('every shipped model is offered by some service, at least to who has a key there', () => {
    for (const group of shippedGroups)
      for (const model of group.models) {
        const found = resolveModel(market, endpointOfTask(group.task), model)
        const offers = found.kind === 'offers' ? found.asked : found.guesses
        expect(offers.length, `${group.id}: ${model}`).toBeGreaterThan(0)
      }
  })

  test('own keys need no permission, whichever model of the group they are for', () => {
    const preferences = new Map([['*', 'none' as const]])
    expect(way('group/smart', [key('xai')], { preferences })).toEqual(['user-xai grok-4.6 pass_through'])
  })

  test('on credits the cheapest offer is first', () => {
    const systemKeys = ['anthropic', 'deepseek', 'openai'].map((id) =>
      key(id, { owner: 'system', priority: 1, id }),
    )
    const route = plan('group/smart', [], { systemKeys })
    const order = route.ok
      ? route.value.candidates.map(({ service, price }) => ({ id: service.id, price }))
      : []
    expect(order[0]?.id).toBe('deepseek')
    const costs = order.map(({ price }) =>
      price === null ? -1n : priceBook.worstCostNanoUsd(price, { inputTokens: 1024, outputTokens: 512 }),
    )
    expect(costs.length).toBeGreaterThan(3)
  })

  test.each([
    ['group/smart', 'embeddings', 'model_not_for_endpoint'],
    ['group/smrt', 'chat_completions', 'unknown_model'],
    ['group/smart', 'count_tokens', 'no_route'],
  ] as const)('%s at %s: %s', (model, endpoint, code) => {
    expect(way(model, [], { endpoint })).toBe(code)
  })

  test('a refusal names services for which a key would help', () => {
    const route = plan('group/fast', [])
    expect(route.ok || route.fault.next).toMatch(/^Add your own .+, or .+ key\.$/)
  })
})

describe('near names', () => {
  test('at most three, nearest first', () => {
    const names = ['gpt-4o', 'gpt-4o-mini', 'gpt-4', 'gpt-4.1', 'claude-opus-5', 'claude-opus-4-8']
    expect(nearNames('gpt4o', names)).toEqual(['gpt-4o'])
    expect(nearNames('gpt-4-0', names)[0]).toBe('gpt-4')
    expect(nearNames('CLAUDE-OPUS', names)).toEqual(['claude-opus-5', 'claude-opus-4-8'])
    expect(nearNames('something else', names)).toEqual([])
    expect(nearNames('', names)).toEqual([])
  })

  test('the distance within its band is the distance', () => {
    expect(editDistance('kitten', 'sitting', 3)).toBe(3)
    expect(editDistance('kitten', 'sitting', 2)).toBe(3)
    expect(editDistance('same', 'same', 1)).toBe(0)
    expect(editDistance('abcdef', 'bcdef', 2)).toBe(1)
  })
})
