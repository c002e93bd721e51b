import { describe, expect, test } from 'vitest'
import type { ServiceKey } from '../keys/keys.ts'
import { makePriceBook, type ModelPrice } from '../metering/price-book.ts'
import { findService } from '../services/registry.ts'
import type { Service } from '../services/service.ts'
import { type ExplainRequest, explainRoute } from './explain.ts'
import { suppose } from './suppose.ts'
import { planRoute } from './route.ts'

const now = new Date('2026-11-22T12:00:00Z')
const price = (serviceId: string, modelId: string): ModelPrice => ({
  serviceId,
  modelId,
  match: { equals: modelId },
  contextTokens: null,
  rates: {
    input: [{ fromInputTokens: 0, nanoUsdPerMillion: 1_000_000_000n }],
    output: [{ fromInputTokens: 0, nanoUsdPerMillion: 4_000_000_000n }],
  },
  unmetered: [],
  isPriced: true,
})
const key = (serviceId: string, owner: ServiceKey['owner'], more: Partial<ServiceKey> = {}): ServiceKey =>
  ({
    id: `${owner}-${serviceId}`,
    owner,
    serviceId,
    label: `${owner}’s`,
    priority: owner === 'system' ? 1 : null,
    position: 0,
    settings: {},
    status: 'active',
    coolingUntil: null,
    ...more,
  }) as unknown as ServiceKey

const base: ExplainRequest = {
  endpoint: 'chat_completions',
  model: 'gpt-4o',
  control: {
    controlPolicy: 'user_control',
    criticalServices: [],
    systemKeysAllowed: true,
    lockedFallback: null,
  },
  preferences: new Map([['*', 'system']]),
  askedFallback: undefined,
  ownKeys: [],
  systemKeys: [key('openai', 'system')],
  services: ['openai', 'openrouter'].map((id) => findService(id) as Service),
  priceBook: makePriceBook({
    version: 1,
    nanoUsdPerCredit: 10_000_000n,
    chargeBasisPoints: 10_000n,
    models: [price('openai', 'gpt-4o'), price('openrouter', 'openai/gpt-4o')],
  }),
  now,
  availableMicros: 5n,
}
const explain = (more: Partial<ExplainRequest>) => explainRoute({ ...base, ...more })
const passes = (explained: ReturnType<typeof explainRoute>) =>
  explained.passedOver.map(({ passed }) => `${passed.serviceId} ${passed.owner} ${passed.why}`)

test('the candidates are those that a call would have, in its order', () => {
  const more = {
    ownKeys: [key('openai', 'user'), key('openrouter', 'user')],
    preferences: new Map([['*', 'alternative_then_system' as const]]),
  }
  const planned = planRoute({ ...base, ...more })
  expect(planned.ok && planned.value.candidates).toEqual(
    explain(more).candidates.map(({ candidate }) => candidate),
  )
})

test('credits are estimated for the size of the call, and own keys cost none', () => {
  const explained = explain({
    ownKeys: [key('openai', 'user')],
    size: { inputTokens: 1_000_000, outputTokens: 500_000 },
  })
  // 1 USD + 2 USD, at a cent a credit.
  expect(explained.candidates.map(({ creditMicros }) => creditMicros)).toEqual([0n, 300_000_000n])
  expect(explained.refusal).toBeNull()
})

describe('what was passed over is told, with the reason', () => {
  test('also what the preference leaves out, and where there is no key', () => {
    const explained = explain({ ownKeys: [key('openrouter', 'user')] })
    expect(passes(explained)).toEqual([
      'openai user no_key',
      'openrouter user preference',
      'openrouter system no_key',
    ])
    for (const { words } of explained.passedOver) expect(words).toMatch(/^[A-Z].*\.$/)
  })

  test('also where the call would be refused', () => {
    const explained = explain({
      ownKeys: [key('openai', 'user', { status: 'invalid' })],
      preferences: new Map([['*', 'none']]),
    })
    expect(explained).toMatchObject({ kind: 'model', candidates: [], refusal: { code: 'no_route' } })
    expect(passes(explained).slice(0, 2)).toEqual(['openai user invalid', 'openrouter user no_key'])
  })

  test('a model that nobody offers', () => {
    expect(explain({ model: 'nothing' })).toMatchObject({
      kind: 'unknown',
      candidates: [],
      refusal: { code: 'unknown_model' },
    })
  })
})

test('without credits, system keys are passed over, and nothing else', () => {
  expect(explain({ availableMicros: 0n })).toMatchObject({
    candidates: [],
    refusal: { code: 'insufficient_credits' },
  })
  const withOwn = explain({ availableMicros: 0n, ownKeys: [key('openai', 'user')] })
  expect(withOwn.refusal).toBeNull()
  expect(withOwn.candidates.map(({ candidate }) => candidate.reason)).toEqual(['own-key'])
  expect(passes(withOwn)).toContain('openai system no_credits')
})

describe('what if', () => {
  const known = {
    ownKeys: [key('openai', 'user'), key('openai', 'organization')],
    preferences: base.preferences,
  }
  const reasons = (what: Parameters<typeof suppose>[1], more: Partial<ExplainRequest> = {}) =>
    explain({ ...suppose(known, what), ...more }).candidates.map(({ candidate }) => candidate.reason)

  test('without my key, with one elsewhere, with another preference', () => {
    expect(reasons({})).toEqual(['own-key', 'organization-key', 'system-key-no-own-key'])
    expect(reasons({ withoutOwnKeyAt: ['openai'] })).toEqual(['organization-key', 'system-key-no-own-key'])
    expect(reasons({ withOwnKeyAt: ['openrouter'], preference: 'alternative' })).toEqual([
      'own-key',
      'organization-key',
      'alternative-own-key',
    ])
    expect(reasons({ preference: 'none' })).toEqual(['own-key', 'organization-key'])
  })

  test('control policy and lock hold for suppositions too', () => {
    const control = { ...base.control, controlPolicy: 'it_control' as const, lockedFallback: 'none' as const }
    expect(reasons({ withOwnKeyAt: ['openai'], preference: 'system' }, { control })).toEqual([
      'organization-key',
    ])
  })
})
