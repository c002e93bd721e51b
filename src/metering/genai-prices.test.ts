import { calcPrice, findProvider } from '@pydantic/genai-prices'
import { describe, expect, test } from 'vitest'
import { services } from '../services/registry.ts'
import { contentHash, convertModel, shippedModels, toNanoUsd } from './genai-prices.ts'
import type { ModelPrice } from './model-price.ts'
import { makePriceBook } from './price-book.ts'
import { compileMatch, type MatchRule } from './price-match.ts'
import { pricesAt } from './cost.ts'
import { inputTokens, noUsage, outputTokens, type TokenUsage, type Usage } from './usage.ts'

const at = new Date('2026-11-22T12:00:00Z')
const models = shippedModels(services)
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

/** What is counted beside text; the library's totals include these. */
const mediaUsages: Usage[] = [
  { ...noUsage, input: 11, output: 3, units: { input_audio_tokens: 1_001, output_audio_tokens: 7 } },
  { ...noUsage, input: 500, output: 1, units: { input_image_tokens: 323, output_image_tokens: 4_160 } },
  { ...noUsage, input: 7, cacheRead: 5, units: { cache_read_audio_tokens: 13, input_audio_tokens: 2 } },
  { ...noUsage, input: 9, output: 2, units: { search: 3 } },
]

const count = (usage: Usage, unit: string): number => usage.units?.[unit] ?? 0
const libraryMedia = (usage: Usage) => {
  const inputAudio = count(usage, 'input_audio_tokens') + count(usage, 'cache_read_audio_tokens')
  const inputMedia = inputAudio + count(usage, 'input_image_tokens')
  const outputMedia = count(usage, 'output_audio_tokens') + count(usage, 'output_image_tokens')
  return {
    input_tokens: inputTokens(usage) + inputMedia,
    cache_read_tokens: usage.cacheRead + count(usage, 'cache_read_audio_tokens'),
    output_tokens: outputTokens(usage) + outputMedia,
    input_audio_tokens: inputAudio,
    cache_audio_read_tokens: count(usage, 'cache_read_audio_tokens'),
    output_audio_tokens: count(usage, 'output_audio_tokens'),
    input_image_tokens: count(usage, 'input_image_tokens'),
    output_image_tokens: count(usage, 'output_image_tokens'),
    web_searches: count(usage, 'search'),
  }
}

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

/**
 * Some models are not called by their id in the data: fine-tuned ones by what they were made from, by whom and their name,
 * others by what their match asks for.
 */
const callable = ({ modelId, match }: ModelPrice): string => {
  if (modelId.startsWith('ft:')) return `${modelId}-2024-08-06:acme::1`
  return compileMatch(match)(modelId.toLowerCase()) ? modelId : (firstText(match) ?? modelId)
}
const firstText = (rule: MatchRule): string | undefined => {
  if ('or' in rule) return rule.or.map(firstText).find((text) => text !== undefined)
  if ('and' in rule) return rule.and.map(firstText).find((text) => text !== undefined)
  return Object.entries(rule).find(([kind]) => kind !== 'regex')?.[1]
}

