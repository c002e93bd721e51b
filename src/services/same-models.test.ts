import { describe, expect, test } from 'vitest'
import { shippedModels } from '../metering/genai-prices.ts'
import { makePriceBook } from '../metering/price-book.ts'
import { findService, services } from './registry.ts'
import {
  canonicalOf,
  canonicalOfBare,
  homeOf,
  listedNames,
  mayOffer,
  namesOf,
  relatedServices,
} from './same-models.ts'

const at = (model: string) =>
  Object.fromEntries(namesOf(canonicalOfBare(model) ?? '').map((name) => [name.serviceId, name.model]))

describe('a vendor’s model has its names elsewhere', () => {
  test.each([
    ['gpt-4o', { openai: 'gpt-4o', azure_openai: 'gpt-4o', openrouter: 'openai/gpt-4o' }],
    [
      'claude-sonnet-4-5',
      {
        anthropic: 'claude-sonnet-4-5',
        bedrock: 'global.anthropic.claude-sonnet-4-5-20250929-v1:0',
        vertex: 'claude-sonnet-4-5',
        openrouter: 'anthropic/claude-sonnet-4.5',
      },
    ],
    [
      'gemini-2.5-pro',
      { gemini: 'gemini-2.5-pro', vertex: 'gemini-2.5-pro', openrouter: 'google/gemini-2.5-pro' },
    ],
    [
      'kimi-k3',
      {
        moonshot: 'kimi-k3',
        fireworks: 'accounts/fireworks/models/kimi-k3',
        openrouter: 'moonshotai/kimi-k3',
      },
    ],
  ])('%s', (model, names) => {
    expect(at(model)).toEqual(names)
    expect(namesOf(model)[0]?.serviceId).toBe(homeOf(model))
  })
})

test.each([
  ['openrouter', 'anthropic/claude-opus-4.6', 'claude-opus-4-6'],
  ['openrouter', 'openai/gpt-oss-120b', 'gpt-oss-120b'],
  ['bedrock', 'us.anthropic.claude-sonnet-5-v1:0', 'claude-sonnet-5'],
  ['bedrock', 'anthropic.claude-haiku-4-5-20251001-v1:0', 'claude-haiku-4-5'],
  ['vertex', 'claude-sonnet-4-5@20250929', 'claude-sonnet-4-5'],
  ['anthropic', 'claude-sonnet-4-5-20250929', 'claude-sonnet-4-5'],
  ['black_forest_labs', 'flux-pro-1.1', 'flux-1.1-pro'],
  ['groq', 'llama-3.3-70b-versatile', 'llama-3.3-70b-instruct'],
  // Other offers than the model itself, and snapshots of their own.
  ['openrouter', 'openai/gpt-4o:online', null],
  ['openai', 'gpt-4o-2024-05-13', 'gpt-4o-2024-05-13'],
  ['groq', 'gpt-4o', null],
])('%s calls it %s, everybody %s', (serviceId, model, canonical) => {
  expect(canonicalOf(serviceId, model)).toBe(canonical)
})

test('every name comes back to the model that it stands for', () => {
  for (const { serviceId, model } of listedNames()) {
    const canonical = canonicalOf(serviceId, model)
    expect(canonical, `${serviceId} ${model}`).not.toBeNull()
    expect(
      namesOf(canonical ?? '').some((name) => name.serviceId === serviceId && name.model === model),
      `${serviceId} ${model}`,
    ).toBe(true)
  }
})

test('every listed service exists, and takes a name of that shape', () => {
  for (const { serviceId, model } of listedNames()) {
    const service = findService(serviceId)
    expect(service, serviceId).toBeDefined()
    expect(service?.modelShape?.test(model) ?? true, `${serviceId} ${model}`).toBe(true)
  }
})

test('names of the table are in the price data, but for these, which run on own keys', () => {
  const book = makePriceBook({
    version: 1,
    nanoUsdPerCredit: 1n,
    chargeBasisPoints: 1n,
    models: shippedModels(services),
  })
  const unknown = listedNames()
    .filter(({ serviceId, isCertain }) => isCertain && book.models(serviceId).length > 0)
    .filter(({ serviceId }) => serviceId !== 'azure_openai' && serviceId !== 'vertex')
    .filter(({ serviceId, model }) => book.find(serviceId, model) === null)
    .map(({ serviceId, model }) => `${serviceId} ${model}`)
  expect(unknown.toSorted()).toEqual([
    'fireworks accounts/fireworks/models/llama-v3p3-70b-instruct',
    'gemini gemma-4-31b-it',
    'replicate black-forest-labs/flux-1.1-pro',
    'together black-forest-labs/FLUX.1.1-pro',
    'together openai/gpt-oss-120b',
    'together openai/gpt-oss-20b',
    'together openai/whisper-large-v3',
  ])
})

describe('who may have a model that nobody has heard of', () => {
  test.each([
    ['openai', 'gpt-99', true],
    ['azure_openai', 'gpt-99', true],
    ['anthropic', 'gpt-99', false],
    ['groq', 'gpt-99', false],
    ['groq', 'llama-9', true],
    ['openai', 'llama-9', false],
    ['openai', 'ft:gpt-4o:mine', true],
  ])('%s, %s: %s', (serviceId, model, may) => {
    expect(mayOffer(serviceId, model)).toBe(may)
  })
})

test('services are related by the models that they share', () => {
  expect([...relatedServices('anthropic')].toSorted()).toEqual(['bedrock', 'openrouter', 'vertex'])
  expect(relatedServices('groq').has('fireworks')).toBe(true)
  expect(relatedServices('midjourney').size).toBe(0)
})
