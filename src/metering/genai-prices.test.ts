import { calcPrice } from '@pydantic/genai-prices'
import { describe, expect, test } from 'vitest'
import { services } from '../services/registry.ts'
import { contentHash, convertModel, shippedModels, toNanoUsd } from './genai-prices.ts'
import { makePriceBook } from './price-book.ts'
import { inputTokens, noUsage, outputTokens, type TokenUsage } from './usage.ts'

const at = new Date('2026-11-22T12:00:00Z')
const models = shippedModels(services, at)
const book = makePriceBook({ version: 1, nanoUsdPerCredit: 10_000_000n, chargeBasisPoints: 10_000n, models })

const usages: TokenUsage[] = [
  { ...noUsage, input: 1 },
  { ...noUsage, input: 1_000, output: 500 },
  { ...noUsage, input: 3, cacheRead: 997, output: 1 },
  { ...noUsage, input: 5, cacheWrite: 900, cacheRead: 30, output: 7 },
  { ...noUsage, input: 5, cacheWrite: 100, cacheWrite1h: 900, cacheRead: 30, output: 7, reasoning: 40 },
  { ...noUsage, input: 200_000, output: 10 },
  { ...noUsage, input: 199_990, cacheRead: 11, output: 10, reasoning: 1 },
  { ...noUsage, input: 271_999, output: 10 },
  { ...noUsage, input: 272_000, cacheRead: 5_000, output: 1_000 },
  { ...noUsage, input: 900_000, cacheWrite: 90_000, output: 128_000, reasoning: 64_000 },
]

/** The library's totals include their parts: input has all cached tokens in it, cache writes those for an hour. */
const libraryUsage = (usage: TokenUsage) => ({
  input_tokens: inputTokens(usage),
  cache_read_tokens: usage.cacheRead,
  cache_write_tokens: usage.cacheWrite + usage.cacheWrite1h,
  cache_write_1h_tokens: usage.cacheWrite1h,
  output_tokens: outputTokens(usage),
  output_reasoning_tokens: usage.reasoning,
})

/**
 * Where we differ from the library on purpose. Without a price per input token there is no price here, so the model is
 * refused on system keys; the library calculates zero for tokens.
 */
const unpricedHere = (serviceId: string) => models.filter((m) => m.serviceId === serviceId && !m.isPriced)

const withPrices = services.filter((service) => service.pricesId !== null)

/** Fine-tuned models are recognised by more than their id in the data: what they were made from, by whom, their name. */
const callable = (modelId: string): string =>
  modelId.startsWith('ft:') ? `${modelId}-2024-08-06:acme::1` : modelId

describe.each(withPrices)('$id', ({ id, pricesId }) => {
  const priced = models.filter((model) => model.serviceId === id && model.isPriced)

  test('every model costs what the library calculates, within a nano-dollar of rounding', () => {
    expect(priced.length).toBeGreaterThan(20)
    const differences: string[] = []
    for (const model of priced) {
      const name = callable(model.modelId)
      const price = book.find(id, name)
      if (!price) {
        differences.push(`${name}: not found`)
        continue
      }
      for (const usage of usages) {
        const ours = Number(book.costNanoUsd(price, usage)) / 1e9
        const theirs = calcPrice(libraryUsage(usage), name, { providerId: pricesId ?? '', timestamp: at })
        const difference = Math.abs(ours - (theirs?.total_price ?? Number.NaN))
        if (theirs?.model.id !== price.modelId || !(difference <= 1.1e-9 + ours * 1e-12))
          differences.push(`${model.modelId} ${JSON.stringify(usage)}: ${ours} / ${theirs?.total_price}`)
      }
    }
    expect(differences).toEqual([])
  })

  test('a model without a price per input token has none', () => {
    for (const model of unpricedHere(id)) {
      const theirs = calcPrice({ input_tokens: 1_000 }, model.modelId, {
        providerId: pricesId ?? '',
        timestamp: at,
      })
      expect(theirs?.total_price ?? 0).toBe(0)
    }
  })
})