describe.each(withPrices)('$id', ({ id, pricesId }) => {
  const known = new Set(findProvider({ providerId: pricesId ?? '' })?.models.map((model) => model.id))
  // What the library has no price for per token is ours (unit-prices.ts), or charged by the hour.
  const priced = models.filter(
    (model) => model.serviceId === id && known.has(model.modelId) && model.rates.input !== undefined,
  )

  test('every model costs what the library calculates, within a nano-dollar of rounding', () => {
    expect(priced.length).toBeGreaterThan(0)
    const differences: string[] = []
    for (const model of priced) {
      const name = callable(model)
      const price = book.find(id, name)
      if (!price) {
        differences.push(`${name}: not found`)
        continue
      }
      for (const usage of usages) {
        const ours = Number(book.costNanoUsd(price, usage, at)) / 1e9
        const theirs = calcPrice(libraryUsage(usage), name, { providerId: pricesId ?? '', timestamp: at })
        const difference = Math.abs(ours - (theirs?.total_price ?? Number.NaN))
        if (theirs?.model.id !== price.modelId || !(difference <= 1.1e-9 + ours * 1e-12))
          differences.push(`${model.modelId} ${JSON.stringify(usage)}: ${ours} / ${theirs?.total_price}`)
      }
    }
    expect(differences).toEqual([])
  })

  test('tokens of other media and searches cost what the library calculates', () => {
    const differences: string[] = []
    for (const model of priced) {
      const name = callable(model)
      const price = book.find(id, name)
      for (const usage of mediaUsages) {
        const ours = price && Number(book.costNanoUsd(price, usage, at)) / 1e9
        const theirs = calcPrice(libraryMedia(usage), name, { providerId: pricesId ?? '', timestamp: at })
        if (ours === null || !(Math.abs(ours - (theirs?.total_price ?? Number.NaN)) <= 1.1e-9 + ours * 1e-12))
          differences.push(
            `${model.modelId} ${JSON.stringify(usage.units)}: ${ours} / ${theirs?.total_price}`,
          )
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

test('the models without any price are OpenRouter’s free and unlisted ones', () => {
  expect(unpricedHere('openai')).toEqual([])
  expect(unpricedHere('anthropic')).toEqual([])
  for (const model of unpricedHere('openrouter')) expect(model.rates).toEqual({})
})

test('what is charged by the second, the search or the call has its price as a unit', () => {
  const unitRate = (serviceId: string, name: string, unit: string) =>
    book.find(serviceId, name)?.unitRates?.find((rate) => rate.unit === unit)
  expect(unitRate('openai', 'whisper-1', 'audio_seconds')).toEqual({
    unit: 'audio_seconds',
    nanoUsd: 360_000_000n,
    per: 3_600n,
  })
  expect(unitRate('anthropic', 'claude-sonnet-5', 'search')?.nanoUsd).toBe(10_000_000_000n)
  expect(unitRate('openai', 'omni-moderation-latest', 'request')?.nanoUsd).toBe(0n)
  expect(unitRate('openai', 'dall-e-3', 'image:1024x1792:hd')?.nanoUsd).toBe(120_000_000n)
})

test('every unit in the price data has a name here', () => {
  // A new one has to be looked at: it may be a class of tokens to charge for.
  expect(models.flatMap((model) => model.unmetered)).toEqual([])
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

test('a change with a date is in force from its first second on, without a new version of the book', () => {
  const model = {
    id: 'm',
    match: { equals: 'm' },
    prices: [
      { prices: { input_mtok: 1 } },
      { constraint: { type: 'start_date' as const, start_date: '2026-06-01' }, prices: { input_mtok: 2 } },
      { constraint: { type: 'start_date' as const, start_date: '2027-01-01' }, prices: { input_mtok: 3 } },
    ],
  }
  const price = convertModel('s', model)
  const inputAt = (time: string) => pricesAt(price, new Date(time)).rates.input?.[0]?.nanoUsdPerMillion
  expect(inputAt('2026-05-31T23:59:59.999Z')).toBe(1_000_000_000n)
  expect(inputAt('2026-06-01T00:00:00Z')).toBe(2_000_000_000n)
  expect(inputAt('2026-12-31T23:59:59.999Z')).toBe(2_000_000_000n)
  expect(inputAt('2027-01-01T00:00:00Z')).toBe(3_000_000_000n)
})

test('a price by the time of day is exact to the second in UTC, also over midnight', () => {
  const at = (start_time: string, end_time: string) =>
    convertModel('s', {
      id: 'm',
      match: { equals: 'm' },
      prices: [
        { prices: { input_mtok: 0.135 } },
        { constraint: { type: 'time_of_date', start_time, end_time }, prices: { input_mtok: 0.27 } },
      ],
    })
  const day = at('00:30:00Z', '16:30:00Z')
  const night = at('22:00:00Z', '02:00:00Z')
  const inputAt = (price: typeof day, time: string) =>
    pricesAt(price, new Date(`2026-11-22T${time}Z`)).rates.input?.[0]?.nanoUsdPerMillion
  expect(['00:29:59.999', '00:30:00', '16:29:59', '16:30:00'].map((time) => inputAt(day, time))).toEqual([
    135_000_000n,
    270_000_000n,
    270_000_000n,
    135_000_000n,
  ])
  expect(['21:59:59', '22:00:00', '01:59:59', '02:00:00'].map((time) => inputAt(night, time))).toEqual([
    135_000_000n,
    270_000_000n,
    270_000_000n,
    135_000_000n,
  ])
})

test('DeepSeek costs at each hour what the library calculates for it', () => {
  const [flash] = shippedModels([{ id: 'deepseek', pricesId: 'deepseek' }]).filter(
    (model) => model.modelId === 'deepseek-v4-flash',
  )
  if (!flash) throw new Error('The price data has no such model any more.')
  for (let hour = 0; hour < 24; hour++) {
    const timestamp = new Date(Date.UTC(2026, 10, 20, hour, 59, 59))
    const theirs = calcPrice({ input_tokens: 1_000_000 }, flash.modelId, {
      providerId: 'deepseek',
      timestamp,
    })
    const ours = book.costNanoUsd(flash, { ...noUsage, input: 1_000_000 }, timestamp)
    expect(Number(ours) / 1e9).toBeCloseTo(theirs?.total_price ?? Number.NaN, 12)
  }
})

test('the content hash is the same for the same prices and another for others', () => {
  expect(contentHash(shippedModels(services), [1n])).toBe(contentHash(models, [1n]))
  expect(contentHash(models, [2n])).not.toBe(contentHash(models, [1n]))
  expect(contentHash(models.slice(1), [1n])).not.toBe(contentHash(models, [1n]))
})

describe('Azure’s offers of OpenAI’s models', () => {
  const book = makePriceBook({
    version: 1,
    nanoUsdPerCredit: 10_000_000n,
    chargeBasisPoints: 10_000n,
    models: shippedModels(services),
  })
  test('cost what they cost at OpenAI', () => {
    for (const model of [
      'gpt-4o',
      'gpt-4.1-mini',
      'gpt-5',
      'text-embedding-3-small',
      'whisper-1',
      'gpt-image-1',
    ])
      expect(book.find('azure_openai', model)?.rates).toEqual(book.find('openai', model)?.rates)
    expect(book.find('azure_openai', 'gpt-4o')?.rates.input).toBeDefined()
  })
  test('have no price by a name that only begins like one, nor as fine-tunes or what Azure does not have', () => {
    for (const model of [
      'gpt-4o-ours',
      'gpt-5-nano-big',
      'ft:gpt-4o',
      'omni-moderation-latest',
      'gpt-oss-120b',
    ])
      expect([model, book.find('azure_openai', model)]).toEqual([model, null])
  })
})