test('the models without a price are transcription, moderation and OpenRouter’s free and unlisted ones', () => {
  expect(unpricedHere('openai').map((model) => model.modelId)).toEqual([
    'gpt-transcribe',
    'moderation',
    'whisper-1',
  ])
  expect(unpricedHere('anthropic')).toEqual([])
  for (const model of unpricedHere('openrouter')) expect(model.rates).toEqual({})
})

test('what is charged beside token classes is noted by name', () => {
  const search = models.find(
    (model) => model.serviceId === 'anthropic' && model.modelId === 'claude-sonnet-5',
  )
  expect(search?.unmetered).toEqual(['web_searches_kcount'])
  const all = new Set(models.flatMap((model) => model.unmetered))
  // A new unit in the price data has to be looked at: it may be a class of tokens to charge for.
  expect([...all].toSorted()).toEqual([
    'audio_hours',
    'cache_audio_read_mtok',
    'cache_image_read_mtok',
    'input_audio_hours',
    'input_audio_mtok',
    'input_image_mtok',
    'output_audio_mtok',
    'output_image_mtok',
    'storage_searches_kcount',
    'web_searches_kcount',
  ])
})

test('model ids are found in any case, with a date in either form, and never by a part of their name', () => {
  expect(book.find('openai', 'GPT-5.4')?.modelId).toBe('gpt-5.4')
  expect(book.find('openai', 'gpt-5.4-20260305')?.modelId).toBe('gpt-5.4')
  expect(book.find('anthropic', 'claude-opus-5-5-20261001')?.modelId).toBe('claude-opus-5-5')
  expect(book.find('openai', 'xgpt-5.4')).toBeNull()
  expect(book.find('openai', `gpt-5.4${' '.repeat(300)}`)).toBeNull()
  expect(book.find('nobody', 'gpt-5.4')).toBeNull()
})

test('prices are converted by their digits, never through binary fractions', () => {
  expect(toNanoUsd(0.075)).toBe(75_000_000n)
  expect(toNanoUsd(2.5)).toBe(2_500_000_000n)
  expect(toNanoUsd(1e-7)).toBe(100n)
  expect(toNanoUsd(1.5e-10)).toBe(1n)
  expect(toNanoUsd(0.08333333333333334)).toBe(83_333_334n)
  expect(toNanoUsd(1e21)).toBe(10n ** 30n)
  expect(toNanoUsd(0)).toBe(0n)
  expect(() => toNanoUsd(Number.NaN)).toThrow('not a price')
  expect(() => toNanoUsd(-1)).toThrow('not a price')
})

test('of prices with conditions the last that holds at the time of import is taken', () => {
  const model = {
    id: 'm',
    match: { equals: 'm' },
    prices: [
      { prices: { input_mtok: 1 } },
      { constraint: { type: 'start_date' as const, start_date: '2026-06-01' }, prices: { input_mtok: 2 } },
      { constraint: { type: 'start_date' as const, start_date: '2027-01-01' }, prices: { input_mtok: 3 } },
    ],
  }
  const inputAt = (day: string) => convertModel('s', model, new Date(day)).rates.input?.[0]?.nanoUsdPerMillion
  expect(inputAt('2026-05-31')).toBe(1_000_000_000n)
  expect(inputAt('2026-06-01')).toBe(2_000_000_000n)
  expect(inputAt('2027-01-01')).toBe(3_000_000_000n)
})

test('of prices by the time of day the dearest is taken, whatever the time', () => {
  const constraint = { type: 'time_of_date' as const, start_time: '00:30:00Z', end_time: '16:30:00Z' }
  const model = {
    id: 'm',
    match: { equals: 'm' },
    prices: [{ prices: { input_mtok: 0.135 } }, { constraint, prices: { input_mtok: 0.27 } }],
  }
  for (const time of ['2026-11-22T00:00:00Z', '2026-11-22T12:00:00Z'])
    expect(convertModel('s', model, new Date(time)).rates.input?.[0]?.nanoUsdPerMillion).toBe(270_000_000n)
})

test('the content hash is the same for the same prices and another for others', () => {
  expect(contentHash(shippedModels(services, at), [1n])).toBe(contentHash(models, [1n]))
  expect(contentHash(models, [2n])).not.toBe(contentHash(models, [1n]))
  expect(contentHash(models.slice(1), [1n])).not.toBe(contentHash(models, [1n]))
})
